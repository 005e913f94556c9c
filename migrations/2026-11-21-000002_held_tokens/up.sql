-- Tokens that people hold: personal and studio tokens, the generator, filesets; the platform's
-- resources and who holds what on them; remote sessions; answers to idempotent creations.

ALTER TABLE tokens ADD COLUMN name TEXT;
ALTER TABLE tokens ADD COLUMN last_four TEXT;
ALTER TABLE tokens ADD COLUMN access_list TEXT;
ALTER TABLE tokens ADD COLUMN action TEXT;
ALTER TABLE tokens ADD COLUMN resource_type TEXT;
ALTER TABLE tokens ADD COLUMN resource TEXT;
ALTER TABLE tokens ADD COLUMN made_by BIGINT;
ALTER TABLE tokens ADD COLUMN sealed TEXT;
ALTER TABLE tokens ADD COLUMN last_used_from TEXT;
CREATE INDEX tokens_made_by ON tokens (made_by);

ALTER TABLE users ADD COLUMN about TEXT;
ALTER TABLE users ADD COLUMN homepage TEXT;
ALTER TABLE users ADD COLUMN allow_contact BOOLEAN NOT NULL DEFAULT TRUE;

CREATE TABLE resources (
    id {{id}},
    path TEXT NOT NULL UNIQUE,
    parent_id BIGINT REFERENCES resources (id),
    owner_id BIGINT NOT NULL REFERENCES users (id),
    created_at BIGINT NOT NULL
);
CREATE INDEX resources_parent ON resources (parent_id);
CREATE INDEX resources_owner ON resources (owner_id);

CREATE TABLE resource_shares (
    id {{id}},
    resource_id BIGINT NOT NULL REFERENCES resources (id),
    user_id BIGINT NOT NULL REFERENCES users (id),
    tier TEXT NOT NULL,
    UNIQUE (resource_id, user_id)
);
CREATE INDEX resource_shares_user ON resource_shares (user_id);

CREATE TABLE remote_sessions (
    id {{id}},
    digest TEXT NOT NULL UNIQUE,
    address TEXT NOT NULL,
    network TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    approved_by BIGINT REFERENCES users (id),
    approved_at BIGINT,
    exercised_at BIGINT
);
CREATE INDEX remote_sessions_expiry ON remote_sessions (expires_at);

CREATE TABLE login_codes (
    id {{id}},
    digest TEXT NOT NULL,
    grant_id BIGINT NOT NULL REFERENCES grants (id),
    origin TEXT NOT NULL,
    code_challenge TEXT NOT NULL,
    lifetime BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    redeemed_at BIGINT
);
CREATE INDEX login_codes_grant ON login_codes (grant_id);
CREATE INDEX login_codes_expiry ON login_codes (expires_at);

CREATE TABLE idempotency_keys (
    id {{id}},
    user_id BIGINT NOT NULL REFERENCES users (id),
    digest TEXT NOT NULL,
    body_digest TEXT NOT NULL,
    token_id BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    UNIQUE (user_id, digest)
);
CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);
