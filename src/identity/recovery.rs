//! A new password without the old one, by a mailed link (`standards.md`, E-mail).

use super::account::AccountRefusal;
use super::fresh_start;
use super::mailed::{asker, find_with_person, may_send, prove};
use super::second_step::{Caller, Entered, First};
use super::session::Origin;
use super::sign_in::Desk;
use crate::clock::UnixTime;
use crate::domain::authentication::BY_PASSWORD;
use crate::domain::mailed_link::{LinkKind, MailedLink};
use crate::domain::password::NewPassword;
use crate::domain::secret::Secret;
use crate::domain::security_log::{BY_MAIL, BY_OPERATOR, SecurityEvent};
use crate::domain::user::{EmailAddress, User, fold};
use crate::mail::letters::ResetPassword;
use crate::mail::warnings::PasswordReset;
use crate::outcome::{Error, consult, transact};
use crate::store::{Database, Result as StoreResult, mailed_links, security_log, users};

/// The longest path that a link remembers.
const MAX_NEXT: usize = 8_192;

/// Mails a link to whoever has this name or proven address. Nobody is told whether that is anybody: all
/// of it is done for nobody too, and one transaction takes as long as the other.
///
/// # Errors
/// When mail is off, or this address asks too often.
pub async fn start(
    desk: Desk<'_>,
    now: UnixTime,
    (login, next): (&str, Option<&str>),
    origin: &Origin,
) -> Result<(), Error<AccountRefusal>> {
    let refused = |refusal: AccountRefusal| Error::Refused(refusal);
    if !desk.mail.is_on() {
        return Err(refused(AccountRefusal::MailOff));
    }
    desk.throttle.attempt_letter(now, &origin.address).map_err(|throttled| refused(throttled.into()))?;
    let folded = fold(&login.chars().take(512).collect::<String>());
    let next = next.filter(|next| next.len() <= MAX_NEXT).map(str::to_owned);
    let (mail, asker, lifetime) = (desk.mail.clone(), asker(now, origin), desk.lifetimes.reset);
    let origin = origin.clone();
    let nobody: EmailAddress = "nobody@localhost".parse().expect("because it is an address");
    transact(&desk.store.for_strangers(), move |tx| {
        let user = users::find_by_login(tx, &folded)?.filter(User::is_active);
        let reader = user.and_then(|user| user.email.as_deref()?.parse::<EmailAddress>().ok().map(|to| (user, to)));
        let may_send = may_send(tx, now, (reader.as_ref().map_or(&nobody, |(_, to)| to), &[LinkKind::Reset]))?;
        let known = reader.filter(|_| may_send);
        let person = known.as_ref().map(|(user, _)| user.id);
        let to = known.as_ref().map_or(&nobody, |(_, to)| to);
        let (key, link) = MailedLink::new(now, lifetime, (LinkKind::Reset, person), to);
        let username = known.as_ref().map_or_else(|| folded.clone(), |(user, _)| user.username.clone());
        let letter = ResetPassword { username, key, lifetime };
        // Nobody's link opens nothing: it names no person.
        mailed_links::insert(tx, &MailedLink { next: next.clone(), ..link })?;
        match &known {
            Some((user, _)) => {
                security_log::append(tx, now, user.id, (SecurityEvent::PasswordResetAsked, ""), Some(&origin))?;
                Ok(mail.write(tx, (to, &asker), &letter)?)
            }
            None => Ok(mail.pretend(tx, &asker, &letter)?),
        }
    })
    .await?;
    desk.mail.wake();
    Ok(())
}

/// The living link behind a presented secret, with its person, whose address it must still be.
///
/// # Errors
/// When the store fails.
pub fn find(db: &mut Database, now: UnixTime, presented: &str) -> StoreResult<Option<(MailedLink, User)>> {
    let found = find_with_person(db, now, (presented, &LinkKind::RESETS))?;
    Ok(found.filter(|(link, user)| user.email.as_deref().map(fold).as_deref() == Some(link.email_folded.as_str())))
}

