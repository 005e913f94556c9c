//! The emails: one struct per email, with its text. Each email says who caused it, and what to do if that was another
//! person; that part is the same in all of them.

use super::Link;
use crate::clock::{UnixTime, in_words};
use crate::domain::mailed_link::COMPROMISE_REPORT_LIFE;
use crate::domain::secret::Secret;

/// The requester that caused an email, described so that the reader may recognize it.
#[derive(Clone, Debug)]
pub struct EmailRequester {
    pub at: UnixTime,
    pub address: String,
    /// The name of the browser or program. It is one of Gatepost's own names: text that the program sent is never put
    /// into an email.
    pub program: String,
}

impl EmailRequester {
    /// Returns a requester without network address and program, for emails whose reader must not learn them.
    pub fn unnamed(at: UnixTime) -> Self {
        Self { at, address: String::new(), program: String::new() }
    }
}

/// The content of an email.
#[derive(Clone, Debug)]
pub struct EmailBody {
    pub subject: String,
    pub paragraphs: Vec<String>,
    /// The link to the action that the reader may take.
    pub link: Option<Link>,
    /// What to do if another person caused the email.
    pub otherwise: String,
}

/// An email before its recipient is known.
pub trait Email {
    /// Returns the content; links begin with `issuer`.
    fn body(&self, issuer: &str) -> EmailBody;
}

/// Returns a user name as an email may show it. Mail programs turn text that looks like an address into a link, and
/// people choose their user names themselves (Gatepost's own rule).
pub(super) fn shown(username: &str) -> String {
    if username.contains('.') { "this account".to_owned() } else { format!("the account \"{username}\"") }
}

/// Returns the link "This was not me" of every email about the safety of an account.
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

/// Returns the sentence about the code that an email contains beside a link that proves an address.
fn code_in_words(code: Option<&Secret>) -> Option<String> {
    let digits = code?.expose();
    let (first, last) = digits.split_at(digits.len() / 2);
    Some(format!(
        "Or type this code on the page where you asked: {first} {last}. It works in that browser only. Give it to nobody."
    ))
}

/// The sentence about what ends when an emailed link sets a new password.
const NEW_PASSWORD_ENDS: &str = "A new password ends everything that opens the account now: log-ins, apps, tokens, \
                                 passkeys, the second step, and the secrets of your own apps.";

/// The email "Set a new password."
#[derive(Clone, Debug)]
pub struct ResetPassword {
    pub username: String,
    /// The secret of the link.
    pub key: Secret,
    /// Seconds that the link is valid.
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

/// The email "Set a new password", sent after the link "This was not me" was used.
#[derive(Clone, Debug)]
pub struct RecoverAccount {
    pub username: String,
    /// The secret of the link.
    pub key: Secret,
    /// Seconds that the link is valid.
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

/// The email "Is this your address?", sent after a person signed up with it.
#[derive(Clone, Debug)]
pub struct ValidateEmail {
    pub username: String,
    /// The secret of the link.
    pub key: Secret,
    /// The digits for the browser that requested the email; absent for other programs.
    pub code: Option<Secret>,
    /// Seconds that the link is valid.
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

/// The email "Is this your new address?"
#[derive(Clone, Debug)]
pub struct ChangeEmail {
    pub username: String,
    /// The secret of the link.
    pub key: Secret,
    /// The digits for the browser that requested the email; absent for other programs.
    pub code: Option<Secret>,
    /// Seconds that the link is valid.
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

/// The email to the owner of an address that another person tried to use.
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

/// The email "Make an account."
#[derive(Clone, Debug)]
pub struct Invitation {
    /// The user name of the person who invites; absent when an operator invites.
    pub inviter: Option<String>,
    /// The secret of the link.
    pub key: Secret,
    /// The ID of the account that the invitation creates, for programs that finish the invitation themselves.
    pub user_id: String,
    /// Seconds that the link is valid.
    pub lifetime: i64,
}

/// Returns the URL of an invitation.
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
