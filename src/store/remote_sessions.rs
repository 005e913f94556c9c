//! The table `remote_sessions`.

use diesel::prelude::*;

use super::{Database, Result, on};
use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::remote_session::RemoteSession;
use crate::domain::user::User;
use crate::schema::remote_sessions;

/// Finds the remote session with this digest.
pub fn find(tx: &mut Database, digest: &str) -> Result<Option<RemoteSession>> {
    let row = remote_sessions::table.filter(remote_sessions::digest.eq(digest));
    Ok(on!(tx, |c| row.select(RemoteSession::as_select()).get_result(c)).optional()?)
}

/// Inserts a new remote session.
pub fn insert(tx: &mut Database, session: &RemoteSession) -> Result<()> {
    on!(tx, |c| diesel::insert_into(remote_sessions::table).values(session).execute(c))?;
    Ok(())
}

/// Counts the remote sessions that a network (an address's prefix) started and that still wait.
pub fn count_waiting(tx: &mut Database, now: UnixTime, network: &str) -> Result<i64> {
    let rows = remote_sessions::table
        .filter(remote_sessions::network.eq(network))
        .filter(remote_sessions::expires_at.gt(now))
        .filter(remote_sessions::exercised_at.is_null());
    Ok(on!(tx, |c| rows.count().get_result(c))?)
}

/// Approves a waiting remote session. `false` when it was approved before, or has expired.
pub fn approve(tx: &mut Database, now: UnixTime, id: Id<RemoteSession>, by: Id<User>) -> Result<bool> {
    let row = remote_sessions::table
        .filter(remote_sessions::id.eq(id))
        .filter(remote_sessions::approved_by.is_null())
        .filter(remote_sessions::expires_at.gt(now));
    let approved = (remote_sessions::approved_by.eq(Some(by)), remote_sessions::approved_at.eq(Some(now)));
    Ok(on!(tx, |c| diesel::update(row).set(approved).execute(c))? == 1)
}

/// Marks an approved remote session as used; the database decides a race.
pub fn exercise(tx: &mut Database, now: UnixTime, id: Id<RemoteSession>) -> Result<bool> {
    let row = remote_sessions::table
        .filter(remote_sessions::id.eq(id))
        .filter(remote_sessions::approved_by.is_not_null())
        .filter(remote_sessions::exercised_at.is_null());
    Ok(on!(tx, |c| diesel::update(row).set(remote_sessions::exercised_at.eq(Some(now))).execute(c))? == 1)
}

/// Deletes the remote sessions that a person approved and that no program has used yet.
pub fn end_approved_by(tx: &mut Database, user: Id<User>) -> Result<()> {
    let rows = remote_sessions::table
        .filter(remote_sessions::approved_by.eq(user))
        .filter(remote_sessions::exercised_at.is_null());
    on!(tx, |c| diesel::delete(rows).execute(c))?;
    Ok(())
}

/// Deletes a remote session, because the person chose Cancel.
pub fn delete(tx: &mut Database, id: Id<RemoteSession>) -> Result<()> {
    on!(tx, |c| diesel::delete(remote_sessions::table.filter(remote_sessions::id.eq(id))).execute(c))?;
    Ok(())
}
