//! The one reader of signed statements in compact form (RFC 7515 §3.1). A statement that was read is not verified yet.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::algorithm::Algorithm;
use super::jwk::Jwk;

/// Which statements are accepted.
struct Limits {
    max_bytes: usize,
    may_hold_nul: bool,
}

/// Statements of clients: a large RSA key and a few claims. No stored text holds NUL, and PostgreSQL refuses to look
/// for it.
const OF_CLIENTS: Limits = Limits { max_bytes: 8_192, may_hold_nul: false };
/// Statements of this server, which repeat names and scopes.
const OF_THIS_SERVER: Limits = Limits { max_bytes: 16_384, may_hold_nul: true };

/// The header (RFC 7515 §4.1). A member that is there twice makes it unreadable.
#[derive(Debug, Deserialize)]
struct Header {
    alg: String,
    typ: Option<String>,
    kid: Option<String>,
    jwk: Option<Value>,
    crit: Option<Value>,
    b64: Option<Value>,
}

/// A statement that was read and not verified.
#[derive(Debug)]
pub struct Jws<'a> {
    /// The algorithm that its header names.
    pub algorithm: Algorithm,
    /// The type that its header names.
    pub typ: Option<String>,
    /// The name of the key that its header names.
    pub kid: Option<String>,
    /// The key that its header holds.
    pub jwk: Option<Value>,
    signed: &'a str,
    claims: Vec<u8>,
    signature: Vec<u8>,
}

/// The statement cannot be read, or is signed in a way that is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a signed statement that can be read")]
pub struct InvalidJws;

impl<'a> Jws<'a> {
    /// Parses a statement that a client signed.
    ///
    /// # Errors
    /// [`InvalidJws`]: its size or form, `none` or another algorithm that is not accepted, and extensions
    /// that must be understood (§4.1.11).
    pub fn parse(text: &'a str) -> Result<Self, InvalidJws> {
        Self::read(text, &OF_CLIENTS)
    }

    /// Parses a statement that this server may have signed, by the same rules with larger limits.
    ///
    /// # Errors
    /// [`InvalidJws`].
    pub fn parse_ours(text: &'a str) -> Result<Self, InvalidJws> {
        Self::read(text, &OF_THIS_SERVER)
    }

