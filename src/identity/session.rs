//! Browser sessions: opened by sign-in, checked at every use, ended by logging out.

use super::second_step::SignInPolicy;
use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::known_network::prefix;
use crate::domain::lifetimes::Lifetimes;
use crate::domain::security_log::SecurityEvent;
pub use crate::domain::session::Origin;
use crate::domain::session::{Session, browser_in_words};
use crate::domain::space_separated::SpaceSeparated;
use crate::domain::token::{SessionKey, Token};
use crate::domain::user::User;
use crate::store::{Database, Result, known_networks, security_log, sessions};
use crate::tokens::last_use::Seen;
use crate::tokens::revoke;

/// How the user of a new session authenticated.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The methods (`amr`).
    pub methods: SpaceSeparated,
    /// Whether the user's second factor was skipped: this browser is remembered.
    pub second_factor_pending: bool,
}

/// Opens a session for a user who gave all required factors; [`super::second_step::SignInPolicy`] decides
/// which. The network becomes a known network of the user, which attempts from other networks cannot lock out.
///
/// # Errors
/// When the store fails.
pub(super) fn open(
    tx: &mut Database,
    now: UnixTime,
    lifetimes: &Lifetimes,
    (user, origin): (Id<User>, &Origin),
    opened: NewSession,
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
        methods: opened.methods,
        second_factor_pending: opened.second_factor_pending,
    };
    sessions::insert(tx, &session)?;
    known_networks::note(tx, now, (user, &prefix(&origin.address)))?;
    security_log::append(tx, now, user, (SecurityEvent::SignedIn, ""), Some(origin))?;
    Ok(key)
}

/// Ends one session of a user, from the browser at `origin`. `false` when it has ended, or is not theirs.
///
/// # Errors
/// When the store fails.
pub fn end(tx: &mut Database, now: UnixTime, (user, origin): (Id<User>, &Origin), id: Id<Session>) -> Result<bool> {
    let is_ended = revoke::session(tx, now, user, id)?;
    if is_ended {
        let ended = sessions::find(tx, id)?.map(|(session, _)| browser_in_words(&session.user_agent));
        let what = (SecurityEvent::SessionEnded, ended.as_deref().unwrap_or_default());
        security_log::append(tx, now, user, what, Some(origin))?;
    }
    Ok(is_ended)
}

/// Ends all active sessions of a user except one.
///
/// # Errors
/// When the store fails.
pub fn end_others(
    tx: &mut Database,
    now: UnixTime,
    lifetimes: &Lifetimes,
    (user, origin): (Id<User>, &Origin),
    kept: Id<Session>,
) -> Result<()> {
    let others = list(tx, now, lifetimes, user)?.into_iter().filter(|session| session.id != kept);
    let mut count = 0;
    for session in others {
        count += i64::from(revoke::session(tx, now, user, session.id)?);
    }
    if count > 0 {
        let what = (SecurityEvent::OtherSessionsEnded, count.to_string());
        security_log::append(tx, now, user, (what.0, &what.1), Some(origin))?;
    }
    Ok(())
}

/// Ends the session of a browser that signed in again, as `new`. If the same user signed in, that is logged
/// already; if another user did, the end of the old session is logged.
///
/// # Errors
/// When the store fails.
pub fn replace(
    tx: &mut Database,
    now: UnixTime,
    (user, origin): (Id<User>, &Origin),
    (old, new): (Id<Session>, Id<Session>),
) -> Result<()> {
    if sessions::find(tx, new)?.is_some_and(|(_, person)| person.id == user) {
        return revoke::replaced_session(tx, now, (user, old), new);
    }
    end(tx, now, (user, origin), old).map(drop)
}

/// Returns the active session of a presented key, with its active user. If the operator requires a second
/// factor and the user has none, an older session counts as ended: the user signs in again and sets one up.
///
/// # Errors
/// When the store fails.
pub fn find(
    db: &mut Database,
    now: UnixTime,
    sign_in_policy: &SignInPolicy,
    key: &Token<SessionKey>,
) -> Result<Option<(Session, User)>> {
    let (token_settings, found) = (&sign_in_policy.token_settings, sessions::find(db, key.id())?);
    let living = found.filter(|(session, user)| {
        session.digest.matches(&key.digest())
            && session.is_alive(now, token_settings.lifetimes.session_idle)
            && user.is_active()
    });
    let living = match living {
        Some((_, user)) if sign_in_policy.factor_policy.is_required && sign_in_policy.lacks_factor(db, &user)? => None,
        living => living,
    };
    if let Some((session, _)) = &living {
        sign_in_policy.last_use.note(Seen::Session(session.id), now, Some(session.last_seen_at));
    }
    Ok(living)
}

/// Lists a user's active sessions, last used first.
///
/// # Errors
/// When the store fails.
pub fn list(db: &mut Database, now: UnixTime, lifetimes: &Lifetimes, user: Id<User>) -> Result<Vec<Session>> {
    let sessions = sessions::list(db, now, user)?;
    Ok(sessions.into_iter().filter(|session| session.is_alive(now, lifetimes.session_idle)).collect())
}
