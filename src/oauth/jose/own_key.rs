//! JSON Web Signatures (RFC 7515) by keys that are parsed once, with the two algorithms that we sign with.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents, UnparsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::domain::jwk::Jwk;
use crate::domain::secret::Secret;
use crate::domain::signing_key::SigningAlgorithm;

/// The longest text that is read as a JWT, in bytes.
const LONGEST: usize = 16_384;

/// A key cannot be made, read or used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a signing key cannot be made, read or used")]
pub struct KeyError;

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

    /// The public members.
    pub fn public_jwk(&self) -> Jwk {
        match self {
            Self::Rsa(key) => Jwk::Rsa {
                n: URL_SAFE_NO_PAD.encode(key.public_key().modulus().big_endian_without_leading_zero()),
                e: URL_SAFE_NO_PAD.encode(key.public_key().exponent().big_endian_without_leading_zero()),
            },
            Self::EllipticCurve(key) => {
                // An uncompressed point: 4, then both coordinates of 32 bytes (SEC 1 §2.3.3).
                let point = key.public_key().as_ref();
                let (x, y) = point[1..].split_at(32);
                Jwk::EllipticCurve {
                    crv: "P-256".to_owned(),
                    x: URL_SAFE_NO_PAD.encode(x),
                    y: URL_SAFE_NO_PAD.encode(y),
                }
            }
        }
    }

    fn algorithm(&self) -> SigningAlgorithm {
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
        let header = Header { alg: self.algorithm().as_str().into(), typ: Some(typ.into()), kid: Some(kid.into()) };
        let part = |json: serde_json::Result<Vec<u8>>| json.map(|json| URL_SAFE_NO_PAD.encode(json));
        let header = part(serde_json::to_vec(&header)).map_err(|_unwritable| KeyError)?;
        let claims = part(serde_json::to_vec(claims)).map_err(|_unwritable| KeyError)?;
        let message = format!("{header}.{claims}");
        let signature = URL_SAFE_NO_PAD.encode(self.signature(message.as_bytes())?);
        Ok(Secret::new(format!("{message}.{signature}")))
    }
}

#[derive(Serialize, Deserialize)]
struct Header {
    alg: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    typ: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
}

/// A JWT in compact form, taken apart; nothing in it is proven yet.
pub struct Presented<'a> {
    header: Header,
    message: &'a str,
    signature: Vec<u8>,
    claims: Vec<u8>,
}

impl<'a> Presented<'a> {
    /// Takes it apart; nothing when it has another form.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (message, signature) = Some(text).filter(|text| text.len() <= LONGEST)?.rsplit_once('.')?;
        let (header, claims) = message.split_once('.')?;
        Some(Self {
            header: serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?,
            message,
            signature: URL_SAFE_NO_PAD.decode(signature).ok()?,
            claims: URL_SAFE_NO_PAD.decode(claims).ok()?,
        })
    }

    /// The name of the key that is said to have signed it.
    pub fn kid(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// The claims, if it is of this kind and this key signed it by this algorithm: what the header says
    /// chooses nothing (RFC 8725 §3.1).
    pub fn verify<C: for<'de> Deserialize<'de>>(
        &self,
        (algorithm, key): (SigningAlgorithm, &Jwk),
        typ: &str,
    ) -> Option<C> {
        let is_kind = self.header.typ.as_deref().is_some_and(|said| said.eq_ignore_ascii_case(typ));
        let is_right = self.header.alg == algorithm.as_str() && is_kind && self.is_signed_by(algorithm, key);
        is_right.then(|| serde_json::from_slice(&self.claims).ok())?
    }

    fn is_signed_by(&self, algorithm: SigningAlgorithm, key: &Jwk) -> bool {
        let message = self.message.as_bytes();
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
        match (algorithm, key) {
            (SigningAlgorithm::Rs256, Jwk::Rsa { n, e }) => RsaPublicKeyComponents { n: decode(n), e: decode(e) }
                .verify(&RSA_PKCS1_2048_8192_SHA256, message, &self.signature)
                .is_ok(),
            (SigningAlgorithm::Es256, Jwk::EllipticCurve { x, y, .. }) => {
                let point = [vec![4], decode(x), decode(y)].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, &self.signature).is_ok()
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn what_a_key_signed_is_read_by_its_public_part_and_by_no_other() {
        let (mine, other) =
            (PrivateKey::generate(SigningAlgorithm::Es256), PrivateKey::generate(SigningAlgorithm::Es256));
        let (mine, other) = (mine.expect("because it works"), other.expect("because it works"));
        let text = mine.sign("k", "at+jwt", &json!({ "sub": "alice" })).expect("because it works");
        let presented = Presented::parse(text.expose()).expect("because it is a JWT");
        let read = |key: &PrivateKey, algorithm, typ| presented.verify::<Value>((algorithm, &key.public_jwk()), typ);
        assert_eq!(presented.kid(), Some("k"));
        assert_eq!(read(&mine, SigningAlgorithm::Es256, "at+jwt"), Some(json!({ "sub": "alice" })));
        assert_eq!(read(&other, SigningAlgorithm::Es256, "at+jwt"), None);
        assert_eq!(
            read(&mine, SigningAlgorithm::Rs256, "at+jwt"),
            None,
            "the key's algorithm counts, not the header's"
        );
        assert_eq!(read(&mine, SigningAlgorithm::Es256, "JWT"), None, "an access token is no ID token");
        let copy = PrivateKey::from_text(SigningAlgorithm::Es256, &mine.to_text().expect("because it works"));
        assert_eq!(copy.expect("because it was just written").public_jwk(), mine.public_jwk());
    }

    #[test]
    fn what_was_changed_is_not_read() {
        let key = PrivateKey::generate(SigningAlgorithm::Es256).expect("because it works");
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
            let read = Presented::parse(&changed)
                .and_then(|read| read.verify::<Value>((SigningAlgorithm::Es256, &key.public_jwk()), "JWT"));
            assert_eq!(read, None, "{changed}");
        }
    }
}
