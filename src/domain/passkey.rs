//! A passkey: a key pair whose private half never leaves its person's device or password manager, and
//! that says by itself whose it is (WebAuthn §4, discoverable credential).

use diesel::prelude::*;

use super::id::Id;
use super::space_separated::SpaceSeparated;
use super::user::User;
use crate::clock::UnixTime;

/// The most passkeys of one person (ours).
pub const MOST: usize = 20;
/// The longest name of a passkey, in characters (ours).
pub const MAX_NAME: usize = 60;

/// How the person behind a passkey proved who they are (RFC 8176 §2): by a key, with their device there and
/// themselves verified by it. Where the key is kept nobody vouches for, so neither `hwk` nor `swk` is said.
pub const BY_PASSKEY: [&str; 3] = ["pop", "user", "mfa"];

/// The ways to an authenticator that a browser may name (WebAuthn §5.8.4).
const TRANSPORTS: [&str; 6] = ["ble", "hybrid", "internal", "nfc", "smart-card", "usb"];

/// One passkey's public half. Nothing in it is secret.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::passkeys)]
pub struct Passkey {
    /// The row.
    pub id: Id<Passkey>,
    /// Whose it is.
    pub user_id: Id<User>,
    /// The name that the authenticator gave it, in base64url.
    pub credential_id: String,
    /// What verifies its signatures, as COSE writes it, in base64url.
    pub public_key: String,
    /// How often it signed, by its own count; 0 when it does not count.
    pub counter: i64,
    /// Whether other devices may hold it too. It never changes.
    pub is_backup_eligible: bool,
    /// The ways to it.
    pub transports: SpaceSeparated,
    /// What its person calls it.
    pub name: String,
    /// When it was added.
    pub created_at: UnixTime,
    /// When it last let somebody in.
    pub last_used_at: Option<UnixTime>,
    /// When its counter went back. It lets nobody in since then.
    pub suspected_at: Option<UnixTime>,
}

impl Passkey {
    /// Whether a count that comes with a new signature says that somebody else signed meanwhile
    /// (WebAuthn §7.2 step 22). Authenticators that do not count say 0 always.
    pub fn was_copied(&self, counter: u32) -> bool {
        (self.counter != 0 || counter != 0) && i64::from(counter) <= self.counter
    }
}

/// The account as authenticators keep it: no name of the person (WebAuthn §14.6.1).
pub fn user_handle(user: Id<User>) -> [u8; 8] {
    user.number().to_be_bytes()
}

/// The ways that are known, of those that a browser names; each once, in the order of the alphabet.
pub fn transports(named: &str) -> SpaceSeparated {
    let is_named = |known: &&&str| named.split(',').any(|name| name == **known);
    TRANSPORTS.iter().filter(is_named).collect()
}

/// A name that a person may give a passkey, without the space around it.
pub fn name(text: &str) -> Option<String> {
    let name = text.trim();
    let is_fine = !name.is_empty() && name.chars().count() <= MAX_NAME && !name.chars().any(char::is_control);
    is_fine.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passkey_with_counter(counter: i64) -> Passkey {
        Passkey {
            id: Id::from_number(1),
            user_id: Id::from_number(2),
            credential_id: String::new(),
            public_key: String::new(),
            counter,
            is_backup_eligible: false,
            transports: SpaceSeparated::default(),
            name: String::new(),
            created_at: UnixTime::from_seconds(0),
            last_used_at: None,
            suspected_at: None,
        }
    }

    #[test]
    fn a_counter_must_go_on_unless_it_never_counted() {
        assert!(
            !passkey_with_counter(0).was_copied(0)
                && !passkey_with_counter(0).was_copied(1)
                && !passkey_with_counter(7).was_copied(8)
        );
        assert!(
            passkey_with_counter(7).was_copied(7)
                && passkey_with_counter(7).was_copied(6)
                && passkey_with_counter(7).was_copied(0)
        );
        assert!(!passkey_with_counter(i64::from(u32::MAX) - 1).was_copied(u32::MAX));
    }

    #[test]
    fn names_and_ways_are_taken_as_they_should_be() {
        assert_eq!(name("  Schlüssel am Bund "), Some("Schlüssel am Bund".to_owned()));
        for text in ["", "   ", "a\nb", "\u{7}", &"x".repeat(MAX_NAME + 1)] {
            assert_eq!(name(text), None, "{text:?}");
        }
        assert_eq!(transports("usb,teleport,internal,usb").as_str(), "internal usb");
        assert!(transports("").is_empty());
    }
}
