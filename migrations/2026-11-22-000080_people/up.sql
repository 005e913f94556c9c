-- From where somebody was seen signing in. One row of each person never expires: it says that they were here.
CREATE TABLE seen_devices (
    id {{id}},
    user_id BIGINT NOT NULL REFERENCES users (id),
    browser TEXT NOT NULL,
    network TEXT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at BIGINT
);
CREATE INDEX seen_devices_person ON seen_devices (user_id);
CREATE INDEX seen_devices_expiry ON seen_devices (expires_at);

-- Proven addresses that were replaced, as long as a link to one of them may put it back.
CREATE TABLE former_addresses (
    id {{id}},
    user_id BIGINT NOT NULL REFERENCES users (id),
    email TEXT NOT NULL,
    email_folded TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX former_addresses_person ON former_addresses (user_id);
CREATE INDEX former_addresses_expiry ON former_addresses (expires_at);

-- Accounts that will be erased, with the names that their people still sign in with to keep them.
CREATE TABLE deletions (
    id {{id}} REFERENCES users (id),
    username_folded TEXT NOT NULL,
    email_folded TEXT,
    erases_at BIGINT NOT NULL
);
CREATE INDEX deletions_username ON deletions (username_folded);
CREATE INDEX deletions_email ON deletions (email_folded);
CREATE INDEX deletions_end ON deletions (erases_at);
INSERT INTO deletions (id, username_folded, email_folded, erases_at)
    SELECT id, username_folded, NULL, deleted_at + 86400 FROM users WHERE deleted_at IS NOT NULL;

-- The code beside a mailed link, for the browser that asked; the key is the link's.
CREATE TABLE email_codes (
    id {{id}},
    user_id BIGINT NOT NULL REFERENCES users (id),
    session_id BIGINT NOT NULL,
    digest TEXT NOT NULL,
    failures INTEGER NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX email_codes_person ON email_codes (user_id);
CREATE INDEX email_codes_session ON email_codes (session_id, id);
CREATE INDEX email_codes_expiry ON email_codes (expires_at);
