//! A user's second factors: the authenticator app and its recovery codes. They are set up, verified and removed
//! here; every change causes an email and a security log entry.

use super::emailed_links::{DAY, requester};
use super::new_device;
use super::second_step::{BY_CODE, SignInPolicy};
use super::session::Origin;
use crate::clock::{UnixTime, in_words};
use crate::domain::base_key::BaseKeys;
use crate::domain::id::Id;
use crate::domain::one_time_code::{self, TypedCode};
use crate::domain::passkey::Passkey;
use crate::domain::second_factor::{MOST_FAILURES, RecoveryCodeRecord, TotpFactor, WINDOW, new_recovery_codes};
use crate::domain::secret::Secret;
use crate::domain::security_log::{BY_OPERATOR, SecurityEvent};
use crate::domain::session::Session;
use crate::domain::space_separated::SpaceSeparated;
use crate::domain::totp::Seed;
use crate::domain::user::User;
use crate::mail::second_factor::{CodesGuessed, FactorChange, FactorChanged};
use crate::outcome::Error;
use crate::store::{
    Database, Result as StoreResult, StoreError, factors, grants, passkeys, remembered_browsers, security_log, sessions,
};

/// The label under which seeds are encrypted, bound to their row.
const SEED: &str = "totp";
/// The label under which a seed is encrypted for the page that sets it up, bound to its user.
const OFFER: &str = "totp-offer";
/// The label of the digests of recovery codes.
const RECOVERY: &str = "recovery-code";
/// The name of the throttled step in the security log.
const SECOND_STEP: &str = "second step";
/// Seconds in which a shown seed can be confirmed (ours).
const OFFERED: i64 = 3_600;

/// Why a code is not accepted, with a message for the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeRefusal {
    /// The code is wrong, too old, or was used.
    #[error("This code is wrong, or it was used already. Wait for the next one and type that.")]
    Wrong,
    /// The input cannot be a code. That gives a guesser no information, so it is not counted.
    #[error("Type the six digits that your app shows, or the twelve of a recovery code.")]
    NoCode,
    /// It is not a current code of the app that is set up.
    #[error(
        "This code does not belong to the picture. Look whether the clock of your phone is right, then type the code that \
         the app shows now."
    )]
    NotOfThisApp,
    /// The input cannot be a code of an app; there are no recovery codes during set-up.
    #[error("Type the six digits that your app shows.")]
    NoAppCode,
    /// It is not the code that was emailed.
    #[error("This code is wrong. Type the six digits of the newest letter.")]
    NotMailed,
    /// The input cannot be an emailed code.
    #[error("Type the six digits that we mailed to you.")]
    NoMailedCode,
    /// The user must prove their email address first.
    #[error("Confirm your e-mail address first. Then set the second step up.")]
    NotProven,
    /// Too many codes were wrong; the seconds to wait.
    #[error("Too many wrong codes. Wait {}, then try again.", in_words((*.0).max(60)))]
    Throttled(i64),
}

/// The factors of a user besides the password.
#[derive(Clone, Debug, Default)]
pub struct Factors {
    pub totp: Option<TotpFactor>,
    /// The number of unused recovery codes.
    pub recovery_codes: usize,
    /// The passkeys that are not suspected.
    pub passkeys: Vec<Passkey>,
}

impl Factors {
    /// Whether there is a second factor for sign-in by password. Recovery codes replace it, and are none by
    /// themselves.
    pub fn is_any(&self) -> bool {
        self.totp.is_some()
    }

    /// Returns the factors without the app and its recovery codes.
    pub fn without_app(&self) -> Self {
        Self { totp: None, recovery_codes: 0, ..self.clone() }
    }

    /// Whether there is anything stronger than a password: a passkey is, and sign-in by password does not
    /// require it (ours: a user who loses the passkey can still sign in with the other factors).
    pub fn can_show_two(&self) -> bool {
        self.is_any() || !self.passkeys.is_empty()
    }
}

/// Reads the factors of a user.
///
/// # Errors
/// When the store fails.
pub fn find(db: &mut Database, user: Id<User>) -> StoreResult<Factors> {
    let totp = factors::find_totp(db, user)?;
    let recovery_codes = factors::list_recovery_codes(db, user)?.len();
    let passkeys = passkeys::list(db, user)?.into_iter().filter(|passkey| passkey.suspected_at.is_none());
    Ok(Factors { totp, recovery_codes, passkeys: passkeys.collect() })
}

