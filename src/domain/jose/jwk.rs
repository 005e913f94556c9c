//! Public keys in JSON Web Key form (RFC 7517, RFC 7518 §6, RFC 8037 §2): a client's, and those that we publish.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use super::algorithm::Algorithm;
use super::public_key::PublicKey;

/// The most bytes of a key set, and the most keys in it: a client has one or two at a time.
const MAX_SET: usize = 16_384;
const MAX_KEYS: usize = 20;

/// Why a key cannot be used, in words for the application's developer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidJwk {
    /// It is no key, or no set of keys.
    #[error("this is no JSON Web Key Set: it looks like {{\"keys\": [ … ]}}")]
    Malformed,
    /// It holds a secret.
    #[error("this holds a private or shared key; send the public half only")]
    Private,
    /// Its kind, size or purpose is not accepted.
    #[error("no key fits: use P-256, Ed25519, or RSA of 2,048 bits or more, for signatures")]
    Unsupported,
    /// It is too large.
    #[error("a key set has at most 16 KiB and 20 keys")]
    TooLarge,
}

/// One public key with what its owner says about it.
#[derive(Clone, Debug)]
pub struct Jwk {
    /// The name that the owner gave the key.
    pub kid: Option<String>,
    /// The only algorithm that the key is for; `None` allows each one that fits.
    pub algorithm: Option<Algorithm>,
    pub key: PublicKey,
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

/// Writes the public members (RFC 7517 §4); every key here is for signatures. The type has no private members.
impl Serialize for Jwk {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Written<'a> {
            #[serde(flatten)]
            key: &'a PublicKey,
            #[serde(skip_serializing_if = "Option::is_none")]
            kid: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            alg: Option<Algorithm>,
            r#use: &'static str,
        }
        Written { key: &self.key, kid: self.kid.as_deref(), alg: self.algorithm, r#use: "sig" }.serialize(serializer)
    }
}

impl Jwk {
    /// Parses one key.
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
        let key = match (members.kty.as_str(), members.crv.as_deref()) {
            ("EC", Some("P-256")) => PublicKey::p256(&bytes(members.x.as_ref())?, &bytes(members.y.as_ref())?),
            ("OKP", Some("Ed25519")) => PublicKey::ed25519(&bytes(members.x.as_ref())?),
            ("RSA", _) => PublicKey::rsa(bytes(members.n.as_ref())?, bytes(members.e.as_ref())?),
            _ => None,
        };
        let key = key.ok_or(InvalidJwk::Unsupported)?;
        let algorithm = members.alg.as_deref().map(str::parse).transpose();
        Ok(Self { kid: members.kid, algorithm: algorithm.map_err(|_unknown| InvalidJwk::Unsupported)?, key })
    }

    /// Whether this key may have made a signature of this algorithm.
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        self.key.fits(algorithm) && self.algorithm.is_none_or(|only| only == algorithm)
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

    /// Whether `signature` over `message` was made with this key's private half, by an algorithm that it is for.
    pub fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        self.fits(algorithm) && self.key.verifies(algorithm, message, signature)
    }
}

/// A set of keys (RFC 7517 §5): a client's, or ours as it is published.
#[derive(Clone, Debug, Serialize)]
pub struct KeySet {
    keys: Vec<Jwk>,
}

impl KeySet {
    /// Makes a set of these keys.
    pub fn new(keys: Vec<Jwk>) -> Self {
        Self { keys }
    }

    /// Parses a client's set. Keys of unknown kinds are skipped (RFC 7517 §5), private ones never.
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
        if keys.is_empty() { Err(InvalidJwk::Unsupported) } else { Ok(Self { keys }) }
    }

    /// Returns the keys that may have made a signature with this `kid` and algorithm in its header.
    pub fn candidates<'a>(&'a self, kid: Option<&'a str>, algorithm: Algorithm) -> impl Iterator<Item = &'a Jwk> {
        let fits_name = move |key: &&Jwk| match (kid, &key.kid) {
            (Some(asked), Some(named)) => asked == named,
            _ => true,
        };
        self.keys.iter().filter(fits_name).filter(move |key| key.fits(algorithm))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::public_key::vectors::{ed25519, p256, rsa};
    use super::*;

    #[test]
    fn ed25519_has_two_names_and_is_one_algorithm() {
        for (of_key, of_signature, fits) in
            [("Ed25519", "EdDSA", true), ("EdDSA", "Ed25519", true), ("EdDSA", "ES256", false)]
        {
            let mut key = ed25519();
            key["alg"] = json!(of_key);
            let key = Jwk::from_value(&key);
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
            Jwk::from_value(&key).err()
        };
        assert_eq!(with(p256(), "d", json!("AAAA")), Some(InvalidJwk::Private));
        assert_eq!(Jwk::from_value(&json!({ "kty": "oct", "k": "AAAA" })).err(), Some(InvalidJwk::Private));
        assert_eq!(with(p256(), "crv", json!("P-384")), Some(InvalidJwk::Unsupported));
        assert_eq!(with(p256(), "use", json!("enc")), Some(InvalidJwk::Unsupported));
        assert_eq!(with(p256(), "alg", json!("HS256")), Some(InvalidJwk::Unsupported));
        assert_eq!(with(p256(), "x", json!("AAAA")), Some(InvalidJwk::Unsupported));
        assert_eq!(
            with(p256(), "x", json!("l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFt")),
            Some(InvalidJwk::Malformed)
        );
        assert_eq!(with(p256(), "y", p256()["x"].clone()), Some(InvalidJwk::Unsupported), "a point off the curve");
        let short = URL_SAFE_NO_PAD.encode([0xff_u8; 128]);
        assert_eq!(with(rsa(), "n", json!(short)), Some(InvalidJwk::Unsupported), "1,024 bits");
        for exponent in ["AQ", "AA", "Ag", "AQABAQABAQAB"] {
            assert_eq!(with(rsa(), "e", json!(exponent)), Some(InvalidJwk::Unsupported), "{exponent}");
        }
        assert_eq!(Jwk::from_value(&json!("key")).err(), Some(InvalidJwk::Malformed));
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

    #[test]
    fn what_is_written_is_what_was_read_and_says_that_it_is_for_signatures() {
        for value in [rsa(), p256(), ed25519()] {
            let jwk = Jwk::from_value(&value).expect("because it is a key");
            let mut expected = value.clone();
            expected["use"] = json!("sig");
            assert_eq!(serde_json::to_value(&jwk).expect("because it is JSON"), expected);
        }
        let jwk = Jwk::from_value(&p256()).expect("because it is a key");
        assert_eq!(serde_json::to_value(&jwk.key).expect("because it is JSON"), p256(), "the numbers alone");
    }
}
