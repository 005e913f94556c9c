//! The table `deletions`.

use diesel::prelude::*;

use super::{Database, Result, on};
use crate::clock::UnixTime;
use crate::domain::deletion::Deletion;
use crate::domain::id::Id;
use crate::domain::user::User;
use crate::schema::deletions;

/// Finds the pending deletion of a person's account.
pub fn find(tx: &mut Database, user: Id<User>) -> Result<Option<Deletion>> {
    let row = deletions::table.filter(deletions::id.eq(user));
    Ok(on!(tx, |c| row.select(Deletion::as_select()).get_result(c)).optional()?)
}

/// Finds the newest deletion that can still be undone, by the folded username or verified email address of its account.
pub fn find_by_login(tx: &mut Database, now: UnixTime, folded: &str) -> Result<Option<Deletion>> {
    let rows = deletions::table
        .filter(deletions::username_folded.eq(folded).or(deletions::email_folded.eq(folded)))
        .filter(deletions::erases_at.gt(now))
        .order((deletions::erases_at.desc(), deletions::id.desc()));
    let found: Vec<Deletion> = on!(tx, |c| rows.select(Deletion::as_select()).load(c))?;
    Ok(found.into_iter().next())
}

/// Lists the people whose data must be erased now, at most `most`.
pub fn list_due(tx: &mut Database, now: UnixTime, most: i64) -> Result<Vec<Id<User>>> {
    let rows = deletions::table.filter(deletions::erases_at.le(now)).order(deletions::erases_at);
    Ok(on!(tx, |c| rows.select(deletions::id).limit(most).load(c))?)
}

/// Inserts a pending deletion.
pub fn insert(tx: &mut Database, deletion: &Deletion) -> Result<()> {
    on!(tx, |c| diesel::insert_into(deletions::table).values(deletion).execute(c))?;
    Ok(())
}

/// Makes a deletion due now.
pub fn hasten(tx: &mut Database, now: UnixTime, user: Id<User>) -> Result<()> {
    on!(tx, |c| diesel::update(deletions::table.filter(deletions::id.eq(user)))
        .set(deletions::erases_at.eq(now))
        .execute(c))?;
    Ok(())
}

/// Makes a due deletion impossible to undo, on every node; `false` when it is not due, or was undone.
pub fn claim(tx: &mut Database, now: UnixTime, user: Id<User>) -> Result<bool> {
    let due = deletions::table.filter(deletions::id.eq(user)).filter(deletions::erases_at.le(now));
    Ok(on!(tx, |c| diesel::update(due).set(deletions::erases_at.eq(UnixTime::from_seconds(0))).execute(c))? == 1)
}

/// Deletes the row, so the account is kept.
pub fn delete(tx: &mut Database, user: Id<User>) -> Result<()> {
    on!(tx, |c| diesel::delete(deletions::table.filter(deletions::id.eq(user))).execute(c))?;
    Ok(())
}
