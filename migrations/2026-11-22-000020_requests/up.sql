-- Authorization requests: the APIs that a grant and its tokens are for (RFC 8707), requests that are
-- pushed before a browser carries them (RFC 9126).

ALTER TABLE grants ADD COLUMN audience TEXT NOT NULL DEFAULT '';
ALTER TABLE tokens ADD COLUMN audience TEXT NOT NULL DEFAULT '';
ALTER TABLE clients ADD COLUMN require_pushed_requests BOOLEAN NOT NULL DEFAULT FALSE;

-- One consent for each list of APIs.
CREATE TABLE consents_by_audience (
    id {{id}},
    user_id BIGINT NOT NULL REFERENCES users (id),
    client_key BIGINT NOT NULL REFERENCES clients (id),
    kind TEXT NOT NULL,
    scope TEXT NOT NULL,
    allowed_at BIGINT NOT NULL,
    audience TEXT NOT NULL,
    UNIQUE (user_id, client_key, kind, audience)
);
INSERT INTO consents_by_audience (id, user_id, client_key, kind, scope, allowed_at, audience)
    SELECT id, user_id, client_key, kind, scope, allowed_at, '' FROM consents;
DROP TABLE consents;
ALTER TABLE consents_by_audience RENAME TO consents;
CREATE INDEX consents_client ON consents (client_key);

CREATE TABLE pushed_requests (
    id {{id}},
    digest TEXT NOT NULL,
    client_key BIGINT NOT NULL REFERENCES clients (id),
    parameters TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    network TEXT NOT NULL
);
CREATE INDEX pushed_requests_client ON pushed_requests (client_key);
CREATE INDEX pushed_requests_expiry ON pushed_requests (expires_at);
