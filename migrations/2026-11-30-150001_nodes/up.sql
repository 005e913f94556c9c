-- The numbers that running servers make keys with: each is leased to one server at a time. The row's key is the
-- number.
CREATE TABLE nodes (
    id {{id}},
    holder BIGINT NOT NULL,
    leased_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