/// Returns the seconds until codes of this user are accepted again from this network; `None` when they are now.
pub(super) fn closed_for(
    db: &mut Database,
    now: UnixTime,
    (user, origin): (Id<User>, &Origin),
) -> StoreResult<Option<i64>> {
    let network = new_device::counted_network(db, now, (user, origin))?;
    let failures = factors::list_failures(db, now.plus(-WINDOW), (user, &network))?;
    let first = failures.iter().rev().nth(MOST_FAILURES - 1);
    Ok(first.map(|first| WINDOW - now.since(*first)))
}

/// Counts a wrong code. A code that reaches the limit is written into the security log. The sender of codes has
/// the password already, so the first such entry of a day also causes an email.
pub(super) fn count_failure(
    tx: &mut Database,
    now: UnixTime,
    sign_in_policy: &SignInPolicy,
    (user, origin): (&User, &Origin),
) -> StoreResult<()> {
    let network = new_device::counted_network(tx, now, (user.id, origin))?;
    factors::insert_failure(tx, now, (user.id, &network))?;
    if closed_for(tx, now, (user.id, origin))?.is_none() {
        return Ok(());
    }
    let closing = (SecurityEvent::Throttled, SECOND_STEP);
    if !security_log::has_about_since(tx, user.id, closing, now.plus(-DAY))? {
        let message = CodesGuessed { username: user.username.clone() };
        sign_in_policy.mail.warn(tx, (user, &requester(now, origin)), &message)?;
    }
    security_log::append(tx, now, user.id, closing, Some(origin))
}

/// Verifies a code of the app or a recovery code, and consumes it. A wrong code is counted. The caller holds
/// the lock of the user's row.
///
/// # Errors
/// [`CodeRefusal`] when the code is not accepted, or why the store failed.
pub fn show(
    tx: &mut Database,
    now: UnixTime,
    sign_in_policy: &SignInPolicy,
    (user, typed, origin): (&User, &Secret, &Origin),
) -> Result<(), Error<CodeRefusal>> {
    if let Some(seconds) = closed_for(tx, now, (user.id, origin))? {
        return Err(Error::Refused(CodeRefusal::Throttled(seconds)));
    }
    let is_right = match TypedCode::parse(typed.expose()) {
        Some(TypedCode::Short(digits)) => show_totp(tx, now, &sign_in_policy.token_settings.keys, (user.id, &digits))?,
        Some(TypedCode::Recovery(digits)) => show_recovery(tx, now, sign_in_policy, (user, &digits, origin))?,
        None => return Err(Error::Refused(CodeRefusal::NoCode)),
    };
    if is_right {
        return Ok(());
    }
    count_failure(tx, now, sign_in_policy, (user, origin))?;
    Err(Error::Refused(CodeRefusal::Wrong))
}

fn show_totp(
    tx: &mut Database,
    now: UnixTime,
    keys: &BaseKeys,
    (user, digits): (Id<User>, &Secret),
) -> StoreResult<bool> {
    let Some(factor) = factors::find_totp(tx, user)? else { return Ok(false) };
    let text = keys.open(SEED, factor.id.number(), &factor.secret_encrypted);
    let seed = text.and_then(|text| Seed::parse(text.expose()));
    let seed = seed.ok_or_else(|| StoreError::Unusable("a seed cannot be opened with this base key".to_owned()))?;
    match seed.step_of(now, digits.expose()) {
        Some(step) => factors::take_totp_step(tx, now, factor.id, step),
        None => Ok(false),
    }
}

