//! The tables, columns in table order: `RETURNING` reads them by position.
#![allow(missing_docs, reason = "columns are described at the fields of their records")]

mod developers;
mod factors;
mod joins;
mod lives;
mod people;
mod servers;

pub use developers::*;
pub use factors::*;
pub use lives::*;
pub use people::*;
pub use servers::*;

diesel::table! {
    installation (id) {
        id -> BigInt,
        key_check -> Text,
        created_at -> BigInt,
        probes -> BigInt,
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
        password_hash -> Nullable<Text>,
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
        owes_factor -> Bool,
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
        made_by -> Nullable<BigInt>,
        sealed -> Nullable<Text>,
        last_used_from -> Nullable<Text>,
        is_shared -> Bool,
        flagged_at -> Nullable<BigInt>,
        format -> Text,
        audience -> Text,
        dpop_jkt -> Nullable<Text>,
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
    user_pictures (id) {
        id -> BigInt,
        picture -> Text,
    }
}

diesel::table! {
    letters (id) {
        id -> BigInt,
        sealed -> Text,
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
        asked_by -> Nullable<BigInt>,
        email -> Text,
        email_folded -> Text,
        digest -> Text,
        next -> Nullable<Text>,
        created_at -> BigInt,
        expires_at -> BigInt,
        used_at -> Nullable<BigInt>,
        sealed -> Nullable<Text>,
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
    signing_keys (id) {
        id -> BigInt,
        kid -> Text,
        algorithm -> Text,
        number -> Integer,
        public_jwk -> Text,
        sealed -> Nullable<Text>,
        created_at -> BigInt,
        activates_at -> BigInt,
        retires_at -> Nullable<BigInt>,
        ends_at -> Nullable<BigInt>,
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
    authentications (id) {
        id -> BigInt,
        nonce -> Nullable<Text>,
        auth_time -> BigInt,
        methods -> Text,
    }
}

diesel::table! {
    used_proofs (id) {
        id -> BigInt,
        digest -> Text,
        expires_at -> BigInt,
    }
}
