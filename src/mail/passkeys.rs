//! The emails about passkeys: a passkey was added, removed, or stopped because it may have been copied.

use super::email::{Email, EmailBody, shown};
use super::warnings::{named, news};

/// A change of a passkey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasskeyChange {
    Added,
    Removed,
    /// The passkey is no longer accepted: its signature counter went back.
    Stopped,
}

/// The email "A passkey was added", "removed" or "stopped".
#[derive(Clone, Debug)]
pub struct PasskeyEmail {
    pub username: String,
    /// The name that the person gave the passkey.
    pub name: String,
    pub change: PasskeyChange,
}

impl Email for PasskeyEmail {
    fn body(&self, issuer: &str) -> EmailBody {
        let (whose, passkey) = (shown(&self.username), named("The passkey", &self.name));
        let own = format!("{issuer}/account/security/passkeys");
        let listed = format!("Your passkeys are listed at {own}.");
        match self.change {
            PasskeyChange::Added => {
                let what = format!("{passkey} was added to {whose}. Whoever holds it can log in without a password.");
                news("A passkey was added", vec![what, listed])
            }
            PasskeyChange::Removed => {
                let what = format!("{passkey} was removed from {whose}. Nobody can log in with it any more.");
                news("A passkey was removed", vec![what, listed])
            }
            PasskeyChange::Stopped => {
                let what = format!(
                    "{passkey} of {whose} was used, and its counter had gone back. That happens when somebody copied \
                     it. Nobody was let in, and nobody can log in with it any more."
                );
                let next = format!("Log in another way, then remove it at {own} and add a new one.");
                // A reader who used the passkey has to act too: the passkey no longer works.
                let otherwise = "If it was not you, keep this letter: the address above is where it was used.";
                EmailBody { otherwise: otherwise.to_owned(), ..news("A passkey was stopped", vec![what, next]) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::warnings::NOTHING_TO_DO;

    fn words(name: &str, change: PasskeyChange) -> EmailBody {
        PasskeyEmail { username: "alice".to_owned(), name: name.to_owned(), change }.body("https://id.example")
    }

    #[test]
    fn a_name_that_reads_like_an_address_is_not_written_into_a_letter() {
        let message = |name: &str| words(name, PasskeyChange::Added).paragraphs.join(" ");
        assert!(message("Chrome on Linux").contains("\"Chrome on Linux\""));
        for name in ["www.evil.example", "http://evil", "evil@example", "evil:1", "evil\\x"] {
            assert!(!message(name).contains("evil"), "{name}");
        }
        assert!(message("").starts_with("The passkey was added"), "{}", message(""));
    }

    #[test]
    fn each_change_has_its_own_letter_and_none_speaks_against_the_link_below_it() {
        for (change, subject) in [
            (PasskeyChange::Added, "A passkey was added"),
            (PasskeyChange::Removed, "A passkey was removed"),
            (PasskeyChange::Stopped, "A passkey was stopped"),
        ] {
            let words = words("key ring", change);
            assert_eq!(words.subject, subject);
            let whole = format!("{} {}", words.paragraphs.join(" "), words.otherwise);
            assert!(
                whole.contains("\"key ring\"") && whole.contains("\"alice\"") && !whole.contains("/reset"),
                "{whole}"
            );
            assert_eq!(words.otherwise == NOTHING_TO_DO, change != PasskeyChange::Stopped, "{whole}");
        }
    }
}
