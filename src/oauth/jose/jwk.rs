//! Public keys as JSON (RFC 7517, RFC 7518 §6, RFC 8037), and their names (RFC 7638).

use std::str::FromStr;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RsaPublicKeyComponents};
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

use crate::domain::secret::sha256_base64url;

/// The most bytes of a key set, and the most keys in it: a client has one or two at a time.
const MAX_SET: usize = 16_384;
const MAX_KEYS: usize = 20;

/// The signatures that are taken: no `none`, nothing symmetric (RFC 9449 §4.3; FAPI 2.0 §5.4.1,
/// and RS256 for the many that have nothing else).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
    /// RSA PKCS #1 v1.5 with SHA-256.
    Rs256,
    /// RSA PSS with SHA-256.
    Ps256,
}

impl Algorithm {
    /// Every name, as metadata lists them.
    pub const NAMES: &'static [&'static str] = &["ES256", "EdDSA", "Ed25519", "RS256", "PS256"];
}

impl FromStr for Algorithm {
    type Err = InvalidJwk;
    fn from_str(name: &str) -> Result<Self, InvalidJwk> {
        match name {
            "ES256" => Ok(Self::Es256),
            // RFC 9864 §2.2 gives it a name of its own; there is no other EdDSA here.
            "EdDSA" | "Ed25519" => Ok(Self::EdDsa),
            "RS256" => Ok(Self::Rs256),
            "PS256" => Ok(Self::Ps256),
            _ => Err(InvalidJwk::Unsupported),
        }
    }
}

/// Why a key cannot be used, in words for the application's developer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidJwk {
    /// It is no key, or no set of keys.
    #[error("this is no JSON Web Key Set: it looks like {{\"keys\": [ … ]}}")]
    Malformed,
    /// It holds a secret.
    #[error("this holds a private or shared key; send the public half only")]
    Private,
    /// No signature of ours is made with it.
    #[error("no key fits: use P-256, Ed25519, or RSA of 2,048 bits or more, for signatures")]
    Unsupported,
    /// It is too large.
    #[error("a key set has at most 16 KiB and 20 keys")]
    TooLarge,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Material {
    P256 { x: Vec<u8>, y: Vec<u8> },
    Ed25519 { x: Vec<u8> },
    Rsa { n: Vec<u8>, e: Vec<u8> },
}

/// One public key that verifies signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jwk {
    /// Its owner's name for it.
    pub kid: Option<String>,
    algorithm: Option<Algorithm>,
    material: Material,
}

#[derive(Deserialize)]
struct Members {
    kty: String,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
}

/// What only a private or a shared key has (RFC 7518 §6.2.2, §6.3.2, §6.4).
const SECRET_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

fn bytes(text: Option<&String>) -> Result<Vec<u8>, InvalidJwk> {
    let text = text.ok_or(InvalidJwk::Malformed)?;
    URL_SAFE_NO_PAD.decode(text).map_err(|_not_base64url| InvalidJwk::Malformed)
}

