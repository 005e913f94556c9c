//! The table `outbox`.

use diesel::prelude::*;

use super::{Database, Result, on};
use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::queued_email::QueuedEmail;
use crate::schema::outbox;

/// Inserts an email to be sent.
pub fn insert(tx: &mut Database, message: &QueuedEmail) -> Result<()> {
    on!(tx, |c| diesel::insert_into(outbox::table).values(message).execute(c))?;
    Ok(())
}

/// Lists the emails that must be sent now, the longest waiting first.
pub fn list_due(tx: &mut Database, now: UnixTime, most: i64) -> Result<Vec<QueuedEmail>> {
    let rows = outbox::table.filter(outbox::next_attempt_at.le(now)).order(outbox::next_attempt_at);
    Ok(on!(tx, |c| rows.limit(most).select(QueuedEmail::as_select()).load(c))?)
}

/// Claims an email until `until`, to send it; the database decides between nodes.
pub fn claim(tx: &mut Database, message: &QueuedEmail, until: UnixTime) -> Result<bool> {
    let row = outbox::table
        .filter(outbox::id.eq(message.id))
        .filter(outbox::next_attempt_at.eq(message.next_attempt_at))
        .filter(outbox::attempts.eq(message.attempts));
    let taken = (outbox::next_attempt_at.eq(until), outbox::attempts.eq(message.attempts.saturating_add(1)));
    Ok(on!(tx, |c| diesel::update(row).set(taken).execute(c))? == 1)
}

/// Deletes an email that was sent or given up.
pub fn delete(tx: &mut Database, id: Id<QueuedEmail>) -> Result<()> {
    on!(tx, |c| diesel::delete(outbox::table.filter(outbox::id.eq(id))).execute(c))?;
    Ok(())
}
