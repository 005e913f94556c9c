//! Public keys that verify signatures, and their thumbprints (RFC 7638).

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256};
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Serialize, Serializer};

use super::algorithm::Algorithm;
use crate::domain::secret::sha256_base64url;

/// The public key of a client, an authenticator or this server. Its numbers were checked, and a point on a
/// curve is parsed once.
#[derive(Clone, Debug)]
pub struct PublicKey(Material);

/// The numbers of a key.
#[derive(Clone, Debug)]
enum Material {
    /// A point on P-256, uncompressed: 4, then both coordinates of 32 bytes (SEC 1 §2.3.3).
    P256(ParsedPublicKey),
    Ed25519(ParsedPublicKey),
    /// The modulus and the exponent, big-endian, without leading zeros.
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
}

impl PublicKey {
    /// Returns the key with these coordinates, if the point is on P-256.
    pub fn p256(x: &[u8], y: &[u8]) -> Option<Self> {
        if x.len() != 32 || y.len() != 32 {
            return None;
        }
        let parsed = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, [&[4], x, y].concat());
        parsed.map(|point| Self(Material::P256(point))).ok()
    }

    /// Returns the key with this encoding (RFC 8032 §5.1.3), if the point is on Ed25519.
    pub fn ed25519(x: &[u8]) -> Option<Self> {
        if x.len() != 32 {
            return None;
        }
        ParsedPublicKey::new(&ED25519, x).map(|point| Self(Material::Ed25519(point))).ok()
    }

    /// Returns the key with these numbers, if the modulus has 2,048 to 8,192 bits and the exponent is odd, from 3 to
    /// 2³² - 1.
    pub fn rsa(n: Vec<u8>, e: Vec<u8>) -> Option<Self> {
        let is_sound = (256..=1_024).contains(&n.len())
            && n.first().is_some_and(|first| *first != 0)
            // 2,048 bits: 256 bytes with the highest bit set.
            && (n.len() > 256 || n.first().is_some_and(|first| *first >= 0x80))
            && (1..=4).contains(&e.len())
            && e.first().is_some_and(|first| *first != 0)
            && e.last().is_some_and(|last| last % 2 == 1)
            && e.as_slice() != [1];
        is_sound.then_some(Self(Material::Rsa { n, e }))
    }

    /// Whether keys of this kind make signatures of this algorithm.
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        matches!(
            (&self.0, algorithm),
            (Material::P256(_), Algorithm::Es256)
                | (Material::Ed25519(_), Algorithm::EdDsa)
                | (Material::Rsa { .. }, Algorithm::Rs256 | Algorithm::Ps256)
        )
    }

    /// Whether the private half signed `message`; `signature` has the form of JWS (RFC 7518 §3).
    pub fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        if !self.fits(algorithm) {
            return false;
        }
        let verified = match &self.0 {
            Material::P256(point) | Material::Ed25519(point) => point.verify_sig(message, signature),
            Material::Rsa { n, e } => {
                let padding = match algorithm {
                    Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
                    _ => &RSA_PKCS1_2048_8192_SHA256,
                };
                RsaPublicKeyComponents { n, e }.verify(padding, message, signature)
            }
        };
        verified.is_ok()
    }

    /// Whether the private half signed `message`; `signature` has the form of WebAuthn (§6.5.5: ECDSA in ASN.1, RSA by
    /// PKCS #1 v1.5, Ed25519 in raw form).
    pub fn verifies_assertion(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.0 {
            Material::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature).is_ok()
            }
            Material::Ed25519(_) => self.verifies(Algorithm::EdDsa, message, signature),
            Material::Rsa { .. } => self.verifies(Algorithm::Rs256, message, signature),
        }
    }

    /// Returns the SHA-256 of the required members in the order of their names (RFC 7638 §3), in base64url.
    pub fn thumbprint(&self) -> String {
        sha256_base64url(&serde_json::to_vec(self).expect("because texts can be written as JSON"))
    }
}

/// Writes the required members (RFC 7638 §3.2) in the order of their names (RFC 7638 §3.3). Base64url text and the
/// curves' names need no escape in JSON.
impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let name = str::to_owned;
        match &self.0 {
            Material::P256(point) => {
                let (x, y) = point.as_ref()[1..].split_at(32);
                serializer.collect_map([("crv", name("P-256")), ("kty", name("EC")), ("x", text(x)), ("y", text(y))])
            }
            Material::Ed25519(point) => {
                serializer.collect_map([("crv", name("Ed25519")), ("kty", name("OKP")), ("x", text(point.as_ref()))])
            }
            Material::Rsa { n, e } => serializer.collect_map([("e", text(e)), ("kty", name("RSA")), ("n", text(n))]),
        }
    }
}

/// Whether a text can be the thumbprint of a key: 32 bytes in base64url (RFC 9449 §10).
pub fn is_thumbprint(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// The RFCs' keys.
#[cfg(test)]
pub(super) mod vectors {
    use serde_json::{Value, json};

    /// RFC 7638 §3.1.
    pub fn rsa() -> Value {
        json!({ "kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29", "n": concat!(
            "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCi",
            "FV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgn",
            "Yb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw",
            "0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw") })
    }

    /// RFC 9449 §4.1.
    pub fn p256() -> Value {
        json!({ "kty": "EC", "crv": "P-256", "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
            "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA" })
    }

    /// RFC 8037 appendix A.2.
    pub fn ed25519() -> Value {
        json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::jwk::Jwk;
    use super::*;

    #[test]
    fn thumbprints_are_those_of_the_rfcs() {
        let of = |value: &Value| Jwk::from_value(value).map(|jwk| jwk.key.thumbprint()).ok();
        assert_eq!(of(&vectors::rsa()).as_deref(), Some("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"));
        assert_eq!(of(&vectors::p256()).as_deref(), Some("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"));
        // RFC 8037 appendix A.3.
        assert_eq!(of(&vectors::ed25519()).as_deref(), Some("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"));
    }

    #[test]
    fn a_thumbprint_has_43_letters() {
        assert!(is_thumbprint("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"));
        assert!(!is_thumbprint("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4") && !is_thumbprint(&"=".repeat(43)));
    }
}
