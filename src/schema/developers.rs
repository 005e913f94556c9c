//! The tables for the owners of applications.

diesel::table! {
    refusals (id) {
        id -> BigInt,
        client_key -> BigInt,
        request_id -> Text,
        endpoint -> Text,
        error -> Text,
        cause -> Text,
        is_proven -> Bool,
        dropped -> BigInt,
        at -> BigInt,
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
    login_return_hosts (host, client_key) {
        host -> Text,
        client_key -> BigInt,
    }
}

diesel::table! {
    self_registrations (id) {
        id -> BigInt,
        client_key -> BigInt,
        digest -> Nullable<Text>,
        auth_method -> Text,
        application_type -> Text,
        fresh_until -> Nullable<BigInt>,
        created_at -> BigInt,
        used_at -> Nullable<BigInt>,
    }
}
