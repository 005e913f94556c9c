-- Who has proven that a host is theirs, by a file below /.well-known/.
CREATE TABLE host_proofs (
    id {{id}},
    origin TEXT NOT NULL,
    owner_id BIGINT NOT NULL REFERENCES users (id),
    proven_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX host_proofs_origin ON host_proofs (origin, owner_id);
CREATE INDEX host_proofs_owner ON host_proofs (owner_id);

-- What a program on the person's device got by a login redirect does not end with the browser's session. What was
-- given before said that it does.
ALTER TABLE grants ADD COLUMN ends_with_session BOOLEAN NOT NULL DEFAULT TRUE;
