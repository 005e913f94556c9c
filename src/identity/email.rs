//! Proof and change of an email address. The old address stays until the new one is proven; an unproven address
//! reserves nothing (`docs/decisions/0005-proof-of-an-email-address.md`).

use super::access_reset;
use super::account::{AccountRefusal, confirm};
use super::email_code;
use super::emailed_links::{DAY, find_active_with_user, prove_email, requester};
use super::second_step::{Caller, FirstProof, SignInOutcome};
use super::session::Origin;
use super::sign_in::SignInContext;
use super::throttle::LinkTo;
use crate::clock::UnixTime;
use crate::domain::authentication::BY_PASSWORD;
use crate::domain::former_address::{FormerAddress, RESTORABLE};
use crate::domain::id::Id;
use crate::domain::mailed_link::{LinkKind, MailedLink};
use crate::domain::password::NewPassword;
use crate::domain::secret::Secret;
use crate::domain::security_log::{BY_MAIL, SecurityEvent};
use crate::domain::session::Session;
use crate::domain::user::{EmailAddress, InvalidEmailAddress, User, fold};
use crate::mail::Mail;
use crate::mail::email::{AddressTaken, ChangeEmail, EmailRequester, ValidateEmail};
use crate::mail::warnings::{EmailChanged, EmailChanging, PasswordReset};
use crate::outcome::{Error, consult, transact};
use crate::store::{Database, Result as StoreResult, StoreError, former_addresses, mailed_links, security_log, users};
use crate::tokens::session_recheck;

/// Seconds for which a link that proves an address is valid (ours).
const LIFE: i64 = DAY;
/// The kinds of link that prove an address.
const KINDS: [LinkKind; 2] = [LinkKind::ValidateEmail, LinkKind::ChangeEmail];

/// Emails a new user a link that proves their address. If the address is taken, its owner is informed instead:
/// the user who signs up learns nothing. The code beside the link is for the session that signed up. The caller
/// counted the email; when there were too many, the user requests it later ([`send_again`]).
pub(super) fn ask_new_person(
    tx: &mut Database,
    now: UnixTime,
    (mail, requester): (&Mail, &EmailRequester),
    (user, next): (&User, Option<&str>),
    session: Option<Id<Session>>,
) -> StoreResult<()> {
    let Some(to) = user.email.as_deref().and_then(|email| email.parse::<EmailAddress>().ok()) else { return Ok(()) };
    if !mail.is_on() {
        return Ok(());
    }
    let (key, link) = MailedLink::new(now, LIFE, (LinkKind::ValidateEmail, Some(user.id)), &to);
    let link = MailedLink { next: next.map(str::to_owned), ..link };
    send(tx, (mail, requester), (user, &to), (key, link), session)
}

/// Inserts a link and emails it; a taken address gets another email without the link.
fn send(
    tx: &mut Database,
    (mail, requester): (&Mail, &EmailRequester),
    (user, to): (&User, &EmailAddress),
    (key, link): (Secret, MailedLink),
    session: Option<Id<Session>>,
) -> StoreResult<()> {
    mailed_links::insert(tx, &link)?;
    let code = match session {
        Some(session) => Some(email_code::put_beside(tx, mail, &link, (user.id, session))?),
        None => None,
    };
    if users::find_by_login(tx, &link.email_folded)?.is_some() {
        return mail.write(tx, (to, requester), &AddressTaken);
    }
    let (username, lifetime) = (user.username.clone(), LIFE);
    match link.kind {
        LinkKind::ChangeEmail => mail.write(tx, (to, requester), &ChangeEmail { username, key, code, lifetime }),
        _ => mail.write(tx, (to, requester), &ValidateEmail { username, key, code, lifetime }),
    }
}

