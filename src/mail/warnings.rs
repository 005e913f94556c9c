//! Emails about the safety of an account, a struct each. [`super::Mail::warn`] writes them and adds the link "This was
//! not me" to each. Here is what happened, and what to do if the reader did it.

use super::Link;
use super::email::{Email, EmailBody, shown};
use crate::clock::UnixTime;
use crate::domain::secret::Secret;

/// The sentence for a reader who caused the event.
pub(super) const NOTHING_TO_DO: &str = "If it was you, you need not do anything.";

/// How many changes of an application one email lists.
const MOST_CHANGES: usize = 20;

/// Returns the content of an email of this kind.
pub(super) fn news(subject: &str, paragraphs: Vec<String>) -> EmailBody {
    let (subject, otherwise) = (subject.to_owned(), NOTHING_TO_DO.to_owned());
    EmailBody { subject, paragraphs, link: None, otherwise }
}

/// Returns a name that a person chose, as an email may show it: see [`shown`].
pub(super) fn named(what: &str, name: &str) -> String {
    let is_plain = !name.is_empty() && !name.chars().any(|character| "./:@\\".contains(character));
    if is_plain { format!("{what} \"{name}\"") } else { what.to_owned() }
}

/// The email "A new device signed in."
#[derive(Clone, Debug)]
pub struct NewDevice {
    pub username: String,
}

impl Email for NewDevice {
    fn body(&self, _issuer: &str) -> EmailBody {
        let what = format!(
            "Somebody, probably you, logged in to {} with a browser, or from a network, that we did not see here in the \
             last 90 days.",
            shown(&self.username)
        );
        news("A new device logged in", vec![what])
    }
}

/// The email "Your password was changed."
#[derive(Clone, Debug)]
pub struct PasswordChanged {
    pub username: String,
}

impl Email for PasswordChanged {
    fn body(&self, _issuer: &str) -> EmailBody {
        let account = shown(&self.username);
        let what =
            format!("The password was changed of {account}. Other browsers are logged out, and apps must ask again.");
        news("Your password was changed", vec![what])
    }
}

/// The email "A new password was set without the old one": by an emailed link or by the operator.
#[derive(Clone, Debug)]
pub struct PasswordReset {
    pub username: String,
    /// Whether personal and studio tokens still work.
    pub keeps_own_tokens: bool,
}

impl Email for PasswordReset {
    fn body(&self, issuer: &str) -> EmailBody {
        let set = format!("A new password was set for {}.", shown(&self.username));
        let ended = "Everything that opened the account before has ended: log-ins, passkeys, the authenticator app, \
                     recovery codes and remembered browsers. Apps must ask again, and the secrets and keys of your own \
                     apps no longer work."
            .to_owned();
        let tokens = match self.keeps_own_tokens {
            true => "Your personal and studio tokens still work, as you chose.",
            false => "Personal and studio tokens have ended too.",
        };
        let next = format!("{tokens} Set up what you want to have again at {issuer}/account/security.");
        news("A new password was set", vec![set, ended, next])
    }
}

/// The email "Your user name was changed."
#[derive(Clone, Debug)]
pub struct UsernameChanged {
    /// The previous name.
    pub former: String,
    /// The new name.
    pub username: String,
}

impl Email for UsernameChanged {
    fn body(&self, _issuer: &str) -> EmailBody {
        let what = format!("{} has another user name now: {}.", capital(&shown(&self.former)), shown(&self.username));
        let log_in = "Log in with the new one from now on. The one before stays yours for 90 days.".to_owned();
        news("Your user name was changed", vec![what, log_in])
    }
}

/// Returns the text with its first letter in upper case, for the beginning of a sentence.
fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The email to the current address: "It is about to change."
#[derive(Clone, Debug)]
pub struct EmailChanging {
    pub username: String,
}

impl Email for EmailChanging {
    fn body(&self, _issuer: &str) -> EmailBody {
        let asked = format!("Somebody, probably you, asked to give {} another e-mail address.", shown(&self.username));
        let stays = "This address stays in use until the new one is confirmed.".to_owned();
        news("Your e-mail address is about to change", vec![asked, stays])
    }
}

/// The email "Your e-mail address was changed", to the old address and to the new one.
#[derive(Clone, Debug)]
pub struct EmailChanged {
    pub username: String,
    /// Whether the recipient is the old address.
    pub is_old: bool,
}

impl Email for EmailChanged {
    fn body(&self, _issuer: &str) -> EmailBody {
        let account = shown(&self.username);
        let what = match self.is_old {
            true => vec![
                format!("This is no longer the e-mail address of {account}. Another one was confirmed."),
                "For seven days the link below also puts this address back.".to_owned(),
            ],
            false => vec![format!("This is now the e-mail address of {account}.")],
        };
        news("Your e-mail address was changed", what)
    }
}

/// The email "A token was made in your name."
#[derive(Clone, Debug)]
pub struct TokenMade {
    pub username: String,
    pub token_name: String,
    /// Whether it is a studio token.
    pub is_studio: bool,
    /// Whether no more of these emails are sent today.
    pub is_last_today: bool,
}

impl Email for TokenMade {
    fn body(&self, issuer: &str) -> EmailBody {
        let token = named(if self.is_studio { "The studio token" } else { "The personal token" }, &self.token_name);
        let what =
            format!("{token} was made for {}. Whoever holds it gets in without a password.", shown(&self.username));
        let listed = match self.is_last_today {
            true => "Many tokens were made today, so no more letters about them come until tomorrow. All are",
            false => "Your tokens are",
        };
        news("A token was made", vec![what, format!("{listed} listed at {issuer}/account/tokens.")])
    }
}

