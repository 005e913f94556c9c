//! The signature algorithms that are accepted (RFC 7518 §3.1, RFC 8037 §3.1).

use std::str::FromStr;

use serde::Serialize;

use crate::domain::column::UnknownName;
use crate::domain::signing_key::SigningAlgorithm;

/// A signature algorithm. `none` and the symmetric ones do not exist here (RFC 9449 §4.3; FAPI 2.0 §5.4.1,
/// and RS256 for the many clients that have nothing else).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
    /// RSA PKCS #1 v1.5 with SHA-256.
    Rs256,
    /// RSA PSS with SHA-256.
    Ps256,
}

impl Algorithm {
    /// Every name that is accepted, as metadata lists them.
    pub const NAMES: &'static [&'static str] = &["ES256", "EdDSA", "Ed25519", "RS256", "PS256"];
}

impl FromStr for Algorithm {
    type Err = UnknownName;
    fn from_str(name: &str) -> Result<Self, UnknownName> {
        match name {
            "ES256" => Ok(Self::Es256),
            // RFC 9864 §2.2 gives it a name of its own; there is no other EdDSA here.
            "EdDSA" | "Ed25519" => Ok(Self::EdDsa),
            "RS256" => Ok(Self::Rs256),
            "PS256" => Ok(Self::Ps256),
            _ => Err(UnknownName(Self::NAMES)),
        }
    }
}

impl From<SigningAlgorithm> for Algorithm {
    fn from(algorithm: SigningAlgorithm) -> Self {
        match algorithm {
            SigningAlgorithm::Rs256 => Self::Rs256,
            SigningAlgorithm::Es256 => Self::Es256,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_accepted_and_no_other() {
        let written = |algorithm| serde_json::to_value(algorithm).expect("because it is JSON");
        for name in Algorithm::NAMES {
            let algorithm: Algorithm = name.parse().expect("because it is listed");
            assert_eq!(written(algorithm), name.replace("Ed25519", "EdDSA"));
        }
        for algorithm in SigningAlgorithm::ALL {
            assert_eq!(written(algorithm.into()), algorithm.as_str());
        }
        for name in ["none", "HS256", "ES384", "es256", ""] {
            assert!(name.parse::<Algorithm>().is_err(), "{name}");
        }
    }
}
