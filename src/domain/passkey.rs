//! Passkeys: key pairs whose private half never leaves the person's device or password manager, and that identify their
//! account by themselves (WebAuthn §4, discoverable credential).

use diesel::prelude::*;

use super::id::Id;
use super::space_separated::SpaceSeparated;
use super::user::User;
use crate::clock::UnixTime;

/// The maximum number of passkeys of one person (Gatepost's own limit).
pub const MOST: usize = 20;
/// The maximum length of the name of a passkey, in characters (Gatepost's own limit).
pub const MAX_NAME: usize = 60;

/// The `amr` of a sign-in with a passkey (RFC 8176 §2): proof of possession of a key, user presence, and verification
/// of the person by the device. Without attestation it is not known where the key is stored, so neither `hwk` nor `swk`
/// is included.
pub const BY_PASSKEY: [&str; 3] = ["pop", "user", "mfa"];

/// The transports of an authenticator that a browser may report (WebAuthn §5.8.4).
const TRANSPORTS: [&str; 6] = ["ble", "hybrid", "internal", "nfc", "smart-card", "usb"];

/// The public half of a passkey, as it is stored. It contains no secret.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::passkeys)]
pub struct Passkey {
    pub id: Id<Passkey>,
    pub user_id: Id<User>,
    /// The credential ID, which the authenticator chose, in base64url.
    pub credential_id: String,
    /// The public key in COSE form, in base64url.
    pub public_key: String,
    /// The last signature counter of the authenticator; 0 when it does not count.
    pub counter: i64,
    /// Whether the key can be copied to other devices. It never changes.
    pub is_backup_eligible: bool,
    pub transports: SpaceSeparated,
    /// The name that the person gave it.
    pub name: String,
    pub created_at: UnixTime,
    /// When it last signed a person in.
    pub last_used_at: Option<UnixTime>,
    /// When its counter went back. It is not accepted since then.
    pub suspected_at: Option<UnixTime>,
}

impl Passkey {
    /// Whether the counter of a new signature shows that a copy of the key signed in between (WebAuthn §7.2 step 22).
    /// Authenticators that do not count always send 0.
    pub fn was_copied(&self, counter: u32) -> bool {
        (self.counter != 0 || counter != 0) && i64::from(counter) <= self.counter
    }
}

/// Returns the user handle that authenticators store: it contains no name of the person (WebAuthn §14.6.1).
pub fn user_handle(user: Id<User>) -> [u8; 8] {
    user.number().to_be_bytes()
}

/// Returns the known transports of those that a browser reports, each once, in alphabetical order.
pub fn transports(named: &str) -> SpaceSeparated {
    let is_named = |known: &&&str| named.split(',').any(|name| name == **known);
    TRANSPORTS.iter().filter(is_named).collect()
}

/// Returns the trimmed name, if a passkey may have it.
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
