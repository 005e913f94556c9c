//! Authentication with a passkey. Every failure gets the same answer, except that the passkey is unknown here:
//! then the browser need not offer it again.

use super::challenge::{self, Purpose};
use super::notify;
use crate::clock::UnixTime;
use crate::domain::passkey::{BY_PASSKEY, Passkey, user_handle};
use crate::domain::session::Session;
use crate::domain::space_separated::SpaceSeparated;
use crate::domain::token::{SignInStep, Token};
use crate::domain::used_proof::UsedProof;
use crate::domain::user::User;
use crate::domain::webauthn::{Assertion, RelyingParty};
use crate::identity::new_device;
use crate::identity::second_step::{self, FinishedStep, SignInOutcome, SignInPolicy};
use crate::identity::session::{self, NewSession, Origin};
use crate::identity::sign_in::SignInContext;
use crate::mail::passkeys::PasskeyChange;
use crate::outcome::{Error, transact};
use crate::store::{Database, StoreError, passkeys, sessions, used_proofs, users};
use crate::tokens::session_recheck;

/// The passkey was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotProven {
    /// Whether the passkey is unknown here: it was removed.
    pub is_gone: bool,
}

const WRONG: NotProven = NotProven { is_gone: false };

type Outcome<T> = Result<T, Error<NotProven>>;

fn wrong() -> Error<NotProven> {
    Error::Refused(WRONG)
}

/// A verified assertion, before it is used in a transaction.
struct Judged {
    passkey: Passkey,
    counter: u32,
    used: UsedProof,
}

/// Verifies an assertion outside of any transaction, since the signature takes time. A malformed or expired
/// assertion, or a wrong signature, is refused here without a write.
async fn judge(
    context: SignInContext<'_>,
    now: UnixTime,
    party: &RelyingParty,
    (purpose, assertion): (Purpose, Assertion),
) -> Outcome<Judged> {
    let said = assertion.challenge().map_err(|_error| wrong())?;
    let used = challenge::open(&context.token_settings.keys, now, purpose, &said).ok_or_else(wrong)?;
    let id = assertion.credential_id.clone();
    let found = context.store.read(move |db| passkeys::find_by_credential(db, &id)).await?;
    let passkey = found.ok_or(Error::Refused(NotProven { is_gone: true }))?;
    let proof = assertion.verify(party, &said, &passkey.public_key).map_err(|_error| wrong())?;
    // WebAuthn §7.2 step 6: a user who is not known yet is identified by the user handle, and must own the
    // credential. If the user is known, the authenticator may omit the handle.
    let owner = user_handle(passkey.user_id);
    let names_its_owner = match &assertion.user_handle {
        Some(handle) => handle.as_slice() == owner,
        None => purpose != Purpose::SignIn,
    };
    if !names_its_owner || proof.is_backup_eligible != passkey.is_backup_eligible {
        return Err(wrong());
    }
    Ok(Judged { passkey, counter: proof.counter, used })
}

/// Consumes a verified assertion, inside the transaction that acts on it: the passkey must still exist, its
/// user be active, the challenge unused. A counter that went back marks the passkey as suspected; that is
/// committed although the request is refused.
fn use_up(
    tx: &mut Database,
    now: UnixTime,
    (sign_in_policy, origin): (&SignInPolicy, &Origin),
    judged: &Judged,
) -> Outcome<User> {
    let Judged { passkey, counter, used } = judged;
    // Disabling the user and removing the passkey wait for this transaction, or are seen by it.
    users::lock(tx, passkey.user_id)?;
    let user = users::find(tx, passkey.user_id)?.filter(User::is_active).ok_or_else(wrong)?;
    let still_opens = |held: &Passkey| {
        held.public_key == passkey.public_key && held.suspected_at.is_none() && held.user_id == user.id
    };
    let held = passkeys::find(tx, passkey.id)?.filter(still_opens).ok_or_else(wrong)?;
    if used_proofs::is_used(tx, used)? {
        return Err(wrong());
    }
    used_proofs::insert(tx, used)?;
    if held.was_copied(*counter) {
        passkeys::suspect(tx, now, held.id)?;
        notify(tx, now, (&sign_in_policy.mail, origin), (&user, &held), PasskeyChange::Stopped)?;
        return Err(wrong());
    }
    passkeys::note_use(tx, now, held.id, i64::from(*counter))?;
    Ok(user)
}

