//! The tables about second factors.

diesel::table! {
    totp_factors (id) {
        id -> BigInt,
        user_id -> BigInt,
        sealed -> Text,
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
    sign_in_steps (id) {
        id -> BigInt,
        digest -> Text,
        user_id -> BigInt,
        methods -> Text,
        judged -> Nullable<Text>,
        mailed -> Nullable<Text>,
        failures -> Integer,
        created_at -> BigInt,
        expires_at -> BigInt,
        used_at -> Nullable<BigInt>,
        network -> Text,
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
        at -> BigInt,
        network -> Text,
    }
}
