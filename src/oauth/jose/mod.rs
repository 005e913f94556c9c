//! Signed JSON that others send us: keys (RFC 7517), signatures (RFC 7515), claims (RFC 7519).

pub mod claims;
pub mod jwk;
pub mod verify;
