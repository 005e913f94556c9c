//! People: their user names, email addresses and roles.

use std::str::FromStr;

use diesel::prelude::*;
use unicode_normalization::UnicodeNormalization;
use unicode_security::MixedScript;

use super::column;
use super::deception::{is_stacked, is_unseen, looks_latin};
use super::id::Id;
use crate::clock::UnixTime;

/// The maximum number of bytes of a name that are read; the longest name has 64 characters and 256 bytes.
const MAX_READ: usize = 1_024;

column::named! {
    /// The role of a person, which limits what their tokens may do.
    Role {
        /// May read, and cannot have a token that writes.
        Consumer = "consumer",
        /// May read and write their own data.
        Author = "author",
        /// Administers this installation.
        Admin = "admin",
    }
}

/// A person as stored, with an account on this server.
#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::users)]
pub struct User {
    /// The row ID; in UUID form also the subject that programs receive.
    pub id: Id<User>,
    /// The user name as its owner writes it.
    pub username: String,
    /// The user name, case-folded for comparison.
    pub username_folded: String,
    /// The email address as its owner writes it, verified or not.
    pub email: Option<String>,
    /// The verified email address, case-folded for comparison; an address that is not verified reserves nothing.
    pub verified_email_folded: Option<String>,
    pub email_verified_at: Option<UnixTime>,
    /// The password hash; absent when the person has no password.
    pub password_digest: Option<String>,
    /// The role, which limits what their tokens may do.
    pub role: Role,
    pub disabled_at: Option<UnixTime>,
    pub deleted_at: Option<UnixTime>,
    pub created_at: UnixTime,
    /// The description that the person wrote about themselves.
    pub about: Option<String>,
    pub homepage: Option<String>,
    /// Whether other people may write to them through this server.
    pub allow_contact: bool,
    /// The email address, case-folded for comparison, verified or not.
    pub email_folded: Option<String>,
}

impl User {
    /// Whether the person may sign in and use tokens.
    pub fn is_active(&self) -> bool {
        self.disabled_at.is_none() && self.deleted_at.is_none()
    }

    /// Returns the email address, if it is verified.
    pub fn proven_email(&self) -> Option<EmailAddress> {
        self.email_verified_at.and(self.email.as_deref()).and_then(|email| email.parse().ok())
    }
}

impl std::fmt::Debug for User {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "User({:?})", self.id)
    }
}

/// A user name: 1–64 letters, digits, `.`, `_`, `-` of one script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Username(String);

/// The reason that a text cannot be a user name; the message is for the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUsername {
    #[error("Choose a user name.")]
    Empty,
    #[error("A user name has at most 64 characters.")]
    TooLong,
    /// It contains other characters.
    #[error("A user name has letters, digits, dots, underscores and hyphens only.")]
    Characters,
    /// It contains no letter or digit, or its dots could be read as a segment of a path.
    #[error("A user name has a letter or a digit, and no dot at its beginning, at its end or beside another.")]
    Dots,
    /// It looks like a name in another alphabet (UTS 39 §4).
    #[error("This user name looks like one in Latin letters. Add a letter that only your alphabet has.")]
    LooksLatin,
    /// It mixes alphabets, so that it could be confused with another name (UTS 39 §5.1).
    #[error("A user name is written in one alphabet.")]
    MixedScripts,
}

impl Username {
    /// Returns the name as its owner writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Username {
    type Err = InvalidUsername;

    fn from_str(text: &str) -> Result<Self, InvalidUsername> {
        if text.len() > MAX_READ {
            return Err(InvalidUsername::TooLong);
        }
        let name: String = text.trim().nfkc().collect();
        if name.is_empty() {
            return Err(InvalidUsername::Empty);
        }
        if name.chars().count() > 64 {
            return Err(InvalidUsername::TooLong);
        }
        let is_right = |character: char| {
            character.is_alphabetic() || character.is_ascii_digit() || matches!(character, '.' | '_' | '-')
        };
        if !name.chars().all(is_right) || name.chars().any(is_unseen) || is_stacked(&name) {
            return Err(InvalidUsername::Characters);
        }
        let has_step = name.starts_with('.') || name.ends_with('.') || name.contains("..");
        if has_step || !name.chars().any(char::is_alphanumeric) {
            return Err(InvalidUsername::Dots);
        }
        if !name.as_str().is_single_script() {
            return Err(InvalidUsername::MixedScripts);
        }
        if looks_latin(&name) {
            return Err(InvalidUsername::LooksLatin);
        }
        Ok(Self(name))
    }
}

