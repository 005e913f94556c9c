//! The emails about second factors. They are always sent when email is on: a thief must not be able to change how a
//! person signs in without a notification.

use super::email::{Email, EmailBody, shown};
use super::warnings::news;
use crate::clock::in_words;
use crate::domain::secret::Secret;

/// A change of how a person signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactorChange {
    /// An authenticator app was set up, or replaced another one.
    AppAdded,
    /// The authenticator app was removed.
    AppRemoved,
    /// Ten new recovery codes were created.
    NewRecoveryCodes,
    /// A recovery code was used; the number is how many are left.
    RecoveryCodeUsed(usize),
}

/// The email "The way you sign in has changed."
#[derive(Clone, Debug)]
pub struct FactorChanged {
    pub username: String,
    pub change: FactorChange,
}

impl Email for FactorChanged {
    fn body(&self, issuer: &str) -> EmailBody {
        let account = shown(&self.username);
        let (subject, what) = match self.change {
            FactorChange::AppAdded => (
                "An authenticator app was set up",
                format!("From now on, logging in to {account} asks for a code of this app after the password."),
            ),
            FactorChange::AppRemoved => (
                "Your authenticator app was removed",
                format!("Logging in to {account} no longer asks for a code of that app."),
            ),
            FactorChange::NewRecoveryCodes => (
                "You have new recovery codes",
                format!("Ten recovery codes were made for {account}. Those from before no longer work."),
            ),
            FactorChange::RecoveryCodeUsed(left) => (
                "A recovery code was used",
                format!(
                    "Somebody, probably you, logged in to {account} with a recovery code. You have {left} more. Make new \
                     ones at {issuer}/account/security before they run out."
                ),
            ),
        };
        news(subject, vec![what])
    }
}

/// The email "Somebody has your password", sent after too many wrong codes.
#[derive(Clone, Debug)]
pub struct CodesGuessed {
    pub username: String,
}

impl Email for CodesGuessed {
    fn body(&self, issuer: &str) -> EmailBody {
        let what = format!(
            "Somebody typed the right password of {} and then too many wrong codes. They did not get in. Codes are \
             refused for 15 minutes.",
            shown(&self.username)
        );
        let next = format!("Unless it was you, somebody knows your password: set a new one at {issuer}/reset.");
        news("Somebody may know your password", vec![what, next])
    }
}

/// The email with the code for a sign-in, for people without another second factor.
#[derive(Clone, Debug)]
pub struct SignInCode {
    pub code: Secret,
    /// Seconds that the code is valid.
    pub lifetime: i64,
}

impl Email for SignInCode {
    fn body(&self, issuer: &str) -> EmailBody {
        let digits = self.code.expose();
        let (first, second) = digits.split_at_checked(3).unwrap_or((digits, ""));
        EmailBody {
            // The subject does not contain the digits: phones show subjects on the lock screen.
            subject: "Your code to log in".to_owned(),
            paragraphs: vec![
                format!("Type this code into the page that asks for it: {first} {second}"),
                format!(
                    "It works once, for {}. Nobody who writes or calls you needs it: type it at {issuer} only.",
                    in_words(self.lifetime)
                ),
            ],
            link: None,
            otherwise: format!(
                "If it was not you, somebody knows your password: set a new one at {issuer}/reset. Without the code they \
                 did not get in."
            ),
        }
    }
}
