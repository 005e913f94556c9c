//! Checks a browser session again inside the transaction that writes in the name of its user.

use crate::clock::UnixTime;
use crate::domain::lifetimes::Lifetimes;
use crate::domain::session::Session;
use crate::domain::user::User;
use crate::store::{Database, Result, sessions, users};

/// Returns the session and its user if both are still active: the session that was read before may have ended
/// meanwhile. The rows of user and session are locked until the commit, in this order, so that logging out, a
/// password change and disabling happen entirely before or entirely after this transaction.
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
