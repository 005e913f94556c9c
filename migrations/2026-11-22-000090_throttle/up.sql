-- Failures of people's guesses, one row per counter and window. The name of a counter is a keyed digest:
-- who types a password into the field for the name leaves it nowhere.
CREATE TABLE failure_counts (
    id {{id}},
    counter TEXT NOT NULL UNIQUE,
    since BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX failure_counts_expiry ON failure_counts (expires_at);

-- The networks from which a person came in: strangers elsewhere do not close an account to them.
CREATE TABLE known_networks (
    id {{id}},
    user_id BIGINT NOT NULL REFERENCES users (id),
    network TEXT NOT NULL,
    last_success_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX known_networks_person ON known_networks (user_id, network);
CREATE INDEX known_networks_expiry ON known_networks (expires_at);
