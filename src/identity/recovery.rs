//! A new password without the old one, by a mailed link (`docs/decisions/0005-proof-of-an-email-address.md`).

use super::access_reset;
use super::account::AccountRefusal;
use super::emailed_links::{find_with_person, prove_email, requester};
use super::new_user;
use super::second_step::{Caller, FirstProof, SignInOutcome};
use super::session::Origin;
use super::sign_in::SignInContext;
use super::throttle::LinkTo;
use crate::clock::UnixTime;
use crate::domain::authentication::BY_PASSWORD;
use crate::domain::base_key::BaseKeys;
use crate::domain::id::Id;
use crate::domain::mailed_link::{LinkKind, MailedLink};
use crate::domain::password::NewPassword;
use crate::domain::secret::Secret;
use crate::domain::security_log::{BY_MAIL, BY_OPERATOR, SecurityEvent};
use crate::domain::user::{EmailAddress, User, fold};
use crate::mail::email::ResetPassword;
use crate::mail::warnings::PasswordReset;
use crate::outcome::{Error, consult, transact};
use crate::store::{Database, Result as StoreResult, mailed_links, security_log, users};

/// The label under which the secret of a mailed link is sealed.
const LINK: &str = "mailed-link";
/// The longest path that a link remembers.
const MAX_NEXT: usize = 8_192;

/// Mails a link to whoever has this name or address. Nobody is told whether that is anybody: all of it is
/// done for nobody too, and one transaction takes as long as the other.
///
/// Letters are counted for the network that asks. Beyond that count a letter is left out only while an
/// earlier one holds a link that still works: nobody who asks for somebody else keeps the owner out.
///
/// # Errors
/// When mail is off, or this network asks too often.
pub async fn start(
    context: SignInContext<'_>,
    now: UnixTime,
    (login, next): (&str, Option<&str>),
    origin: &Origin,
) -> Result<(), Error<AccountRefusal>> {
    let refused = |refusal: AccountRefusal| Error::Refused(refusal);
    if !context.mail.is_on() {
        return Err(refused(AccountRefusal::MailOff));
    }
    context
        .throttle
        .attempt_email(context.store, now, &origin.address)
        .await
        .map_err(|error| error.map_refusal(AccountRefusal::from))?;
    let folded = fold(login);
    let typed = folded.clone();
    let person = context.store.read(move |db| Ok(new_user::find_active(db, &typed)?.map(|user| user.id))).await?;
    // Nobody gets no letter, so there is nothing to count.
    let is_enough = match person {
        Some(id) => !context.throttle.attempt_link(context.store, now, LinkTo::Reset(id), &origin.address).await?,
        None => false,
    };
    let next = next.filter(|next| next.len() <= MAX_NEXT).map(str::to_owned);
    let (mail, requester, lifetime) = (context.mail.clone(), requester(now, origin), context.lifetimes.reset);
    let origin = origin.clone();
    let nobody: EmailAddress = "nobody@localhost".parse().expect("because it is an address");
    transact(&context.store.for_unauthenticated(), move |tx| {
        let user = new_user::find_active(tx, &folded)?;
        let reader = user.and_then(|user| user.email.as_deref()?.parse::<EmailAddress>().ok().map(|to| (user, to)));
        let sent = find_sent(tx, now, mail.keys(), reader.as_ref().map(|(user, _)| user.id))?;
        // One that was mailed counts while half of its life is left.
        let sent = sent.filter(|sent| 2 * sent.left >= lifetime);
        let known = reader.filter(|_| !is_enough || sent.is_none());
        let person = known.as_ref().map(|(user, _)| user.id);
        let (to, username) = match &known {
            Some((user, to)) => (to, user.username.clone()),
            None => (&nobody, folded.clone()),
        };
        // It is mailed again where it leads on to the same place: nobody who asks first chooses where the owner goes.
        let again = sent.filter(|sent| sent.next == next);
        let (new_key, link) = MailedLink::new(now, lifetime, (LinkKind::Reset, person.filter(|_| again.is_none())), to);
        let sealed = mail.keys().seal(LINK, link.id.number(), new_key.expose());
        let (key, lifetime) = again.map_or((new_key, lifetime), |sent| (sent.key, sent.left));
        // A row that names no person opens nothing: it is there for the time that it takes.
        mailed_links::insert(tx, &MailedLink { next: next.clone(), sealed, ..link })?;
        let message = ResetPassword { username, key, lifetime };
        match &known {
            Some((user, _)) => {
                security_log::append(tx, now, user.id, (SecurityEvent::PasswordResetAsked, ""), Some(&origin))?;
                Ok(mail.write(tx, (to, &requester), &message)?)
            }
            None => Ok(mail.write_dummy(tx, &requester, &message)?),
        }
    })
    .await?;
    context.mail.wake();
    Ok(())
}

