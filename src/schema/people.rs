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
