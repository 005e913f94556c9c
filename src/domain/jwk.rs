//! Public keys as other programs read them (RFC 7517, RFC 7518 §6) and their thumbprints (RFC 7638).

use serde::{Deserialize, Serialize};

use super::secret::sha256_base64url;

/// The claim `cnf` of whatever is bound to a key (RFC 9449 §6.1; RFC 7800 §3.1): in introspection and
/// in JWTs.
#[derive(Clone, Debug, Serialize)]
pub struct Confirmation {
    /// The thumbprint of the key.
    pub jkt: String,
}

/// The public members of a key. No private member has a place here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kty")]
pub enum Jwk {
    /// A key on the curve P-256 (RFC 7518 §6.2.1).
    #[serde(rename = "EC")]
    EllipticCurve {
        /// The curve's name.
        crv: String,
        /// The point's first coordinate, in base64url.
        x: String,
        /// The second one.
        y: String,
    },
    /// An RSA key (RFC 7518 §6.3.1).
    #[serde(rename = "RSA")]
    Rsa {
        /// The modulus, in base64url without leading zeros.
        n: String,
        /// The exponent, likewise.
        e: String,
    },
}

impl Jwk {
    /// The SHA-256 of the required members in the order of their names (RFC 7638 §3).
    pub fn thumbprint(&self) -> String {
        // Base64url and the curve's name need no escape in JSON.
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

    /// RFC 7638 §3.1.
    #[test]
    fn the_thumbprint_of_the_rfcs_key_is_the_rfcs_thumbprint() {
        let jwk: Jwk = serde_json::from_str(
            r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#,
        )
        .expect("because the RFC writes it so");
        assert_eq!(jwk.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }
}
