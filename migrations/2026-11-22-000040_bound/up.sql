-- Proof of key and clients that register themselves: a client's own keys, tokens bound to a key,
-- proofs that were used, registrations that nobody made by hand.

ALTER TABLE clients ADD COLUMN jwks TEXT;
ALTER TABLE clients ADD COLUMN dpop_bound_access_tokens BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE authorization_codes ADD COLUMN dpop_jkt TEXT;
ALTER TABLE refresh_tokens ADD COLUMN dpop_jkt TEXT;
ALTER TABLE tokens ADD COLUMN dpop_jkt TEXT;

CREATE TABLE used_proofs (
    id {{id}},
    digest TEXT NOT NULL UNIQUE,
    expires_at BIGINT NOT NULL
);
CREATE INDEX used_proofs_expiry ON used_proofs (expires_at);

CREATE TABLE self_registrations (
    id {{id}},
    client_key BIGINT NOT NULL UNIQUE REFERENCES clients (id),
    digest TEXT,
    auth_method TEXT NOT NULL,
    application_type TEXT NOT NULL,
    fresh_until BIGINT,
    created_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX self_registrations_unused ON self_registrations (used_at, created_at);

CREATE TABLE registration_tokens (
    id {{id}},
    digest TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX registration_tokens_expiry ON registration_tokens (expires_at);
