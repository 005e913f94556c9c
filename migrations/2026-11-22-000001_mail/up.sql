-- Letters that wait to be sent, sealed; links that were mailed, as digests.

CREATE TABLE letters (
    id {{id}},
    sealed TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_attempt_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX letters_next_attempt ON letters (next_attempt_at);

CREATE TABLE mailed_links (
    id {{id}},
    kind TEXT NOT NULL,
    user_id BIGINT REFERENCES users (id),
    asked_by BIGINT REFERENCES users (id),
    email TEXT NOT NULL,
    email_folded TEXT NOT NULL,
    digest TEXT NOT NULL UNIQUE,
    next TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX mailed_links_user ON mailed_links (user_id);
CREATE INDEX mailed_links_asked_by ON mailed_links (asked_by);
CREATE INDEX mailed_links_email ON mailed_links (email_folded);
CREATE INDEX mailed_links_expiry ON mailed_links (expires_at);
