-- The tables, one text for both databases. `{{id}}` is the type of a key: SQLite's row id needs the words
-- INTEGER PRIMARY KEY, PostgreSQL's key is a BIGINT. Times are seconds since 1970. Lists are words with a
-- space between them.
--
-- A CHECK names the values of a Rust enum; `tests/it/schema.rs` compares the two. In the tables that each
-- issued token writes it is a chain of OR: for a list of more than two values, SQLite builds a temporary
-- index at each statement.
--
-- In the columns of `grants` and `tokens` that are mostly absent, only the rows that have a value are indexed.

-- The server itself.

-- One row: a value that only the right base key makes, and a number that readiness counts up to see whether
-- the database can be written.
CREATE TABLE installation (
    id {{id}},
    key_check TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    probes BIGINT NOT NULL DEFAULT 0
);

-- The numbers that running servers make keys with; each is leased to one server at a time. The key is the
-- number.
CREATE TABLE nodes (
    id {{id}},
    holder BIGINT NOT NULL,
    leased_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

-- Servers keep in memory what changes rarely: applications, their secrets' digests, APIs with their scopes,
-- signing keys. Triggers give the version another value at each change of those. It is random and not a
-- count, so that a value is never seen again after a backup was restored or a change was rolled back.
CREATE TABLE snapshot_version (
    id {{id}},
    version BIGINT NOT NULL
);
INSERT INTO snapshot_version (id, version) VALUES (1, 0);

CREATE TABLE signing_keys (
    id {{id}},
    kid TEXT NOT NULL UNIQUE,
    algorithm TEXT NOT NULL CONSTRAINT signing_keys_algorithm CHECK (algorithm IN ('RS256', 'ES256')),
    number INTEGER NOT NULL,
    public_jwk TEXT NOT NULL,
    private_key_encrypted TEXT,
    created_at BIGINT NOT NULL,
    activates_at BIGINT NOT NULL,
    retires_at BIGINT,
    ends_at BIGINT,
    UNIQUE (algorithm, number)
);

-- A link for an empty server, which makes the first administrator.
CREATE TABLE setup_links (
    id {{id}},
    digest TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

-- People.

CREATE TABLE users (
    id {{id}},
    username TEXT NOT NULL,
    username_folded TEXT NOT NULL UNIQUE,
    email TEXT,
    verified_email_folded TEXT UNIQUE,
    email_verified_at BIGINT,
    password_digest TEXT,
    role TEXT NOT NULL CONSTRAINT users_role CHECK (role IN ('consumer', 'author', 'admin')),
    disabled_at BIGINT,
    deleted_at BIGINT,
    created_at BIGINT NOT NULL,
    about TEXT,
    homepage TEXT,
    allow_contact BOOLEAN NOT NULL DEFAULT TRUE,
    email_folded TEXT
);
CREATE INDEX users_email ON users (email_folded);

-- In a table of their own, so that no other query reads them.
CREATE TABLE user_pictures (
    id {{id}} REFERENCES users (id),
    picture TEXT NOT NULL
);

-- User names that cannot be taken for a while: of deleted and of renamed users. No foreign key: the user may
-- be erased.
CREATE TABLE reserved_usernames (
    id {{id}},
    user_id BIGINT NOT NULL,
    username_folded TEXT NOT NULL UNIQUE,
    expires_at BIGINT NOT NULL
);
CREATE INDEX reserved_usernames_person ON reserved_usernames (user_id);
CREATE INDEX reserved_usernames_expiry ON reserved_usernames (expires_at);

-- Confirmed addresses that were replaced, for as long as a link to one of them may restore it.
CREATE TABLE former_addresses (
    id {{id}},
    user_id BIGINT NOT NULL REFERENCES users (id),
    email TEXT NOT NULL,
    email_folded TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX former_addresses_person ON former_addresses (user_id);
CREATE INDEX former_addresses_expiry ON former_addresses (expires_at);

-- Accounts that will be erased, with the names that their people log in with to restore them.
CREATE TABLE deletions (
    id {{id}} REFERENCES users (id),
    username_folded TEXT NOT NULL,
    email_folded TEXT,
    erases_at BIGINT NOT NULL
);
CREATE INDEX deletions_username ON deletions (username_folded);
CREATE INDEX deletions_email ON deletions (email_folded);
CREATE INDEX deletions_end ON deletions (erases_at);

CREATE TABLE sessions (
    id {{id}},
    digest TEXT NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id),
    created_at BIGINT NOT NULL,
    authenticated_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT,
    address TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    methods TEXT NOT NULL DEFAULT 'pwd',
    second_factor_pending BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

-- A sign-in whose password was right and whose second factor was not shown yet. It gives access to nothing.
CREATE TABLE sign_in_steps (
    id {{id}},
    digest TEXT NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id),
    methods TEXT NOT NULL,
    password_fingerprint TEXT,
    emailed_code_digest TEXT,
    failures INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    network TEXT NOT NULL DEFAULT ''
);
CREATE INDEX sign_in_steps_expiry ON sign_in_steps (expires_at);
CREATE INDEX sign_in_steps_person ON sign_in_steps (user_id, created_at);

CREATE TABLE totp_factors (
    id {{id}},
    user_id BIGINT NOT NULL UNIQUE REFERENCES users (id),
    secret_encrypted TEXT NOT NULL,
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

-- The public keys of passkeys.
CREATE TABLE passkeys (
    id {{id}},
    user_id BIGINT NOT NULL REFERENCES users (id),
    credential_id TEXT NOT NULL,
    public_key TEXT NOT NULL,
    counter BIGINT NOT NULL,
    is_backup_eligible BOOLEAN NOT NULL,
    transports TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    suspected_at BIGINT
);
CREATE UNIQUE INDEX passkeys_credential ON passkeys (credential_id);
CREATE INDEX passkeys_person ON passkeys (user_id, id);

-- Browsers that need not show a second factor for a while.
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

-- Wrong codes, by the network that they are counted for: a known one of the user, or '' for all others
-- together.
CREATE TABLE factor_failures (
    id {{id}},
    user_id BIGINT NOT NULL REFERENCES users (id),
    occurred_at BIGINT NOT NULL,
    network TEXT NOT NULL DEFAULT ''
);
CREATE INDEX factor_failures_person ON factor_failures (user_id, occurred_at);
CREATE INDEX factor_failures_age ON factor_failures (occurred_at);

-- Browsers and networks that a user signed in from. One row of each user never expires: it says that there
-- was a sign-in.
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

-- Networks that a user signed in from: failures from elsewhere do not lock the account there.
CREATE TABLE known_networks (
    id {{id}},
    user_id BIGINT NOT NULL REFERENCES users (id),
    network TEXT NOT NULL,
    last_success_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX known_networks_person ON known_networks (user_id, network);
CREATE INDEX known_networks_expiry ON known_networks (expires_at);

-- Failed attempts, one row for each counter and window. The name of a counter is a keyed digest, so that a
-- password that was typed into the field for the user name is stored nowhere.
CREATE TABLE failure_counts (
    id {{id}},
    counter TEXT NOT NULL UNIQUE,
    window_started_at BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX failure_counts_expiry ON failure_counts (expires_at);

-- What happened to a user's account and matters to its safety. Rows are added and never changed.
CREATE TABLE security_log (
    id {{id}},
    user_id BIGINT NOT NULL REFERENCES users (id),
    event TEXT NOT NULL
        CONSTRAINT security_log_event CHECK (event IN (
            'account.create', 'account.delete', 'account.keep', 'account.disable', 'account.enable', 'account.role',
            'username.change', 'session.create', 'session.end', 'session.end_others', 'program.sign_in',
            'user_token.end', 'sign_in.throttle', 'password.change', 'password.reset', 'password.reset_request',
            'email.verify', 'email.change_request', 'email.change', 'totp.add', 'totp.remove', 'recovery_codes.create',
            'recovery_codes.use', 'passkey.add', 'passkey.rename', 'passkey.remove', 'passkey.suspect',
            'device.remember', 'device.forget', 'personal_token.create', 'studio_token.create', 'personal_token.revoke',
            'personal_token.revoke_many', 'token.revoke', 'generator.regenerate', 'oauth_authorization.create',
            'oauth_authorization.destroy', 'device_code.approve', 'oauth_authorization.theft', 'secret.found',
            'client.create', 'client.update', 'client.disable', 'client.enable', 'client.delete', 'client_secret.create',
            'client_secret.end', 'host.prove', 'host.lose', 'invitation.create', 'message.send', 'account.disown'
        )),
    subject TEXT NOT NULL,
    address TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    occurred_at BIGINT NOT NULL,
    chain_digest TEXT NOT NULL
);
CREATE INDEX security_log_person ON security_log (user_id, id);
CREATE INDEX security_log_age ON security_log (occurred_at);

-- Who wrote to whom through this server and when, for the limits. The text is not stored.
CREATE TABLE contact_messages (
    id {{id}},
    sender_id BIGINT NOT NULL REFERENCES users (id),
    recipient_id BIGINT NOT NULL REFERENCES users (id),
    created_at BIGINT NOT NULL
);
CREATE INDEX contact_messages_sender ON contact_messages (sender_id, created_at);
CREATE INDEX contact_messages_recipient ON contact_messages (recipient_id, created_at);
CREATE INDEX contact_messages_age ON contact_messages (created_at);

-- Email.

-- Emails that wait to be sent, encrypted.
CREATE TABLE outbox (
    id {{id}},
    message_encrypted TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_attempt_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX outbox_next_attempt ON outbox (next_attempt_at);

-- Links that were emailed, as digests; the secret of one that may be sent again is encrypted.
CREATE TABLE mailed_links (
    id {{id}},
    kind TEXT NOT NULL
        CONSTRAINT mailed_links_kind CHECK (kind IN (
            'reset', 'reset_by_operator', 'validate_email', 'change_email', 'invitation', 'compromise_report',
            'restore_account'
        )),
    user_id BIGINT REFERENCES users (id),
    invited_by BIGINT REFERENCES users (id),
    email TEXT NOT NULL,
    email_folded TEXT NOT NULL,
    digest TEXT NOT NULL UNIQUE,
    next TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    secret_encrypted TEXT
);
CREATE INDEX mailed_links_user ON mailed_links (user_id);
CREATE INDEX mailed_links_invited_by ON mailed_links (invited_by);
CREATE INDEX mailed_links_email ON mailed_links (email_folded);
CREATE INDEX mailed_links_expiry ON mailed_links (expires_at);

-- The code beside an emailed link, for the browser that asked for it. The key is the link's.
CREATE TABLE email_codes (
    id {{id}} REFERENCES mailed_links (id) ON DELETE CASCADE,
    user_id BIGINT NOT NULL REFERENCES users (id),
    session_id BIGINT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    digest TEXT NOT NULL,
    failures INTEGER NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX email_codes_person ON email_codes (user_id);
CREATE INDEX email_codes_session ON email_codes (session_id, id);
CREATE INDEX email_codes_expiry ON email_codes (expires_at);

-- Clients and APIs.

CREATE TABLE clients (
    id {{id}},
    client_id TEXT NOT NULL UNIQUE,
    owner_id BIGINT REFERENCES users (id),
    name TEXT NOT NULL,
    client_type TEXT NOT NULL CONSTRAINT clients_client_type CHECK (client_type IN ('confidential', 'public')),
    scope TEXT NOT NULL,
    grant_types TEXT NOT NULL,
    redirect_uris TEXT NOT NULL,
    login_return_urls TEXT NOT NULL,
    login_delivery TEXT NOT NULL
        CONSTRAINT clients_login_delivery CHECK (login_delivery IN ('query', 'fragment', 'code')),
    login_token_lifetime BIGINT,
    require_pkce BOOLEAN NOT NULL,
    allow_plain_pkce BOOLEAN NOT NULL,
    is_first_party BOOLEAN NOT NULL,
    verified_at BIGINT,
    disabled_at BIGINT,
    deleted_at BIGINT,
    created_at BIGINT NOT NULL,
    post_logout_redirect_uris TEXT NOT NULL DEFAULT '',
    id_token_signed_response_alg TEXT NOT NULL DEFAULT 'RS256'
        CONSTRAINT clients_id_token_signed_response_alg CHECK (id_token_signed_response_alg IN ('RS256', 'ES256')),
    id_token_claims BOOLEAN NOT NULL DEFAULT FALSE,
    require_pushed_requests BOOLEAN NOT NULL DEFAULT FALSE,
    jwks TEXT,
    dpop_bound_access_tokens BOOLEAN NOT NULL DEFAULT FALSE,
    jwks_uri TEXT,
    userinfo_signed_response_alg TEXT
        CONSTRAINT clients_userinfo_signed_response_alg CHECK (userinfo_signed_response_alg IN ('RS256', 'ES256')),
    login_varying_parameters TEXT NOT NULL DEFAULT '',
    token_endpoint_auth_signing_alg TEXT
);
CREATE INDEX clients_owner ON clients (owner_id);
CREATE INDEX clients_verified ON clients (verified_at) WHERE verified_at IS NOT NULL;

-- The hosts that login_return_urls name, so that an address finds its clients by an index.
CREATE TABLE login_return_hosts (
    host TEXT NOT NULL,
    client_key BIGINT NOT NULL REFERENCES clients (id),
    PRIMARY KEY (host, client_key)
);
CREATE INDEX login_return_hosts_client ON login_return_hosts (client_key);

CREATE TABLE client_secrets (
    id {{id}},
    client_key BIGINT NOT NULL REFERENCES clients (id),
    digest TEXT NOT NULL,
    last_four TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    last_used_at BIGINT,
    flagged_at BIGINT
);
CREATE INDEX client_secrets_client ON client_secrets (client_key);
CREATE INDEX client_secrets_expiry ON client_secrets (expires_at);

CREATE TABLE self_registrations (
    id {{id}},
    client_key BIGINT NOT NULL UNIQUE REFERENCES clients (id),
    digest TEXT,
    auth_method TEXT NOT NULL
        CONSTRAINT self_registrations_auth_method CHECK (auth_method IN (
            'none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'
        )),
    application_type TEXT NOT NULL
        CONSTRAINT self_registrations_application_type CHECK (application_type IN ('web', 'native')),
    document_valid_until BIGINT,
    created_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX self_registrations_unused ON self_registrations (used_at, created_at);

-- Initial access tokens (RFC 7591 §3).
CREATE TABLE registration_tokens (
    id {{id}},
    digest TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX registration_tokens_expiry ON registration_tokens (expires_at);

-- Who proved to control a host, by a file below /.well-known/.
CREATE TABLE host_proofs (
    id {{id}},
    origin TEXT NOT NULL,
    owner_id BIGINT NOT NULL REFERENCES users (id),
    proven_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX host_proofs_origin ON host_proofs (origin, owner_id);
CREATE INDEX host_proofs_owner ON host_proofs (owner_id);

CREATE TABLE apis (
    id {{id}},
    identifier TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    token_format TEXT NOT NULL CONSTRAINT apis_token_format CHECK (token_format IN ('opaque', 'jwt')),
    is_first_party BOOLEAN NOT NULL,
    client_key BIGINT NOT NULL UNIQUE REFERENCES clients (id),
    created_at BIGINT NOT NULL
);

CREATE TABLE api_scopes (
    id {{id}},
    api_id BIGINT NOT NULL REFERENCES apis (id),
    name TEXT NOT NULL UNIQUE,
    sentence TEXT NOT NULL
);
CREATE INDEX api_scopes_api ON api_scopes (api_id);

-- What was refused to a client, for its owner to read. No foreign key: a row is written a second after its
-- request, when the client may be deleted. Rows are deleted by their age.
CREATE TABLE refusals (
    id {{id}},
    client_key BIGINT NOT NULL,
    request_id TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    error TEXT NOT NULL,
    cause TEXT NOT NULL,
    is_client_authenticated BOOLEAN NOT NULL,
    dropped BIGINT NOT NULL,
    occurred_at BIGINT NOT NULL
);
CREATE INDEX refusals_client ON refusals (client_key, is_client_authenticated, id);
CREATE INDEX refusals_age ON refusals (occurred_at);

-- Grants and tokens.

CREATE TABLE consents (
    id {{id}},
    user_id BIGINT NOT NULL REFERENCES users (id),
    client_key BIGINT NOT NULL REFERENCES clients (id),
    kind TEXT NOT NULL
        CONSTRAINT consents_kind CHECK (kind IN ('authorization', 'login_redirect', 'first_party_login')),
    scope TEXT NOT NULL,
    allowed_at BIGINT NOT NULL,
    audience TEXT NOT NULL,
    UNIQUE (user_id, client_key, kind, audience)
);
CREATE INDEX consents_client ON consents (client_key);

CREATE TABLE grants (
    id {{id}},
    kind TEXT NOT NULL
        CONSTRAINT grants_kind CHECK (
            kind = 'authorization_code' OR kind = 'login_redirect' OR kind = 'first_party_login' OR
            kind = 'application' OR kind = 'password_login' OR kind = 'remote_session' OR kind = 'personal' OR
            kind = 'client_credentials' OR kind = 'device_code' OR kind = 'token_exchange'
        ),
    user_id BIGINT REFERENCES users (id),
    client_key BIGINT REFERENCES clients (id),
    session_id BIGINT REFERENCES sessions (id),
    return_url TEXT,
    scope TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    audience TEXT NOT NULL DEFAULT '',
    ends_with_session BOOLEAN NOT NULL DEFAULT TRUE
);
CREATE INDEX grants_person ON grants (user_id, client_key) WHERE user_id IS NOT NULL;
CREATE INDEX grants_client ON grants (client_key);
CREATE INDEX grants_session ON grants (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX grants_expiry ON grants (expires_at);
CREATE INDEX grants_revoked ON grants (revoked_at) WHERE revoked_at IS NOT NULL;

-- How the user of a grant had signed in (OpenID Connect). The key is the grant's.
CREATE TABLE authentications (
    id {{id}} REFERENCES grants (id) ON DELETE CASCADE,
    nonce TEXT,
    auth_time BIGINT NOT NULL,
    methods TEXT NOT NULL
);

-- Pushed authorization requests (RFC 9126). `kept_until` is later than `expires_at` when a browser came in
-- time.
CREATE TABLE pushed_requests (
    id {{id}},
    digest TEXT NOT NULL,
    client_key BIGINT NOT NULL REFERENCES clients (id),
    parameters TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    network TEXT NOT NULL,
    kept_until BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX pushed_requests_client ON pushed_requests (client_key);
CREATE INDEX pushed_requests_kept ON pushed_requests (kept_until);
CREATE INDEX pushed_requests_network ON pushed_requests (network, kept_until);

CREATE TABLE authorization_codes (
    id {{id}},
    digest TEXT NOT NULL,
    grant_id BIGINT NOT NULL REFERENCES grants (id),
    redirect_uri TEXT,
    code_challenge TEXT,
    code_challenge_method TEXT
        CONSTRAINT authorization_codes_code_challenge_method CHECK (code_challenge_method IN ('S256', 'plain')),
    failures INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    redeemed_at BIGINT,
    dpop_jkt TEXT
);
CREATE INDEX authorization_codes_grant ON authorization_codes (grant_id);
CREATE INDEX authorization_codes_expiry ON authorization_codes (expires_at);

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
CREATE INDEX device_codes_client ON device_codes (client_key);

CREATE TABLE login_codes (
    id {{id}},
    digest TEXT NOT NULL,
    grant_id BIGINT NOT NULL REFERENCES grants (id),
    origin TEXT NOT NULL,
    code_challenge TEXT NOT NULL,
    lifetime BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    redeemed_at BIGINT
);
CREATE INDEX login_codes_grant ON login_codes (grant_id);
CREATE INDEX login_codes_expiry ON login_codes (expires_at);

CREATE TABLE remote_sessions (
    id {{id}},
    digest TEXT NOT NULL UNIQUE,
    address TEXT NOT NULL,
    network TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    approved_by BIGINT REFERENCES users (id),
    approved_at BIGINT,
    exercised_at BIGINT
);
CREATE INDEX remote_sessions_expiry ON remote_sessions (expires_at);
CREATE INDEX remote_sessions_network ON remote_sessions (network, expires_at);
CREATE INDEX remote_sessions_person ON remote_sessions (approved_by);

CREATE TABLE refresh_tokens (
    id {{id}},
    digest TEXT NOT NULL,
    grant_id BIGINT NOT NULL REFERENCES grants (id),
    key_number INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    consumed_at BIGINT,
    successor_id BIGINT REFERENCES refresh_tokens (id) ON DELETE SET NULL,
    last_used_at BIGINT,
    dpop_jkt TEXT
);
CREATE INDEX refresh_tokens_grant ON refresh_tokens (grant_id);
CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at);
CREATE INDEX refresh_tokens_successor ON refresh_tokens (successor_id) WHERE successor_id IS NOT NULL;

-- `generator_id` is the access generator that created a studio token; `subject_token_id` is the token that
-- was exchanged for this one (RFC 8693).
CREATE TABLE tokens (
    id {{id}},
    kind TEXT NOT NULL
        CONSTRAINT tokens_kind CHECK (
            kind = 'user' OR kind = 'oauth' OR kind = 'personal' OR kind = 'studio' OR kind = 'generator' OR
            kind = 'fileset'
        ),
    digest TEXT NOT NULL,
    grant_id BIGINT NOT NULL REFERENCES grants (id),
    refresh_token_id BIGINT REFERENCES refresh_tokens (id) ON DELETE SET NULL,
    scope TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    last_used_at BIGINT,
    name TEXT,
    last_four TEXT,
    access_list TEXT,
    action TEXT CONSTRAINT tokens_action CHECK (action = 'read_only' OR action = 'read_write'),
    resource_type TEXT
        CONSTRAINT tokens_resource_type CHECK (
            resource_type = 'dataset_streaming' OR resource_type = 'dataset_streaming_refreshing' OR
            resource_type = 'embedded_published_project' OR resource_type = 'all'
        ),
    resource TEXT,
    generator_id BIGINT REFERENCES tokens (id) ON DELETE SET NULL,
    subject_token_id BIGINT REFERENCES tokens (id) ON DELETE SET NULL,
    token_encrypted TEXT,
    last_used_from TEXT,
    is_shared BOOLEAN NOT NULL DEFAULT FALSE,
    flagged_at BIGINT,
    format TEXT NOT NULL DEFAULT 'opaque' CONSTRAINT tokens_format CHECK (format = 'opaque' OR format = 'jwt'),
    audience TEXT NOT NULL DEFAULT '',
    dpop_jkt TEXT
);
CREATE INDEX tokens_grant ON tokens (grant_id);
CREATE INDEX tokens_refresh_token ON tokens (refresh_token_id) WHERE refresh_token_id IS NOT NULL;
CREATE INDEX tokens_expiry ON tokens (expires_at);
CREATE INDEX tokens_generator ON tokens (generator_id) WHERE generator_id IS NOT NULL;
CREATE INDEX tokens_subject_token ON tokens (subject_token_id) WHERE subject_token_id IS NOT NULL;
CREATE INDEX tokens_revoked ON tokens (revoked_at) WHERE revoked_at IS NOT NULL;

-- Creations that may be repeated.
CREATE TABLE idempotency_keys (
    id {{id}},
    user_id BIGINT NOT NULL REFERENCES users (id),
    digest TEXT NOT NULL,
    body_digest TEXT NOT NULL,
    token_id BIGINT NOT NULL REFERENCES tokens (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    key_number INTEGER NOT NULL DEFAULT 1,
    UNIQUE (user_id, digest)
);
CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);
CREATE INDEX idempotency_keys_token ON idempotency_keys (token_id);

-- DPoP proofs and client assertions that were used.
CREATE TABLE used_proofs (
    id {{id}},
    digest TEXT NOT NULL UNIQUE,
    expires_at BIGINT NOT NULL
);
CREATE INDEX used_proofs_expiry ON used_proofs (expires_at);

-- Resources of the platform.

CREATE TABLE resources (
    id {{id}},
    path TEXT NOT NULL UNIQUE,
    parent_id BIGINT REFERENCES resources (id),
    owner_id BIGINT NOT NULL REFERENCES users (id),
    created_at BIGINT NOT NULL,
    public_tier TEXT
        CONSTRAINT resources_public_tier CHECK (public_tier IN (
            'view', 'viewPlus', 'share', 'fullView', 'edit', 'editPlus', 'admin'
        ))
);
CREATE INDEX resources_parent ON resources (parent_id);
CREATE INDEX resources_owner ON resources (owner_id);

CREATE TABLE resource_shares (
    id {{id}},
    resource_id BIGINT NOT NULL REFERENCES resources (id),
    user_id BIGINT NOT NULL REFERENCES users (id),
    tier TEXT NOT NULL
        CONSTRAINT resource_shares_tier CHECK (tier IN (
            'view', 'viewPlus', 'share', 'fullView', 'edit', 'editPlus', 'admin'
        )),
    UNIQUE (resource_id, user_id)
);
CREATE INDEX resource_shares_user ON resource_shares (user_id);
