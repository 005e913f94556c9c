//! Remote sessions (`docs/decisions/0039-remote-sessions.md`): a program without a browser waits until its user
//! approves it in a browser.

use super::account::{AccountRefusal, confirm};
use super::api_log_in::issue_full_access;
use super::confirm::{Proofs, show_factor};
use super::session::Origin;
use super::sign_in::SignInContext;
use super::throttle::prefix;
use crate::clock::UnixTime;
use crate::domain::grant::GrantKind;
use crate::domain::id::Id;
use crate::domain::lifetimes::Lifetimes;
use crate::domain::remote_session::{RemoteSession, digest_of_uuid, random_uuid};
use crate::domain::secret::Secret;
use crate::domain::security_log::SecurityEvent;
use crate::domain::session::{Session, browser_in_words};
use crate::domain::token::UserToken;
use crate::domain::user::User;
use crate::outcome::{Error, transact};
use crate::store::named_locks::{self, NamedLock};
use crate::store::{Database, StoreError, remote_sessions, security_log, users};
use crate::tokens::issue::Issued;
use crate::tokens::session_recheck;

/// Remote sessions of one network that may wait for approval at once.
const MOST_WAITING: i64 = 20;

/// Why a remote session gives no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemoteRefusal {
    /// It is unknown, used, expired, or was started from another network.
    Ended,
    /// Its user has not approved it yet.
    Waiting,
    /// Too many remote sessions of this network wait for approval.
    TooMany,
}

/// Whether a network address may start another remote session; for a read.
///
/// # Errors
/// [`RemoteRefusal::TooMany`] when too many of this network wait for approval.
pub fn may_start(db: &mut Database, now: UnixTime, origin: &Origin) -> Result<(), Error<RemoteRefusal>> {
    match remote_sessions::count_waiting(db, now, &prefix(&origin.address))? {
        MOST_WAITING.. => Err(Error::Refused(RemoteRefusal::TooMany)),
        _ => Ok(()),
    }
}

/// Starts a remote session. Returns its id, a secret that is answered once.
///
/// # Errors
/// [`RemoteRefusal::TooMany`] when too many of this network wait for approval.
pub fn start(
    tx: &mut Database,
    now: UnixTime,
    (lifetimes, origin): (&Lifetimes, &Origin),
) -> Result<Secret, Error<RemoteRefusal>> {
    named_locks::acquire(tx, &[NamedLock::Waiting(&prefix(&origin.address))])?;
    may_start(tx, now, origin)?;
    let id = random_uuid();
    let session = RemoteSession {
        id: Id::next(now),
        digest: digest_of_uuid(id.expose()),
        address: origin.address.clone(),
        network: prefix(&origin.address),
        user_agent: origin.user_agent.chars().filter(|character| !character.is_control()).take(300).collect(),
        created_at: now,
        expires_at: now.plus(lifetimes.remote_session),
        approved_by: None,
        approved_at: None,
        exercised_at: None,
    };
    remote_sessions::insert(tx, &session)?;
    Ok(id)
}

/// Returns the remote session with the presented id if it waits for approval.
///
/// # Errors
/// When the store fails.
pub fn find_waiting(db: &mut Database, now: UnixTime, presented: &str) -> Result<Option<RemoteSession>, StoreError> {
    let found = remote_sessions::find(db, &digest_of_uuid(presented))?;
    Ok(found
        .filter(|session| session.approved_by.is_none() && session.exercised_at.is_none() && now < session.expires_at))
}

/// Whether the user's network address is in the network where the program was started: the same household or
/// company.
pub fn is_near(session: &RemoteSession, address: &str) -> bool {
    session.network == prefix(address)
}

