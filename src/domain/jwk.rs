//! Public keys in JSON Web Key form (RFC 7517, RFC 7518 §6) and their thumbprints (RFC 7638).

use serde::{Deserialize, Serialize};

use super::secret::sha256_base64url;

/// The `cnf` claim of a token that is bound to a key (RFC 9449 §6.1; RFC 7800 §3.1), in introspection responses and in
/// JWTs.
#[derive(Clone, Debug, Serialize)]
pub struct Confirmation {
    pub jkt: String,
}

/// The public members of a key. The type has no private members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kty")]
pub enum Jwk {
    /// A key on the curve P-256 (RFC 7518 §6.2.1).
    #[serde(rename = "EC")]
    EllipticCurve {
        /// The name of the curve.
        crv: String,
        /// The x coordinate of the point, in base64url.
        x: String,
        /// The y coordinate of the point, in base64url.
        y: String,
    },
    /// An RSA key (RFC 7518 §6.3.1).
    #[serde(rename = "RSA")]
    Rsa {
        /// The modulus, in base64url without leading zeros.
        n: String,
        /// The exponent, in base64url without leading zeros.
        e: String,
    },
}

impl Jwk {
    /// Returns the SHA-256 of the required members in the order of their names (RFC 7638 §3), in base64url.
    pub fn thumbprint(&self) -> String {
        // Base64url text and the curve's name need no escape in JSON.
        let members = match self {
            Self::EllipticCurve { crv, x, y } => format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#),
            Self::Rsa { n, e } => format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
        };
        sha256_base64url(members.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7638 §3.1.
    #[test]
    fn the_thumbprint_of_the_rfcs_key_is_the_rfcs_thumbprint() {
        let jwk: Jwk = serde_json::from_str(
            r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#,
        )
        .expect("because the RFC writes it so");
        assert_eq!(jwk.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }
}
