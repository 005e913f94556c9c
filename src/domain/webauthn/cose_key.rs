//! Public keys of authenticators, in COSE form (RFC 9052 §7, RFC 9053 §7).

use super::WebAuthnError;
use super::cbor::Value;
use crate::domain::jose::public_key::PublicKey;

/// The requested signature algorithms by their COSE numbers, the preferred one first (RFC 9053 §2, RFC 8812 §2):
/// Ed25519, ECDSA on P-256, and RSA for devices that support no other.
pub const ALGORITHMS: [i64; 3] = [-8, -7, -257];

/// Parses the key at the beginning of `bytes`, and advances `bytes` past it.
///
/// # Errors
/// [`WebAuthnError::Malformed`], or [`WebAuthnError::UnknownAlgorithm`] for a key with an algorithm that was not
/// requested.
pub fn read(bytes: &mut &[u8]) -> Result<PublicKey, WebAuthnError> {
    let map = Value::read(bytes)?;
    let number = |label: i64| map.at(label).and_then(Value::integer);
    let part = |label: i64| map.at(label).and_then(Value::bytes).ok_or(WebAuthnError::Malformed);
    // The labels: 1 is the key type, 3 the algorithm, -1 the curve or the modulus, -2 and -3 the other parameters.
    let key = match (number(1), number(3), number(-1)) {
        (Some(2), Some(-7), Some(1)) => PublicKey::p256(part(-2)?, part(-3)?),
        (Some(1), Some(-8), Some(6)) => PublicKey::ed25519(part(-2)?),
        (Some(3), Some(-257), None) => PublicKey::rsa(part(-1)?.to_vec(), part(-2)?.to_vec()),
        _ => return Err(WebAuthnError::UnknownAlgorithm),
    };
    key.ok_or(WebAuthnError::Malformed)
}
