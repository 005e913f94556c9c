//! Compromise reports ("This was not me"): one button ends all access to an account and starts its recovery.
//!
//! It must not be useful to an attacker, so these are its rules (ours):
//!
//! - It only ends things: sessions, tokens, grants, consents, the password. Recovery needs a link to the
//!   account's proven email address; an attacker in a session gains nothing by pressing the button.
//! - A link works for the account's current email address, and for one that was its address until seven days
//!   ago. The older address wins: its link restores it, and ends the links that went to the address that
//!   replaced it. So an attacker who changes the address cannot shut out the owner, and cannot use the same way
//!   afterwards.
//! - The link opens the page for a new password while it is as young as a reset link may be. An older link,
//!   which others may have seen by now, causes a new email instead.
//! - All credentials that an attacker may have added end too, as in every reset by email: second factors,
//!   passkeys, the secrets and keys of the user's own applications ([`super::access_reset`]).
//! - A user without a proven address, or on a server without mail, could never get back in without the
//!   password: it stays, and so does the session in which they press the button.

use super::access_reset;
use super::account::AccountRefusal;
use super::deletion;
use super::emailed_links::{find_active, requester};
use super::session::Origin;
use super::sign_in::SignInContext;
use crate::clock::UnixTime;
use crate::domain::former_address::FormerAddress;
use crate::domain::id::Id;
use crate::domain::mailed_link::{LinkKind, MailedLink};
use crate::domain::secret::Secret;
use crate::domain::security_log::SecurityEvent;
use crate::domain::session::Session;
use crate::domain::user::{EmailAddress, User, fold};
use crate::mail::Mail;
use crate::mail::email::RecoverAccount;
use crate::mail::warnings::CompromiseReportedElsewhere;
use crate::outcome::{Error, transact};
use crate::store::{
    Database, Result, consents, deletions, former_addresses, mailed_links, remembered_browsers, security_log,
    seen_devices, sessions, users,
};
use crate::tokens::{revoke, session_recheck};

/// Links that end with a report.
const ENDED: [LinkKind; 5] = [
    LinkKind::Reset,
    LinkKind::ResetByOperator,
    LinkKind::ChangeEmail,
    LinkKind::ValidateEmail,
    LinkKind::RestoreAccount,
];

/// An active link, and what it would do.
#[derive(Clone, Debug)]
pub struct Found {
    pub link: MailedLink,
    pub user: User,
    /// The former email address that it restores.
    pub former: Option<FormerAddress>,
}

/// Returns the active link of a presented secret. A link to an address that is not related to the account any
/// more has ended; a link of an account that is about to be erased is active.
///
/// # Errors
/// When the store fails.
pub fn find(db: &mut Database, now: UnixTime, presented: &str) -> Result<Option<Found>> {
    let Some(link) = find_active(db, now, (presented, &[LinkKind::CompromiseReport]))? else { return Ok(None) };
    let Some(person) = link.user_id else { return Ok(None) };
    let Some(user) = users::find(db, person)?.filter(|user| user.disabled_at.is_none()) else { return Ok(None) };
    let deletion = deletions::find(db, user.id)?;
    if user.deleted_at.is_some() && !deletion.is_some_and(|deletion| deletion.is_restorable(now)) {
        return Ok(None);
    }
    let current = user.proven_email().map(|email| fold(email.as_str()));
    if current.as_deref() == Some(link.email_folded.as_str()) {
        return Ok(Some(Found { link, user, former: None }));
    }
    let mut former = former_addresses::list(db, now, user.id)?.into_iter();
    let former = former.find(|address| address.email_folded == link.email_folded);
    Ok(former.map(|former| Found { link, user, former: Some(former) }))
}

/// What the user does next.
#[derive(Clone, Debug)]
pub enum Next {
    /// Set a new password, with this key of a reset link.
    SetPassword(Secret),
    /// Read the email that was sent to this address.
    ReadEmail(String),
    /// Ask the operator: nothing proves any more who owns the account.
    AskOperator,
    /// Change the password in the remaining session.
    ChangePassword,
}

/// Redeems the link of a compromise report.
///
/// # Errors
/// [`AccountRefusal::LinkEnded`] when the link is used, expired or unknown.
pub async fn by_link(
    context: SignInContext<'_>,
    now: UnixTime,
    key: Secret,
    origin: &Origin,
) -> std::result::Result<Next, Error<AccountRefusal>> {
    let (mail, lifetime, origin) = (context.mail.clone(), context.lifetimes.reset, origin.clone());
    let next = transact(context.store, move |tx| {
        let link_ended = || Error::Refused(AccountRefusal::LinkEnded);
        let person = find(tx, now, key.expose())?.ok_or_else(link_ended)?.user.id;
        users::lock(tx, person)?;
        let Found { link, user, former } = find(tx, now, key.expose())?.ok_or_else(link_ended)?;
        if !mailed_links::redeem(tx, now, link.id)? {
            return Err(link_ended());
        }
        if user.deleted_at.is_some() {
            deletion::restore(tx, now, user.id, Some(&origin))?;
        }
        let is_reachable = match &former {
            Some(former) => put_back(tx, now, former, &origin)?,
            None => true,
        };
        end_all(tx, now, &user, &origin)?;
        let Some(to) = link.email.parse::<EmailAddress>().ok().filter(|_| is_reachable) else {
            users::remove_email(tx, user.id)?;
            return Ok(Next::AskOperator);
        };
        start_recovery(tx, now, (&mail, lifetime), (&user, &to), &origin)?;
        if now.since(link.created_at) > lifetime {
            return Ok(Next::ReadEmail(link.email));
        }
        let (key, reset) = MailedLink::new(now, lifetime, (LinkKind::Reset, Some(user.id)), &to);
        mailed_links::insert(tx, &reset)?;
        Ok(Next::SetPassword(key))
    });
    let next = next.await?;
    context.mail.wake();
    Ok(next)
}

