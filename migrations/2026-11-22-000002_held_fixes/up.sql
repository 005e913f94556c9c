-- Pictures in a table of their own, so that no other read carries them; what strangers reported; what
-- a repeated creation was derived with; indexes for cleaning.

CREATE TABLE user_pictures (
    id {{id}} REFERENCES users (id),
    picture TEXT NOT NULL
);

ALTER TABLE tokens ADD COLUMN is_shared BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE tokens ADD COLUMN flagged_at BIGINT;
CREATE INDEX tokens_revoked ON tokens (revoked_at);
CREATE INDEX grants_revoked ON grants (revoked_at);

ALTER TABLE client_secrets ADD COLUMN flagged_at BIGINT;

ALTER TABLE idempotency_keys ADD COLUMN key_number INTEGER NOT NULL DEFAULT 1;

CREATE INDEX remote_sessions_network ON remote_sessions (network, expires_at);
CREATE INDEX remote_sessions_person ON remote_sessions (approved_by);