/// Starts a change of a user's email address: the new address gets a link, the old one a notification. A taken
/// address gets the same answer as a free one, and its owner is informed.
///
/// # Errors
/// A wrong password, an invalid address, too many emails, or mail that is off.
pub async fn update(
    context: SignInContext<'_>,
    now: UnixTime,
    (user, email, password): (&User, &str, Secret),
    (origin, session): (&Origin, Option<Id<Session>>),
) -> Result<(), Error<AccountRefusal>> {
    let refused = |refusal: AccountRefusal| Error::Refused(refusal);
    if !context.mail.is_on() {
        return Err(refused(AccountRefusal::MailOff));
    }
    let new = email.parse::<EmailAddress>();
    let new = new.map_err(|error: InvalidEmailAddress| refused(AccountRefusal::Invalid(error.to_string())))?;
    let confirmed = confirm(context, now, (user, password, &origin.address)).await?;
    context
        .throttle
        .attempt_email(context.store, now, &origin.address)
        .await
        .map_err(|error| error.map_refusal(AccountRefusal::from))?;
    if user.verified_email_folded.as_deref() == Some(fold(new.as_str()).as_str()) {
        return Err(refused(AccountRefusal::Invalid("This is your e-mail address already.".to_owned())));
    }
    let is_enough =
        !context.throttle.attempt_link(context.store, now, LinkTo::Prove(&fold(new.as_str())), &origin.address).await?;
    let (mail, origin, user) = (context.mail.clone(), origin.clone(), user.clone());
    transact(context.store, move |tx| {
        confirmed.still_counts(tx)?;
        if is_enough {
            refuse_more(tx, now, &user, &new)?;
        }
        Ok(ask_both(tx, now, (&mail, &origin), (&user, &new), session)?)
    })
    .await?;
    context.mail.wake();
    Ok(())
}

/// Refuses an email to an address to which this network requested too many, if this user requested one in the
/// last day. So other users cannot use up a user's first email of a day.
fn refuse_more(tx: &mut Database, now: UnixTime, user: &User, to: &EmailAddress) -> Result<(), Error<AccountRefusal>> {
    match mailed_links::has_mailed(tx, now.plus(-DAY), (user.id, &KINDS), &fold(to.as_str()))? {
        true => Err(Error::Refused(AccountRefusal::Throttled(DAY))),
        false => Ok(()),
    }
}

fn ask_both(
    tx: &mut Database,
    now: UnixTime,
    (mail, origin): (&Mail, &Origin),
    (user, new): (&User, &EmailAddress),
    session: Option<Id<Session>>,
) -> StoreResult<()> {
    let requester = requester(now, origin);
    mailed_links::end(tx, now, user.id, &[LinkKind::ChangeEmail])?;
    let link = MailedLink::new(now, LIFE, (LinkKind::ChangeEmail, Some(user.id)), new);
    send(tx, (mail, &requester), (user, new), link, session)?;
    security_log::append(tx, now, user.id, (SecurityEvent::EmailChangeAsked, new.as_str()), Some(origin))?;
    mail.warn(tx, (user, &requester), &EmailChanging { username: user.username.clone() })
}

/// Returns the newest active link to an address that the user has not proven yet.
///
/// # Errors
/// When the store fails.
pub fn find_waiting(db: &mut Database, now: UnixTime, user: &User) -> StoreResult<Option<MailedLink>> {
    let found = mailed_links::find_waiting(db, now, (user.id, &KINDS))?;
    Ok(found.filter(|link| is_still_asked(link, user)))
}

/// An email address to which its user may request a link.
struct Asked {
    kind: LinkKind,
    to: EmailAddress,
    waiting: Option<MailedLink>,
}

/// Returns the address that waits to be proven. For an unproven address of the account the user may request a
/// link at any time, without an earlier one.
fn find_asked(db: &mut Database, now: UnixTime, user: &User) -> StoreResult<Option<Asked>> {
    let waiting = find_waiting(db, now, user)?;
    let (kind, to) = match &waiting {
        Some(link) => (link.kind, Some(&link.email)),
        None => (LinkKind::ValidateEmail, user.email.as_ref().filter(|_| user.email_verified_at.is_none())),
    };
    Ok(to.and_then(|to| to.parse().ok()).map(|to| Asked { kind, to, waiting }))
}

