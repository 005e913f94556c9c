DROP INDEX remote_sessions_person;
DROP INDEX remote_sessions_network;
ALTER TABLE idempotency_keys DROP COLUMN key_number;
ALTER TABLE client_secrets DROP COLUMN flagged_at;
DROP INDEX grants_revoked;
DROP INDEX tokens_revoked;
ALTER TABLE tokens DROP COLUMN flagged_at;
ALTER TABLE tokens DROP COLUMN is_shared;
DROP TABLE user_pictures;
