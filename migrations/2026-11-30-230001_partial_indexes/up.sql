-- Most rows have nothing in these columns: a new token needs no entry there.
DROP INDEX grants_person;
CREATE INDEX grants_person ON grants (user_id, client_key) WHERE user_id IS NOT NULL;
DROP INDEX grants_session;
CREATE INDEX grants_session ON grants (session_id) WHERE session_id IS NOT NULL;
DROP INDEX grants_revoked;
CREATE INDEX grants_revoked ON grants (revoked_at) WHERE revoked_at IS NOT NULL;
DROP INDEX tokens_refresh_token;
CREATE INDEX tokens_refresh_token ON tokens (refresh_token_id) WHERE refresh_token_id IS NOT NULL;
DROP INDEX tokens_made_by;
CREATE INDEX tokens_made_by ON tokens (made_by) WHERE made_by IS NOT NULL;
DROP INDEX tokens_revoked;
CREATE INDEX tokens_revoked ON tokens (revoked_at) WHERE revoked_at IS NOT NULL;
