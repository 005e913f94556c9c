//! The tables about people's safety: what happened, and how they prove who they are.

diesel::table! {
    security_log (id) {
        id -> BigInt,
        user_id -> BigInt,
        event -> Text,
        about -> Text,
        address -> Text,
        user_agent -> Text,
        at -> BigInt,
        link -> Text,
    }
}

diesel::table! {
    failure_counts (id) {
        id -> BigInt,
        counter -> Text,
        since -> BigInt,
        failures -> BigInt,
        expires_at -> BigInt,
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
    contact_messages (id) {
        id -> BigInt,
        sender_id -> BigInt,
        recipient_id -> BigInt,
        created_at -> BigInt,
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
