//! Sign-in with a password. An unknown name, a wrong password and a disabled account get the same answer after
//! the same time.

use std::sync::Arc;

use super::deletion;
use super::factors::CodeRefusal;
use super::new_user;
use super::password_hashing::{Busy, Hasher, Verdict};
use super::second_step::{Caller, FirstProof, SignInOutcome, SignInPolicy};
use super::session::Origin;
use super::throttle::{CountedAccount, OpenAttempt, Throttle, Throttled};
use crate::clock::UnixTime;
use crate::domain::authentication::BY_PASSWORD;
use crate::domain::id::Id;
use crate::domain::lifetimes::Lifetimes;
use crate::domain::password::MAX_BYTES;
use crate::domain::second_factor::FactorPolicy;
use crate::domain::secret::Secret;
use crate::domain::token::{RememberedBrowser, Token};
use crate::domain::user::{User, fold};
use crate::mail::Mail;
use crate::outcome::{Error, transact};
use crate::store::{Database, Store, users};
use crate::tokens::TokenSettings;
use crate::tokens::last_use::LastUse;

/// The longest user name or email address that is looked up, in bytes; no stored one is as long.
const MAX_LOGIN: usize = 1_024;

/// Submitted credentials, and where they came from.
#[derive(Clone, Debug)]
pub struct SubmittedCredentials {
    /// The user name or email address.
    pub login: String,
    pub password: Secret,
    pub origin: Origin,
}

/// Why the user is not signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInRefusal {
    /// The name or the password is wrong, or the account is disabled.
    Wrong,
    /// The account has no password; only programs of the platform get this answer.
    NoPassword,
    /// The password was right, and the account is about to be erased; only browsers get this answer.
    BeingDeleted(Id<User>),
    /// Too many failed attempts; the seconds to wait.
    Throttled(i64),
    /// The queue of the password hasher is full.
    Busy,
    /// The password is right and a code is required too; only programs of the platform get this answer.
    CodeRequired,
    /// The second step of this account needs a browser; only programs get this answer.
    BrowserRequired,
    /// The password is right and the code is wrong.
    Code(CodeRefusal),
}

impl SignInRefusal {
    /// Whether the password was right although the sign-in is refused.
    fn is_about_the_factor(self) -> bool {
        matches!(self, Self::CodeRequired | Self::BrowserRequired | Self::Code(_))
    }
}

impl From<CodeRefusal> for SignInRefusal {
    fn from(refusal: CodeRefusal) -> Self {
        Self::Code(refusal)
    }
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

/// What the sign-in functions need.
#[derive(Clone, Copy)]
pub struct SignInContext<'a> {
    pub store: &'a Store,
    pub hasher: &'a Hasher,
    pub throttle: &'a Throttle,
    pub mail: &'a Arc<Mail>,
    pub last_use: &'a Arc<LastUse>,
    pub token_settings: &'a Arc<TokenSettings>,
    pub lifetimes: Lifetimes,
    /// What the operator requires besides the password.
    pub factor_policy: FactorPolicy,
}

impl SignInContext<'_> {
    /// Makes the policy that decides after the first factor, as owned values for a transaction.
    pub fn sign_in_policy(&self) -> SignInPolicy {
        SignInPolicy {
            token_settings: self.token_settings.clone(),
            last_use: self.last_use.clone(),
            mail: self.mail.clone(),
            factor_policy: self.factor_policy,
        }
    }
}

/// A verified password, before a session or token is issued for it.
pub struct Verified {
    user: User,
    hash: String,
    stronger: Option<String>,
    attempt: OpenAttempt,
}

