-- Authorization requests: the APIs that a grant and its tokens are for (RFC 8707), requests that are
-- pushed before a browser carries them (RFC 9126).

ALTER TABLE grants ADD COLUMN audience TEXT NOT NULL DEFAULT '';
ALTER TABLE tokens ADD COLUMN audience TEXT NOT NULL DEFAULT '';
ALTER TABLE consents ADD COLUMN audience TEXT NOT NULL DEFAULT '';
ALTER TABLE clients ADD COLUMN require_pushed_requests BOOLEAN NOT NULL DEFAULT FALSE;

CREATE TABLE pushed_requests (
    id {{id}},
    digest TEXT NOT NULL,
    client_key BIGINT NOT NULL REFERENCES clients (id),
    parameters TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX pushed_requests_expiry ON pushed_requests (expires_at);
