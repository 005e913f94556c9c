-- The house: people, applications, grants and everything that hangs on them.
-- {{id}} is filled in per database: SQLite's row id needs the literal INTEGER PRIMARY KEY,
-- PostgreSQL's key is a BIGINT. Times are seconds since 1970; lists are words with a space between.

CREATE TABLE installation (
    id {{id}},
    key_check TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE setup_links (
    id {{id}},
    digest TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE users (
    id {{id}},
    username TEXT NOT NULL,
    username_folded TEXT NOT NULL UNIQUE,
    email TEXT,
    verified_email_folded TEXT UNIQUE,
    email_verified_at BIGINT,
    password_hash TEXT,
    role TEXT NOT NULL,
    disabled_at BIGINT,
    deleted_at BIGINT,
    created_at BIGINT NOT NULL
);

CREATE TABLE clients (
    id {{id}},
    client_id TEXT NOT NULL UNIQUE,
    owner_id BIGINT REFERENCES users (id),
    name TEXT NOT NULL,
    client_type TEXT NOT NULL,
    scope TEXT NOT NULL,
    grant_types TEXT NOT NULL,
    redirect_uris TEXT NOT NULL,
    login_return_urls TEXT NOT NULL,
    login_delivery TEXT NOT NULL,
    login_token_lifetime BIGINT,
    require_pkce BOOLEAN NOT NULL,
    allow_plain_pkce BOOLEAN NOT NULL,
    is_first_party BOOLEAN NOT NULL,
    verified_at BIGINT,
    disabled_at BIGINT,
    deleted_at BIGINT,
    created_at BIGINT NOT NULL
);
CREATE INDEX clients_owner ON clients (owner_id);

CREATE TABLE client_secrets (
    id {{id}},
    client_key BIGINT NOT NULL REFERENCES clients (id),
    digest TEXT NOT NULL,
    last_four TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    last_used_at BIGINT
);
CREATE INDEX client_secrets_client ON client_secrets (client_key);
CREATE INDEX client_secrets_expiry ON client_secrets (expires_at);

CREATE TABLE apis (
    id {{id}},
    identifier TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    token_format TEXT NOT NULL,
    is_first_party BOOLEAN NOT NULL,
    client_key BIGINT NOT NULL UNIQUE REFERENCES clients (id),
    created_at BIGINT NOT NULL
);

CREATE TABLE api_scopes (
    id {{id}},
    api_id BIGINT NOT NULL REFERENCES apis (id),
    name TEXT NOT NULL UNIQUE,
    sentence TEXT NOT NULL
);
CREATE INDEX api_scopes_api ON api_scopes (api_id);

CREATE TABLE sessions (
    id {{id}},
    digest TEXT NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id),
    created_at BIGINT NOT NULL,
    authenticated_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT,
    address TEXT NOT NULL,
    user_agent TEXT NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE TABLE consents (
    id {{id}},
    user_id BIGINT NOT NULL REFERENCES users (id),
    client_key BIGINT NOT NULL REFERENCES clients (id),
    kind TEXT NOT NULL,
    scope TEXT NOT NULL,
    allowed_at BIGINT NOT NULL,
    UNIQUE (user_id, client_key, kind)
);
CREATE INDEX consents_client ON consents (client_key);

CREATE TABLE grants (
    id {{id}},
    kind TEXT NOT NULL,
    user_id BIGINT REFERENCES users (id),
    client_key BIGINT REFERENCES clients (id),
    session_id BIGINT REFERENCES sessions (id),
    return_url TEXT,
    scope TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT
);
CREATE INDEX grants_person ON grants (user_id, client_key);
CREATE INDEX grants_client ON grants (client_key);
CREATE INDEX grants_session ON grants (session_id);
CREATE INDEX grants_expiry ON grants (expires_at);

CREATE TABLE authorization_codes (
    id {{id}},
    digest TEXT NOT NULL,
    grant_id BIGINT NOT NULL REFERENCES grants (id),
    redirect_uri TEXT,
    code_challenge TEXT,
    code_challenge_method TEXT,
    failures INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    redeemed_at BIGINT
);
CREATE INDEX authorization_codes_grant ON authorization_codes (grant_id);
CREATE INDEX authorization_codes_expiry ON authorization_codes (expires_at);

CREATE TABLE refresh_tokens (
    id {{id}},
    digest TEXT NOT NULL,
    grant_id BIGINT NOT NULL REFERENCES grants (id),
    key_number INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    consumed_at BIGINT,
    successor_id BIGINT,
    last_used_at BIGINT
);
CREATE INDEX refresh_tokens_grant ON refresh_tokens (grant_id);
CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at);

CREATE TABLE tokens (
    id {{id}},
    kind TEXT NOT NULL,
    digest TEXT NOT NULL,
    grant_id BIGINT NOT NULL REFERENCES grants (id),
    refresh_token_id BIGINT,
    scope TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    last_used_at BIGINT
);
CREATE INDEX tokens_grant ON tokens (grant_id);
CREATE INDEX tokens_refresh_token ON tokens (refresh_token_id);
CREATE INDEX tokens_expiry ON tokens (expires_at);
