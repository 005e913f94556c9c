//! The person at a browser, looked at again by whatever writes in their name.

use crate::clock::UnixTime;
use crate::domain::lifetimes::Lifetimes;
use crate::domain::session::Session;
use crate::domain::user::User;
use crate::store::{Database, Result, sessions, users};

/// The session again, inside a transaction that writes in its person's name: what was read before may
/// have ended meanwhile. The rows of person and session are held until the commit, in this order, so
/// that logging out, a new password and disabling come wholly before or wholly after it.
///
/// # Errors
/// When the store fails.
pub fn lock_active(
    tx: &mut Database,
    now: UnixTime,
    lifetimes: &Lifetimes,
    session: &Session,
) -> Result<Option<(Session, User)>> {
    users::lock(tx, session.user_id)?;
    sessions::lock(tx, session.id)?;
    let found = sessions::find(tx, session.id)?;
    Ok(found.filter(|(session, user)| session.is_alive(now, lifetimes.session_idle) && user.is_active()))
}
