//! Private keys of this server, parsed once, and the JWTs that they sign (RFC 7515, RFC 7519).

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use zeroize::Zeroizing;

use super::public_key::PublicKey;
use crate::domain::secret::Secret;
use crate::domain::signing_key::SigningAlgorithm;

/// A key cannot be made, read or used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a signing key cannot be made, read or used")]
pub struct KeyError;

/// The header of what we sign (RFC 7515 §4.1).
#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    typ: &'a str,
    kid: &'a str,
}

/// A private key that is ready to sign.
pub enum PrivateKey {
    /// RSA with 2048 bits (RFC 7518 §3.3).
    Rsa(RsaKeyPair),
    /// On the curve P-256 (RFC 7518 §3.4).
    EllipticCurve(EcdsaKeyPair),
}

impl PrivateKey {
    /// A new key. For RSA that takes a tenth of a second or more: never in a transaction or on a worker.
    ///
    /// # Errors
    /// [`KeyError`] when the library fails.
    pub fn generate(algorithm: SigningAlgorithm) -> Result<Self, KeyError> {
        match algorithm {
            SigningAlgorithm::Rs256 => RsaKeyPair::generate(KeySize::Rsa2048).map(Self::Rsa),
            SigningAlgorithm::Es256 => {
                EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map(Self::EllipticCurve)
            }
        }
        .map_err(|_unspecified| KeyError)
    }

    /// Reads what [`PrivateKey::to_text`] wrote.
    ///
    /// # Errors
    /// [`KeyError`] when it is no key of this algorithm.
    pub fn from_text(algorithm: SigningAlgorithm, text: &Secret) -> Result<Self, KeyError> {
        let der = Zeroizing::new(URL_SAFE_NO_PAD.decode(text.expose()).map_err(|_not_base64| KeyError)?);
        match algorithm {
            SigningAlgorithm::Rs256 => RsaKeyPair::from_pkcs8(&der).map(Self::Rsa),
            SigningAlgorithm::Es256 => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der).map(Self::EllipticCurve)
            }
        }
        .map_err(|_rejected| KeyError)
    }

    /// PKCS #8 (RFC 5208) in base64url, to be sealed.
    ///
    /// # Errors
    /// [`KeyError`] when the library fails.
    pub fn to_text(&self) -> Result<Secret, KeyError> {
        let failed = |_unspecified| KeyError;
        Ok(Secret::new(match self {
            Self::Rsa(key) => URL_SAFE_NO_PAD.encode(key.as_der().map_err(failed)?.as_ref()),
            Self::EllipticCurve(key) => URL_SAFE_NO_PAD.encode(key.to_pkcs8v1().map_err(failed)?.as_ref()),
        }))
    }

    /// Returns the public half.
    ///
    /// # Errors
    /// [`KeyError`] when the library gives a key that cannot be used.
    pub fn public_key(&self) -> Result<PublicKey, KeyError> {
        let public = match self {
            Self::Rsa(key) => PublicKey::rsa(
                key.public_key().modulus().big_endian_without_leading_zero().to_vec(),
                key.public_key().exponent().big_endian_without_leading_zero().to_vec(),
            ),
            Self::EllipticCurve(key) => {
                // An uncompressed point: 4, then both coordinates of 32 bytes (SEC 1 §2.3.3).
                let (x, y) = key.public_key().as_ref()[1..].split_at(32);
                PublicKey::p256(x, y)
            }
        };
        public.ok_or(KeyError)
    }

    /// Returns the algorithm that the key signs with.
    pub fn algorithm(&self) -> SigningAlgorithm {
        match self {
            Self::Rsa(_) => SigningAlgorithm::Rs256,
            Self::EllipticCurve(_) => SigningAlgorithm::Es256,
        }
    }

    fn signature(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                let signed = key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature);
                signed.map(|()| signature)
            }
            Self::EllipticCurve(key) => key.sign(&random, message).map(|signature| signature.as_ref().to_vec()),
        }
        .map_err(|_unspecified| KeyError)
    }

    /// A JWT of these claims in compact form (RFC 7519 §7.1), which says its kind in `typ` (RFC 8725 §3.11).
    ///
    /// # Errors
    /// [`KeyError`] when the library fails.
    pub fn sign(&self, kid: &str, typ: &str, claims: &impl Serialize) -> Result<Secret, KeyError> {
        let header = Header { alg: self.algorithm().as_str(), typ, kid };
        let part = |json: serde_json::Result<Vec<u8>>| json.map(|json| URL_SAFE_NO_PAD.encode(json));
        let header = part(serde_json::to_vec(&header)).map_err(|_unwritable| KeyError)?;
        let claims = part(serde_json::to_vec(claims)).map_err(|_unwritable| KeyError)?;
        let message = format!("{header}.{claims}");
        let signature = URL_SAFE_NO_PAD.encode(self.signature(message.as_bytes())?);
        Ok(Secret::new(format!("{message}.{signature}")))
    }
}

