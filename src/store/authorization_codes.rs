//! The table `authorization_codes`: single use is one statement.

use diesel::prelude::*;

use super::statement::Fixed;
use super::{Database, Result, on};
use crate::clock::UnixTime;
use crate::domain::authorization_code::{AuthorizationCodeRecord, MAX_FAILURES};
use crate::domain::id::Id;
use crate::schema::authorization_codes;

/// The code with this key.
pub fn find(tx: &mut Database, id: Id<AuthorizationCodeRecord>) -> Result<Option<AuthorizationCodeRecord>> {
    let row = authorization_codes::table.filter(authorization_codes::id.eq(id));
    Ok(on!(tx, |c| row.select(AuthorizationCodeRecord::as_select()).get_result(c)).optional()?)
}

/// Adds a code.
pub fn insert(tx: &mut Database, code: &AuthorizationCodeRecord) -> Result<()> {
    on!(tx, |c| diesel::insert_into(authorization_codes::table).values(code).execute(c))?;
    Ok(())
}

/// Uses a code up; the database picks the winner of a race.
pub fn redeem(tx: &mut Database, now: UnixTime, id: Id<AuthorizationCodeRecord>) -> Result<bool> {
    let row = authorization_codes::table
        .filter(authorization_codes::id.eq(id))
        .filter(authorization_codes::redeemed_at.is_null())
        .filter(authorization_codes::failures.lt(MAX_FAILURES));
    Ok(on!(tx, |c| Fixed(diesel::update(row).set(authorization_codes::redeemed_at.eq(Some(now)))).execute(c))? == 1)
}

/// Counts a failed client authentication with the right code.
pub fn count_failure(tx: &mut Database, id: Id<AuthorizationCodeRecord>) -> Result<()> {
    let row = diesel::update(authorization_codes::table.filter(authorization_codes::id.eq(id)));
    on!(tx, |c| row.set(authorization_codes::failures.eq(authorization_codes::failures + 1)).execute(c))?;
    Ok(())
}