fn show_recovery(
    tx: &mut Database,
    now: UnixTime,
    sign_in_policy: &SignInPolicy,
    (user, digits, origin): (&User, &Secret, &Origin),
) -> StoreResult<bool> {
    let codes = factors::list_recovery_codes(tx, user.id)?;
    let of = (RECOVERY, user.id.number());
    let judge = |code: &&RecoveryCodeRecord| {
        one_time_code::matches(&sign_in_policy.token_settings.keys, of, digits, &code.digest)
    };
    let Some(code) = codes.iter().find(judge).map(|code| code.id) else { return Ok(false) };
    if !factors::use_recovery_code(tx, now, code)? {
        return Ok(false);
    }
    let left = codes.len() - 1;
    security_log::append(tx, now, user.id, (SecurityEvent::RecoveryCodeUsed, ""), Some(origin))?;
    notify(tx, now, sign_in_policy, (user, origin), FactorChange::RecoveryCodeUsed(left))?;
    Ok(true)
}

fn notify(
    tx: &mut Database,
    now: UnixTime,
    sign_in_policy: &SignInPolicy,
    (user, origin): (&User, &Origin),
    change: FactorChange,
) -> StoreResult<()> {
    sign_in_policy.mail.warn(
        tx,
        (user, &requester(now, origin)),
        &FactorChanged { username: user.username.clone(), change },
    )
}

/// The offer of a new authenticator app: nothing is stored until a code of it is typed.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The seed for the app.
    pub seed: Seed,
    /// The seed encrypted for its user: the page's form sends it back.
    pub sealed: Secret,
}

/// Creates the offer of a new app.
pub fn offer(keys: &BaseKeys, now: UnixTime, user: Id<User>) -> Offer {
    let seed = Seed::generate();
    let text = Secret::new(format!("{} {}", now.seconds(), seed.to_text().expose()));
    Offer { sealed: Secret::new(keys.seal(OFFER, user.number(), text.expose())), seed }
}

/// Decrypts the offer that a form sends back; `None` when it is another user's, an hour old, or invalid.
pub fn reopen(keys: &BaseKeys, now: UnixTime, user: Id<User>, sealed: &str) -> Option<Offer> {
    let text = keys.open(OFFER, user.number(), sealed)?;
    let (at, seed) = text.expose().split_once(' ')?;
    let age = now.since(UnixTime::from_seconds(at.parse().ok()?));
    let seed = Seed::parse(seed).filter(|_| (0..OFFERED).contains(&age))?;
    Some(Offer { seed, sealed: Secret::new(sealed) })
}

/// Sets up an app after a code proves that it has the seed; it replaces the previous app. Returns recovery
/// codes for a user who has none. Sessions other than `here` must show a code before anything sensitive; after
/// the first factor, programs with full access must sign in again with a code.
///
/// # Errors
/// [`CodeRefusal`] when the code is not accepted, or why the store failed.
pub fn add_totp(
    tx: &mut Database,
    now: UnixTime,
    sign_in_policy: &SignInPolicy,
    (user, offer, typed): (&User, &Offer, &Secret),
    (origin, here): (&Origin, Option<&Session>),
) -> Result<Option<Vec<Secret>>, Error<CodeRefusal>> {
    if !sign_in_policy.may_add_credentials(user) {
        return Err(Error::Refused(CodeRefusal::NotProven));
    }
    let Some(TypedCode::Short(digits)) = TypedCode::parse(typed.expose()) else {
        return Err(Error::Refused(CodeRefusal::NoAppCode));
    };
    let last_step = offer.seed.step_of(now, digits.expose()).ok_or(Error::Refused(CodeRefusal::NotOfThisApp))?;
    let before = find(tx, user.id)?;
    factors::delete_totp(tx, user.id)?;
    let id = Id::<TotpFactor>::next(now);
    let secret_encrypted = sign_in_policy.token_settings.keys.seal(SEED, id.number(), offer.seed.to_text().expose());
    let last_used_at = Some(now);
    let factor = TotpFactor { id, user_id: user.id, secret_encrypted, last_step, created_at: now, last_used_at };
    factors::insert_totp(tx, &factor)?;
    remembered_browsers::forget_all(tx, user.id)?;
    sessions::set_second_factor_pending(tx, user.id, here.map(|session| session.id))?;
    if !before.is_any() {
        grants::revoke_whole(tx, now, user.id, here.map(|session| session.id))?;
    }
    if let Some(here) = here {
        sessions::set_factor_shown(tx, here.id, &here.methods.union(&BY_CODE.iter().collect::<SpaceSeparated>()))?;
    }
    security_log::append(tx, now, user.id, (SecurityEvent::TotpAdded, ""), Some(origin))?;
    notify(tx, now, sign_in_policy, (user, origin), FactorChange::AppAdded)?;
    match before.is_any() && before.recovery_codes > 0 {
        true => Ok(None),
        false => Ok(Some(make_recovery_codes(tx, now, sign_in_policy, (user, origin))?)),
    }
}