/// An email address in a valid form; only an emailed link or code verifies it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailAddress(String);

/// The text is not an email address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Write an e-mail address, such as ann@example.com.")]
pub struct InvalidEmailAddress;

impl EmailAddress {
    /// Returns the address as its owner writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EmailAddress {
    type Err = InvalidEmailAddress;

    fn from_str(text: &str) -> Result<Self, InvalidEmailAddress> {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@').ok_or(InvalidEmailAddress)?;
        let is_plain = |part: &str| {
            !part.is_empty()
                && !part.chars().any(|c| c.is_whitespace() || c.is_control() || "<>()[],;:\"\\@".contains(c))
        };
        let is_domain = !domain.starts_with('.') && !domain.ends_with('.') && !domain.contains("..");
        // RFC 5321 §4.5.3.1: 64 octets before the @. Addresses of at most 128 octets are stored.
        if text.len() <= 128 && local.len() <= 64 && is_plain(local) && is_plain(domain) && is_domain {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidEmailAddress)
        }
    }
}

/// Returns the form in which names and addresses are compared and counted: trimmed, NFKC, without case. Of a text that
/// is too long for any name, only the beginning is read, which is not a valid name either: NFKC may replace one
/// character by eighteen.
pub fn fold(name: &str) -> String {
    let name = name.trim();
    let composed: String = name[..name.floor_char_boundary(MAX_READ)].nfkc().collect();
    // Converting to upper case and back also folds letters with several lower-case forms (final sigma, sharp s).
    composed.to_uppercase().to_lowercase().nfkc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_case_width_and_composition() {
        assert_eq!(fold("  ALICE "), fold("alice"));
        assert_eq!(fold("Ａｌｉｃｅ"), "alice");
        assert_eq!(fold("Ren\u{65}\u{301}"), fold("rené"));
        assert_eq!(fold("ΣΊΣΥΦΟΣ"), fold("σίσυφος"));
    }

    #[test]
    fn what_is_too_long_for_a_name_is_not_read_to_its_end() {
        let begin = format!("é{}", "\u{fdfa}".repeat(400));
        assert_eq!(fold(&begin), fold(&"\u{fdfa}".repeat(20_000).replacen('\u{fdfa}', "é\u{fdfa}", 1)));
        assert!(fold(&begin).chars().count() > 64, "it is no name");
        let longest = "\u{10280}".repeat(64);
        assert_eq!(fold(&longest), longest);
    }

    #[test]
    fn a_name_is_of_one_script_and_holds_no_address() {
        for name in ["alice", "Ann-Marie.7", "_ann_", "дмитрий", "名前", "é", "Yıldız", "Kjær", "7"] {
            assert!(Username::from_str(name).is_ok(), "{name}");
        }
        let cases = [
            ("", InvalidUsername::Empty),
            ("   ", InvalidUsername::Empty),
            ("a@b", InvalidUsername::Characters),
            ("a b", InvalidUsername::Characters),
            ("a\u{202e}b", InvalidUsername::Characters),
            ("\u{430}lice", InvalidUsername::MixedScripts),
            ("аррӏе", InvalidUsername::LooksLatin),
            (".", InvalidUsername::Dots),
            ("..", InvalidUsername::Dots),
            ("a..b", InvalidUsername::Dots),
            (".ann", InvalidUsername::Dots),
            ("ann.", InvalidUsername::Dots),
            ("-_-", InvalidUsername::Dots),
            ("\u{3164}", InvalidUsername::Characters),
            ("a\u{115f}", InvalidUsername::Characters),
            ("ann\u{ffa0}", InvalidUsername::Characters),
        ];
        for (name, error) in cases {
            assert_eq!(Username::from_str(name), Err(error), "{name}");
        }
        assert_eq!(Username::from_str(&"a".repeat(65)), Err(InvalidUsername::TooLong));
        assert!(Username::from_str(&"é".repeat(64)).is_ok(), "characters are counted, not bytes");
    }

    #[test]
    fn addresses_have_one_at_sign_and_no_tricks() {
        for text in ["ann@example.com", "a+b@x.org", "ä@münchen.example"] {
            assert!(EmailAddress::from_str(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "ann",
            "@x",
            "a@",
            "a b@x",
            "a@x\r\nBcc: y@z",
            "a@.x",
            "<a@x>",
            "a@b@c\"",
            &format!("{}@x", "a".repeat(130)),
        ] {
            assert!(EmailAddress::from_str(text).is_err(), "{text}");
        }
    }
}