/// What a finished reset gives.
#[derive(Debug)]
pub struct Recovered {
    /// What a browser gets: a session, or the second step, which a letter does not stand for.
    pub entered: Option<Entered>,
    /// Where the person was going.
    pub next: Option<String>,
}

/// What somebody who opened the link wants.
#[derive(Clone, Debug)]
pub struct NewCredentials {
    /// The link's secret.
    pub key: Secret,
    /// The new password.
    pub password: Secret,
    /// Whether personal and studio tokens end too.
    pub ends_own_tokens: bool,
}

/// Uses the link: sets the password, ends all that opened the account before, and lets a browser in. The
/// letter was read, so the address is proven too.
///
/// # Errors
/// A link that is over, or a weak password.
pub async fn finish(
    desk: Desk<'_>,
    now: UnixTime,
    wanted: NewCredentials,
    (caller, enters): (Caller, bool),
) -> Result<Recovered, Error<AccountRefusal>> {
    let over = || Error::Refused(AccountRefusal::LinkOver);
    let key = wanted.key.clone();
    let found = consult(desk.store, move |db| find(db, now, key.expose())?.ok_or_else(over)).await?;
    let new = NewPassword::check(wanted.password.expose(), &found.1.username);
    let new = new.map_err(|error| Error::Refused(AccountRefusal::Invalid(error.to_string())))?;
    let hash = desk.hasher.hash(new.secret().clone()).await.map_err(|busy| Error::Refused(busy.into()))?;
    let (porter, mail) = (desk.porter(), desk.mail.clone());
    let person = found.1.id;
    let recovered = transact(desk.store, move |tx| {
        users::lock(tx, person)?;
        let (link, user) = find(tx, now, wanted.key.expose())?.ok_or_else(over)?;
        if !mailed_links::redeem(tx, now, link.id)? {
            return Err(over());
        }
        users::set_password_hash(tx, user.id, &hash)?;
        let origin = Some(&caller.origin);
        let keeps_own_tokens = match wanted.ends_own_tokens {
            true => fresh_start::begin(tx, now, &user, origin).map(|()| false)?,
            false => fresh_start::begin_with_own_tokens(tx, now, &porter.mint, &user, &caller.origin)?,
        };
        security_log::append(tx, now, user.id, (SecurityEvent::PasswordReset, BY_MAIL), origin)?;
        // Whoever uses a link that an operator handed over read no letter.
        let knows_mailbox = link.kind == LinkKind::Reset;
        if knows_mailbox && user.email_verified_at.is_none() && prove(tx, now, (&link, &user))? {
            security_log::append(tx, now, user.id, (SecurityEvent::EmailProven, &link.email), origin)?;
        }
        // As it is now: the letter goes to the proven address, the second step is bound to the new password.
        let user = users::find(tx, person)?.ok_or_else(over)?;
        let letter = PasswordReset { username: user.username.clone(), keeps_own_tokens };
        mail.warn(tx, (&user, &asker(now, &caller.origin)), &letter)?;
        if !enters {
            return Ok(Recovered { entered: None, next: link.next });
        }
        let first = First { user: &user, methods: &BY_PASSWORD, knows_mailbox };
        let entered = porter.admit(tx, now, first, &caller);
        let entered = Some(entered.map_err(|error| error.map_refusal(AccountRefusal::from))?);
        Ok(Recovered { entered, next: link.next })
    });
    let recovered = recovered.await?;
    desk.mail.wake();
    Ok(recovered)
}

/// Makes a link for an operator to hand over, without a letter.
///
/// # Errors
/// When the store fails.
pub fn make_link(tx: &mut Database, now: UnixTime, lifetime: i64, user: &User) -> StoreResult<Option<Secret>> {
    let Some(email) = user.email.as_deref().and_then(|email| email.parse().ok()) else { return Ok(None) };
    let (key, link) = MailedLink::new(now, lifetime, (LinkKind::ResetByOperator, Some(user.id)), &email);
    mailed_links::insert(tx, &link)?;
    security_log::append(tx, now, user.id, (SecurityEvent::PasswordResetAsked, BY_OPERATOR), None)?;
    Ok(Some(key))
}
