//! The rules for passwords. The whole password counts, it is not trimmed, and no kinds of characters are required.
//! Different Unicode compositions of the same letters are the same password.

use unicode_normalization::{UnicodeNormalization, is_nfc};
use zeroize::Zeroizing;

use super::secret::Secret;
use super::user;

/// The minimum number of characters.
pub const MIN_CHARACTERS: usize = 8;
/// The maximum number of bytes.
pub const MAX_BYTES: usize = 1_024;

/// Those of the 10,000 most common passwords that have the minimum length, one per line.
const COMMON: &str = include_str!("common_passwords.txt");

/// A new password that follows the rules.
#[derive(Clone, Debug)]
pub struct NewPassword(Secret);

/// The reason that a password is refused; the message is for the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    #[error("A password has at least 8 characters.")]
    TooShort,
    /// Too long to be hashed safely.
    #[error("A password has at most 1,024 bytes.")]
    TooLong,
    /// It is one of the 10,000 most common passwords.
    #[error("This password is one of the 10,000 most common ones. Choose another.")]
    Common,
    /// It is the user name of the person.
    #[error("Your user name cannot be your password.")]
    OwnName,
}

impl NewPassword {
    /// Checks a password against the rules (NIST SP 800-63B §3.1.1.2: length and a blocklist, no composition rules).
    ///
    /// # Errors
    /// The first rule that the password breaks.
    pub fn check(text: &str, username: &str) -> Result<Self, WeakPassword> {
        if text.len() > MAX_BYTES {
            return Err(WeakPassword::TooLong);
        }
        // The composed form has to be long enough too: four letters with accents are four characters on every keyboard.
        if text.chars().count() < MIN_CHARACTERS || text.nfc().count() < MIN_CHARACTERS {
            return Err(WeakPassword::TooShort);
        }
        let folded = user::fold(text);
        // A user name that is longer than any password cannot equal it, so it is not folded.
        if username.len() <= MAX_BYTES && folded == user::fold(username) {
            return Err(WeakPassword::OwnName);
        }
        if COMMON.lines().any(|common| common == folded) {
            return Err(WeakPassword::Common);
        }
        Ok(Self(Secret::new(text)))
    }

    /// Returns the password, for hashing.
    pub fn secret(&self) -> &Secret {
        &self.0
    }
}

/// Returns the form in which a password is hashed: composed (NFC), so that the same password from another keyboard or
/// system has the same hash (NIST SP 800-63B §3.1.1.2). Text that is too long for a password is not changed.
pub fn composed(password: &Secret) -> Secret {
    let text = password.expose();
    if text.len() > MAX_BYTES || is_nfc(text) {
        return password.clone();
    }
    // The buffer has the capacity of the longest form, so that it is not reallocated, which would leave a copy in
    // memory (UAX 15 §9: at most three times the length).
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
