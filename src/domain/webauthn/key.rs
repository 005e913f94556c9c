//! Public keys of authenticators, in COSE form (RFC 9052 §7, RFC 9053 §7).

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
};

use super::WebAuthnError;
use super::cbor::Value;

/// The requested signature algorithms by their COSE numbers, the preferred one first (RFC 9053 §2, RFC 8812 §2):
/// Ed25519, ECDSA on P-256, and RSA for devices that support no other.
pub const ALGORITHMS: [i64; 3] = [-8, -7, -257];

/// A public key that verifies assertions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialKey {
    /// ECDSA on P-256 with SHA-256: the uncompressed point.
    Es256(Vec<u8>),
    /// Ed25519: the 32 bytes of the public key.
    Ed25519(Vec<u8>),
    /// RSA PKCS #1 v1.5 with SHA-256.
    Rs256 {
        /// The modulus, big-endian.
        n: Vec<u8>,
        /// The exponent, big-endian.
        e: Vec<u8>,
    },
}

impl CredentialKey {
    /// Parses the key at the beginning of `bytes`, and advances `bytes` past it.
    ///
    /// # Errors
    /// [`WebAuthnError::Malformed`], or [`WebAuthnError::UnknownAlgorithm`] for a key with an algorithm that was not
    /// requested.
    pub fn read(bytes: &mut &[u8]) -> Result<Self, WebAuthnError> {
        let map = Value::read(bytes)?;
        let number = |label: i64| map.at(label).and_then(Value::integer);
        let coordinate = |label: i64| map.at(label).and_then(Value::bytes).filter(|bytes| bytes.len() == 32);
        // The labels: 1 is the key type, 3 the algorithm, -1 the curve or the modulus, -2 and -3 the other parameters.
        let key = match (number(1), number(3), number(-1)) {
            (Some(2), Some(-7), Some(1)) => {
                let (x, y) = coordinate(-2).zip(coordinate(-3)).ok_or(WebAuthnError::Malformed)?;
                Self::Es256([&[4], x, y].concat())
            }
            (Some(1), Some(-8), Some(6)) => Self::Ed25519(coordinate(-2).ok_or(WebAuthnError::Malformed)?.to_vec()),
            (Some(3), Some(-257), None) => {
                let part = |label: i64| map.at(label).and_then(Value::bytes).map(<[u8]>::to_vec);
                let (n, e) = part(-1).zip(part(-2)).ok_or(WebAuthnError::Malformed)?;
                Self::Rs256 { n, e }
            }
            _ => return Err(WebAuthnError::UnknownAlgorithm),
        };
        if key.is_sound() { Ok(key) } else { Err(WebAuthnError::Malformed) }
    }

    /// Whether the key is a point on its curve, or a modulus of 2,048 to 8,192 bits.
    fn is_sound(&self) -> bool {
        match self {
            Self::Es256(point) => ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).is_ok(),
            Self::Ed25519(point) => ParsedPublicKey::new(&ED25519, point).is_ok(),
            Self::Rs256 { n, e } => (256..=1_024).contains(&n.len()) && (1..=8).contains(&e.len()),
        }
    }

    /// Whether the key signed `message` (WebAuthn §6.5.5: ECDSA signatures in ASN.1, the others in raw form).
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let parsed = match self {
            Self::Es256(point) => ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point),
            Self::Ed25519(point) => ParsedPublicKey::new(&ED25519, point),
            Self::Rs256 { n, e } => {
                let key = RsaPublicKeyComponents { n: n.as_slice(), e: e.as_slice() };
                return key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok();
            }
        };
        parsed.is_ok_and(|key| key.verify_sig(message, signature).is_ok())
    }
}
