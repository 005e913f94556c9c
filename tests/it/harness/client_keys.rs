//! Keys of clients: made and used here apart from the server's own code.

use aws_lc_rs::encoding::AsBigEndian;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::application::s256;
use super::random_word;

/// A pair of keys and the signature that it makes.
pub enum Key {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
    Rs256(RsaKeyPair),
    Ps256(RsaKeyPair),
}

fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The numbers of a PKCS #1 public key: a sequence of two positive integers.
fn modulus_and_exponent(der: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (sequence, _) = element(der);
    let (modulus, rest) = element(sequence);
    let (exponent, _) = element(rest);
    let positive = |number: &[u8]| number.iter().copied().skip_while(|byte| *byte == 0).collect();
    (positive(modulus), positive(exponent))
}

fn element(der: &[u8]) -> (&[u8], &[u8]) {
    let (length, start) = match der[1] {
        short @ 0..=0x7f => (usize::from(short), 2),
        0x81 => (usize::from(der[2]), 3),
        _ => (usize::from(der[2]) << 8 | usize::from(der[3]), 4),
    };
    der[start..].split_at(length)
}

impl Key {
    pub fn es256() -> Self {
        Self::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("because keys can be made"))
    }

    pub fn eddsa() -> Self {
        Self::EdDsa(Ed25519KeyPair::generate().expect("because keys can be made"))
    }

    fn rsa(size: KeySize) -> RsaKeyPair {
        RsaKeyPair::generate(size).expect("because keys can be made")
    }

    pub fn rs256() -> Self {
        Self::Rs256(Self::rsa(KeySize::Rsa2048))
    }

    pub fn ps256() -> Self {
        Self::Ps256(Self::rsa(KeySize::Rsa2048))
    }

    /// Its name in a header.
    pub fn alg(&self) -> &'static str {
        match self {
            Self::Es256(_) => "ES256",
            Self::EdDsa(_) => "EdDSA",
            Self::Rs256(_) => "RS256",
            Self::Ps256(_) => "PS256",
        }
    }

    /// The public half, with the members that a thumbprint covers only.
    pub fn public(&self) -> Value {
        match self {
            Self::Es256(pair) => {
                let point = pair.public_key().as_ref();
                json!({ "crv": "P-256", "kty": "EC", "x": base64url(&point[1..33]), "y": base64url(&point[33..]) })
            }
            Self::EdDsa(pair) => json!({ "crv": "Ed25519", "kty": "OKP", "x": base64url(pair.public_key()) }),
            Self::Rs256(pair) | Self::Ps256(pair) => {
                let (n, e) = modulus_and_exponent(pair.public_key().as_ref());
                json!({ "e": base64url(e), "kty": "RSA", "n": base64url(n) })
            }
        }
    }

    /// The private half of an elliptic key, which nobody should ever send.
    pub fn private(&self) -> Value {
        let Self::Es256(pair) = self else { panic!("only for P-256") };
        let bytes = pair.private_key().as_be_bytes().expect("because keys can be written down");
        let mut key = self.public();
        key["d"] = json!(base64url(bytes.as_ref()));
        key
    }

    /// A set that holds it, named `kid` when there is a name.
    pub fn set(&self, kid: Option<&str>) -> String {
        let mut key = self.public();
        if let Some(kid) = kid {
            key["kid"] = json!(kid);
        }
        json!({ "keys": [key] }).to_string()
    }

    /// RFC 7638: JSON objects are sorted here already.
    pub fn thumbprint(&self) -> String {
        s256(&self.public().to_string())
    }

    fn signature(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        let by_rsa = |pair: &RsaKeyPair, how| {
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(how, &random, message, &mut signature).expect("because the key is large enough");
            signature
        };
        match self {
            Self::Es256(pair) => pair.sign(&random, message).expect("because the key is sound").as_ref().to_vec(),
            Self::EdDsa(pair) => pair.sign(message).as_ref().to_vec(),
            Self::Rs256(pair) => by_rsa(pair, &RSA_PKCS1_SHA256),
            Self::Ps256(pair) => by_rsa(pair, &RSA_PSS_SHA256),
        }
    }

    /// A statement with this header and these claims.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", base64url(header.to_string()), base64url(claims.to_string()));
        let signature = base64url(self.signature(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    /// A DPoP proof (RFC 9449 §4.2) with these claims over the usual ones; `null` takes one out.
    pub fn dpop(&self, now: i64, (method, url): (&str, &str), others: &Value) -> String {
        let header = json!({ "typ": "dpop+jwt", "alg": self.alg(), "jwk": self.public() });
        let mut claims = json!({ "jti": random_word(22), "htm": method, "htu": url, "iat": now });
        merge(&mut claims, others);
        self.sign(&header, &claims)
    }
}

/// Puts members over members; `null` takes one out.
pub fn merge(claims: &mut Value, others: &Value) {
    let members = claims.as_object_mut().expect("because claims are an object");
    for (name, value) in others.as_object().expect("because claims are an object") {
        match value {
            Value::Null => drop(members.remove(name)),
            value => drop(members.insert(name.clone(), value.clone())),
        }
    }
}
