-- Servers keep in memory what changes rarely: applications, their secrets' digests, APIs with their scopes, signing
-- keys. With each change of those the version becomes another number, by triggers: no program and no hand can
-- forget it. It is random and no count, so that what was restored, taken back or lost never has a number again.
CREATE TABLE snapshot_version (
    id {{id}},
    version BIGINT NOT NULL
);
INSERT INTO snapshot_version (id, version) VALUES (1, 0);