/// The email "An app may use your projects."
#[derive(Clone, Debug)]
pub struct AppAllowed {
    /// The user name of the person who allowed it.
    pub username: String,
    pub app_name: String,
}

impl Email for AppAllowed {
    fn body(&self, issuer: &str) -> EmailBody {
        let app = named("The app", &self.app_name);
        let what = format!("{app} may now use what belongs to {}.", shown(&self.username));
        news("An app was allowed", vec![what, format!("What each app may do is listed at {issuer}/account/apps.")])
    }
}

/// The email "An application of yours got a new secret."
#[derive(Clone, Debug)]
pub struct ClientSecretMade {
    /// The user name of the application's owner.
    pub username: String,
    pub app_name: String,
}

impl Email for ClientSecretMade {
    fn body(&self, issuer: &str) -> EmailBody {
        let app = named("The app", &self.app_name);
        let what = format!("{app}, which belongs to {}, got a new secret.", shown(&self.username));
        news("A client secret was made", vec![what, format!("Your apps are listed at {issuer}/developer.")])
    }
}

/// The email "Your app was changed."
#[derive(Clone, Debug)]
pub struct AppChanged {
    /// The user name of the application's owner.
    pub username: String,
    pub app_name: String,
    /// One text per change: what changed, its old value and its new value.
    pub changes: Vec<String>,
}

impl Email for AppChanged {
    fn body(&self, issuer: &str) -> EmailBody {
        let app = named("The app", &self.app_name);
        let what = format!("{app}, which belongs to {}, was changed:", shown(&self.username));
        let more = self.changes.len().saturating_sub(MOST_CHANGES);
        let changes = self.changes.iter().take(MOST_CHANGES).map(|change| format!("{}.", capital(change)));
        let log = match more {
            0 => format!("All that happened is listed at {issuer}/account/log."),
            more => format!("There are {more} more changes. All are listed at {issuer}/account/log."),
        };
        news("Your app was changed", std::iter::once(what).chain(changes).chain([log]).collect())
    }
}

/// The email to the owner of a secret that was found in public and that still works.
#[derive(Clone, Debug)]
pub struct FoundInTheOpen {
    pub username: String,
    /// Whether it is the secret of an application; otherwise it is a token for links and pages.
    pub is_client_secret: bool,
}

impl Email for FoundInTheOpen {
    fn body(&self, issuer: &str) -> EmailBody {
        let (what, advice) = match self.is_client_secret {
            true => (
                "a client secret of an application",
                format!("Make a new secret at {issuer}/developer, put it into your application, and end the old one."),
            ),
            false => (
                "a token that you made for links or pages",
                format!("If it should not be there, revoke it at {issuer}/account/tokens."),
            ),
        };
        let found =
            format!("Somebody reported that they found {what} of {}. It goes on working.", shown(&self.username));
        EmailBody {
            otherwise: "Whoever reported it needs no account, and learned nothing from us. If you did not make it, \
                        somebody else may be in your account."
                .to_owned(),
            ..news("A secret of yours was found in the open", vec![found, advice])
        }
    }
}

/// The email "Your account will be deleted."
#[derive(Clone, Debug)]
pub struct AccountDeleting {
    pub username: String,
    /// The secret of the link to the page that restores the account.
    pub key: Secret,
    pub erases_at: UnixTime,
}

impl Email for AccountDeleting {
    fn body(&self, issuer: &str) -> EmailBody {
        let erased = self.erases_at.readable();
        let closed = format!("{} was deleted. Nobody can use it any more.", shown(&self.username));
        let link = Link {
            label: "Keep my account".to_owned(),
            href: format!("{issuer}/keep?key={}", self.key.expose()),
            note: "The link works once, until then.".to_owned(),
        };
        let when = format!("At {erased} it is erased, with all that belongs to it. Until then you can keep it.");
        EmailBody { link: Some(link), ..news("Your account will be deleted", vec![closed, when]) }
    }
}

/// The email about a removal of all second factors by the operator.
#[derive(Clone, Debug)]
pub struct FactorsRemoved {
    pub username: String,
}

impl Email for FactorsRemoved {
    fn body(&self, issuer: &str) -> EmailBody {
        let what = format!(
            "The people who run this server removed the authenticator app, the recovery codes and the passkeys of {}. \
             Logging in no longer asks for them.",
            shown(&self.username)
        );
        let next = format!("Set up what you want to have again at {issuer}/account/security.");
        EmailBody {
            otherwise: "If you did not ask them for it, somebody else may have. End everything by the link below."
                .to_owned(),
            ..news("Your second step was removed", vec![what, next])
        }
    }
}

/// The email to a recent former address of an account, sent after the link "This was not me" was used.
#[derive(Clone, Debug)]
pub struct CompromiseReportedElsewhere {
    pub username: String,
}

impl Email for CompromiseReportedElsewhere {
    fn body(&self, _issuer: &str) -> EmailBody {
        let what = format!(
            "Somebody reported that {} was used by a stranger, so everything in it was ended. Its e-mail address was \
             changed a few days ago; this was the one before.",
            shown(&self.username)
        );
        EmailBody {
            otherwise: "If you changed the address yourself, you need not do anything. If you did not, the link below \
                        puts this address back."
                .to_owned(),
            ..news("Everything in your account was ended", vec![what])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_reads_like_an_address_is_not_written_into_a_letter() {
        let words = |token_name: &str| {
            let message = TokenMade {
                username: "alice".to_owned(),
                token_name: token_name.to_owned(),
                is_studio: false,
                is_last_today: false,
            };
            message.body("https://id.example").paragraphs.join(" ")
        };
        assert!(words("backup of maps").contains("\"backup of maps\""));
        for name in ["evil.example", "https://evil", "call me@evil", "evil\\x"] {
            assert!(!words(name).contains("evil"), "{name}");
        }
    }
}
