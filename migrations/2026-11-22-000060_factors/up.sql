-- Second factors: what a person shows besides the password, and how each session was opened.

ALTER TABLE sessions ADD COLUMN methods TEXT NOT NULL DEFAULT 'pwd';
ALTER TABLE sessions ADD COLUMN owes_factor BOOLEAN NOT NULL DEFAULT FALSE;

CREATE TABLE totp_factors (
    id {{id}},
    user_id BIGINT NOT NULL UNIQUE REFERENCES users (id),
    sealed TEXT NOT NULL,
    last_step BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT
);

CREATE TABLE recovery_codes (
    id {{id}},
    user_id BIGINT NOT NULL REFERENCES users (id),
    digest TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX recovery_codes_person ON recovery_codes (user_id);

-- Somebody whose password was right and who has to show a second factor. It opens nothing.
CREATE TABLE sign_in_steps (
    id {{id}},
    digest TEXT NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id),
    methods TEXT NOT NULL,
    judged TEXT,
    mailed TEXT,
    failures INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX sign_in_steps_expiry ON sign_in_steps (expires_at);
CREATE INDEX sign_in_steps_person ON sign_in_steps (user_id, created_at);

CREATE TABLE remembered_browsers (
    id {{id}},
    digest TEXT NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id),
    user_agent TEXT NOT NULL,
    address TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX remembered_browsers_expiry ON remembered_browsers (expires_at);
CREATE INDEX remembered_browsers_person ON remembered_browsers (user_id);

CREATE TABLE factor_failures (
    id {{id}},
    user_id BIGINT NOT NULL REFERENCES users (id),
    at BIGINT NOT NULL
);
CREATE INDEX factor_failures_person ON factor_failures (user_id, at);
CREATE INDEX factor_failures_age ON factor_failures (at);
