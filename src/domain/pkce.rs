//! Proof Key for Code Exchange (RFC 7636): a request with a code challenge must be completed with its code verifier.

use subtle::ConstantTimeEq;

use super::column;
use super::secret::sha256_base64url;

column::named! {
    /// How a code challenge is derived from its code verifier (RFC 7636 §4.2).
    ChallengeMethod {
        /// SHA-256, base64url without padding.
        S256 = "S256",
        /// The verifier itself; accepted only when the application's owner allowed it.
        Plain = "plain",
    }
}

/// The code challenge of an authorization request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeChallenge {
    pub text: String,
    /// The method that derives the challenge from the verifier.
    pub method: ChallengeMethod,
}

/// The challenge or verifier does not have the syntax of RFC 7636 §4.1–4.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a code challenge")]
pub struct InvalidChallenge;

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

impl CodeChallenge {
    /// Parses a code challenge: 43 base64url characters for `S256`, 43–128 unreserved characters for `plain`.
    ///
    /// # Errors
    /// [`InvalidChallenge`] when no verifier could meet it.
    pub fn parse(text: &str, method: ChallengeMethod) -> Result<Self, InvalidChallenge> {
        let is_right = match method {
            ChallengeMethod::S256 => {
                text.len() == 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            }
            ChallengeMethod::Plain => (43..=128).contains(&text.len()) && text.bytes().all(is_unreserved),
        };
        if is_right { Ok(Self { text: text.to_owned(), method }) } else { Err(InvalidChallenge) }
    }

    /// Whether the challenge was derived from `verifier` (RFC 7636 §4.6). Verifiers of 43–128 printable ASCII
    /// characters are compared; some clients use more characters than the unreserved ones.
    pub fn is_met_by(&self, verifier: &str) -> bool {
        if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(|byte| byte.is_ascii_graphic()) {
            return false;
        }
        let made = match self.method {
            ChallengeMethod::S256 => sha256_base64url(verifier.as_bytes()),
            ChallengeMethod::Plain => verifier.to_owned(),
        };
        made.as_bytes().ct_eq(self.text.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_7636_appendix_b_holds() {
        let challenge = CodeChallenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", ChallengeMethod::S256)
            .expect("because it is the RFC's");
        assert!(challenge.is_met_by("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"));
        assert!(!challenge.is_met_by("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl"));
    }

    #[test]
    fn lengths_and_alphabets_are_those_of_the_rfc() {
        for text in ["", &"a".repeat(42), &"a".repeat(44), &"a".repeat(42).replace('a', "+")] {
            assert!(CodeChallenge::parse(text, ChallengeMethod::S256).is_err(), "{text}");
        }
        assert!(CodeChallenge::parse(&"~".repeat(128), ChallengeMethod::Plain).is_ok());
        assert!(CodeChallenge::parse(&"~".repeat(129), ChallengeMethod::Plain).is_err());
        let plain = CodeChallenge::parse(&"v".repeat(128), ChallengeMethod::Plain).expect("because it is long enough");
        assert!(plain.is_met_by(&"v".repeat(128)) && !plain.is_met_by(&"v".repeat(127)));
    }
}
