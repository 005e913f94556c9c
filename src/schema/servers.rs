//! The tables about the running servers themselves.

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
