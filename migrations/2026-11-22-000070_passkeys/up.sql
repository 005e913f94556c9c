-- The public halves of people's passkeys. Nothing here is secret.
CREATE TABLE passkeys (
    id {{id}},
    user_id BIGINT NOT NULL REFERENCES users (id),
    credential_id TEXT NOT NULL,
    public_key TEXT NOT NULL,
    counter BIGINT NOT NULL,
    is_backup_eligible BOOLEAN NOT NULL,
    transports TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    suspected_at BIGINT
);
CREATE UNIQUE INDEX passkeys_credential ON passkeys (credential_id);
CREATE INDEX passkeys_person ON passkeys (user_id, id);
