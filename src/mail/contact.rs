//! The email that forwards a message of another person.

use super::email::{Email, EmailBody};
use crate::domain::contact_message::MessageText;

/// The email "ann sent you a message."
#[derive(Clone, Debug)]
pub struct MessageFromPerson {
    /// The user name of the sender.
    pub sender: String,
    pub text: MessageText,
}

impl Email for MessageFromPerson {
    fn body(&self, issuer: &str) -> EmailBody {
        let begin = format!("The person with the username \"{}\" sent you this message:", self.sender);
        // Each line is marked as a quotation, so that none of them looks like text of this server.
        let quoted = self.text.lines().map(|line| format!("> {line}"));
        let end = "They can't see your email address. This server didn't check what they wrote: don't open links or \
                   send passwords unless you trust them."
            .to_owned();
        EmailBody {
            subject: "You have a message".to_owned(),
            paragraphs: [begin].into_iter().chain(quoted).chain([end]).collect(),
            link: None,
            otherwise: format!(
                "You can't answer this email. To get no more messages, uncheck \"Others may write to me\" at \
                 {issuer}/account/profile."
            ),
        }
    }
}
