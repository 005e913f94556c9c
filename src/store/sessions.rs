//! The table `sessions`.

use diesel::prelude::*;

use super::statement::Fixed;
use super::{Database, Result, on};
use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::session::Session;
use crate::domain::space_separated::SpaceSeparated;
use crate::domain::token::{SessionKey, TokenDigest};
use crate::domain::user::User;
use crate::schema::{sessions, users};

/// Finds the session with this id, and its person.
pub fn find(tx: &mut Database, id: Id<Session>) -> Result<Option<(Session, User)>> {
    let row = sessions::table.inner_join(users::table).filter(sessions::id.eq(id));
    Ok(on!(tx, |c| row.select((Session::as_select(), User::as_select())).get_result(c)).optional()?)
}

/// Inserts a new session.
pub fn insert(tx: &mut Database, session: &Session) -> Result<()> {
    on!(tx, |c| diesel::insert_into(sessions::table).values(session).execute(c))?;
    Ok(())
}

/// Lists a person's sessions that have not ended, newest first; the caller decides about idle ones.
pub fn list(tx: &mut Database, now: UnixTime, user: Id<User>) -> Result<Vec<Session>> {
    let rows = sessions::table
        .filter(sessions::user_id.eq(user))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::expires_at.gt(now));
    Ok(on!(tx, |c| rows.order(sessions::last_seen_at.desc()).select(Session::as_select()).load(c))?)
}

/// Locks the session's row until the transaction ends, so that only one transaction at a time issues from it.
pub fn lock(tx: &mut Database, id: Id<Session>) -> Result<()> {
    let row = diesel::update(sessions::table.filter(sessions::id.eq(id)));
    on!(tx, |c| row.set(sessions::last_seen_at.eq(sessions::last_seen_at)).execute(c))?;
    Ok(())
}

/// Ends one session of a person.
pub fn end(tx: &mut Database, now: UnixTime, user: Id<User>, id: Id<Session>) -> Result<bool> {
    let row = sessions::table
        .filter(sessions::id.eq(id))
        .filter(sessions::user_id.eq(user))
        .filter(sessions::ended_at.is_null());
    Ok(on!(tx, |c| diesel::update(row).set(sessions::ended_at.eq(Some(now))).execute(c))? == 1)
}

/// Ends all sessions of a person.
pub fn end_all(tx: &mut Database, now: UnixTime, user: Id<User>) -> Result<()> {
    let rows = sessions::table.filter(sessions::user_id.eq(user)).filter(sessions::ended_at.is_null());
    on!(tx, |c| diesel::update(rows).set(sessions::ended_at.eq(Some(now))).execute(c))?;
    Ok(())
}

/// Replaces the key of a session: the earlier one is no longer valid.
pub fn renew_key(tx: &mut Database, id: Id<Session>, digest: &TokenDigest<SessionKey>) -> Result<()> {
    let row = diesel::update(sessions::table.filter(sessions::id.eq(id)));
    on!(tx, |c| row.set(sessions::digest.eq(digest)).execute(c))?;
    Ok(())
}

/// Records when the session was last used.
pub fn touch(tx: &mut Database, id: Id<Session>, at: UnixTime) -> Result<()> {
    let row = diesel::update(sessions::table.filter(sessions::id.eq(id)));
    on!(tx, |c| Fixed(row.set(sessions::last_seen_at.eq(at))).execute(c))?;
    Ok(())
}

/// Records that the person authenticated again.
pub fn set_authenticated(tx: &mut Database, id: Id<Session>, at: UnixTime) -> Result<()> {
    let row = diesel::update(sessions::table.filter(sessions::id.eq(id)));
    on!(tx, |c| row.set(sessions::authenticated_at.eq(at)).execute(c))?;
    Ok(())
}

/// Records that the person showed their second factor too.
pub fn set_factor_shown(tx: &mut Database, id: Id<Session>, methods: &SpaceSeparated) -> Result<()> {
    let row = diesel::update(sessions::table.filter(sessions::id.eq(id)));
    on!(tx, |c| row.set((sessions::methods.eq(methods), sessions::second_factor_pending.eq(false))).execute(c))?;
    Ok(())
}

/// Records that the pending second factor of a session was settled in another way.
pub fn clear_second_factor_pending(tx: &mut Database, id: Id<Session>) -> Result<()> {
    let row = diesel::update(sessions::table.filter(sessions::id.eq(id)));
    on!(tx, |c| row.set(sessions::second_factor_pending.eq(false)).execute(c))?;
    Ok(())
}

/// Records for a person's other sessions that a second factor exists now, which they have not shown.
pub fn set_second_factor_pending(tx: &mut Database, user: Id<User>, but_for: Option<Id<Session>>) -> Result<()> {
    let but_for = but_for.map_or(0, Id::number);
    let rows = sessions::table
        .filter(sessions::user_id.eq(user))
        .filter(sessions::id.ne(but_for))
        .filter(sessions::ended_at.is_null());
    on!(tx, |c| diesel::update(rows).set(sessions::second_factor_pending.eq(true)).execute(c))?;
    Ok(())
}