/// Approves a waiting remote session for a user who types their password again, and their second factor if the
/// browser session was opened without it. `false` when it does not wait any more.
///
/// # Errors
/// A wrong password or code, or why they cannot be checked now.
pub async fn approve(
    context: SignInContext<'_>,
    now: UnixTime,
    (session, user): (&Session, &User),
    (proofs, origin): (Proofs, &Origin),
    waiting: &RemoteSession,
) -> Result<bool, Error<AccountRefusal>> {
    let Proofs { password, code } = proofs;
    let confirmed = confirm(context, now, (user, password, &origin.address)).await?;
    let (sign_in_policy, session, origin, waiting) =
        (context.sign_in_policy(), session.clone(), origin.clone(), waiting.clone());
    let approved = transact(context.store, move |tx| {
        confirmed.still_counts(tx)?;
        let found = session_recheck::lock_active(tx, now, &sign_in_policy.token_settings.lifetimes, &session)?;
        let (session, user) = found.ok_or(Error::Refused(AccountRefusal::WrongPassword))?;
        show_factor(tx, now, &sign_in_policy, (&session, &user), (&code, &origin))?;
        Ok(approve_for(tx, now, (&user, &origin), &waiting)?)
    })
    .await;
    context.mail.wake();
    approved
}

/// Approves a waiting remote session for a user who was authenticated again in this transaction. `false` when
/// it does not wait any more.
///
/// # Errors
/// When the store fails.
pub fn approve_for(
    tx: &mut Database,
    now: UnixTime,
    (user, origin): (&User, &Origin),
    waiting: &RemoteSession,
) -> Result<bool, StoreError> {
    let is_first = remote_sessions::approve(tx, now, waiting.id, user.id)?;
    if is_first {
        let program = format!("{} at {}", browser_in_words(&waiting.user_agent), waiting.address);
        security_log::append(tx, now, user.id, (SecurityEvent::ProgramSignedIn, &program), Some(origin))?;
    }
    Ok(is_first)
}

/// Deletes a remote session: its user chose Cancel.
///
/// # Errors
/// When the store fails.
pub fn cancel(tx: &mut Database, id: Id<RemoteSession>) -> Result<(), StoreError> {
    remote_sessions::delete(tx, id)
}

/// Returns the approved remote session with the presented id, and its active user; only for the network that
/// started it.
///
/// # Errors
/// [`RemoteRefusal`], or why the store failed.
fn approved(
    db: &mut Database,
    now: UnixTime,
    (presented, origin): (&str, &Origin),
) -> Result<(RemoteSession, Id<User>), Error<RemoteRefusal>> {
    let found = remote_sessions::find(db, &digest_of_uuid(presented))?;
    let found = found.filter(|session| {
        session.exercised_at.is_none() && now < session.expires_at && is_near(session, &origin.address)
    });
    let session = found.ok_or(Error::Refused(RemoteRefusal::Ended))?;
    let user = session.approved_by.ok_or(Error::Refused(RemoteRefusal::Waiting))?;
    match users::find(db, user)?.filter(User::is_active) {
        Some(_) => Ok((session, user)),
        None => Err(Error::Refused(RemoteRefusal::Ended)),
    }
}

/// Whether [`exercise`] would give a token; for a read, since programs poll every few seconds.
///
/// # Errors
/// [`RemoteRefusal`], or why the store failed.
pub fn examine(db: &mut Database, now: UnixTime, asked: (&str, &Origin)) -> Result<(), Error<RemoteRefusal>> {
    approved(db, now, asked).map(drop)
}

/// Issues the token of an approved remote session, once, to the network that started it.
///
/// # Errors
/// [`RemoteRefusal`], or why the store failed.
pub fn exercise(
    tx: &mut Database,
    now: UnixTime,
    (lifetimes, presented, origin): (&Lifetimes, &str, &Origin),
) -> Result<Issued<UserToken>, Error<RemoteRefusal>> {
    let (_, user) = approved(tx, now, (presented, origin))?;
    users::lock(tx, user)?;
    let (session, user) = approved(tx, now, (presented, origin))?;
    if !remote_sessions::exercise(tx, now, session.id)? {
        return Err(Error::Refused(RemoteRefusal::Ended));
    }
    Ok(issue_full_access(tx, now, (user, GrantKind::RemoteSession), lifetimes.usual_user_token())?)
}
