//! Secrets: plaintext and digest are different types. A plaintext can be sent and not stored, a digest can be stored
//! and not sent, and only `expose()` returns a plaintext.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

/// A secret text: erased from memory when dropped, hidden in `Debug`, without `Display`.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a text as a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// Returns the text. No other function returns it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

/// Returns a random text of 128 bits, for values that must not be guessed and are not stored.
///
/// # Panics
/// When the operating system returns no random bytes: there is no safe way to continue.
pub fn random_word() -> String {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).expect("because the operating system's randomness is always available");
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Returns the base64url form of the SHA-256 of `bytes`, without padding: 43 characters.
pub fn sha256_base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_itself() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(…)");
    }
}