impl Jwk {
    /// Reads one key.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn from_value(value: &Value) -> Result<Self, InvalidJwk> {
        let object = value.as_object().ok_or(InvalidJwk::Malformed)?;
        if SECRET_MEMBERS.iter().any(|member| object.contains_key(*member)) {
            return Err(InvalidJwk::Private);
        }
        let members = Members::deserialize(value).map_err(|_other_shape| InvalidJwk::Malformed)?;
        let is_for_signatures = members.usage.as_deref().is_none_or(|usage| usage == "sig")
            && members.key_ops.as_ref().is_none_or(|operations| operations.iter().any(|one| one == "verify"));
        if !is_for_signatures {
            return Err(InvalidJwk::Unsupported);
        }
        let material = match (members.kty.as_str(), members.crv.as_deref()) {
            ("EC", Some("P-256")) => Material::P256 { x: bytes(members.x.as_ref())?, y: bytes(members.y.as_ref())? },
            ("OKP", Some("Ed25519")) => Material::Ed25519 { x: bytes(members.x.as_ref())? },
            ("RSA", _) => Material::Rsa { n: bytes(members.n.as_ref())?, e: bytes(members.e.as_ref())? },
            _ => return Err(InvalidJwk::Unsupported),
        };
        let algorithm = members.alg.as_deref().map(str::parse).transpose()?;
        let key = Self { kid: members.kid, algorithm, material };
        if key.is_sound() { Ok(key) } else { Err(InvalidJwk::Unsupported) }
    }

    /// Whether it is a point on its curve, or a modulus of 2,048 to 8,192 bits.
    fn is_sound(&self) -> bool {
        match &self.material {
            Material::P256 { x, y } => {
                x.len() == 32 && y.len() == 32 && ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point(x, y)).is_ok()
            }
            Material::Ed25519 { x } => x.len() == 32 && ParsedPublicKey::new(&ED25519, x).is_ok(),
            Material::Rsa { n, e } => {
                (256..=1_024).contains(&n.len())
                    && n.first().is_some_and(|first| *first != 0)
                    // 2,048 bits: 256 bytes with the highest bit set.
                    && (n.len() > 256 || n.first().is_some_and(|first| *first >= 0x80))
                    && (1..=4).contains(&e.len())
                    && e.first().is_some_and(|first| *first != 0)
                    && e.last().is_some_and(|last| last % 2 == 1)
                    && e.as_slice() != [1]
            }
        }
    }

    /// Whether this key may have made a signature of this kind.
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        let is_kind = matches!(
            (&self.material, algorithm),
            (Material::P256 { .. }, Algorithm::Es256)
                | (Material::Ed25519 { .. }, Algorithm::EdDsa)
                | (Material::Rsa { .. }, Algorithm::Rs256 | Algorithm::Ps256)
        );
        is_kind && self.algorithm.is_none_or(|only| only == algorithm)
    }

    /// Whether a client with this key may authenticate so: as it registered
    /// (`token_endpoint_auth_signing_alg`), else as the key says. A key that says nothing signs by its one
    /// algorithm; of RSA's two that is PS256, since RS256 is the weaker one (FAPI 2.0 §5.4.1; ours).
    pub fn may_authenticate(&self, algorithm: Algorithm, registered: Option<Algorithm>) -> bool {
        let is_named = match registered {
            Some(registered) => registered == algorithm,
            None => self.algorithm.is_some() || algorithm != Algorithm::Rs256,
        };
        is_named && self.fits(algorithm)
    }

    /// Whether `signature` over `message` was made with this key's private half.
    pub fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        use aws_lc_rs::signature::UnparsedPublicKey;
        if !self.fits(algorithm) {
            return false;
        }
        let verified = match (&self.material, algorithm) {
            (Material::P256 { x, y }, _) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point(x, y)).verify(message, signature)
            }
            (Material::Ed25519 { x }, _) => UnparsedPublicKey::new(&ED25519, x).verify(message, signature),
            (Material::Rsa { n, e }, Algorithm::Ps256) => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PSS_2048_8192_SHA256, message, signature)
            }
            (Material::Rsa { n, e }, _) => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
        };
        verified.is_ok()
    }

    /// The key's name by its content: the SHA-256 of its required members in their one order
    /// (RFC 7638 §3).
    pub fn thumbprint(&self) -> String {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let canonical = match &self.material {
            Material::P256 { x, y } => {
                format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, text(x), text(y))
            }
            Material::Ed25519 { x } => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, text(x)),
            Material::Rsa { n, e } => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, text(e), text(n)),
        };
        sha256_base64url(canonical.as_bytes())
    }
}

/// A point in the form that every library reads (SEC 1 §2.3.3).
fn point(x: &[u8], y: &[u8]) -> Vec<u8> {
    [&[4_u8], x, y].concat()
}

/// A client's keys.
#[derive(Clone, Debug)]
pub struct KeySet(Vec<Jwk>);

impl KeySet {
    /// Reads a set. Keys of kinds that we do not know are passed over (RFC 7517 §5), private ones never.
    ///
    /// # Errors
    /// Why it cannot be used; a set must hold one key that can.
    pub fn parse(text: &str) -> Result<Self, InvalidJwk> {
        if text.len() > MAX_SET {
            return Err(InvalidJwk::TooLarge);
        }
        let value: Value = serde_json::from_str(text).map_err(|_not_json| InvalidJwk::Malformed)?;
        let listed = value.get("keys").and_then(Value::as_array).ok_or(InvalidJwk::Malformed)?;
        if listed.len() > MAX_KEYS {
            return Err(InvalidJwk::TooLarge);
        }
        let mut keys = Vec::new();
        for value in listed {
            match Jwk::from_value(value) {
                Ok(key) => keys.push(key),
                Err(InvalidJwk::Unsupported) => {}
                Err(error) => return Err(error),
            }
        }
        if keys.is_empty() { Err(InvalidJwk::Unsupported) } else { Ok(Self(keys)) }
    }

