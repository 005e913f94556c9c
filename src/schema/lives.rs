//! The tables about a person's account as it is kept, told of, and left.

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
    held_names (id) {
        id -> BigInt,
        user_id -> BigInt,
        username_folded -> Text,
        expires_at -> BigInt,
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