/// Emails a new link to the address that waits to be proven. The previous link ends.
///
/// # Errors
/// No address that waits, too many emails, or mail that is off.
pub async fn send_again(
    context: SignInContext<'_>,
    now: UnixTime,
    session: &Session,
    origin: &Origin,
) -> Result<(), Error<AccountRefusal>> {
    if !context.mail.is_on() {
        return Err(Error::Refused(AccountRefusal::MailOff));
    }
    context
        .throttle
        .attempt_email(context.store, now, &origin.address)
        .await
        .map_err(|error| error.map_refusal(AccountRefusal::from))?;
    let link_ended = || Error::Refused(AccountRefusal::LinkEnded);
    let person = session.user_id;
    let asked = context.store.read(move |db| match users::find(db, person)? {
        Some(user) => find_asked(db, now, &user),
        None => Ok(None),
    });
    let to = asked.await?.ok_or_else(link_ended)?.to;
    let is_enough =
        !context.throttle.attempt_link(context.store, now, LinkTo::Prove(&fold(to.as_str())), &origin.address).await?;
    let (mail, requester, lifetimes) = (context.mail.clone(), requester(now, origin), context.lifetimes);
    let session = session.clone();
    transact(context.store, move |tx| {
        let (session, user) = session_recheck::lock_active(tx, now, &lifetimes, &session)?.ok_or_else(link_ended)?;
        let Asked { kind, to, waiting } = find_asked(tx, now, &user)?.ok_or_else(link_ended)?;
        let next = waiting.and_then(|link| link.next);
        if is_enough {
            refuse_more(tx, now, &user, &to)?;
        }
        mailed_links::end(tx, now, user.id, &[kind])?;
        let (key, link) = MailedLink::new(now, LIFE, (kind, Some(user.id)), &to);
        Ok(send(tx, (&mail, &requester), (&user, &to), (key, MailedLink { next, ..link }), Some(session.id))?)
    })
    .await?;
    context.mail.wake();
    Ok(())
}

/// Proof that the user who opened the link is the account's user too.
#[derive(Clone, Debug)]
pub enum Proof {
    Password(Secret),
    /// A new password, which ends all earlier access: the person who created the account loses it.
    NewPassword(Secret),
}

/// Returns the active link of a presented secret, with its user. A link that proves the address of a sign-up
/// ends when the account has another address or this one is proven.
///
/// # Errors
/// When the store fails.
pub fn find(db: &mut Database, now: UnixTime, presented: &str) -> StoreResult<Option<(MailedLink, User)>> {
    let found = find_active_with_user(db, now, (presented, &KINDS))?;
    Ok(found.filter(|(link, user)| is_still_asked(link, user)))
}

pub(super) fn is_still_asked(link: &MailedLink, user: &User) -> bool {
    let is_theirs = user.email.as_deref().map(fold).as_deref() == Some(link.email_folded.as_str());
    link.kind == LinkKind::ChangeEmail || (is_theirs && user.email_verified_at.is_none())
}

/// Makes the email address of an active link the user's. The previous address gets an email, and can be
/// restored for a while.
///
/// # Errors
/// An address that another user proved meanwhile, before anything is written.
pub(super) fn confirm_address(
    tx: &mut Database,
    now: UnixTime,
    (mail, origin): (&Mail, &Origin),
    (link, user): (&MailedLink, &User),
) -> Result<(), Error<AccountRefusal>> {
    // First, since a refusal commits: a taken address must not change link and password.
    if !prove_email(tx, now, (link, user))? {
        return Err(Error::Refused(AccountRefusal::Invalid("Somebody has this e-mail address.".to_owned())));
    }
    if !mailed_links::redeem(tx, now, link.id)? {
        return Err(Error::Failed(StoreError::Conflict));
    }
    let is_change = link.kind == LinkKind::ChangeEmail;
    let event = if is_change { SecurityEvent::EmailChanged } else { SecurityEvent::EmailProven };
    security_log::append(tx, now, user.id, (event, &link.email), Some(origin))?;
    if let (Some(old), Some(old_folded), true) = (user.proven_email(), &user.verified_email_folded, is_change) {
        let (email, email_folded) = (old.as_str().to_owned(), old_folded.clone());
        let (id, user_id, expires_at) = (Id::next(now), user.id, now.plus(RESTORABLE));
        former_addresses::insert(tx, &FormerAddress { id, user_id, email, email_folded, expires_at })?;
        let (requester, message) =
            (requester(now, origin), |is_old| EmailChanged { username: user.username.clone(), is_old });
        mail.warn_at(tx, (user, &old, &requester), &message(true))?;
        if let Ok(new) = link.email.parse::<EmailAddress>() {
            mail.warn_at(tx, (user, &new, &requester), &message(false))?;
        }
    }
    // Links to the previous address end.
    Ok(mailed_links::end(tx, now, user.id, &[&LinkKind::RESETS[..], &KINDS].concat())?)
}

