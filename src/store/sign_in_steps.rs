//! The table `sign_in_steps`.

use diesel::prelude::*;

use super::{Database, Result, on};
use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::second_factor::{STEP_FAILURES, SignInStepRecord};
use crate::domain::user::User;
use crate::schema::{sign_in_steps, users};

/// Finds the step with this id, and its person.
pub fn find(tx: &mut Database, id: Id<SignInStepRecord>) -> Result<Option<(SignInStepRecord, User)>> {
    let row = sign_in_steps::table.inner_join(users::table).filter(sign_in_steps::id.eq(id));
    Ok(on!(tx, |c| row.select((SignInStepRecord::as_select(), User::as_select())).get_result(c)).optional()?)
}

/// Inserts a new step.
pub fn insert(tx: &mut Database, step: &SignInStepRecord) -> Result<()> {
    on!(tx, |c| diesel::insert_into(sign_in_steps::table).values(step).execute(c))?;
    Ok(())
}

/// Marks a valid step as finished; the database decides a race.
pub fn finish(tx: &mut Database, now: UnixTime, id: Id<SignInStepRecord>) -> Result<bool> {
    let row = sign_in_steps::table
        .filter(sign_in_steps::id.eq(id))
        .filter(sign_in_steps::used_at.is_null())
        .filter(sign_in_steps::expires_at.gt(now));
    Ok(on!(tx, |c| diesel::update(row).set(sign_in_steps::used_at.eq(Some(now))).execute(c))? == 1)
}

/// Counts a wrong code; the last one that is allowed ends the step.
pub fn fail(tx: &mut Database, now: UnixTime, id: Id<SignInStepRecord>) -> Result<()> {
    let row = sign_in_steps::table.filter(sign_in_steps::id.eq(id));
    on!(tx, |c| diesel::update(row).set(sign_in_steps::failures.eq(sign_in_steps::failures + 1)).execute(c))?;
    let spent = row.filter(sign_in_steps::failures.ge(STEP_FAILURES)).filter(sign_in_steps::used_at.is_null());
    on!(tx, |c| diesel::update(spent).set(sign_in_steps::used_at.eq(Some(now))).execute(c))?;
    Ok(())
}

/// Counts the codes that count for this network and were mailed to a person after `since`.
pub fn count_mailed(tx: &mut Database, since: UnixTime, (user, network): (Id<User>, &str)) -> Result<i64> {
    let rows = sign_in_steps::table
        .filter(sign_in_steps::user_id.eq(user))
        .filter(sign_in_steps::network.eq(network))
        .filter(sign_in_steps::created_at.gt(since))
        .filter(sign_in_steps::emailed_code_digest.is_not_null());
    Ok(on!(tx, |c| rows.count().get_result(c))?)
}
