-- Devices that wait for their person (RFC 8628).

CREATE TABLE device_codes (
    id {{id}},
    digest TEXT NOT NULL,
    user_code_digest TEXT NOT NULL UNIQUE,
    client_key BIGINT NOT NULL REFERENCES clients (id),
    scope TEXT NOT NULL,
    address TEXT NOT NULL,
    network TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    grant_id BIGINT REFERENCES grants (id),
    denied_at BIGINT,
    redeemed_at BIGINT,
    audience TEXT NOT NULL
);
CREATE INDEX device_codes_network ON device_codes (network);
CREATE INDEX device_codes_grant ON device_codes (grant_id);
CREATE INDEX device_codes_expiry ON device_codes (expires_at);
