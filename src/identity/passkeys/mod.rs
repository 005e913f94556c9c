//! Passkeys: adding, naming and removing them here, authentication with them in [`prove`].

pub mod challenge;
pub mod prove;

use challenge::Purpose;

use super::emailed_links::requester;
use super::factors;
use super::second_step::SignInPolicy;
use super::session::Origin;
use super::sign_in::SignInContext;
use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::passkey::{self, MOST, Passkey};
use crate::domain::security_log::SecurityEvent;
use crate::domain::session::Session;
use crate::domain::space_separated::SpaceSeparated;
use crate::domain::user::User;
use crate::domain::webauthn::{Attestation, RelyingParty};
use crate::mail::Mail;
use crate::mail::passkeys::{PasskeyChange, PasskeyEmail};
use crate::outcome::{Error, transact};
use crate::store::{Database, StoreError, passkeys, security_log, used_proofs};
use crate::tokens::session_recheck;

/// Why a passkey was not added or changed, with a message for the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasskeyRefusal {
    /// The challenge has expired, was used, or is of another ceremony.
    #[error("That took longer than five minutes, or was sent twice. Try again.")]
    Ended,
    /// The browser's answer is invalid.
    #[error("This device's answer cannot be used. Try again, or use another device or password manager.")]
    Unusable,
    /// The user has the maximum number of passkeys.
    #[error("You have 20 passkeys already. Remove one, then add the new one.")]
    TooMany,
    /// The credential is registered already.
    #[error("This passkey was added before.")]
    Taken,
    /// The name is invalid.
    #[error("A name has 1 to 60 characters on one line.")]
    InvalidName,
    /// It is the only way to sign in to the account.
    #[error("This passkey is your only way in. Set a password first, then remove it.")]
    OnlyWay,
    /// The operator requires a second factor, and there is no other.
    #[error("This server requires a second step. Add another passkey or an authenticator app, then remove this one.")]
    Required,
    /// There is no such passkey.
    #[error("There is no such passkey.")]
    Unknown,
    /// The user must authenticate again first.
    #[error("Confirm that it is you first.")]
    NotRecent,
    /// The user must prove their email address first.
    #[error("Confirm your e-mail address first. Then add a passkey.")]
    NotProven,
    /// The session ended meanwhile.
    #[error("Log in first.")]
    SignedOut,
}

type Outcome<T> = Result<T, Error<PasskeyRefusal>>;

fn refused<T>(refusal: PasskeyRefusal) -> Outcome<T> {
    Err(Error::Refused(refusal))
}

/// A passkey that a browser has just created.
#[derive(Clone, Debug)]
pub struct Offered {
    pub attestation: Attestation,
    /// The transports, as the browser names them (`usb`, `internal`, …).
    pub transports: SpaceSeparated,
    /// The name that the user chose.
    pub name: String,
}

/// Returns the user of the session, if they authenticated in the last 15 minutes.
fn require_recent_authentication(
    tx: &mut Database,
    now: UnixTime,
    sign_in_policy: &SignInPolicy,
    session: &Session,
) -> Outcome<User> {
    let Some((session, user)) =
        session_recheck::lock_active(tx, now, &sign_in_policy.token_settings.lifetimes, session)?
    else {
        return refused(PasskeyRefusal::SignedOut);
    };
    if session.has_recent_authentication(now) { Ok(user) } else { refused(PasskeyRefusal::NotRecent) }
}

/// Adds a passkey: the attestation must answer a challenge of this session, and every condition is checked
/// again inside the transaction that writes.
///
/// # Errors
/// [`PasskeyRefusal`], or why the store failed.
pub async fn add(
    context: SignInContext<'_>,
    now: UnixTime,
    party: &RelyingParty,
    (session, origin): (&Session, &Origin),
    offered: Offered,
) -> Outcome<()> {
    let Offered { attestation, transports, name } = offered;
    let Some(name) = passkey::name(&name) else { return refused(PasskeyRefusal::InvalidName) };
    let Ok(said) = attestation.challenge() else { return refused(PasskeyRefusal::Unusable) };
    let Some(used) = challenge::open(&context.token_settings.keys, now, Purpose::Add(session.id), &said) else {
        return refused(PasskeyRefusal::Ended);
    };
    let Ok(made) = attestation.verify(party, &said) else { return refused(PasskeyRefusal::Unusable) };
    let (sign_in_policy, session, origin) = (context.sign_in_policy(), session.clone(), origin.clone());
    let added = transact(context.store, move |tx| {
        let user = require_recent_authentication(tx, now, &sign_in_policy, &session)?;
        if !sign_in_policy.may_add_credentials(&user) {
            return refused(PasskeyRefusal::NotProven);
        }
        if used_proofs::is_used(tx, &used)? {
            return refused(PasskeyRefusal::Ended);
        }
        if passkeys::find_by_credential(tx, &made.id)?.is_some() {
            return refused(PasskeyRefusal::Taken);
        }
        if passkeys::list(tx, user.id)?.len() >= MOST {
            return refused(PasskeyRefusal::TooMany);
        }
        used_proofs::insert(tx, &used)?;
        let passkey = Passkey {
            id: Id::next(now),
            user_id: user.id,
            credential_id: made.id.clone(),
            public_key: made.public_key.clone(),
            counter: i64::from(made.counter),
            is_backup_eligible: made.is_backup_eligible,
            transports: transports.clone(),
            name: name.clone(),
            created_at: now,
            last_used_at: None,
            suspected_at: None,
        };
        passkeys::insert(tx, &passkey)?;
        Ok(notify(tx, now, (&sign_in_policy.mail, &origin), (&user, &passkey), PasskeyChange::Added)?)
    });
    match added.await {
        // The same answer or credential was sent twice at the same moment: the unique indexes decide which one
        // wins.
        Err(Error::Failed(StoreError::Conflict)) => refused(PasskeyRefusal::Ended),
        other => other.inspect(|()| context.mail.wake()),
    }
}