    fn read(text: &'a str, limits: &Limits) -> Result<Self, InvalidJws> {
        if text.len() > limits.max_bytes {
            return Err(InvalidJws);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(InvalidJws)?;
        let (header, claims) = signed.split_once('.').ok_or(InvalidJws)?;
        let decode = |part: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_not_base64url| InvalidJws)?;
            let has_nul = !limits.may_hold_nul && bytes.windows(6).any(|six| six == br"\u0000");
            if has_nul { Err(InvalidJws) } else { Ok(bytes) }
        };
        let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_not_a_header| InvalidJws)?;
        if header.crit.is_some() || header.b64.is_some() {
            return Err(InvalidJws);
        }
        Ok(Self {
            algorithm: header.alg.parse().map_err(|_not_accepted| InvalidJws)?,
            typ: header.typ,
            kid: header.kid,
            jwk: header.jwk,
            signed,
            claims: decode(claims)?,
            signature: URL_SAFE_NO_PAD.decode(signature).map_err(|_not_base64url| InvalidJws)?,
        })
    }

    /// Whether its header names this type, in any case; `application/` in front changes nothing (§4.1.9).
    pub fn is_a(&self, typ: &str) -> bool {
        const PREFIX: &str = "application/";
        let named = self.typ.as_deref().unwrap_or_default();
        let has_prefix = named.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX));
        named[if has_prefix { PREFIX.len() } else { 0 }..].eq_ignore_ascii_case(typ)
    }

    /// Whether this key signed it, by an algorithm that the key is for: the header alone chooses nothing
    /// (RFC 8725 §3.1).
    pub fn is_signed_by(&self, key: &Jwk) -> bool {
        key.verifies(self.algorithm, self.signed.as_bytes(), &self.signature)
    }

    /// Returns the claims. They prove nothing before [`Jws::is_signed_by`].
    ///
    /// # Errors
    /// [`InvalidJws`] when the claims have another shape, or one is there twice.
    pub fn claims<T: DeserializeOwned>(&self) -> Result<T, InvalidJws> {
        serde_json::from_slice(&self.claims).map_err(|_other_shape| InvalidJws)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn statement(header: &str, claims: &str) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.{}", part(header), part(claims), part("signature"))
    }

    /// RFC 8037 appendix A.4.
    #[test]
    fn a_published_signature_is_verified_and_a_changed_one_is_not() {
        let text = concat!(
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbh",
            "ijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        );
        let key = json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
        let key = Jwk::from_value(&key).expect("because it is the RFC's");
        assert!(Jws::parse(text).expect("because it is the RFC's").is_signed_by(&key));
        let changed = text.replace("RXhhbXBsZSBvZi", "RXhhbXBsZSBvZj");
        assert!(!Jws::parse(&changed).expect("because its form is right").is_signed_by(&key));
    }

    #[test]
    fn none_symmetric_critical_and_broken_statements_are_not_read() {
        let fine = r#"{"alg":"ES256"}"#;
        assert!(Jws::parse(&statement(fine, "{}")).is_ok());
        for header in [
            r#"{"alg":"none"}"#, r#"{"alg":"None"}"#, r#"{"alg":"HS256"}"#, r#"{"alg":"ES512"}"#, r#"{"typ":"JWT"}"#,
            r#"{"alg":"ES256","crit":["exp"]}"#, r#"{"alg":"ES256","b64":false}"#, r#"{"alg":"ES256","alg":"RS256"}"#,
            "[]", "",
        ] {
            assert_eq!(Jws::parse(&statement(header, "{}")).err(), Some(InvalidJws), "{header}");
        }
        let text = statement(fine, "{}");
        for broken in ["", "a.b", ".", "..", &text.replace('.', ""), &format!("{text}="), &format!("{text}.x")] {
            assert!(Jws::parse(broken).is_err(), "{broken}");
        }
        assert!(Jws::parse(&statement(fine, &"x".repeat(9_000))).is_err());
        assert!(Jws::parse(&statement(fine, r#"{"iss":"a\u0000"}"#)).is_err());
    }

    #[test]
    fn our_own_statements_may_be_longer_and_hold_any_text_and_are_read_as_strictly() {
        let fine = r#"{"alg":"ES256"}"#;
        assert!(Jws::parse_ours(&statement(fine, &"x".repeat(9_000))).is_ok());
        assert!(Jws::parse_ours(&statement(fine, &"x".repeat(16_384))).is_err());
        assert!(Jws::parse_ours(&statement(fine, r#"{"nonce":"\\u0000"}"#)).is_ok());
        for header in
            [r#"{"alg":"none"}"#, r#"{"alg":"ES256","crit":["exp"]}"#, r#"{"alg":"ES256","kid":"a","kid":"b"}"#]
        {
            assert_eq!(Jws::parse_ours(&statement(header, "{}")).err(), Some(InvalidJws), "{header}");
        }
    }

    #[test]
    fn a_type_is_compared_without_case_and_prefix() {
        let of = |header: &str| {
            let text = statement(header, "{}");
            Jws::parse(&text).expect("because its form is right").is_a("dpop+jwt")
        };
        assert!(of(r#"{"alg":"ES256","typ":"dpop+jwt"}"#) && of(r#"{"alg":"ES256","typ":"application/DPoP+jwt"}"#));
        for header in [
            r#"{"alg":"ES256","typ":"JWT"}"#, r#"{"alg":"ES256"}"#, r#"{"alg":"ES256","typ":"application/"}"#,
            r#"{"alg":"ES256","typ":"applicatiön/dpop+jwt"}"#,
        ] {
            assert!(!of(header), "{header}");
        }
    }
}
