//! The table `held_names`.

use diesel::prelude::*;

use super::{Database, Result};
use crate::clock::UnixTime;
use crate::domain::held_name::HeldName;
use crate::domain::id::Id;
use crate::domain::user::User;
use crate::schema::held_names;

/// For whom this folded name is held.
pub fn find_holder(tx: &mut Database, now: UnixTime, folded: &str) -> Result<Option<Id<User>>> {
    let row = held_names::table.filter(held_names::username_folded.eq(folded)).filter(held_names::expires_at.gt(now));
    Ok(row.select(held_names::user_id).get_result(tx).optional()?)
}

/// Holds a name. An earlier hold on it ends.
pub fn hold(tx: &mut Database, held: &HeldName) -> Result<()> {
    release(tx, &held.username_folded)?;
    diesel::insert_into(held_names::table).values(held).execute(tx)?;
    Ok(())
}

/// Lets a name go.
pub fn release(tx: &mut Database, folded: &str) -> Result<()> {
    diesel::delete(held_names::table.filter(held_names::username_folded.eq(folded))).execute(tx)?;
    Ok(())
}

/// Lets all but the newest names of a person go.
pub fn release_older(tx: &mut Database, user: Id<User>, kept: usize) -> Result<()> {
    let of_person = held_names::table.filter(held_names::user_id.eq(user)).order(held_names::id.desc());
    let ids: Vec<i64> = of_person.select(held_names::id).load(tx)?;
    let older: Vec<i64> = ids.into_iter().skip(kept).collect();
    diesel::delete(held_names::table.filter(held_names::id.eq_any(older))).execute(tx)?;
    Ok(())
}
