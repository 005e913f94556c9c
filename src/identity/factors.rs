//! A person's second factors: the authenticator app and the recovery codes beside it. How they are set
//! up, judged and taken away; every change is told by letter and written into the security log.

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

/// The label under which seeds are sealed, bound to their row.
const SEED: &str = "totp";
/// The label under which a seed travels through the page that sets it up, bound to its person.
const OFFER: &str = "totp-offer";
/// The label of what recovery codes are judged by.
const RECOVERY: &str = "recovery-code";
/// What the log calls the door that wrong codes close.
const SECOND_STEP: &str = "second step";
/// Seconds in which a seed that was shown can be confirmed (ours).
const OFFERED: i64 = 3_600;

/// Why a code is not taken, in words for the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeRefusal {
    /// It is wrong, too old, or was used.
    #[error("This code is wrong, or it was used already. Wait for the next one and type that.")]
    Wrong,
    /// It can be no code. That tells nothing to whoever guesses, so it is not counted.
    #[error("Type the six digits that your app shows, or the twelve of a recovery code.")]
    NoCode,
    /// It belongs to another app than the one that is set up, or is too old.
    #[error(
        "This code does not belong to the picture. Look whether the clock of your phone is right, then type the code that \
         the app shows now."
    )]
    NotOfThisApp,
    /// It can be no code of an app; there are no recovery codes before there is one.
    #[error("Type the six digits that your app shows.")]
    NoAppCode,
    /// It is not the one that was mailed.
    #[error("This code is wrong. Type the six digits of the newest letter.")]
    NotMailed,
    /// It can be no code that was mailed.
    #[error("Type the six digits that we mailed to you.")]
    NoMailedCode,
    /// Nobody sets a second factor up before their address is proven.
    #[error("Confirm your e-mail address first. Then set the second step up.")]
    NotProven,
    /// Too many were wrong; seconds to wait.
    #[error("Too many wrong codes. Wait {}, then try again.", in_words((*.0).max(60)))]
    Throttled(i64),
}

/// What a person can show besides the password.
#[derive(Clone, Debug, Default)]
pub struct Factors {
    /// Their authenticator app.
    pub totp: Option<TotpFactor>,
    /// Recovery codes that were not used.
    pub recovery_codes: usize,
    /// Their passkeys that work.
    pub passkeys: Vec<Passkey>,
}

impl Factors {
    /// Whether there is a second factor. Recovery codes stand in for one, and are none by themselves.
    pub fn is_any(&self) -> bool {
        self.totp.is_some()
    }

    /// The same without the app, and without the recovery codes that stand in for it.
    pub fn without_app(&self) -> Self {
        Self { totp: None, recovery_codes: 0, ..self.clone() }
    }

    /// Whether there is anything that proves more than a password: a passkey does, and asks for nothing at
    /// the log-in by password (ours: whoever loses it can still come in by what they had before).
    pub fn can_show_two(&self) -> bool {
        self.is_any() || !self.passkeys.is_empty()
    }
}

/// What a person has.
///
/// # Errors
/// When the store fails.
pub fn find(db: &mut Database, user: Id<User>) -> StoreResult<Factors> {
    let totp = factors::find_totp(db, user)?;
    let recovery_codes = factors::list_recovery_codes(db, user)?.len();
    let passkeys = passkeys::list(db, user)?.into_iter().filter(|passkey| passkey.suspected_at.is_none());
    Ok(Factors { totp, recovery_codes, passkeys: passkeys.collect() })
}

/// Seconds until codes of this person are judged again from there; nothing when they are now.
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

/// Counts a wrong code. One that closes the door is written into the log. Whoever types codes has the password,
/// so the first one in a day is told to the person too.
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

/// Judges a code of the app or a recovery code, and uses it up. A wrong one counts. The caller holds the
/// person's row.
///
/// # Errors
/// [`CodeRefusal`].
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
    let text = keys.open(SEED, factor.id.number(), &factor.sealed);
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

/// An authenticator app that could be set up: nothing is kept until a code of it comes back.
#[derive(Clone, Debug)]
pub struct Offer {
    /// What the app is given.
    pub seed: Seed,
    /// The same, sealed for its person: what the page's form brings back.
    pub sealed: Secret,
}

/// Offers a new app to a person.
///
/// # Errors
/// When the base key is missing.
pub fn offer(keys: &BaseKeys, now: UnixTime, user: Id<User>) -> StoreResult<Offer> {
    let seed = Seed::generate();
    let text = Secret::new(format!("{} {}", now.seconds(), seed.to_text().expose()));
    Ok(Offer { sealed: Secret::new(seal(keys, (OFFER, user.number()), &text)?), seed })
}

/// The offer that a form brings back; nothing when it is another person's, an hour old, or no offer.
pub fn reopen(keys: &BaseKeys, now: UnixTime, user: Id<User>, sealed: &str) -> Option<Offer> {
    let text = keys.open(OFFER, user.number(), sealed)?;
    let (at, seed) = text.expose().split_once(' ')?;
    let age = now.since(UnixTime::from_seconds(at.parse().ok()?));
    let seed = Seed::parse(seed).filter(|_| (0..OFFERED).contains(&age))?;
    Some(Offer { seed, sealed: Secret::new(sealed) })
}

fn seal(keys: &BaseKeys, (label, row): (&str, i64), text: &Secret) -> StoreResult<String> {
    keys.seal(label, row, text.expose()).ok_or_else(|| StoreError::Unusable("the base key is missing".to_owned()))
}

/// Sets an app up, once a code shows that it has the seed; it takes the place of the one before. Gives
/// recovery codes to who has none. Sessions other than `here` have to show a code before anything
/// sensitive; programs that may change the account log in again, with a code, after the first one.
///
/// # Errors
/// [`CodeRefusal`].
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
    let sealed = seal(&sign_in_policy.token_settings.keys, (SEED, id.number()), &offer.seed.to_text())?;
    let last_used_at = Some(now);
    let factor = TotpFactor { id, user_id: user.id, sealed, last_step, created_at: now, last_used_at };
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

/// Takes a person's app away. Recovery codes go with the last factor, and every browser is forgotten.
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

/// Makes ten new recovery codes; those from before end.
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
        let digest = digest.ok_or_else(|| StoreError::Unusable("the base key is missing".to_owned()))?;
        let record = RecoveryCodeRecord { id: Id::next(now), user_id: user.id, digest, created_at: now, used_at: None };
        factors::insert_recovery_code(tx, &record)?;
    }
    security_log::append(tx, now, user.id, (SecurityEvent::RecoveryCodesCreated, ""), Some(origin))?;
    Ok(codes)
}

/// Takes all factors and passkeys of a person away: an operator knows that they were lost, or the account
/// begins anew. `false` when there was none. Somebody at a browser uses [`remove_totp`].
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

/// Forgets every browser that need not show a second factor.
///
/// # Errors
/// When the store fails.
pub fn forget_browsers(tx: &mut Database, now: UnixTime, user: Id<User>, origin: &Origin) -> StoreResult<()> {
    if remembered_browsers::forget_all(tx, user)? == 0 {
        return Ok(());
    }
    security_log::append(tx, now, user, (SecurityEvent::DevicesForgotten, ""), Some(origin))
}
