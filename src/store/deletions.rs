//! The table `deletions`.

use diesel::prelude::*;

use super::{Database, Result, on};
use crate::clock::UnixTime;
use crate::domain::deletion::Deletion;
use crate::domain::id::Id;
use crate::domain::user::User;
use crate::schema::deletions;

/// The deletion of this person's account.
pub fn find(tx: &mut Database, user: Id<User>) -> Result<Option<Deletion>> {
    let row = deletions::table.filter(deletions::id.eq(user));
    Ok(on!(tx, |c| row.select(Deletion::as_select()).get_result(c)).optional()?)
}

/// The newest deletion that can be undone of an account with this folded name or proven address.
pub fn find_by_login(tx: &mut Database, now: UnixTime, folded: &str) -> Result<Option<Deletion>> {
    let rows = deletions::table
        .filter(deletions::username_folded.eq(folded).or(deletions::email_folded.eq(folded)))
        .filter(deletions::erases_at.gt(now))
        .order((deletions::erases_at.desc(), deletions::id.desc()));
    let found: Vec<Deletion> = on!(tx, |c| rows.select(Deletion::as_select()).load(c))?;
    Ok(found.into_iter().next())
}

/// The people who are to be erased now, at most so many.
pub fn list_due(tx: &mut Database, now: UnixTime, most: i64) -> Result<Vec<Id<User>>> {
    let rows = deletions::table.filter(deletions::erases_at.le(now)).order(deletions::erases_at);
    Ok(on!(tx, |c| rows.select(deletions::id).limit(most).load(c))?)
}

/// Adds one.
pub fn insert(tx: &mut Database, deletion: &Deletion) -> Result<()> {
    on!(tx, |c| diesel::insert_into(deletions::table).values(deletion).execute(c))?;
    Ok(())
}

/// Lets it come at once.
pub fn hasten(tx: &mut Database, now: UnixTime, user: Id<User>) -> Result<()> {
    on!(tx, |c| diesel::update(deletions::table.filter(deletions::id.eq(user)))
        .set(deletions::erases_at.eq(now))
        .execute(c))?;
    Ok(())
}

/// Takes the last chance to undo it away, whatever clock asks; `false` when it is not due, or was undone.
pub fn claim(tx: &mut Database, now: UnixTime, user: Id<User>) -> Result<bool> {
    let due = deletions::table.filter(deletions::id.eq(user)).filter(deletions::erases_at.le(now));
    Ok(on!(tx, |c| diesel::update(due).set(deletions::erases_at.eq(UnixTime::from_seconds(0))).execute(c))? == 1)
}

/// Forgets it: the account is kept.
pub fn delete(tx: &mut Database, user: Id<User>) -> Result<()> {
    on!(tx, |c| diesel::delete(deletions::table.filter(deletions::id.eq(user))).execute(c))?;
    Ok(())
}
