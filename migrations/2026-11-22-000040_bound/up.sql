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
