//! The table `remembered_browsers`.

use diesel::prelude::*;

use super::{Database, Result, on};
use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::second_factor::RememberedBrowserRecord;
use crate::domain::user::User;
use crate::schema::remembered_browsers;

/// Lists the browsers with these ids that are remembered for a person.
pub fn find(
    tx: &mut Database,
    now: UnixTime,
    user: Id<User>,
    ids: &[Id<RememberedBrowserRecord>],
) -> Result<Vec<RememberedBrowserRecord>> {
    let numbers: Vec<i64> = ids.iter().map(|id| id.number()).collect();
    let rows = remembered_browsers::table
        .filter(remembered_browsers::id.eq_any(numbers))
        .filter(remembered_browsers::user_id.eq(user))
        .filter(remembered_browsers::expires_at.gt(now));
    Ok(on!(tx, |c| rows.select(RememberedBrowserRecord::as_select()).load(c))?)
}

/// Lists all browsers that are remembered for a person, newest first.
pub fn list(tx: &mut Database, now: UnixTime, user: Id<User>) -> Result<Vec<RememberedBrowserRecord>> {
    let rows = remembered_browsers::table
        .filter(remembered_browsers::user_id.eq(user))
        .filter(remembered_browsers::expires_at.gt(now));
    Ok(on!(tx, |c| rows.order(remembered_browsers::id.desc()).select(RememberedBrowserRecord::as_select()).load(c))?)
}

/// Inserts a browser to be remembered.
pub fn insert(tx: &mut Database, browser: &RememberedBrowserRecord) -> Result<()> {
    on!(tx, |c| diesel::insert_into(remembered_browsers::table).values(browser).execute(c))?;
    Ok(())
}

/// Deletes all remembered browsers of a person; returns their number.
pub fn forget_all(tx: &mut Database, user: Id<User>) -> Result<usize> {
    let rows = remembered_browsers::table.filter(remembered_browsers::user_id.eq(user));
    Ok(on!(tx, |c| diesel::delete(rows).execute(c))?)
}
