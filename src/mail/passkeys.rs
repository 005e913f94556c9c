//! The letters about passkeys: a new way in, one less, and one that somebody may have copied.

use super::letters::{Letter, Words, shown};
use crate::domain::security_log::SecurityEvent;

/// "A passkey was added", "removed", "stopped".
#[derive(Clone, Debug)]
pub struct PasskeyLetter {
    /// Whose.
    pub username: String,
    /// What the passkey is called.
    pub name: String,
    /// What happened.
    pub event: SecurityEvent,
}

impl PasskeyLetter {
    /// The passkey as a letter may show it: people choose these names themselves, and mail programs make
    /// links of what reads like an address (ours).
    fn passkey(&self) -> String {
        let is_plain = !self.name.contains(['.', ':', '/', '@']);
        if is_plain { format!("The passkey \"{}\"", self.name) } else { "A passkey".to_owned() }
    }
}

impl Letter for PasskeyLetter {
    fn words(&self, issuer: &str) -> Words {
        let (whose, passkey) = (shown(&self.username), self.passkey());
        let own = format!("{issuer}/account/security/passkeys");
        let reset = format!("set a new password at {issuer}/reset");
        let (subject, paragraphs, otherwise) = match self.event {
            SecurityEvent::PasskeyRemoved => (
                "A passkey was removed",
                vec![format!("{passkey} was removed from {whose}. Nobody can log in with it any more.")],
                format!("If it was not you, somebody else is logged in to your account: {reset} now."),
            ),
            SecurityEvent::PasskeySuspected => (
                "A passkey was stopped",
                vec![
                    format!(
                        "{passkey} of {whose} was used, and its counter had gone back. That happens when somebody \
                         copied it. Nobody was let in, and nobody can log in with it any more."
                    ),
                    format!("Log in another way, then remove it at {own} and add a new one."),
                ],
                "If it was not you, keep this letter: the address above is where the copy was used.".to_owned(),
            ),
            _ => (
                "A passkey was added",
                vec![format!("{passkey} was added to {whose}. Whoever holds it can log in without a password.")],
                format!("If it was not you, {reset} now, and remove the passkey at {own}."),
            ),
        };
        Words { subject: subject.to_owned(), paragraphs, link: None, otherwise }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_reads_like_an_address_is_not_written_into_a_letter() {
        let letter = |name: &str| {
            let event = SecurityEvent::PasskeyAdded;
            let letter = PasskeyLetter { username: "alice".to_owned(), name: name.to_owned(), event };
            letter.words("https://id.example").paragraphs.join(" ")
        };
        assert!(letter("Chrome on Linux").contains("\"Chrome on Linux\""));
        for name in ["www.evil.example", "http://evil", "evil@example", "evil:1"] {
            assert!(!letter(name).contains("evil"), "{name}");
        }
    }
}
