//! The letters: one struct per letter, with its words. Each says who caused it, and what to do if that
//! was somebody else; that part is the same in all of them.

use super::Link;
use crate::clock::{UnixTime, in_words};
use crate::domain::mailed_link::COMPROMISE_REPORT_LIFE;
use crate::domain::secret::Secret;

/// Who caused a letter: what its reader may recognize.
#[derive(Clone, Debug)]
pub struct EmailRequester {
    /// When.
    pub at: UnixTime,
    /// The network address.
    pub address: String,
    /// The browser or program, in words of ours: it never speaks for itself in a letter.
    pub program: String,
}

impl EmailRequester {
    /// Somebody whose network address and program are not the reader's business.
    pub fn unnamed(at: UnixTime) -> Self {
        Self { at, address: String::new(), program: String::new() }
    }
}

/// What a letter says.
#[derive(Clone, Debug)]
pub struct EmailBody {
    /// The subject.
    pub subject: String,
    /// What it is about.
    pub paragraphs: Vec<String>,
    /// What the reader may do.
    pub link: Option<Link>,
    /// What to do if somebody else caused it.
    pub otherwise: String,
}

/// A letter before it has a reader.
pub trait Email {
    /// Its words; links begin with `issuer`.
    fn body(&self, issuer: &str) -> EmailBody;
}

/// A name as a letter may show it. Mail programs make links of what reads like an address, and people
/// choose their names themselves (ours).
pub(super) fn shown(username: &str) -> String {
    if username.contains('.') { "this account".to_owned() } else { format!("the account \"{username}\"") }
}

/// The link that stands in every letter about an account's safety.
pub(super) fn compromise_report_link(issuer: &str, key: &Secret) -> Link {
    Link {
        label: "This was not me".to_owned(),
        href: format!("{issuer}/not-me?key={}", key.expose()),
        note: format!(
            "The link works for {}. It opens a page with one button, which ends everything that is open in your account \
             and takes you to a new password.",
            in_words(COMPROMISE_REPORT_LIFE)
        ),
    }
}

/// What stands in a letter beside a link that proves an address.
fn code_in_words(code: Option<&Secret>) -> Option<String> {
    let digits = code?.expose();
    let (first, last) = digits.split_at(digits.len() / 2);
    Some(format!(
        "Or type this code on the page where you asked: {first} {last}. It works in that browser only. Give it to nobody."
    ))
}

/// What a new password ends that an emailed link sets.
const NEW_PASSWORD_ENDS: &str = "A new password ends everything that opens the account now: log-ins, apps, tokens, \
                                 passkeys, the second step, and the secrets of your own apps.";

/// "Set a new password."
#[derive(Clone, Debug)]
pub struct ResetPassword {
    /// Whose.
    pub username: String,
    /// What opens the page.
    pub key: Secret,
    /// Seconds that the link works.
    pub lifetime: i64,
}

impl Email for ResetPassword {
    fn body(&self, issuer: &str) -> EmailBody {
        EmailBody {
            subject: "Set a new password".to_owned(),
            paragraphs: vec![
                format!("Somebody, probably you, asked to set a new password for {}.", shown(&self.username)),
                NEW_PASSWORD_ENDS.to_owned(),
            ],
            link: Some(Link {
                label: "Set a new password".to_owned(),
                href: format!("{issuer}/reset/finish?key={}", self.key.expose()),
                note: format!("The link works once, for {}.", in_words(self.lifetime)),
            }),
            otherwise: "If it was not you, do nothing: your password stays as it is. Nobody can use the link \
                        without this letter."
                .to_owned(),
        }
    }
}

/// "Set a new password", after somebody pressed "this was not me".
#[derive(Clone, Debug)]
pub struct RecoverAccount {
    /// Whose.
    pub username: String,
    /// What opens the page.
    pub key: Secret,
    /// Seconds that the link works.
    pub lifetime: i64,
}

impl Email for RecoverAccount {
    fn body(&self, issuer: &str) -> EmailBody {
        EmailBody {
            subject: "Set a new password to get back in".to_owned(),
            paragraphs: vec![
                format!(
                    "Somebody, probably you, reported that {} was used by a stranger. Everything in it was ended: log-ins, \
                     tokens, apps, passkeys, the second step, and the secrets of your own apps. The old password no \
                     longer works.",
                    shown(&self.username)
                ),
                format!("Missed the link? Ask for a new one at {issuer}/reset."),
            ],
            link: Some(Link {
                label: "Set a new password".to_owned(),
                href: format!("{issuer}/reset/finish?key={}", self.key.expose()),
                note: format!("The link works once, for {}.", in_words(self.lifetime)),
            }),
            otherwise: "If it was not you, nobody got anything by it: set a new password and go on.".to_owned(),
        }
    }
}