/// Verifies a password. An unknown name, a wrong password, a disabled account and an account without a password
/// take the same time.
///
/// # Errors
/// [`SignInRefusal`], or why the store failed.
pub async fn verify(
    context: SignInContext<'_>,
    now: UnixTime,
    credentials: &SubmittedCredentials,
) -> Result<Verified, Error<SignInRefusal>> {
    let refused = |refusal: SignInRefusal| Error::Refused(refusal);
    // Lengths are checked first: folding and hashing a long text would take time before the attempt is counted.
    if credentials.login.len() > MAX_LOGIN || credentials.password.expose().len() > MAX_BYTES {
        return Err(refused(SignInRefusal::Wrong));
    }
    let account = fold(&credentials.login);
    if account.is_empty() {
        return Err(refused(SignInRefusal::Wrong));
    }
    let typed = account.clone();
    let read = context.store.read(move |db| {
        // Both queries always run, so that each kind of failure takes the same time.
        let leaving = deletion::find_by_login(db, now, &typed)?;
        Ok(new_user::find_active(db, &typed)?.or(leaving))
    });
    let user = read.await?;
    let person = user.as_ref().map(|user| user.id);
    let keys = context.throttle.rate_limit_keys(
        person.map_or(CountedAccount::UnknownName(&account), CountedAccount::User),
        &credentials.origin.address,
    );
    let keys_to_read = keys.clone();
    let stored_failures = context.store.read(move |db| keys_to_read.find_stored(db, now, person)).await?;
    // An attempt that is dropped, as by every refusal below, counts as failed.
    let attempt =
        context.throttle.attempt(now, keys, &stored_failures).map_err(|throttled| refused(throttled.into()))?;
    let attempt =
        attempt.count_in_database(context.store).await.map_err(|error| error.map_refusal(SignInRefusal::from))?;
    let hash = user.as_ref().and_then(|user| user.password_digest.clone());
    let verdict = match context.hasher.verify(credentials.password.clone(), hash.clone()).await {
        Ok(verdict) => verdict,
        Err(busy) => {
            attempt.discard().await;
            return Err(refused(busy.into()));
        }
    };
    let (user, hash) = match (user, hash, verdict) {
        (Some(user), Some(hash), Verdict::Right | Verdict::RightButWeak) => (user, hash),
        (Some(user), None, _) if user.is_active() => return Err(refused(SignInRefusal::NoPassword)),
        _ => return Err(refused(SignInRefusal::Wrong)),
    };
    if !user.is_active() {
        attempt.succeeded().await;
        return Err(refused(SignInRefusal::BeingDeleted(user.id)));
    }
    let stronger = match verdict {
        Verdict::RightButWeak => match context.hasher.hash(credentials.password.clone()).await {
            Ok(stronger) => Some(stronger),
            Err(busy) => {
                attempt.discard().await;
                return Err(refused(busy.into()));
            }
        },
        Verdict::Right | Verdict::Wrong => None,
    };
    Ok(Verified { user, hash, stronger, attempt })
}

/// Runs `open` for a user whose password was verified. The transaction reads the hash and the status again, and
/// refuses if either changed meanwhile.
///
/// # Errors
/// [`SignInRefusal`], or why the store failed.
pub async fn enter<T, F>(
    context: SignInContext<'_>,
    verified: Verified,
    mut open: F,
) -> Result<(T, User), Error<SignInRefusal>>
where
    T: Send + 'static,
    F: FnMut(&mut Database, &User) -> Result<T, Error<SignInRefusal>> + Send + 'static,
{
    let Verified { user, hash, stronger, attempt } = verified;
    let opened = transact(context.store, move |tx| {
        let is_same = |user: &User| user.is_active() && user.password_digest.as_deref() == Some(hash.as_str());
        // A concurrent password change either waits for this transaction, or its new hash is seen here.
        users::lock(tx, user.id)?;
        let mut user = users::find(tx, user.id)?.filter(is_same).ok_or(Error::Refused(SignInRefusal::Wrong))?;
        if let Some(stronger) = &stronger {
            users::replace_password_digest(tx, user.id, &hash, stronger)?;
            user.password_digest = Some(stronger.clone());
        }
        Ok((open(tx, &user)?, user))
    })
    .await;
    match &opened {
        Ok(_) => attempt.succeeded().await,
        // Wrong codes have their own limit.
        Err(Error::Refused(refusal)) if refusal.is_about_the_factor() => attempt.succeeded().await,
        // The password changed meanwhile, so the attempt counts as failed.
        Err(Error::Refused(_)) => drop(attempt),
        Err(Error::Failed(_)) => attempt.discard().await,
    }
    opened
}

/// Signs a browser in: verifies the password, then opens a session or starts the second step.
///
/// # Errors
/// [`SignInRefusal`]. An account without a password gets the same answer as a wrong password.
pub async fn sign_in(
    context: SignInContext<'_>,
    now: UnixTime,
    (credentials, remembered): (SubmittedCredentials, Vec<Token<RememberedBrowser>>),
) -> Result<SignInOutcome, Error<SignInRefusal>> {
    let hidden = |error: Error<SignInRefusal>| {
        error.map_refusal(|refusal| if refusal == SignInRefusal::NoPassword { SignInRefusal::Wrong } else { refusal })
    };
    let verified = verify(context, now, &credentials).await.map_err(hidden)?;
    let (sign_in_policy, caller) = (context.sign_in_policy(), Caller { origin: credentials.origin, remembered });
    let admit = move |tx: &mut Database, user: &User| {
        let first = FirstProof { user, methods: &BY_PASSWORD, knows_mailbox: false };
        sign_in_policy.admit(tx, now, first, &caller).map_err(|error| error.map_refusal(SignInRefusal::from))
    };
    let entered = enter(context, verified, admit).await.map(|(entered, _)| entered);
    context.mail.wake();
    entered
}
