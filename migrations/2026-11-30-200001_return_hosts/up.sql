-- The hosts that applications return people to with a token, one row for each: so an address finds its applications
-- by an index. They are read from the column login_return_urls, whose addresses are written as URLs are
-- serialized: scheme, host, perhaps a port, and a path that begins with a slash.
CREATE TABLE login_return_hosts (
    host TEXT NOT NULL,
    client_key BIGINT NOT NULL REFERENCES clients (id),
    PRIMARY KEY (host, client_key)
);
CREATE INDEX login_return_hosts_client ON login_return_hosts (client_key);

WITH RECURSIVE words (client_key, word, rest) AS (
    SELECT id, CAST('' AS TEXT), login_return_urls || ' ' FROM clients
    WHERE login_return_urls <> '' AND deleted_at IS NULL
    UNION ALL
    SELECT client_key, substr(rest, 1, {{find}}(rest, ' ') - 1), substr(rest, {{find}}(rest, ' ') + 1) FROM words
    WHERE rest <> ''
),
behind_scheme (client_key, word) AS (
    SELECT client_key, substr(word, {{find}}(word, '://') + 3) || '/' FROM words WHERE {{find}}(word, '://') > 0
),
authorities (client_key, authority) AS (
    SELECT client_key, substr(word, 1, {{find}}(word, '/') - 1) FROM behind_scheme
)
INSERT INTO login_return_hosts (host, client_key)
SELECT DISTINCT
    CASE
        WHEN authority LIKE '[%' THEN substr(authority, 1, {{find}}(authority, ']'))
        WHEN {{find}}(authority, ':') > 0 THEN substr(authority, 1, {{find}}(authority, ':') - 1)
        ELSE authority
    END,
    client_key
FROM authorities;

-- Whoever registers an application is compared with those that the operator vouches for.
CREATE INDEX clients_verified ON clients (verified_at) WHERE verified_at IS NOT NULL;
-- An application that goes takes its device codes along.
CREATE INDEX device_codes_client ON device_codes (client_key);
