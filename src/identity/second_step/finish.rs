//! Finishing a sign-in by a code.

use super::{Asks, BY_CODE, Finished, MAILED, Pending, Porter, judged};
use crate::clock::UnixTime;
use crate::domain::one_time_code::{self, TypedCode};
use crate::domain::second_factor::SignInStepRecord;
use crate::domain::secret::Secret;
use crate::domain::token::{SignInStep, Token};
use crate::domain::user::User;
use crate::identity::factors::{self, CodeRefusal, Factors};
use crate::identity::session::Origin;
use crate::identity::sign_in::Desk;
use crate::outcome::{Error, transact};
use crate::store::{Database, Result as StoreResult, sign_in_steps, users};

/// What is shown to finish a step.
#[derive(Clone, Debug)]
pub enum Shown {
    /// A code, as it was typed.
    Code(Secret),
    /// The first code of an app that is set up now, with the sealed offer of the page.
    SetUp(Secret, Secret),
}

/// Why a step is not finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepRefusal {
    /// It is unknown, was finished, has ended, or the password is another one now.
    Over,
    /// The code is not taken; the step goes on.
    Code(CodeRefusal),
}

impl From<CodeRefusal> for StepRefusal {
    fn from(refusal: CodeRefusal) -> Self {
        Self::Code(refusal)
    }
}

/// The living step of a presented key, with its person: the password is the one that was judged.
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
        step.digest.matches(&key.digest()) && step.is_alive(now) && user.is_active() && step.judged == judged(user)
    }))
}

/// A living step again, for its page.
///
/// # Errors
/// When the store fails.
pub fn look(
    db: &mut Database,
    now: UnixTime,
    porter: &Porter,
    key: &Token<SignInStep>,
) -> StoreResult<Option<Pending>> {
    let Some((step, user)) = find(db, now, key)? else { return Ok(None) };
    let factors = factors::find(db, user.id)?;
    let asks = asks_of(porter, &step, (&user, &factors));
    Ok(asks.map(|asks| Pending { key: key.clone(), user, asks, passkeys: factors.passkeys }))
}

/// What a step asks for now. One that was begun for a mailed code, or to set a factor up, is over once
/// there is a factor: else the password alone would replace it.
fn asks_of(porter: &Porter, step: &SignInStepRecord, (user, factors): (&User, &Factors)) -> Option<Asks> {
    match (factors.is_any(), &step.mailed) {
        (true, None) => Some(Asks::Code),
        (true, Some(_)) => None,
        (false, Some(_)) => Some(Asks::MailedCode),
        (false, None) => porter.asks(user, factors).filter(|asks| matches!(asks, Asks::SetUp | Asks::Passkey)),
    }
}

/// Finishes a step: judges what was shown and opens the session.
///
/// # Errors
/// [`StepRefusal`]. A wrong code is counted, at the step and for its person.
pub async fn finish(
    desk: Desk<'_>,
    now: UnixTime,
    (key, shown): (Token<SignInStep>, Shown),
    (origin, remembers): (Origin, bool),
) -> Result<Finished, Error<StepRefusal>> {
    let porter = desk.porter();
    let finished = transact(desk.store, move |tx| {
        let over = || Error::Refused(StepRefusal::Over);
        let (step, _) = find(tx, now, &key)?.ok_or_else(over)?;
        users::lock(tx, step.user_id)?;
        let (step, user) = find(tx, now, &key)?.ok_or_else(over)?;
        let factors = factors::find(tx, user.id)?;
        let asks = asks_of(&porter, &step, (&user, &factors)).ok_or_else(over)?;
        let judged = match (asks, &shown) {
            (Asks::Code, Shown::Code(typed)) => factors::show(tx, now, &porter, (&user, typed, &origin)).map(|()| None),
            (Asks::MailedCode, Shown::Code(typed)) => show_mailed(tx, now, &porter, (&step, &user, typed), &origin),
            (Asks::SetUp, Shown::SetUp(sealed, typed)) => {
                match factors::reopen(&porter.mint.keys, now, user.id, sealed.expose()) {
                    Some(offer) => factors::add_totp(tx, now, &porter, (&user, &offer, typed), (&origin, None)),
                    None => return Err(over()),
                }
            }
            (Asks::Code | Asks::MailedCode | Asks::Passkey, Shown::SetUp(..)) | (Asks::SetUp, Shown::Code(_)) => {
                return Err(over());
            }
            (Asks::Passkey, Shown::Code(_)) => return Err(Error::Refused(CodeRefusal::NoCode.into())),
        };
        match judged {
            Ok(recovery_codes) => {
                let finished = porter.complete(tx, now, (&step, &BY_CODE), (&origin, remembers))?;
                Ok(Finished { recovery_codes, ..finished })
            }
            Err(Error::Refused(refusal)) => {
                // Whoever sets an app up was shown its seed: there is nothing to guess.
                if matches!(refusal, CodeRefusal::Wrong | CodeRefusal::NotMailed) {
                    sign_in_steps::fail(tx, now, step.id)?;
                }
                Err(Error::Refused(refusal.into()))
            }
            Err(Error::Failed(error)) => Err(Error::Failed(error)),
        }
    })
    .await;
    desk.mail.wake();
    finished
}

fn show_mailed(
    tx: &mut Database,
    now: UnixTime,
    porter: &Porter,
    (step, user, typed): (&SignInStepRecord, &User, &Secret),
    origin: &Origin,
) -> Result<Option<Vec<Secret>>, Error<CodeRefusal>> {
    if let Some(seconds) = factors::closed_for(tx, now, (user.id, origin))? {
        return Err(Error::Refused(CodeRefusal::Throttled(seconds)));
    }
    let Some(TypedCode::Short(digits)) = TypedCode::parse(typed.expose()) else {
        return Err(Error::Refused(CodeRefusal::NoMailedCode));
    };
    let fits = |kept: &String| one_time_code::fits(&porter.mint.keys, (MAILED, step.id.number()), &digits, kept);
    if step.mailed.as_ref().is_some_and(fits) {
        return Ok(None);
    }
    factors::count_failure(tx, now, porter, (user, origin))?;
    Err(Error::Refused(CodeRefusal::NotMailed))
}
