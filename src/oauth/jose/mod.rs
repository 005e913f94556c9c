//! Signed JSON: keys (RFC 7517), signatures (RFC 7515), claims (RFC 7519); what others sign, and what we do.

pub mod claims;
pub mod jwk;
pub mod own_key;
pub mod verify;