#[cfg(test)]
mod tests {
    use super::super::algorithm::Algorithm;
    use super::super::jwk::Jwk;
    use super::super::jws::Jws;
    use super::*;
    use serde_json::{Value, json};

    fn es256() -> PrivateKey {
        PrivateKey::generate(SigningAlgorithm::Es256).expect("because it works")
    }

    fn jwk(key: &PrivateKey, algorithm: Algorithm) -> Jwk {
        Jwk { kid: None, algorithm: Some(algorithm), key: key.public_key().expect("because it works") }
    }

    #[test]
    fn what_a_key_signed_is_read_by_its_public_part_and_by_no_other() {
        let (mine, other) = (es256(), es256());
        let text = mine.sign("k", "at+jwt", &json!({ "sub": "alice" })).expect("because it works");
        let jws = Jws::parse_ours(text.expose()).expect("because it is a JWT");
        assert_eq!((jws.kid.as_deref(), jws.algorithm), (Some("k"), Algorithm::Es256));
        assert!(jws.is_signed_by(&jwk(&mine, Algorithm::Es256)) && !jws.is_signed_by(&jwk(&other, Algorithm::Es256)));
        assert!(!jws.is_signed_by(&jwk(&mine, Algorithm::Rs256)), "the key's algorithm counts, not the header's");
        assert_eq!(jws.claims::<Value>(), Ok(json!({ "sub": "alice" })));
        assert!(jws.is_a("at+jwt") && !jws.is_a("JWT"), "an access token is no ID token");
        let copy = PrivateKey::from_text(SigningAlgorithm::Es256, &mine.to_text().expect("because it works"));
        let copy = copy.expect("because it was just written");
        assert!(jws.is_signed_by(&jwk(&copy, Algorithm::Es256)));
    }

    #[test]
    fn what_was_changed_is_not_read() {
        let key = es256();
        let public = jwk(&key, Algorithm::Es256);
        let text = key.sign("k", "JWT", &json!({ "sub": "alice" })).expect("because it works");
        let parts: Vec<&str> = text.expose().split('.').collect();
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT","kid":"k"}"#);
        let mallory = URL_SAFE_NO_PAD.encode(r#"{"sub":"mallory"}"#);
        for changed in [
            format!("{}.{mallory}.{}", parts[0], parts[2]),
            format!("{none}.{}.", parts[1]),
            format!("{none}.{}.{}", parts[1], parts[2]),
            format!("{}.{}.{}A", parts[0], parts[1], parts[2]),
            format!("{}.{}", parts[0], parts[1]),
            "..".to_owned(),
            String::new(),
            "a.".repeat(20_000),
        ] {
            assert!(!Jws::parse_ours(&changed).is_ok_and(|jws| jws.is_signed_by(&public)), "{changed}");
        }
    }
}
