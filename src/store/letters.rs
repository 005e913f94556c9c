//! The table `letters`: the outbox.

use diesel::prelude::*;

use super::{Database, Result, on};
use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::letter::QueuedLetter;
use crate::schema::letters;

/// Adds a letter.
pub fn insert(tx: &mut Database, letter: &QueuedLetter) -> Result<()> {
    on!(tx, |c| diesel::insert_into(letters::table).values(letter).execute(c))?;
    Ok(())
}

/// Letters that are to be sent now, the longest waiting first.
pub fn list_due(tx: &mut Database, now: UnixTime, most: i64) -> Result<Vec<QueuedLetter>> {
    let rows = letters::table.filter(letters::next_attempt_at.le(now)).order(letters::next_attempt_at);
    Ok(on!(tx, |c| rows.limit(most).select(QueuedLetter::as_select()).load(c))?)
}

/// Takes a letter to send it, until `until`; the database picks one of several nodes.
pub fn claim(tx: &mut Database, letter: &QueuedLetter, until: UnixTime) -> Result<bool> {
    let row = letters::table
        .filter(letters::id.eq(letter.id))
        .filter(letters::next_attempt_at.eq(letter.next_attempt_at))
        .filter(letters::attempts.eq(letter.attempts));
    let taken = (letters::next_attempt_at.eq(until), letters::attempts.eq(letter.attempts.saturating_add(1)));
    Ok(on!(tx, |c| diesel::update(row).set(taken).execute(c))? == 1)
}

/// Forgets a letter: it was sent, or is given up.
pub fn delete(tx: &mut Database, id: Id<QueuedLetter>) -> Result<()> {
    on!(tx, |c| diesel::delete(letters::table.filter(letters::id.eq(id))).execute(c))?;
    Ok(())
}