/// Removes a user's app. Recovery codes are deleted with the last factor, and every browser is forgotten.
/// `false` when there was none.
///
/// # Errors
/// When the store fails.
pub fn remove_totp(
    tx: &mut Database,
    now: UnixTime,
    sign_in_policy: &SignInPolicy,
    (user, origin): (&User, &Origin),
) -> StoreResult<bool> {
    if !factors::delete_totp(tx, user.id)? {
        return Ok(false);
    }
    if !find(tx, user.id)?.is_any() {
        factors::delete_recovery_codes(tx, user.id)?;
    }
    remembered_browsers::forget_all(tx, user.id)?;
    security_log::append(tx, now, user.id, (SecurityEvent::TotpRemoved, ""), Some(origin))?;
    notify(tx, now, sign_in_policy, (user, origin), FactorChange::AppRemoved)?;
    Ok(true)
}

/// Creates ten new recovery codes; the previous ones end.
///
/// # Errors
/// When the store fails.
pub fn new_codes(
    tx: &mut Database,
    now: UnixTime,
    sign_in_policy: &SignInPolicy,
    (user, origin): (&User, &Origin),
) -> StoreResult<Vec<Secret>> {
    notify(tx, now, sign_in_policy, (user, origin), FactorChange::NewRecoveryCodes)?;
    make_recovery_codes(tx, now, sign_in_policy, (user, origin))
}

fn make_recovery_codes(
    tx: &mut Database,
    now: UnixTime,
    sign_in_policy: &SignInPolicy,
    (user, origin): (&User, &Origin),
) -> StoreResult<Vec<Secret>> {
    factors::delete_recovery_codes(tx, user.id)?;
    let (codes, keys) = (new_recovery_codes(), &sign_in_policy.token_settings.keys);
    for code in &codes {
        let digits = Secret::new(code.expose().replace(' ', ""));
        let digest = one_time_code::digest(keys, (RECOVERY, user.id.number()), &digits);
        let record = RecoveryCodeRecord { id: Id::next(now), user_id: user.id, digest, created_at: now, used_at: None };
        factors::insert_recovery_code(tx, &record)?;
    }
    security_log::append(tx, now, user.id, (SecurityEvent::RecoveryCodesCreated, ""), Some(origin))?;
    Ok(codes)
}

/// Removes all factors and passkeys of a user: an operator knows that they were lost, or the account is reset.
/// `false` when there was none. A user in a browser uses [`remove_totp`].
///
/// # Errors
/// When the store fails.
pub fn remove_all(tx: &mut Database, now: UnixTime, user: Id<User>, origin: Option<&Origin>) -> StoreResult<bool> {
    let had_app = factors::delete_totp(tx, user)?;
    factors::delete_recovery_codes(tx, user)?;
    remembered_browsers::forget_all(tx, user)?;
    let passkeys = passkeys::list(tx, user)?;
    for passkey in &passkeys {
        passkeys::delete(tx, passkey.id)?;
        let about = match origin {
            Some(_) => passkey.name.clone(),
            None => format!("{}, {BY_OPERATOR}", passkey.name),
        };
        security_log::append(tx, now, user, (SecurityEvent::PasskeyRemoved, &about), origin)?;
    }
    if had_app {
        let about = if origin.is_some() { "" } else { BY_OPERATOR };
        security_log::append(tx, now, user, (SecurityEvent::TotpRemoved, about), origin)?;
    }
    Ok(had_app || !passkeys.is_empty())
}

/// Forgets every browser that may skip the second factor.
///
/// # Errors
/// When the store fails.
pub fn forget_browsers(tx: &mut Database, now: UnixTime, user: Id<User>, origin: &Origin) -> StoreResult<()> {
    if remembered_browsers::forget_all(tx, user)? == 0 {
        return Ok(());
    }
    security_log::append(tx, now, user, (SecurityEvent::DevicesForgotten, ""), Some(origin))
}
