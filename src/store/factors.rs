//! The tables `totp_factors`, `recovery_codes` and `factor_failures`.

use diesel::prelude::*;

use super::{Database, Result, on};
use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::second_factor::{FactorFailure, RecoveryCodeRecord, TotpFactor};
use crate::domain::user::User;
use crate::schema::{factor_failures, recovery_codes, totp_factors};

/// Finds a person's authenticator app.
pub fn find_totp(tx: &mut Database, user: Id<User>) -> Result<Option<TotpFactor>> {
    let row = totp_factors::table.filter(totp_factors::user_id.eq(user));
    Ok(on!(tx, |c| row.select(TotpFactor::as_select()).get_result(c)).optional()?)
}

/// Inserts an authenticator app; a second one of a person is a conflict.
pub fn insert_totp(tx: &mut Database, factor: &TotpFactor) -> Result<()> {
    on!(tx, |c| diesel::insert_into(totp_factors::table).values(factor).execute(c))?;
    Ok(())
}

/// Records the time step of a code. `false` when it is not later than the last recorded one.
pub fn take_totp_step(tx: &mut Database, now: UnixTime, id: Id<TotpFactor>, step: i64) -> Result<bool> {
    let row = totp_factors::table.filter(totp_factors::id.eq(id)).filter(totp_factors::last_step.lt(step));
    let taken = (totp_factors::last_step.eq(step), totp_factors::last_used_at.eq(Some(now)));
    Ok(on!(tx, |c| diesel::update(row).set(taken).execute(c))? == 1)
}

/// Removes a person's authenticator app.
pub fn delete_totp(tx: &mut Database, user: Id<User>) -> Result<bool> {
    let row = totp_factors::table.filter(totp_factors::user_id.eq(user));
    Ok(on!(tx, |c| diesel::delete(row).execute(c))? == 1)
}

/// Lists a person's recovery codes that were not used.
pub fn list_recovery_codes(tx: &mut Database, user: Id<User>) -> Result<Vec<RecoveryCodeRecord>> {
    let rows = recovery_codes::table.filter(recovery_codes::user_id.eq(user)).filter(recovery_codes::used_at.is_null());
    Ok(on!(tx, |c| rows.order(recovery_codes::id).select(RecoveryCodeRecord::as_select()).load(c))?)
}

/// Inserts a new recovery code.
pub fn insert_recovery_code(tx: &mut Database, code: &RecoveryCodeRecord) -> Result<()> {
    on!(tx, |c| diesel::insert_into(recovery_codes::table).values(code).execute(c))?;
    Ok(())
}

/// Marks a recovery code as used; the database decides a race.
pub fn use_recovery_code(tx: &mut Database, now: UnixTime, id: Id<RecoveryCodeRecord>) -> Result<bool> {
    let row = recovery_codes::table.filter(recovery_codes::id.eq(id)).filter(recovery_codes::used_at.is_null());
    Ok(on!(tx, |c| diesel::update(row).set(recovery_codes::used_at.eq(Some(now))).execute(c))? == 1)
}

/// Removes all recovery codes of a person, used or not.
pub fn delete_recovery_codes(tx: &mut Database, user: Id<User>) -> Result<()> {
    on!(tx, |c| diesel::delete(recovery_codes::table.filter(recovery_codes::user_id.eq(user))).execute(c))?;
    Ok(())
}

/// Lists the times after `since` at which wrong codes that count for this network were typed, oldest first.
pub fn list_failures(tx: &mut Database, since: UnixTime, (user, network): (Id<User>, &str)) -> Result<Vec<UnixTime>> {
    let rows = factor_failures::table
        .filter(factor_failures::user_id.eq(user))
        .filter(factor_failures::network.eq(network))
        .filter(factor_failures::occurred_at.gt(since));
    Ok(on!(tx, |c| rows.order(factor_failures::id).select(factor_failures::occurred_at).load(c))?)
}

/// Records a wrong code that a person typed.
pub fn insert_failure(tx: &mut Database, now: UnixTime, (user, network): (Id<User>, &str)) -> Result<()> {
    let failure = FactorFailure { id: Id::next(now), user_id: user, occurred_at: now, network: network.to_owned() };
    on!(tx, |c| diesel::insert_into(factor_failures::table).values(&failure).execute(c))?;
    Ok(())
}
