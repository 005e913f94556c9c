//! Passkeys: adding, naming and removing them here, proving who somebody is with them in [`prove`].

pub mod challenge;
pub mod prove;

use challenge::Purpose;

use super::factors;
use super::mailed::asker;
use super::second_step::Porter;
use super::session::Origin;
use super::sign_in::Desk;
use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::passkey::{self, MOST, Passkey};
use crate::domain::security_log::SecurityEvent;
use crate::domain::session::Session;
use crate::domain::user::User;
use crate::domain::webauthn::{Attestation, RelyingParty};
use crate::domain::words::Words;
use crate::mail::Mail;
use crate::mail::passkeys::{PasskeyChange, PasskeyLetter};
use crate::outcome::{Error, transact};
use crate::store::{Database, StoreError, passkeys, security_log, used_proofs};
use crate::tokens::sitting;

/// Why a passkey was not added or changed, in words for its person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasskeyRefusal {
    /// The ceremony is over, or it was another's.
    #[error("That took longer than five minutes, or was sent twice. Try again.")]
    Over,
    /// The browser's answer is not right.
    #[error("This device's answer cannot be used. Try again, or use another device or password manager.")]
    Unusable,
    /// There are as many as there may be.
    #[error("You have 20 passkeys already. Remove one, then add the new one.")]
    TooMany,
    /// It is somebody's already.
    #[error("This passkey was added before.")]
    Taken,
    /// The name cannot be taken.
    #[error("A name has 1 to 60 characters on one line.")]
    InvalidName,
    /// Without it nobody could log in.
    #[error("This passkey is your only way in. Set a password first, then remove it.")]
    OnlyWay,
    /// The operator requires a second factor, and there is no other.
    #[error("This server requires a second step. Add another passkey or an authenticator app, then remove this one.")]
    Required,
    /// There is none.
    #[error("There is no such passkey.")]
    Unknown,
    /// The person has to prove who they are first.
    #[error("Confirm that it is you first.")]
    NotFresh,
    /// Nobody adds one before their address is proven.
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

/// A passkey that a browser has just made.
#[derive(Clone, Debug)]
pub struct Offered {
    /// What its authenticator answered.
    pub attestation: Attestation,
    /// The ways to it, as the browser names them.
    pub transports: Words,
    /// What its person calls it.
    pub name: String,
}

/// The sitting person, when they proved in the last 15 minutes who they are.
fn fresh(tx: &mut Database, now: UnixTime, porter: &Porter, session: &Session) -> Outcome<User> {
    let Some((session, user)) = sitting::find_again(tx, now, &porter.mint.lifetimes, session)? else {
        return refused(PasskeyRefusal::SignedOut);
    };
    if session.is_fresh(now) { Ok(user) } else { refused(PasskeyRefusal::NotFresh) }
}

/// Adds a passkey: the answer must be to a challenge of this session, and everything is judged again where
/// it is written.
///
/// # Errors
/// Why it is not added.
pub async fn add(
    desk: Desk<'_>,
    now: UnixTime,
    party: &RelyingParty,
    (session, origin): (&Session, &Origin),
    offered: Offered,
) -> Outcome<()> {
    let Offered { attestation, transports, name } = offered;
    let Some(name) = passkey::name(&name) else { return refused(PasskeyRefusal::InvalidName) };
    let Ok(said) = attestation.challenge() else { return refused(PasskeyRefusal::Unusable) };
    let Some(used) = challenge::open(&desk.mint.keys, now, Purpose::Add(session.id), &said) else {
        return refused(PasskeyRefusal::Over);
    };
    let Ok(made) = attestation.verify(party, &said) else { return refused(PasskeyRefusal::Unusable) };
    let (porter, session, origin) = (desk.porter(), session.clone(), origin.clone());
    let added = transact(desk.store, move |tx| {
        let user = fresh(tx, now, &porter, &session)?;
        if !porter.may_equip(&user) {
            return refused(PasskeyRefusal::NotProven);
        }
        if used_proofs::is_used(tx, &used)? {
            return refused(PasskeyRefusal::Over);
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
        Ok(tell(tx, now, (&porter.mail, &origin), (&user, &passkey), PasskeyChange::Added)?)
    });
    match added.await {
        // The same answer, or the same credential, at the same moment: the indexes pick the winner.
        Err(Error::Failed(StoreError::Conflict)) => refused(PasskeyRefusal::Over),
        other => other.inspect(|()| desk.mail.wake()),
    }
}

/// A person's own passkey.
fn own(tx: &mut Database, user: &User, id: Id<Passkey>) -> Outcome<Passkey> {
    let found = passkeys::find(tx, id)?.filter(|passkey| passkey.user_id == user.id);
    found.ok_or(Error::Refused(PasskeyRefusal::Unknown))
}

/// Calls a passkey otherwise.
///
/// # Errors
/// Why not.
pub async fn rename(
    desk: Desk<'_>,
    now: UnixTime,
    (session, origin): (&Session, &Origin),
    (id, name): (Id<Passkey>, &str),
) -> Outcome<()> {
    let Some(name) = passkey::name(name) else { return refused(PasskeyRefusal::InvalidName) };
    let (porter, session, origin) = (desk.porter(), session.clone(), origin.clone());
    transact(desk.store, move |tx| {
        let Some((_, user)) = sitting::find_again(tx, now, &porter.mint.lifetimes, &session)? else {
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

/// Removes a passkey, unless nothing else lets its person in.
///
/// # Errors
/// Why not.
pub async fn remove(
    desk: Desk<'_>,
    now: UnixTime,
    (session, origin): (&Session, &Origin),
    id: Id<Passkey>,
) -> Outcome<()> {
    let (porter, session, origin) = (desk.porter(), session.clone(), origin.clone());
    transact(desk.store, move |tx| {
        let user = fresh(tx, now, &porter, &session)?;
        let passkey = own(tx, &user, id)?;
        let mut left = factors::find(tx, user.id)?;
        let counted = left.passkeys.len();
        left.passkeys.retain(|other| other.id != id);
        if user.password_hash.is_none() && left.passkeys.is_empty() {
            return refused(PasskeyRefusal::OnlyWay);
        }
        // One that was stopped protects nobody.
        if left.passkeys.len() < counted && !porter.suffices(&user, &left) {
            return refused(PasskeyRefusal::Required);
        }
        passkeys::delete(tx, id)?;
        Ok(tell(tx, now, (&porter.mail, &origin), (&user, &passkey), PasskeyChange::Removed)?)
    })
    .await
    .inspect(|()| desk.mail.wake())
}

/// Writes the change into the person's log, and a letter to their proven address.
fn tell(
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
    let letter = PasskeyLetter { username: user.username.clone(), name: passkey.name.clone(), change };
    mail.warn(tx, (user, &asker(now, origin)), &letter)
}
