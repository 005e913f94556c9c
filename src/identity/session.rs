//! Browser sessions: opened by signing in, judged at every use, ended by logging out.

use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::known_network::prefix;
use crate::domain::lifetimes::Lifetimes;
pub use crate::domain::session::Origin;
use crate::domain::session::Session;
use crate::domain::token::{SessionKey, Token};
use crate::domain::user::User;
use crate::store::{Database, Result, known_networks, sessions};
use crate::tokens::Mint;
use crate::tokens::last_use::Seen;

/// Opens a session for a person who just proved who they are. The network that they came from is known
/// from now on: strangers elsewhere do not close the account to it.
///
/// # Errors
/// When the store fails.
pub fn open(
    tx: &mut Database,
    now: UnixTime,
    lifetimes: &Lifetimes,
    (user, origin): (Id<User>, &Origin),
) -> Result<Token<SessionKey>> {
    let key = Token::<SessionKey>::generate(Id::next(now));
    let session = Session {
        id: key.id(),
        digest: key.digest(),
        user_id: user,
        created_at: now,
        authenticated_at: now,
        last_seen_at: now,
        expires_at: now.plus(lifetimes.session_max),
        ended_at: None,
        address: origin.address.clone(),
        user_agent: origin.kept_user_agent(),
    };
    sessions::insert(tx, &session)?;
    known_networks::note(tx, now, (user, &prefix(&origin.address)))?;
    Ok(key)
}

/// The living session of a presented key, with its active person.
///
/// # Errors
/// When the store fails.
pub fn find(db: &mut Database, now: UnixTime, mint: &Mint, key: &Token<SessionKey>) -> Result<Option<(Session, User)>> {
    let found = sessions::find(db, key.id())?;
    let living = found.filter(|(session, user)| {
        session.digest.matches(&key.digest()) && session.is_alive(now, mint.lifetimes.session_idle) && user.is_active()
    });
    if let Some((session, _)) = &living {
        mint.last_use.note(Seen::Session(session.id), now, Some(session.last_seen_at));
    }
    Ok(living)
}

/// A person's living sessions, last used first.
///
/// # Errors
/// When the store fails.
pub fn list(db: &mut Database, now: UnixTime, lifetimes: &Lifetimes, user: Id<User>) -> Result<Vec<Session>> {
    let sessions = sessions::list(db, now, user)?;
    Ok(sessions.into_iter().filter(|session| session.is_alive(now, lifetimes.session_idle)).collect())
}