/// Runs `work` in a transaction.
async fn enter<T, F>(context: SignInContext<'_>, work: F) -> Outcome<T>
where
    T: Send + 'static,
    F: FnMut(&mut Database) -> Outcome<T> + Send + 'static,
{
    let opened = transact(context.store, work).await;
    // A suspected passkey causes an email.
    context.mail.wake();
    match opened {
        // The same assertion was sent twice at the same moment: the unique index decides which one wins.
        Err(Error::Failed(StoreError::Conflict)) => Err(wrong()),
        other => other,
    }
}

/// Signs a browser in with a passkey alone: it counts as two factors, and the limits on password attempts do
/// not apply.
///
/// # Errors
/// [`NotProven`] when the assertion is not accepted, or why the store failed.
pub async fn sign_in(
    context: SignInContext<'_>,
    now: UnixTime,
    party: &RelyingParty,
    (assertion, origin): (Assertion, Origin),
) -> Outcome<SignInOutcome> {
    let judged = judge(context, now, party, (Purpose::SignIn, assertion)).await?;
    let sign_in_policy = context.sign_in_policy();
    let opened = enter(context, move |tx| {
        let user = use_up(tx, now, (&sign_in_policy, &origin), &judged)?;
        let opened = NewSession { methods: BY_PASSKEY.iter().collect(), second_factor_pending: false };
        new_device::record_and_notify(tx, now, &sign_in_policy.mail, (&user, &origin))?;
        Ok(session::open(tx, now, &sign_in_policy.token_settings.lifetimes, (user.id, &origin), opened)?)
    });
    opened.await.map(SignInOutcome::SignedIn)
}

/// Finishes the second step of a sign-in with a passkey of its user.
///
/// # Errors
/// [`NotProven`] when the assertion is not accepted, or why the store failed. The step stays open.
pub async fn finish_step(
    context: SignInContext<'_>,
    now: UnixTime,
    party: &RelyingParty,
    (key, assertion): (Token<SignInStep>, Assertion),
    (origin, remembers): (Origin, bool),
) -> Outcome<FinishedStep> {
    let judged = judge(context, now, party, (Purpose::Step(key.id()), assertion)).await?;
    let sign_in_policy = context.sign_in_policy();
    enter(context, move |tx| {
        // A password change waits for this transaction, or ends the step before it.
        users::lock(tx, judged.passkey.user_id)?;
        let Some((step, person)) = second_step::find(tx, now, &key)? else { return Err(wrong()) };
        if person.id != judged.passkey.user_id || second_step::find_pending(tx, now, &sign_in_policy, &key)?.is_none() {
            return Err(wrong());
        }
        use_up(tx, now, (&sign_in_policy, &origin), &judged)?;
        let finished = sign_in_policy.complete(tx, now, (&step, &BY_PASSKEY), (&origin, remembers));
        finished.map_err(|error| error.map_refusal(|_over| WRONG))
    })
    .await
}

/// Authenticates the user of a session again: a passkey replaces the password and the second factor. `then`
/// runs in the same transaction.
///
/// # Errors
/// [`NotProven`] when the assertion is not accepted, or why the store failed.
pub async fn confirm<T, F>(
    context: SignInContext<'_>,
    now: UnixTime,
    (party, purpose, assertion): (&RelyingParty, Purpose, Assertion),
    (session, origin): (&Session, Origin),
    mut then: F,
) -> Outcome<T>
where
    T: Send + 'static,
    F: FnMut(&mut Database, &User) -> Result<T, StoreError> + Send + 'static,
{
    let judged = judge(context, now, party, (purpose, assertion)).await?;
    let (sign_in_policy, session) = (context.sign_in_policy(), session.clone());
    enter(context, move |tx| {
        let found = session_recheck::lock_active(tx, now, &sign_in_policy.token_settings.lifetimes, &session)?;
        let (session, _) = found.filter(|(_, person)| person.id == judged.passkey.user_id).ok_or_else(wrong)?;
        let user = use_up(tx, now, (&sign_in_policy, &origin), &judged)?;
        sessions::set_authenticated(tx, session.id, now)?;
        let methods = session.methods.union(&BY_PASSKEY.iter().collect::<SpaceSeparated>());
        sessions::set_factor_shown(tx, session.id, &methods)?;
        Ok(then(tx, &user)?)
    })
    .await
}
