//! What leaves the server cannot be stored, what is stored cannot leave: plaintext and digest are
//! different types, and a secret has one door.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

/// Text that must not be seen: wiped when dropped, hidden in `Debug`, never shown by `Display`.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text in.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The one door by which the text leaves.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

/// A random word of 128 bits, for what must not be guessed and is not kept.
///
/// # Panics
/// When the operating system gives no randomness: there is no safe way to go on.
pub fn random_word() -> String {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).expect("because the operating system's randomness is always available");
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The base64url form of the SHA-256 of `bytes`, without padding: 43 characters.
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
