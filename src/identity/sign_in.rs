//! Signing in with a password. Unknown name, wrong password and disabled account are one answer
//! after the same time.

use super::password_hashing::{Busy, Hasher, Verdict};
use super::session::{self, Origin};
use super::throttle::{Throttle, Throttled};
use crate::clock::UnixTime;
use crate::domain::lifetimes::Lifetimes;
use crate::domain::password::MAX_BYTES;
use crate::domain::secret::Secret;
use crate::domain::token::{SessionKey, Token};
use crate::domain::user::{User, fold};
use crate::outcome::{Error, transact};
use crate::store::{Store, users};

/// What somebody typed, and from where.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// User name or e-mail address.
    pub login: String,
    /// The password.
    pub password: Secret,
    /// Where it comes from.
    pub origin: Origin,
}

/// Why nobody is signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInRefusal {
    /// The name or the password is wrong, or the account is disabled.
    Wrong,
    /// Too many failures; seconds to wait.
    Throttled(i64),
    /// Too many people sign in right now.
    Busy,
}

impl From<Throttled> for SignInRefusal {
    fn from(Throttled(seconds): Throttled) -> Self {
        Self::Throttled(seconds)
    }
}

impl From<Busy> for SignInRefusal {
    fn from(_: Busy) -> Self {
        Self::Busy
    }
}

/// What signing in needs.
#[derive(Clone, Copy)]
pub struct Desk<'a> {
    /// Where people are kept.
    pub store: &'a Store,
    /// Who judges passwords.
    pub hasher: &'a Hasher,
    /// Who counts failures.
    pub throttle: &'a Throttle,
    /// How long sessions live.
    pub lifetimes: Lifetimes,
}

/// Judges a password and opens a session. The transaction that opens it reads hash and status
/// again, and refuses if either changed meanwhile.
///
/// # Errors
/// Why nobody is signed in.
pub async fn sign_in(
    desk: Desk<'_>,
    now: UnixTime,
    attempt: Attempt,
) -> Result<(Token<SessionKey>, User), Error<SignInRefusal>> {
    let refused = |refusal: SignInRefusal| Error::Refused(refusal);
    let account = fold(&attempt.login);
    if account.is_empty() || account.len() > 512 || attempt.password.expose().len() > MAX_BYTES {
        return Err(refused(SignInRefusal::Wrong));
    }
    let address = attempt.origin.address.clone();
    desk.throttle.attempt(now, &account, &address).map_err(|throttled| refused(throttled.into()))?;
    let login = account.clone();
    let user = desk.store.read(move |db| users::find_by_login(db, &login)).await?;
    let user = user.filter(User::is_active);
    let hash = user.as_ref().and_then(|user| user.password_hash.clone());
    let verdict = desk.hasher.verify(attempt.password.clone(), hash.clone()).await;
    let verdict = verdict.map_err(|busy| refused(busy.into()))?;
    let (Some(user), Some(hash), true) = (user, hash, verdict != Verdict::Wrong) else {
        return Err(refused(SignInRefusal::Wrong));
    };
    let stronger = match verdict {
        Verdict::RightButWeak => Some(desk.hasher.hash(attempt.password).await.map_err(|busy| refused(busy.into()))?),
        Verdict::Right | Verdict::Wrong => None,
    };
    let (lifetimes, origin, id) = (desk.lifetimes, attempt.origin, user.id);
    let key = transact(desk.store, move |tx| {
        let is_same = |user: &User| user.is_active() && user.password_hash.as_deref() == Some(hash.as_str());
        users::find(tx, id)?.filter(is_same).ok_or(Error::Refused(SignInRefusal::Wrong))?;
        if let Some(stronger) = &stronger {
            users::replace_password_hash(tx, id, &hash, stronger)?;
        }
        Ok(session::open(tx, now, &lifetimes, (id, &origin))?)
    })
    .await?;
    desk.throttle.succeeded(&account, &address);
    Ok((key, user))
}
