-- User names that nobody else gets for a while: of deleted people, who may be erased by then, and former ones.
CREATE TABLE held_names (
    id {{id}},
    user_id BIGINT NOT NULL,
    username_folded TEXT NOT NULL UNIQUE,
    expires_at BIGINT NOT NULL
);
CREATE INDEX held_names_person ON held_names (user_id);
CREATE INDEX held_names_expiry ON held_names (expires_at);
-- The keys are those of the people who are about to be erased: each held nothing before.
INSERT INTO held_names (id, user_id, username_folded, expires_at)
    SELECT MAX(id), MAX(id), username_folded, MAX(erases_at) + 7689600 FROM deletions
    WHERE username_folded NOT IN (SELECT username_folded FROM users) GROUP BY username_folded;
