//! The table `login_codes`.

use diesel::prelude::*;

use super::{Database, Result, on};
use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::login_code::LoginCodeRecord;
use crate::schema::login_codes;

/// Finds the login code with this id.
pub fn find(tx: &mut Database, id: Id<LoginCodeRecord>) -> Result<Option<LoginCodeRecord>> {
    let row = login_codes::table.filter(login_codes::id.eq(id));
    Ok(on!(tx, |c| row.select(LoginCodeRecord::as_select()).get_result(c)).optional()?)
}

/// Inserts a new login code.
pub fn insert(tx: &mut Database, code: &LoginCodeRecord) -> Result<()> {
    on!(tx, |c| diesel::insert_into(login_codes::table).values(code).execute(c))?;
    Ok(())
}

/// Marks a login code as redeemed; the database decides a race.
pub fn redeem(tx: &mut Database, now: UnixTime, id: Id<LoginCodeRecord>) -> Result<bool> {
    let row = login_codes::table.filter(login_codes::id.eq(id)).filter(login_codes::redeemed_at.is_null());
    Ok(on!(tx, |c| diesel::update(row).set(login_codes::redeemed_at.eq(Some(now))).execute(c))? == 1)
}