    /// The keys that may have made a signature: those of the name that it gives, of its kind.
    pub fn candidates<'a>(&'a self, kid: Option<&'a str>, algorithm: Algorithm) -> impl Iterator<Item = &'a Jwk> {
        let fits_name = move |key: &&Jwk| match (kid, &key.kid) {
            (Some(asked), Some(named)) => asked == named,
            _ => true,
        };
        self.0.iter().filter(fits_name).filter(move |key| key.fits(algorithm))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// RFC 7638 §3.1.
    fn rsa() -> Value {
        json!({ "kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29", "n": concat!(
            "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCi",
            "FV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgn",
            "Yb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw",
            "0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw") })
    }

    /// RFC 9449 §4.1.
    fn p256() -> Value {
        json!({ "kty": "EC", "crv": "P-256", "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
            "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA" })
    }

    #[test]
    fn thumbprints_are_those_of_the_rfcs() {
        let of = |value: &Value| Jwk::from_value(value).map(|key| key.thumbprint()).ok();
        assert_eq!(of(&rsa()).as_deref(), Some("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"));
        assert_eq!(of(&p256()).as_deref(), Some("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"));
        // RFC 8037 appendix A.3.
        let okp = json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
        assert_eq!(of(&okp).as_deref(), Some("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"));
    }

    #[test]
    fn ed25519_has_two_names_and_is_one_algorithm() {
        for (of_key, of_signature, fits) in
            [("Ed25519", "EdDSA", true), ("EdDSA", "Ed25519", true), ("EdDSA", "ES256", false)]
        {
            let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
            let key = Jwk::from_value(&json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "alg": of_key }));
            let algorithm = of_signature.parse().expect("because we take it");
            assert_eq!(key.map(|key| key.fits(algorithm)), Ok(fits), "{of_key}, {of_signature}");
        }
    }

    #[test]
    fn a_key_without_an_algorithm_authenticates_by_what_was_registered_and_else_not_by_rs256() {
        let key = |alg: Option<&str>| {
            let mut key = rsa();
            key["alg"] = json!(alg);
            Jwk::from_value(&key).expect("because it is a key")
        };
        let (rs256, ps256) = (Algorithm::Rs256, Algorithm::Ps256);
        for (of_key, registered, by_rs256, by_ps256) in [
            (None, None, false, true),
            (None, Some(rs256), true, false),
            (None, Some(ps256), false, true),
            (Some("RS256"), None, true, false),
            (Some("RS256"), Some(ps256), false, false),
            (Some("PS256"), None, false, true),
        ] {
            let may = |algorithm| key(of_key).may_authenticate(algorithm, registered);
            assert_eq!((may(rs256), may(ps256)), (by_rs256, by_ps256), "{of_key:?}, {registered:?}");
        }
        let p256 = Jwk::from_value(&p256()).expect("because it is a key");
        assert!(p256.may_authenticate(Algorithm::Es256, None) && !p256.may_authenticate(Algorithm::Es256, Some(ps256)));
    }

    #[test]
    fn private_weak_and_foreign_keys_are_refused() {
        let with = |mut key: Value, member: &str, value: Value| {
            key[member] = value;
            Jwk::from_value(&key)
        };
        assert_eq!(with(p256(), "d", json!("AAAA")), Err(InvalidJwk::Private));
        assert_eq!(Jwk::from_value(&json!({ "kty": "oct", "k": "AAAA" })), Err(InvalidJwk::Private));
        assert_eq!(with(p256(), "crv", json!("P-384")), Err(InvalidJwk::Unsupported));
        assert_eq!(with(p256(), "use", json!("enc")), Err(InvalidJwk::Unsupported));
        assert_eq!(with(p256(), "alg", json!("HS256")), Err(InvalidJwk::Unsupported));
        assert_eq!(with(p256(), "x", json!("AAAA")), Err(InvalidJwk::Unsupported));
        assert_eq!(with(p256(), "x", json!("l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFt")), Err(InvalidJwk::Malformed));
        assert_eq!(with(p256(), "y", p256()["x"].clone()), Err(InvalidJwk::Unsupported), "a point off the curve");
        let short = URL_SAFE_NO_PAD.encode([0xff_u8; 128]);
        assert_eq!(with(rsa(), "n", json!(short)), Err(InvalidJwk::Unsupported), "1,024 bits");
        for exponent in ["AQ", "AA", "Ag", "AQABAQABAQAB"] {
            assert_eq!(with(rsa(), "e", json!(exponent)), Err(InvalidJwk::Unsupported), "{exponent}");
        }
        assert_eq!(Jwk::from_value(&json!("key")), Err(InvalidJwk::Malformed));
    }

    #[test]
    fn a_set_passes_unknown_keys_over_and_needs_one_that_works() {
        let parse = |keys: Vec<Value>| KeySet::parse(&json!({ "keys": keys }).to_string());
        let unknown = json!({ "kty": "AKP", "alg": "ML-DSA-44", "pub": "AA" });
        let set = parse(vec![unknown.clone(), rsa(), p256()]).expect("because two keys work");
        assert_eq!(set.candidates(Some("2011-04-29"), Algorithm::Rs256).count(), 1);
        assert_eq!(set.candidates(Some("other"), Algorithm::Rs256).count(), 0);
        assert_eq!(set.candidates(None, Algorithm::Ps256).count(), 0, "its owner said RS256 only");
        assert_eq!(set.candidates(Some("other"), Algorithm::Es256).count(), 1, "a key without a name");
        assert_eq!(parse(vec![unknown]).err(), Some(InvalidJwk::Unsupported));
        assert_eq!(parse(vec![p256(); 21]).err(), Some(InvalidJwk::TooLarge));
        assert_eq!(KeySet::parse("{}").err(), Some(InvalidJwk::Malformed));
        assert_eq!(KeySet::parse(&"x".repeat(16_385)).err(), Some(InvalidJwk::TooLarge));
    }
}