/// Returns a passkey of this user.
fn own(tx: &mut Database, user: &User, id: Id<Passkey>) -> Outcome<Passkey> {
    let found = passkeys::find(tx, id)?.filter(|passkey| passkey.user_id == user.id);
    found.ok_or(Error::Refused(PasskeyRefusal::Unknown))
}

/// Gives a passkey another name.
///
/// # Errors
/// [`PasskeyRefusal`], or why the store failed.
pub async fn rename(
    context: SignInContext<'_>,
    now: UnixTime,
    (session, origin): (&Session, &Origin),
    (id, name): (Id<Passkey>, &str),
) -> Outcome<()> {
    let Some(name) = passkey::name(name) else { return refused(PasskeyRefusal::InvalidName) };
    let (sign_in_policy, session, origin) = (context.sign_in_policy(), session.clone(), origin.clone());
    transact(context.store, move |tx| {
        let Some((_, user)) =
            session_recheck::lock_active(tx, now, &sign_in_policy.token_settings.lifetimes, &session)?
        else {
            return refused(PasskeyRefusal::SignedOut);
        };
        let passkey = own(tx, &user, id)?;
        if passkey.name == name {
            return Ok(());
        }
        passkeys::rename(tx, id, &name)?;
        let about = format!("{} is now {name}", passkey.name);
        Ok(security_log::append(tx, now, user.id, (SecurityEvent::PasskeyRenamed, &about), Some(&origin))?)
    })
    .await
}

/// Removes a passkey, unless it is the only way to sign in or the second factor that the operator requires.
///
/// # Errors
/// [`PasskeyRefusal`], or why the store failed.
pub async fn remove(
    context: SignInContext<'_>,
    now: UnixTime,
    (session, origin): (&Session, &Origin),
    id: Id<Passkey>,
) -> Outcome<()> {
    let (sign_in_policy, session, origin) = (context.sign_in_policy(), session.clone(), origin.clone());
    transact(context.store, move |tx| {
        let user = require_recent_authentication(tx, now, &sign_in_policy, &session)?;
        let passkey = own(tx, &user, id)?;
        let mut left = factors::find(tx, user.id)?;
        let counted = left.passkeys.len();
        left.passkeys.retain(|other| other.id != id);
        if user.password_digest.is_none() && left.passkeys.is_empty() {
            return refused(PasskeyRefusal::OnlyWay);
        }
        // A suspected passkey cannot be used, so removing it takes no factor away.
        if left.passkeys.len() < counted && !sign_in_policy.suffices(&user, &left) {
            return refused(PasskeyRefusal::Required);
        }
        passkeys::delete(tx, id)?;
        Ok(notify(tx, now, (&sign_in_policy.mail, &origin), (&user, &passkey), PasskeyChange::Removed)?)
    })
    .await
    .inspect(|()| context.mail.wake())
}

/// Writes the change into the user's security log, and emails their proven address.
fn notify(
    tx: &mut Database,
    now: UnixTime,
    (mail, origin): (&Mail, &Origin),
    (user, passkey): (&User, &Passkey),
    change: PasskeyChange,
) -> Result<(), StoreError> {
    let event = match change {
        PasskeyChange::Added => SecurityEvent::PasskeyAdded,
        PasskeyChange::Removed => SecurityEvent::PasskeyRemoved,
        PasskeyChange::Stopped => SecurityEvent::PasskeySuspected,
    };
    security_log::append(tx, now, user.id, (event, &passkey.name), Some(origin))?;
    let message = PasskeyEmail { username: user.username.clone(), name: passkey.name.clone(), change };
    mail.warn(tx, (user, &requester(now, origin)), &message)
}