/// Reports a compromise from a session.
///
/// # Errors
/// [`AccountRefusal::LinkEnded`] when the session ended meanwhile.
pub async fn in_session(
    context: SignInContext<'_>,
    now: UnixTime,
    session: &Session,
    origin: &Origin,
) -> std::result::Result<Next, Error<AccountRefusal>> {
    let (mail, lifetimes) = (context.mail.clone(), context.lifetimes);
    let (session, origin) = (session.clone(), origin.clone());
    let next = transact(context.store, move |tx| {
        let link_ended = || Error::Refused(AccountRefusal::LinkEnded);
        let (session, user) = session_recheck::lock_active(tx, now, &lifetimes, &session)?.ok_or_else(link_ended)?;
        let Some(to) = user.proven_email().filter(|_| mail.is_on()) else {
            end_others(tx, now, (user.id, session.id), &origin)?;
            return Ok(Next::ChangePassword);
        };
        end_all(tx, now, &user, &origin)?;
        start_recovery(tx, now, (&mail, lifetimes.reset), (&user, &to), &origin)?;
        // It is unknown here who changed the email address, so its former addresses get an email too.
        for former in former_addresses::list(tx, now, user.id)? {
            if let Ok(before) = former.email.parse::<EmailAddress>() {
                let message = CompromiseReportedElsewhere { username: user.username.clone() };
                mail.warn_at(tx, (&user, &before, &requester(now, &origin)), &message)?;
            }
        }
        Ok(Next::ReadEmail(to.as_str().to_owned()))
    });
    let next = next.await?;
    context.mail.wake();
    Ok(next)
}

/// Restores a former email address. `false` when another user proved it meanwhile.
fn put_back(tx: &mut Database, now: UnixTime, former: &FormerAddress, origin: &Origin) -> Result<bool> {
    let (user, folded) = (former.user_id, former.email_folded.as_str());
    mailed_links::end_elsewhere(tx, now, (user, LinkKind::CompromiseReport), folded)?;
    former_addresses::delete_since(tx, former)?;
    if users::find_by_login(tx, folded)?.is_some_and(|other| other.id != user) {
        return Ok(false);
    }
    users::prove_email(tx, now, user, (&former.email, folded))?;
    security_log::append(tx, now, user, (SecurityEvent::EmailChanged, &former.email), Some(origin))?;
    Ok(true)
}

fn end_all(tx: &mut Database, now: UnixTime, user: &User, origin: &Origin) -> Result<()> {
    mailed_links::end(tx, now, user.id, &ENDED)?;
    revoke::everything(tx, now, user.id)?;
    users::remove_password(tx, user.id)?;
    access_reset::end_other_credentials(tx, now, user, Some(origin))?;
    security_log::append(tx, now, user.id, (SecurityEvent::CompromiseReported, ""), Some(origin))
}

/// Ends everything except this session and the password, which are the only way back in.
fn end_others(
    tx: &mut Database,
    now: UnixTime,
    (user, session): (Id<User>, Id<Session>),
    origin: &Origin,
) -> Result<()> {
    mailed_links::end(tx, now, user, &ENDED)?;
    for other in sessions::list(tx, now, user)?.iter().filter(|other| other.id != session) {
        revoke::session(tx, now, user, other.id)?;
    }
    revoke::given_away(tx, now, user)?;
    consents::forget_all(tx, user)?;
    remembered_browsers::forget_all(tx, user)?;
    seen_devices::forget(tx, user)?;
    security_log::append(tx, now, user, (SecurityEvent::CompromiseReported, ""), Some(origin))
}

fn start_recovery(
    tx: &mut Database,
    now: UnixTime,
    (mail, lifetime): (&Mail, i64),
    (user, to): (&User, &EmailAddress),
    origin: &Origin,
) -> Result<()> {
    let (key, link) = MailedLink::new(now, lifetime, (LinkKind::Reset, Some(user.id)), to);
    mailed_links::insert(tx, &link)?;
    mail.write(tx, (to, &requester(now, origin)), &RecoverAccount { username: user.username.clone(), key, lifetime })
}
