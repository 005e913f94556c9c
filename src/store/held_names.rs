//! The table `reserved_usernames`.

use diesel::prelude::*;

use super::{Database, Result, on};
use crate::clock::UnixTime;
use crate::domain::held_name::HeldName;
use crate::domain::id::Id;
use crate::domain::user::User;
use crate::schema::reserved_usernames;

/// Finds the person for whom this folded name is reserved.
pub fn find_holder(tx: &mut Database, now: UnixTime, folded: &str) -> Result<Option<Id<User>>> {
    let row = reserved_usernames::table
        .filter(reserved_usernames::username_folded.eq(folded))
        .filter(reserved_usernames::expires_at.gt(now));
    Ok(on!(tx, |c| row.select(reserved_usernames::user_id).get_result(c)).optional()?)
}

/// Reserves a name. An earlier reservation of it ends.
pub fn hold(tx: &mut Database, held: &HeldName) -> Result<()> {
    release(tx, &held.username_folded)?;
    on!(tx, |c| diesel::insert_into(reserved_usernames::table).values(held).execute(c))?;
    Ok(())
}

/// Ends the reservation of a name.
pub fn release(tx: &mut Database, folded: &str) -> Result<()> {
    on!(tx, |c| diesel::delete(reserved_usernames::table.filter(reserved_usernames::username_folded.eq(folded)))
        .execute(c))?;
    Ok(())
}

/// Counts the names that are reserved for a person, except this one.
pub fn count(tx: &mut Database, now: UnixTime, (user, but): (Id<User>, &str)) -> Result<i64> {
    let rows = reserved_usernames::table
        .filter(reserved_usernames::user_id.eq(user))
        .filter(reserved_usernames::username_folded.ne(but))
        .filter(reserved_usernames::expires_at.gt(now));
    Ok(on!(tx, |c| rows.count().get_result(c))?)
}
