//! The table `contact_messages`.

use diesel::prelude::*;

use super::{Database, Result, on};
use crate::clock::UnixTime;
use crate::domain::contact_message::ContactMessage;
use crate::domain::id::Id;
use crate::domain::user::User;
use crate::schema::contact_messages;

/// Counts the messages that a person sent after `since`.
pub fn count_from(tx: &mut Database, since: UnixTime, sender: Id<User>) -> Result<i64> {
    let rows = contact_messages::table
        .filter(contact_messages::sender_id.eq(sender))
        .filter(contact_messages::created_at.gt(since));
    Ok(on!(tx, |c| rows.count().get_result(c))?)
}

/// Counts the messages that a person received after `since`.
pub fn count_to(tx: &mut Database, since: UnixTime, recipient: Id<User>) -> Result<i64> {
    let rows = contact_messages::table
        .filter(contact_messages::recipient_id.eq(recipient))
        .filter(contact_messages::created_at.gt(since));
    Ok(on!(tx, |c| rows.count().get_result(c))?)
}

/// Inserts a new contact message.
pub fn insert(tx: &mut Database, message: &ContactMessage) -> Result<()> {
    on!(tx, |c| diesel::insert_into(contact_messages::table).values(message).execute(c))?;
    Ok(())
}
