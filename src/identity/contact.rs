//! Messages between users through this server (`docs/compatibility/ellipsis.md#finding-and-inviting-people`):
//! sent by email to users who accept messages, and neither side sees the other's address.

use super::account::AccountRefusal;
use super::emailed_links::DAY;
use super::session::Origin;
use super::sign_in::SignInContext;
use crate::clock::UnixTime;
use crate::domain::contact_message::{ContactMessage, MessageText};
use crate::domain::id::Id;
use crate::domain::security_log::SecurityEvent;
use crate::domain::user::User;
use crate::mail::contact::MessageFromPerson;
use crate::mail::email::EmailRequester;
use crate::outcome::{Error, transact};
use crate::store::{contact_messages, security_log, users};

/// Messages that one user may send in a day (`docs/compatibility/ellipsis.md#finding-and-inviting-people`).
const MOST_SENT: i64 = 10;
/// Messages that one user may get in a day (ours): many accounts together cannot flood a mailbox.
const MOST_RECEIVED: i64 = 10;

/// The result of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contacted {
    /// It is in the outbox.
    Sent,
    /// There is no such user.
    UnknownUser,
}

/// Sends a message by email. The sender must have proven an email address, so that a person is accountable for
/// it.
///
/// # Errors
/// No message, too many, mail that is off, a sender without a proven address, or a recipient who accepts none.
pub async fn send(
    context: SignInContext<'_>,
    now: UnixTime,
    (sender, origin): (&User, &Origin),
    recipient: Id<User>,
    text: &str,
) -> Result<Contacted, Error<AccountRefusal>> {
    let refused = |refusal: AccountRefusal| Error::Refused(refusal);
    if !context.mail.is_on() {
        return Err(refused(AccountRefusal::MailOff));
    }
    let text = MessageText::parse(text).map_err(|error| refused(AccountRefusal::Invalid(error.to_string())))?;
    if sender.proven_email().is_none() {
        return Err(refused(AccountRefusal::Forbidden("Confirm your e-mail address before you write to others.")));
    }
    let (mail, sender, origin) = (context.mail.clone(), sender.clone(), origin.clone());
    let contacted = transact(context.store, move |tx| {
        // Both limits are checked under both locks, which are always taken in one order.
        for person in [sender.id.min(recipient), sender.id.max(recipient)] {
            users::lock(tx, person)?;
        }
        if contact_messages::count_from(tx, now.plus(-DAY), sender.id)? >= MOST_SENT {
            return Err(Error::Refused(AccountRefusal::Throttled(DAY)));
        }
        let Some(reader) = users::find(tx, recipient)?.filter(User::is_active) else {
            return Ok(Contacted::UnknownUser);
        };
        let Some(to) = reader.proven_email().filter(|_| reader.allow_contact) else {
            return Err(Error::Refused(AccountRefusal::Forbidden("This person does not take messages.")));
        };
        if contact_messages::count_to(tx, now.plus(-DAY), reader.id)? >= MOST_RECEIVED {
            return Err(Error::Refused(AccountRefusal::Throttled(DAY)));
        }
        let message =
            ContactMessage { id: Id::next(now), sender_id: sender.id, recipient_id: reader.id, created_at: now };
        contact_messages::insert(tx, &message)?;
        security_log::append(tx, now, sender.id, (SecurityEvent::MessageSent, &reader.username), Some(&origin))?;
        let message = MessageFromPerson { sender: sender.username.clone(), text: text.clone() };
        mail.write(tx, (&to, &EmailRequester::unnamed(now)), &message)?;
        Ok(Contacted::Sent)
    });
    let contacted = contacted.await?;
    context.mail.wake();
    Ok(contacted)
}