/// A link that was mailed and still works.
struct Sent {
    key: Secret,
    /// Seconds that it still works.
    left: i64,
    /// Where it leads on to.
    next: Option<String>,
}

/// The newest link that was mailed to a person to set a new password.
fn find_sent(db: &mut Database, now: UnixTime, keys: &BaseKeys, person: Option<Id<User>>) -> StoreResult<Option<Sent>> {
    // No row has this key: nobody is asked about in the same time.
    let person = person.unwrap_or(Id::from_number(0));
    let Some(link) = mailed_links::find_waiting(db, now, (person, &[LinkKind::Reset]))? else { return Ok(None) };
    let key = link.sealed.as_deref().and_then(|sealed| keys.open(LINK, link.id.number(), sealed));
    Ok(key.map(|key| Sent { key, left: link.expires_at.since(now), next: link.next }))
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
    pub entered: Option<SignInOutcome>,
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
    context: SignInContext<'_>,
    now: UnixTime,
    wanted: NewCredentials,
    (caller, enters): (Caller, bool),
) -> Result<Recovered, Error<AccountRefusal>> {
    let link_ended = || Error::Refused(AccountRefusal::LinkEnded);
    let key = wanted.key.clone();
    let found = consult(context.store, move |db| find(db, now, key.expose())?.ok_or_else(link_ended)).await?;
    let new = NewPassword::check(wanted.password.expose(), &found.1.username);
    let new = new.map_err(|error| Error::Refused(AccountRefusal::Invalid(error.to_string())))?;
    let hash = context.hasher.hash(new.secret().clone()).await.map_err(|busy| Error::Refused(busy.into()))?;
    let (sign_in_policy, mail) = (context.sign_in_policy(), context.mail.clone());
    let person = found.1.id;
    let recovered = transact(context.store, move |tx| {
        users::lock(tx, person)?;
        let (link, user) = find(tx, now, wanted.key.expose())?.ok_or_else(link_ended)?;
        if !mailed_links::redeem(tx, now, link.id)? {
            return Err(link_ended());
        }
        users::set_password_hash(tx, user.id, &hash)?;
        let origin = Some(&caller.origin);
        let keeps_own_tokens = match wanted.ends_own_tokens {
            true => access_reset::end_all_access(tx, now, &user, origin).map(|()| false)?,
            false => {
                access_reset::end_access_but_own_tokens(tx, now, &sign_in_policy.token_settings, &user, &caller.origin)?
            }
        };
        security_log::append(tx, now, user.id, (SecurityEvent::PasswordReset, BY_MAIL), origin)?;
        // Whoever uses a link that an operator handed over read no letter.
        let knows_mailbox = link.kind == LinkKind::Reset;
        if knows_mailbox && user.email_verified_at.is_none() && prove_email(tx, now, (&link, &user))? {
            security_log::append(tx, now, user.id, (SecurityEvent::EmailProven, &link.email), origin)?;
        }
        // As it is now: the letter goes to the proven address, the second step is bound to the new password.
        let user = users::find(tx, person)?.ok_or_else(link_ended)?;
        let message = PasswordReset { username: user.username.clone(), keeps_own_tokens };
        mail.warn(tx, (&user, &requester(now, &caller.origin)), &message)?;
        if !enters {
            return Ok(Recovered { entered: None, next: link.next });
        }
        let first = FirstProof { user: &user, methods: &BY_PASSWORD, knows_mailbox };
        let entered = sign_in_policy.admit(tx, now, first, &caller);
        let entered = Some(entered.map_err(|error| error.map_refusal(AccountRefusal::from))?);
        Ok(Recovered { entered, next: link.next })
    });
    let recovered = recovered.await?;
    context.mail.wake();
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
