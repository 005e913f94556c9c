//! What a password may be. It counts whole, nothing is trimmed, nothing is demanded of its characters. However a
//! keyboard composes its letters, it is the same one.

use unicode_normalization::{UnicodeNormalization, is_nfc};
use zeroize::Zeroizing;

use super::secret::Secret;
use super::user;

/// The fewest characters.
pub const MIN_CHARACTERS: usize = 8;
/// The most bytes.
pub const MAX_BYTES: usize = 1_024;

/// Those of the 10,000 most common passwords that are long enough to be chosen, one per line.
const COMMON: &str = include_str!("common_passwords.txt");

/// A new password that follows the rules.
#[derive(Clone, Debug)]
pub struct NewPassword(Secret);

/// Why a password cannot be taken, in words for the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Too short.
    #[error("A password has at least 8 characters.")]
    TooShort,
    /// Too long to be hashed safely.
    #[error("A password has at most 1,024 bytes.")]
    TooLong,
    /// Everybody's first guess.
    #[error("This password is one of the 10,000 most common ones. Choose another.")]
    Common,
    /// The person's own name.
    #[error("Your user name cannot be your password.")]
    OwnName,
}

impl NewPassword {
    /// Takes a password that follows the rules (NIST SP 800-63B §3.1.1.2: length and a blocklist,
    /// no composition rules).
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn check(text: &str, username: &str) -> Result<Self, WeakPassword> {
        if text.len() > MAX_BYTES {
            return Err(WeakPassword::TooLong);
        }
        // Composed too: four letters with accents are four, whoever types them.
        if text.chars().count() < MIN_CHARACTERS || text.nfc().count() < MIN_CHARACTERS {
            return Err(WeakPassword::TooShort);
        }
        let folded = user::fold(text);
        // A name as long is none, whatever a form sent.
        if username.len() <= MAX_BYTES && folded == user::fold(username) {
            return Err(WeakPassword::OwnName);
        }
        if COMMON.lines().any(|common| common == folded) {
            return Err(WeakPassword::Common);
        }
        Ok(Self(Secret::new(text)))
    }

    /// The password itself, for hashing.
    pub fn secret(&self) -> &Secret {
        &self.0
    }
}

/// The form in which a password is hashed: composed (NFC), so that one from another keyboard or system is the same
/// (NIST SP 800-63B §3.1.1.2). What is too long to be a password is left as it is.
pub fn composed(password: &Secret) -> Secret {
    let text = password.expose();
    if text.len() > MAX_BYTES || is_nfc(text) {
        return password.clone();
    }
    // Room for the longest form, so that no part of it is left behind where it grew (UAX 15 §9: at most three times).
    let mut form = Zeroizing::new(String::with_capacity(text.len() * 3));
    form.extend(text.nfc());
    Secret::new(std::mem::take(&mut *form))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_password_has_one_form_however_it_is_composed() {
        let form = |text: &str| composed(&Secret::new(text)).expose().to_owned();
        assert_eq!(form("Gru\u{308}\u{df}e e\u{301}"), "Grüße é");
        assert_eq!(form("Grüße é"), "Grüße é");
        assert_eq!(form("plain \u{fb01}"), "plain \u{fb01}", "what only looks like it is another password");
        let long = "e\u{301}".repeat(400);
        assert_eq!(form(&long), long, "1,200 bytes are not even looked at");
    }

    #[test]
    fn length_counts_characters_and_common_words_and_the_own_name_are_refused() {
        assert!(NewPassword::check("correct horse", "ann").is_ok());
        assert!(NewPassword::check("日本語日本語日本", "ann").is_ok());
        assert!(NewPassword::check(&"p".repeat(1_024), "ann").is_ok());
        let cases = [
            ("short", WeakPassword::TooShort),
            ("e\u{301}e\u{301}e\u{301}e\u{301}", WeakPassword::TooShort),
            ("éééé", WeakPassword::TooShort),
            ("Password", WeakPassword::Common),
            ("annmarie.s", WeakPassword::OwnName),
        ];
        for (text, error) in cases {
            assert_eq!(NewPassword::check(text, "AnnMarie.S").err(), Some(error), "{text}");
        }
        assert_eq!(NewPassword::check(&"p".repeat(1_025), "ann").err(), Some(WeakPassword::TooLong));
    }
}
