-- OpenID Connect: the keys that sign, how a grant's person had signed in, what a client wants to be told.

CREATE TABLE signing_keys (
    id {{id}},
    kid TEXT NOT NULL UNIQUE,
    algorithm TEXT NOT NULL,
    number INTEGER NOT NULL,
    public_jwk TEXT NOT NULL,
    sealed TEXT,
    created_at BIGINT NOT NULL,
    activates_at BIGINT NOT NULL,
    retires_at BIGINT,
    ends_at BIGINT,
    UNIQUE (algorithm, number)
);

CREATE TABLE authentications (
    id {{id}},
    nonce TEXT,
    auth_time BIGINT NOT NULL,
    methods TEXT NOT NULL
);

ALTER TABLE tokens ADD COLUMN format TEXT NOT NULL DEFAULT 'opaque';

ALTER TABLE clients ADD COLUMN post_logout_redirect_uris TEXT NOT NULL DEFAULT '';
ALTER TABLE clients ADD COLUMN id_token_signed_response_alg TEXT NOT NULL DEFAULT 'RS256';
ALTER TABLE clients ADD COLUMN id_token_claims BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE clients SET id_token_claims = TRUE WHERE client_type = 'confidential';
