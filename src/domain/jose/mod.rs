//! JSON Object Signing: public keys (RFC 7517), their thumbprints (RFC 7638), signed statements (RFC 7515) and
//! claims (RFC 7519). Clients' signatures and ours are read by the same code (`docs/decisions/0026-our-own-jose.md`).

pub mod algorithm;
pub mod claims;
pub mod jwk;
pub mod jws;
pub mod private_key;
pub mod public_key;
