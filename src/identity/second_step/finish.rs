//! Finishes the second step by a code.

use super::{BY_CODE, FinishedStep, MAILED, PendingStep, SecondStepKind, SignInPolicy, password_fingerprint};
use crate::clock::UnixTime;
use crate::domain::one_time_code::{self, TypedCode};
use crate::domain::second_factor::SignInStepRecord;
use crate::domain::secret::Secret;
use crate::domain::token::{SignInStep, Token};
use crate::domain::user::User;
use crate::identity::factors::{self, CodeRefusal, Factors};
use crate::identity::session::Origin;
use crate::identity::sign_in::SignInContext;
use crate::outcome::{Error, transact};
use crate::store::{Database, Result as StoreResult, sign_in_steps, users};

/// The proof that finishes a step.
#[derive(Clone, Debug)]
pub enum StepProof {
    /// A code, as it was typed.
    Code(Secret),
    /// The encrypted offer of the page, and the first code of the app that is set up.
    SetUp(Secret, Secret),
}

/// Why a step was not finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepRefusal {
    /// The step is unknown, finished or expired, or the password changed.
    Ended,
    /// The code was not accepted; the step stays open.
    Code(CodeRefusal),
}

impl From<CodeRefusal> for StepRefusal {
    fn from(refusal: CodeRefusal) -> Self {
        Self::Code(refusal)
    }
}

/// Returns the active step of a presented key, with its user, unless the password changed since the step
/// started.
///
/// # Errors
/// When the store fails.
pub fn find(
    db: &mut Database,
    now: UnixTime,
    key: &Token<SignInStep>,
) -> StoreResult<Option<(SignInStepRecord, User)>> {
    let found = sign_in_steps::find(db, key.id())?;
    Ok(found.filter(|(step, user)| {
        step.digest.matches(&key.digest())
            && step.is_alive(now)
            && user.is_active()
            && step.password_fingerprint == password_fingerprint(user)
    }))
}

/// Returns an active step again, for its page.
///
/// # Errors
/// When the store fails.
pub fn find_pending(
    db: &mut Database,
    now: UnixTime,
    sign_in_policy: &SignInPolicy,
    key: &Token<SignInStep>,
) -> StoreResult<Option<PendingStep>> {
    let Some((step, user)) = find(db, now, key)? else { return Ok(None) };
    let factors = factors::find(db, user.id)?;
    let asks = kind_of_step(sign_in_policy, &step, (&user, &factors));
    Ok(asks.map(|asks| PendingStep { key: key.clone(), user, asks, passkeys: factors.passkeys }))
}

/// Returns what a step requires now. A step that started with an emailed code, or to set up a factor, ends once
/// the user has a factor: otherwise the password alone could replace it.
fn kind_of_step(
    sign_in_policy: &SignInPolicy,
    step: &SignInStepRecord,
    (user, factors): (&User, &Factors),
) -> Option<SecondStepKind> {
    match (factors.is_any(), &step.emailed_code_digest) {
        (true, None) => Some(SecondStepKind::Code),
        (true, Some(_)) => None,
        (false, Some(_)) => Some(SecondStepKind::MailedCode),
        (false, None) => sign_in_policy
            .asks(user, factors)
            .filter(|asks| matches!(asks, SecondStepKind::SetUp | SecondStepKind::Passkey)),
    }
}

/// Finishes a step: verifies the proof and opens the session.
///
/// # Errors
/// [`StepRefusal`]. A wrong code is counted, for the step and for its user.
pub async fn finish(
    context: SignInContext<'_>,
    now: UnixTime,
    (key, shown): (Token<SignInStep>, StepProof),
    (origin, remembers): (Origin, bool),
) -> Result<FinishedStep, Error<StepRefusal>> {
    let sign_in_policy = context.sign_in_policy();
    let finished = transact(context.store, move |tx| {
        let link_ended = || Error::Refused(StepRefusal::Ended);
        let (step, _) = find(tx, now, &key)?.ok_or_else(link_ended)?;
        users::lock(tx, step.user_id)?;
        let (step, user) = find(tx, now, &key)?.ok_or_else(link_ended)?;
        let factors = factors::find(tx, user.id)?;
        let asks = kind_of_step(&sign_in_policy, &step, (&user, &factors)).ok_or_else(link_ended)?;
        let judged = match (asks, &shown) {
            (SecondStepKind::Code, StepProof::Code(typed)) => {
                factors::show(tx, now, &sign_in_policy, (&user, typed, &origin)).map(|()| None)
            }
            (SecondStepKind::MailedCode, StepProof::Code(typed)) => {
                show_mailed(tx, now, &sign_in_policy, (&step, &user, typed), &origin)
            }
            (SecondStepKind::SetUp, StepProof::SetUp(sealed, typed)) => {
                match factors::reopen(&sign_in_policy.token_settings.keys, now, user.id, sealed.expose()) {
                    Some(offer) => factors::add_totp(tx, now, &sign_in_policy, (&user, &offer, typed), (&origin, None)),
                    None => return Err(link_ended()),
                }
            }
            (SecondStepKind::Code | SecondStepKind::MailedCode | SecondStepKind::Passkey, StepProof::SetUp(..))
            | (SecondStepKind::SetUp, StepProof::Code(_)) => {
                return Err(link_ended());
            }
            (SecondStepKind::Passkey, StepProof::Code(_)) => return Err(Error::Refused(CodeRefusal::NoCode.into())),
        };
        match judged {
            Ok(recovery_codes) => {
                let finished = sign_in_policy.complete(tx, now, (&step, &BY_CODE), (&origin, remembers))?;
                Ok(FinishedStep { recovery_codes, ..finished })
            }
            Err(Error::Refused(refusal)) => {
                // During set-up the page shows the seed, so there is nothing to guess and a wrong code is not
                // counted.
                if matches!(refusal, CodeRefusal::Wrong | CodeRefusal::NotMailed) {
                    sign_in_steps::fail(tx, now, step.id)?;
                }
                Err(Error::Refused(refusal.into()))
            }
            Err(Error::Failed(error)) => Err(Error::Failed(error)),
        }
    })
    .await;
    context.mail.wake();
    finished
}

fn show_mailed(
    tx: &mut Database,
    now: UnixTime,
    sign_in_policy: &SignInPolicy,
    (step, user, typed): (&SignInStepRecord, &User, &Secret),
    origin: &Origin,
) -> Result<Option<Vec<Secret>>, Error<CodeRefusal>> {
    if let Some(seconds) = factors::closed_for(tx, now, (user.id, origin))? {
        return Err(Error::Refused(CodeRefusal::Throttled(seconds)));
    }
    let Some(TypedCode::Short(digits)) = TypedCode::parse(typed.expose()) else {
        return Err(Error::Refused(CodeRefusal::NoMailedCode));
    };
    let fits = |kept: &String| {
        one_time_code::matches(&sign_in_policy.token_settings.keys, (MAILED, step.id.number()), &digits, kept)
    };
    if step.emailed_code_digest.as_ref().is_some_and(fits) {
        return Ok(None);
    }
    factors::count_failure(tx, now, sign_in_policy, (user, origin))?;
    Err(Error::Refused(CodeRefusal::NotMailed))
}
