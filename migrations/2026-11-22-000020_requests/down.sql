DROP TABLE pushed_requests;
ALTER TABLE clients DROP COLUMN require_pushed_requests;
CREATE TABLE consents_of_all (
    id {{id}},
    user_id BIGINT NOT NULL REFERENCES users (id),
    client_key BIGINT NOT NULL REFERENCES clients (id),
    kind TEXT NOT NULL,
    scope TEXT NOT NULL,
    allowed_at BIGINT NOT NULL,
    UNIQUE (user_id, client_key, kind)
);
INSERT INTO consents_of_all (id, user_id, client_key, kind, scope, allowed_at)
    SELECT id, user_id, client_key, kind, scope, allowed_at FROM consents WHERE audience = '';
DROP TABLE consents;
ALTER TABLE consents_of_all RENAME TO consents;
CREATE INDEX consents_client ON consents (client_key);
ALTER TABLE tokens DROP COLUMN audience;
ALTER TABLE grants DROP COLUMN audience;
