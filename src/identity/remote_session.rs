//! Remote sessions (`compatibility.md`, A3 S; `standards.md`, The login redirect, 8): a program
//! without a browser of its own waits; its person approves it in theirs.

use super::api_log_in::issue_whole;
use super::session::Origin;
use super::throttle::prefix;
use crate::clock::UnixTime;
use crate::domain::grant::GrantKind;
use crate::domain::id::Id;
use crate::domain::lifetimes::Lifetimes;
use crate::domain::remote_session::{RemoteSession, digest_of_uuid, random_uuid};
use crate::domain::secret::Secret;
use crate::domain::token::UserToken;
use crate::domain::user::User;
use crate::outcome::Error;
use crate::store::{Database, StoreError, remote_sessions};
use crate::tokens::issue::Issued;

/// Remote sessions of one network that may wait at once.
const MOST_WAITING: i64 = 20;

/// Why a remote session gives nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemoteRefusal {
    /// It is unknown, used, over, or was started elsewhere.
    Over,
    /// Its person has not approved it yet.
    Waiting,
    /// This address has too many that wait.
    TooMany,
}

/// Starts one; its id is a secret that is answered once.
///
/// # Errors
/// [`RemoteRefusal::TooMany`].
pub fn start(
    tx: &mut Database,
    now: UnixTime,
    (lifetimes, origin): (&Lifetimes, &Origin),
) -> Result<Secret, Error<RemoteRefusal>> {
    let network = prefix(&origin.address);
    if remote_sessions::count_waiting(tx, now, &network)? >= MOST_WAITING {
        return Err(Error::Refused(RemoteRefusal::TooMany));
    }
    let id = random_uuid();
    let session = RemoteSession {
        id: Id::next(now),
        digest: digest_of_uuid(id.expose()),
        address: origin.address.clone(),
        network,
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

/// The one that waits under a presented id.
///
/// # Errors
/// When the store fails.
pub fn find_waiting(db: &mut Database, now: UnixTime, presented: &str) -> Result<Option<RemoteSession>, StoreError> {
    let found = remote_sessions::find(db, &digest_of_uuid(presented))?;
    Ok(found
        .filter(|session| session.approved_by.is_none() && session.exercised_at.is_none() && now < session.expires_at))
}

/// Whether a person sits where the program was started: the same household or company.
pub fn is_near(session: &RemoteSession, address: &str) -> bool {
    session.network == prefix(address)
}

/// Gives the token of an approved one, once, to the address that started it.
///
/// # Errors
/// Why there is none yet, or ever.
pub fn exercise(
    tx: &mut Database,
    now: UnixTime,
    (lifetimes, presented, origin): (&Lifetimes, &str, &Origin),
) -> Result<Issued<UserToken>, Error<RemoteRefusal>> {
    let found = remote_sessions::find(tx, &digest_of_uuid(presented))?;
    let found = found.filter(|session| {
        session.exercised_at.is_none() && now < session.expires_at && is_near(session, &origin.address)
    });
    let session = found.ok_or(Error::Refused(RemoteRefusal::Over))?;
    let user: Id<User> = session.approved_by.ok_or(Error::Refused(RemoteRefusal::Waiting))?;
    if !remote_sessions::exercise(tx, now, session.id)? {
        return Err(Error::Refused(RemoteRefusal::Over));
    }
    Ok(issue_whole(tx, now, (user, GrantKind::RemoteSession), lifetimes.user_token)?)
}
