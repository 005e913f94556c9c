//! The table `authorization_codes`. A code is redeemed by one statement, so only once.

use diesel::prelude::*;

use super::statement::Fixed;
use super::{Database, Result, on};
use crate::clock::UnixTime;
use crate::domain::authorization_code::{AuthorizationCodeRecord, MAX_FAILURES};
use crate::domain::id::Id;
use crate::schema::authorization_codes;

/// Finds the authorization code with this id.
pub fn find(tx: &mut Database, id: Id<AuthorizationCodeRecord>) -> Result<Option<AuthorizationCodeRecord>> {
    let row = authorization_codes::table.filter(authorization_codes::id.eq(id));
    Ok(on!(tx, |c| row.select(AuthorizationCodeRecord::as_select()).get_result(c)).optional()?)
}

/// Inserts a new authorization code.
pub fn insert(tx: &mut Database, code: &AuthorizationCodeRecord) -> Result<()> {
    on!(tx, |c| diesel::insert_into(authorization_codes::table).values(code).execute(c))?;
    Ok(())
}

/// Marks a code as redeemed; the database decides a race. `false` when it was redeemed before, or had too many
/// failures.
pub fn redeem(tx: &mut Database, now: UnixTime, id: Id<AuthorizationCodeRecord>) -> Result<bool> {
    let row = authorization_codes::table
        .filter(authorization_codes::id.eq(id))
        .filter(authorization_codes::redeemed_at.is_null())
        .filter(authorization_codes::failures.lt(MAX_FAILURES));
    Ok(on!(tx, |c| Fixed(diesel::update(row).set(authorization_codes::redeemed_at.eq(Some(now)))).execute(c))? == 1)
}

/// Counts a failed attempt with a valid code.
pub fn count_failure(tx: &mut Database, id: Id<AuthorizationCodeRecord>) -> Result<()> {
    let row = diesel::update(authorization_codes::table.filter(authorization_codes::id.eq(id)));
    on!(tx, |c| row.set(authorization_codes::failures.eq(authorization_codes::failures + 1)).execute(c))?;
    Ok(())
}