/// "Is this your address?", after somebody signed up with it.
#[derive(Clone, Debug)]
pub struct ValidateEmail {
    /// Whose account.
    pub username: String,
    /// What opens the page.
    pub key: Secret,
    /// The digits for the browser that asked; a program that asked has none.
    pub code: Option<Secret>,
    /// Seconds that the link works.
    pub lifetime: i64,
}

impl Email for ValidateEmail {
    fn body(&self, issuer: &str) -> EmailBody {
        EmailBody {
            subject: "Confirm your e-mail address".to_owned(),
            paragraphs: [format!("Somebody, probably you, made {} with this e-mail address.", shown(&self.username))]
                .into_iter()
                .chain(code_in_words(self.code.as_ref()))
                .collect(),
            link: Some(Link {
                label: "Confirm the address".to_owned(),
                href: format!("{issuer}/verify?key={}", self.key.expose()),
                note: format!("The link works once, for {}, and asks for your password.", in_words(self.lifetime)),
            }),
            otherwise: "If it was not you, do nothing: the account cannot use your address. If you want the account, \
                        set a new password on the page. That ends everything that was set up in it before."
                .to_owned(),
        }
    }
}

/// "Is this your new address?"
#[derive(Clone, Debug)]
pub struct ChangeEmail {
    /// Whose account.
    pub username: String,
    /// What opens the page.
    pub key: Secret,
    /// The digits for the browser that asked; a program that asked has none.
    pub code: Option<Secret>,
    /// Seconds that the link works.
    pub lifetime: i64,
}

impl Email for ChangeEmail {
    fn body(&self, issuer: &str) -> EmailBody {
        EmailBody {
            subject: "Confirm your new e-mail address".to_owned(),
            paragraphs: [format!(
                "Somebody, probably you, wants this to be the e-mail address of {}.",
                shown(&self.username)
            )]
            .into_iter()
            .chain(code_in_words(self.code.as_ref()))
            .collect(),
            link: Some(Link {
                label: "Confirm the address".to_owned(),
                href: format!("{issuer}/verify?key={}", self.key.expose()),
                note: format!("The link works once, for {}, and asks for your password.", in_words(self.lifetime)),
            }),
            otherwise: "If it was not you, do nothing: the account keeps the address that it has.".to_owned(),
        }
    }
}

/// To whoever has an address that somebody else wanted.
#[derive(Clone, Debug)]
pub struct AddressTaken;

impl Email for AddressTaken {
    fn body(&self, issuer: &str) -> EmailBody {
        EmailBody {
            subject: "You already have an account".to_owned(),
            paragraphs: vec![
                "Somebody, perhaps you, wanted to use this e-mail address for an account, or to invite you to make one. \
                 It belongs to your account already, so nothing was changed."
                    .to_owned(),
                format!("Log in at {issuer}/login. If you forgot your password, set a new one at {issuer}/reset."),
            ],
            link: None,
            otherwise: "If it was not you, you need not do anything.".to_owned(),
        }
    }
}

/// "Make an account."
#[derive(Clone, Debug)]
pub struct Invitation {
    /// Who invites; nobody when an operator does.
    pub inviter: Option<String>,
    /// What opens the page.
    pub key: Secret,
    /// The person that it makes, for programs that finish the invitation themselves.
    pub user_id: String,
    /// Seconds that the link works.
    pub lifetime: i64,
}

/// The address of an invitation.
pub fn invitation_url(issuer: &str, key: &Secret, user_id: &str) -> Secret {
    Secret::new(format!("{issuer}/invitation?key={}&userId={user_id}", key.expose()))
}

impl Email for Invitation {
    fn body(&self, issuer: &str) -> EmailBody {
        let who = match self.inviter.as_deref().filter(|name| !name.contains('.')) {
            Some(name) => format!("The person with the user name \"{name}\""),
            None => "Somebody who is here already".to_owned(),
        };
        EmailBody {
            subject: "You are invited".to_owned(),
            paragraphs: vec![format!("{who} invites you to make an account.")],
            link: Some(Link {
                label: "Make an account".to_owned(),
                href: invitation_url(issuer, &self.key, &self.user_id).expose().to_owned(),
                note: format!("The link works once, for {}.", in_words(self.lifetime)),
            }),
            otherwise: "If you do not know who that is, do nothing: without the link there is no account.".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_reads_like_an_address_is_not_written_into_a_letter() {
        let message = |username: &str| {
            let key = Secret::new("k");
            let words = ValidateEmail { username: username.to_owned(), key, code: None, lifetime: 86_400 }
                .body("https://id.example");
            words.paragraphs.join(" ")
        };
        assert!(message("alice").contains("\"alice\""));
        assert!(!message("www.evil.example").contains("evil"));
        let inviter = Some("www.evil.example".to_owned());
        let words =
            Invitation { inviter, key: Secret::new("k"), user_id: "u".to_owned(), lifetime: 1 }.body("https://x");
        assert!(!words.paragraphs.join(" ").contains("evil"));
    }
}