/// Redeems the link: the email address becomes the user's. With `enters` it signs the browser in. Returns where
/// the user was going.
///
/// # Errors
/// A link that is used or expired, a wrong password, a weak new one, or an address that another user proved
/// meanwhile.
pub async fn finish(
    context: SignInContext<'_>,
    now: UnixTime,
    (key, proof): (Secret, Proof),
    (caller, enters): (Caller, bool),
) -> Result<(Option<SignInOutcome>, Option<String>), Error<AccountRefusal>> {
    let link_ended = || Error::Refused(AccountRefusal::LinkEnded);
    let presented = key.clone();
    let (link, user) =
        consult(context.store, move |db| find(db, now, presented.expose())?.ok_or_else(link_ended)).await?;
    let new_hash = judge(context, now, (&link, &user), (proof, &caller.origin.address)).await?;
    let (sign_in_policy, mail) = (context.sign_in_policy(), context.mail.clone());
    let (person, judged) = (user.id, user.password_digest);
    let finished = transact(context.store, move |tx| {
        users::lock(tx, person)?;
        let (link, user) = find(tx, now, key.expose())?.ok_or_else(link_ended)?;
        if user.password_digest != judged {
            return Err(Error::Refused(AccountRefusal::WrongPassword));
        }
        confirm_address(tx, now, (&mail, &caller.origin), (&link, &user))?;
        if let Some(hash) = &new_hash {
            users::set_password_digest(tx, user.id, hash)?;
            access_reset::end_all_access(tx, now, &user, Some(&caller.origin))?;
            security_log::append(tx, now, user.id, (SecurityEvent::PasswordReset, BY_MAIL), Some(&caller.origin))?;
        }
        // Read again: with the proven address, and the new password if there is one.
        let user = users::find(tx, person)?.ok_or_else(link_ended)?;
        if new_hash.is_some() {
            let message = PasswordReset { username: user.username.clone(), keeps_own_tokens: false };
            mail.warn(tx, (&user, &requester(now, &caller.origin)), &message)?;
        }
        if !enters {
            return Ok((None, link.next));
        }
        let first = FirstProof { user: &user, methods: &BY_PASSWORD, knows_mailbox: true };
        let entered = sign_in_policy.admit(tx, now, first, &caller);
        Ok((Some(entered.map_err(|error| error.map_refusal(AccountRefusal::from))?), link.next))
    })
    .await?;
    context.mail.wake();
    Ok(finished)
}

/// Checks the proof. Returns the hash of the new password, if that is the proof.
async fn judge(
    context: SignInContext<'_>,
    now: UnixTime,
    (link, user): (&MailedLink, &User),
    (proof, address): (Proof, &str),
) -> Result<Option<String>, Error<AccountRefusal>> {
    let refused = |refusal: AccountRefusal| Error::Refused(refusal);
    match proof {
        Proof::Password(password) => confirm(context, now, (user, password, address)).await.map(|_judged_again| None),
        // Otherwise a mistyped address would give the account to the owner of that address (ours).
        Proof::NewPassword(_) if link.kind == LinkKind::ChangeEmail => {
            Err(refused(AccountRefusal::Invalid("Changing the address needs the account's password.".to_owned())))
        }
        Proof::NewPassword(password) => {
            let new = NewPassword::check(password.expose(), &user.username);
            let new = new.map_err(|error| refused(AccountRefusal::Invalid(error.to_string())))?;
            let hash = context.hasher.hash(new.secret().clone()).await;
            Ok(Some(hash.map_err(|busy| refused(busy.into()))?))
        }
    }
}
