//! The tables, in the order of the first migration, and their columns in table order: `RETURNING` reads them by position.
//! `tests/it/schema.rs` compares all of it with a migrated database.
#![allow(missing_docs, reason = "columns are described at the fields of their records")]

diesel::table! {
    installation (id) {
        id -> BigInt,
        key_check -> Text,
        created_at -> BigInt,
        probes -> BigInt,
    }
}

diesel::table! {
    nodes (id) {
        id -> BigInt,
        holder -> BigInt,
        leased_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    snapshot_version (id) {
        id -> BigInt,
        version -> BigInt,
    }
}

diesel::table! {
    signing_keys (id) {
        id -> BigInt,
        kid -> Text,
        algorithm -> Text,
        number -> Integer,
        public_jwk -> Text,
        private_key_encrypted -> Nullable<Text>,
        created_at -> BigInt,
        activates_at -> BigInt,
        retires_at -> Nullable<BigInt>,
        ends_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    setup_links (id) {
        id -> BigInt,
        digest -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    users (id) {
        id -> BigInt,
        username -> Text,
        username_folded -> Text,
        email -> Nullable<Text>,
        verified_email_folded -> Nullable<Text>,
        email_verified_at -> Nullable<BigInt>,
        password_digest -> Nullable<Text>,
        role -> Text,
        disabled_at -> Nullable<BigInt>,
        deleted_at -> Nullable<BigInt>,
        created_at -> BigInt,
        about -> Nullable<Text>,
        homepage -> Nullable<Text>,
        allow_contact -> Bool,
        email_folded -> Nullable<Text>,
    }
}

diesel::table! {
    user_pictures (id) {
        id -> BigInt,
        picture -> Text,
    }
}

diesel::table! {
    reserved_usernames (id) {
        id -> BigInt,
        user_id -> BigInt,
        username_folded -> Text,
        expires_at -> BigInt,
    }
}

diesel::table! {
    former_addresses (id) {
        id -> BigInt,
        user_id -> BigInt,
        email -> Text,
        email_folded -> Text,
        expires_at -> BigInt,
    }
}

diesel::table! {
    deletions (id) {
        id -> BigInt,
        username_folded -> Text,
        email_folded -> Nullable<Text>,
        erases_at -> BigInt,
    }
}

diesel::table! {
    sessions (id) {
        id -> BigInt,
        digest -> Text,
        user_id -> BigInt,
        created_at -> BigInt,
        authenticated_at -> BigInt,
        last_seen_at -> BigInt,
        expires_at -> BigInt,
        ended_at -> Nullable<BigInt>,
        address -> Text,
        user_agent -> Text,
        methods -> Text,
        second_factor_pending -> Bool,
    }
}

diesel::table! {
    sign_in_steps (id) {
        id -> BigInt,
        digest -> Text,
        user_id -> BigInt,
        methods -> Text,
        password_fingerprint -> Nullable<Text>,
        emailed_code_digest -> Nullable<Text>,
        failures -> Integer,
        created_at -> BigInt,
        expires_at -> BigInt,
        used_at -> Nullable<BigInt>,
        network -> Text,
    }
}

diesel::table! {
    totp_factors (id) {
        id -> BigInt,
        user_id -> BigInt,
        secret_encrypted -> Text,
        last_step -> BigInt,
        created_at -> BigInt,
        last_used_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    recovery_codes (id) {
        id -> BigInt,
        user_id -> BigInt,
        digest -> Text,
        created_at -> BigInt,
        used_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    passkeys (id) {
        id -> BigInt,
        user_id -> BigInt,
        credential_id -> Text,
        public_key -> Text,
        counter -> BigInt,
        is_backup_eligible -> Bool,
        transports -> Text,
        name -> Text,
        created_at -> BigInt,
        last_used_at -> Nullable<BigInt>,
        suspected_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    remembered_browsers (id) {
        id -> BigInt,
        digest -> Text,
        user_id -> BigInt,
        user_agent -> Text,
        address -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    factor_failures (id) {
        id -> BigInt,
        user_id -> BigInt,
        occurred_at -> BigInt,
        network -> Text,
    }
}

diesel::table! {
    seen_devices (id) {
        id -> BigInt,
        user_id -> BigInt,
        browser -> Text,
        network -> Text,
        last_seen_at -> BigInt,
        expires_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    known_networks (id) {
        id -> BigInt,
        user_id -> BigInt,
        network -> Text,
        last_success_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    failure_counts (id) {
        id -> BigInt,
        counter -> Text,
        window_started_at -> BigInt,
        failures -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    security_log (id) {
        id -> BigInt,
        user_id -> BigInt,
        event -> Text,
        subject -> Text,
        address -> Text,
        user_agent -> Text,
        occurred_at -> BigInt,
        chain_digest -> Text,
    }
}

diesel::table! {
    contact_messages (id) {
        id -> BigInt,
        sender_id -> BigInt,
        recipient_id -> BigInt,
        created_at -> BigInt,
    }
}

diesel::table! {
    outbox (id) {
        id -> BigInt,
        message_encrypted -> Text,
        attempts -> Integer,
        next_attempt_at -> BigInt,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    mailed_links (id) {
        id -> BigInt,
        kind -> Text,
        user_id -> Nullable<BigInt>,
        invited_by -> Nullable<BigInt>,
        email -> Text,
        email_folded -> Text,
        digest -> Text,
        next -> Nullable<Text>,
        created_at -> BigInt,
        expires_at -> BigInt,
        used_at -> Nullable<BigInt>,
        secret_encrypted -> Nullable<Text>,
    }
}

diesel::table! {
    email_codes (id) {
        id -> BigInt,
        user_id -> BigInt,
        session_id -> BigInt,
        digest -> Text,
        failures -> Integer,
        expires_at -> BigInt,
    }
}

diesel::table! {
    clients (id) {
        id -> BigInt,
        client_id -> Text,
        owner_id -> Nullable<BigInt>,
        name -> Text,
        client_type -> Text,
        scope -> Text,
        grant_types -> Text,
        redirect_uris -> Text,
        login_return_urls -> Text,
        login_delivery -> Text,
        login_token_lifetime -> Nullable<BigInt>,
        require_pkce -> Bool,
        allow_plain_pkce -> Bool,
        is_first_party -> Bool,
        verified_at -> Nullable<BigInt>,
        disabled_at -> Nullable<BigInt>,
        deleted_at -> Nullable<BigInt>,
        created_at -> BigInt,
        post_logout_redirect_uris -> Text,
        id_token_signed_response_alg -> Text,
        id_token_claims -> Bool,
        require_pushed_requests -> Bool,
        jwks -> Nullable<Text>,
        dpop_bound_access_tokens -> Bool,
        jwks_uri -> Nullable<Text>,
        userinfo_signed_response_alg -> Nullable<Text>,
        login_varying_parameters -> Text,
        token_endpoint_auth_signing_alg -> Nullable<Text>,
    }
}

diesel::table! {
    login_return_hosts (host, client_key) {
        host -> Text,
        client_key -> BigInt,
    }
}

diesel::table! {
    client_secrets (id) {
        id -> BigInt,
        client_key -> BigInt,
        digest -> Text,
        last_four -> Text,
        created_at -> BigInt,
        expires_at -> Nullable<BigInt>,
        last_used_at -> Nullable<BigInt>,
        flagged_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    self_registrations (id) {
        id -> BigInt,
        client_key -> BigInt,
        digest -> Nullable<Text>,
        auth_method -> Text,
        application_type -> Text,
        document_valid_until -> Nullable<BigInt>,
        created_at -> BigInt,
        used_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    registration_tokens (id) {
        id -> BigInt,
        digest -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    host_proofs (id) {
        id -> BigInt,
        origin -> Text,
        owner_id -> BigInt,
        proven_at -> BigInt,
    }
}

diesel::table! {
    apis (id) {
        id -> BigInt,
        identifier -> Text,
        name -> Text,
        token_format -> Text,
        is_first_party -> Bool,
        client_key -> BigInt,
        created_at -> BigInt,
    }
}

diesel::table! {
    api_scopes (id) {
        id -> BigInt,
        api_id -> BigInt,
        name -> Text,
        sentence -> Text,
    }
}

diesel::table! {
    refusals (id) {
        id -> BigInt,
        client_key -> BigInt,
        request_id -> Text,
        endpoint -> Text,
        error -> Text,
        cause -> Text,
        is_client_authenticated -> Bool,
        dropped -> BigInt,
        occurred_at -> BigInt,
    }
}

diesel::table! {
    consents (id) {
        id -> BigInt,
        user_id -> BigInt,
        client_key -> BigInt,
        kind -> Text,
        scope -> Text,
        allowed_at -> BigInt,
        audience -> Text,
    }
}

diesel::table! {
    grants (id) {
        id -> BigInt,
        kind -> Text,
        user_id -> Nullable<BigInt>,
        client_key -> Nullable<BigInt>,
        session_id -> Nullable<BigInt>,
        return_url -> Nullable<Text>,
        scope -> Text,
        created_at -> BigInt,
        expires_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
        audience -> Text,
        ends_with_session -> Bool,
    }
}

diesel::table! {
    authentications (id) {
        id -> BigInt,
        nonce -> Nullable<Text>,
        auth_time -> BigInt,
        methods -> Text,
    }
}

diesel::table! {
    pushed_requests (id) {
        id -> BigInt,
        digest -> Text,
        client_key -> BigInt,
        parameters -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
        used_at -> Nullable<BigInt>,
        network -> Text,
        kept_until -> BigInt,
    }
}

diesel::table! {
    authorization_codes (id) {
        id -> BigInt,
        digest -> Text,
        grant_id -> BigInt,
        redirect_uri -> Nullable<Text>,
        code_challenge -> Nullable<Text>,
        code_challenge_method -> Nullable<Text>,
        failures -> Integer,
        created_at -> BigInt,
        expires_at -> BigInt,
        redeemed_at -> Nullable<BigInt>,
        dpop_jkt -> Nullable<Text>,
    }
}

diesel::table! {
    device_codes (id) {
        id -> BigInt,
        digest -> Text,
        user_code_digest -> Text,
        client_key -> BigInt,
        scope -> Text,
        address -> Text,
        network -> Text,
        user_agent -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
        grant_id -> Nullable<BigInt>,
        denied_at -> Nullable<BigInt>,
        redeemed_at -> Nullable<BigInt>,
        audience -> Text,
    }
}

diesel::table! {
    login_codes (id) {
        id -> BigInt,
        digest -> Text,
        grant_id -> BigInt,
        origin -> Text,
        code_challenge -> Text,
        lifetime -> BigInt,
        created_at -> BigInt,
        expires_at -> BigInt,
        redeemed_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    remote_sessions (id) {
        id -> BigInt,
        digest -> Text,
        address -> Text,
        network -> Text,
        user_agent -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
        approved_by -> Nullable<BigInt>,
        approved_at -> Nullable<BigInt>,
        exercised_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    refresh_tokens (id) {
        id -> BigInt,
        digest -> Text,
        grant_id -> BigInt,
        key_number -> Integer,
        created_at -> BigInt,
        expires_at -> BigInt,
        consumed_at -> Nullable<BigInt>,
        successor_id -> Nullable<BigInt>,
        last_used_at -> Nullable<BigInt>,
        dpop_jkt -> Nullable<Text>,
    }
}

diesel::table! {
    tokens (id) {
        id -> BigInt,
        kind -> Text,
        digest -> Text,
        grant_id -> BigInt,
        refresh_token_id -> Nullable<BigInt>,
        scope -> Text,
        created_at -> BigInt,
        expires_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
        last_used_at -> Nullable<BigInt>,
        name -> Nullable<Text>,
        last_four -> Nullable<Text>,
        access_list -> Nullable<Text>,
        action -> Nullable<Text>,
        resource_type -> Nullable<Text>,
        resource -> Nullable<Text>,
        generator_id -> Nullable<BigInt>,
        subject_token_id -> Nullable<BigInt>,
        token_encrypted -> Nullable<Text>,
        last_used_from -> Nullable<Text>,
        is_shared -> Bool,
        flagged_at -> Nullable<BigInt>,
        format -> Text,
        audience -> Text,
        dpop_jkt -> Nullable<Text>,
    }
}

diesel::table! {
    idempotency_keys (id) {
        id -> BigInt,
        user_id -> BigInt,
        digest -> Text,
        body_digest -> Text,
        token_id -> BigInt,
        created_at -> BigInt,
        expires_at -> BigInt,
        key_number -> Integer,
    }
}

diesel::table! {
    used_proofs (id) {
        id -> BigInt,
        digest -> Text,
        expires_at -> BigInt,
    }
}

diesel::table! {
    resources (id) {
        id -> BigInt,
        path -> Text,
        parent_id -> Nullable<BigInt>,
        owner_id -> BigInt,
        created_at -> BigInt,
        public_tier -> Nullable<Text>,
    }
}

diesel::table! {
    resource_shares (id) {
        id -> BigInt,
        resource_id -> BigInt,
        user_id -> BigInt,
        tier -> Text,
    }
}

diesel::joinable!(sessions -> users (user_id));
diesel::joinable!(sign_in_steps -> users (user_id));
diesel::joinable!(totp_factors -> users (user_id));
diesel::joinable!(recovery_codes -> users (user_id));
diesel::joinable!(passkeys -> users (user_id));
diesel::joinable!(remembered_browsers -> users (user_id));
diesel::joinable!(factor_failures -> users (user_id));
diesel::joinable!(known_networks -> users (user_id));
diesel::joinable!(security_log -> users (user_id));
diesel::joinable!(clients -> users (owner_id));
diesel::joinable!(login_return_hosts -> clients (client_key));
diesel::joinable!(client_secrets -> clients (client_key));
diesel::joinable!(self_registrations -> clients (client_key));
diesel::joinable!(host_proofs -> users (owner_id));
diesel::joinable!(apis -> clients (client_key));
diesel::joinable!(api_scopes -> apis (api_id));
diesel::joinable!(consents -> users (user_id));
diesel::joinable!(consents -> clients (client_key));
diesel::joinable!(grants -> users (user_id));
diesel::joinable!(grants -> clients (client_key));
diesel::joinable!(grants -> sessions (session_id));
diesel::joinable!(pushed_requests -> clients (client_key));
diesel::joinable!(authorization_codes -> grants (grant_id));
diesel::joinable!(device_codes -> clients (client_key));
diesel::joinable!(device_codes -> grants (grant_id));
diesel::joinable!(login_codes -> grants (grant_id));
diesel::joinable!(remote_sessions -> users (approved_by));
diesel::joinable!(refresh_tokens -> grants (grant_id));
diesel::joinable!(tokens -> grants (grant_id));
diesel::joinable!(idempotency_keys -> users (user_id));
diesel::joinable!(resources -> users (owner_id));
diesel::joinable!(resource_shares -> resources (resource_id));
diesel::joinable!(resource_shares -> users (user_id));

diesel::allow_tables_to_appear_in_same_query!(
    installation, signing_keys, setup_links, users, user_pictures, former_addresses, deletions, sessions,
    sign_in_steps, totp_factors, recovery_codes, passkeys, remembered_browsers, factor_failures, seen_devices,
    known_networks, failure_counts, security_log, contact_messages, outbox, mailed_links, email_codes, clients,
    login_return_hosts, client_secrets, self_registrations, registration_tokens, host_proofs, apis, api_scopes,
    refusals, consents, grants, authentications, pushed_requests, authorization_codes, device_codes, login_codes,
    remote_sessions, refresh_tokens, tokens, idempotency_keys, used_proofs, resources, resource_shares,
);
