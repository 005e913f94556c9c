-- What happened to a person's account and mattered to its safety; rows are added and never changed.
CREATE TABLE security_log (
    id {{id}},
    user_id BIGINT NOT NULL REFERENCES users (id),
    event TEXT NOT NULL,
    about TEXT NOT NULL,
    address TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    at BIGINT NOT NULL,
    link TEXT NOT NULL
);
CREATE INDEX security_log_person ON security_log (user_id, id);
CREATE INDEX security_log_age ON security_log (at);
