//! Password reset by an emailed link, without the old password
//! (`docs/decisions/0005-proof-of-an-email-address.md`).

use super::access_reset;
use super::account::AccountRefusal;
use super::emailed_links::{find_active_with_user, prove_email, requester};
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

/// The label under which the secret of an emailed link is encrypted.
const LINK: &str = "mailed-link";
/// The longest path to continue at that a link stores, in bytes.
const MAX_NEXT: usize = 8_192;

/// Emails a link to the user with this user name or email address. The answer and its time do not show whether
/// there is one: for an unknown name the same work is done, in the same kind of transaction.
///
/// Emails are counted for the network that requests them. Beyond the limit an email is omitted only while an
/// earlier one contains a link that is still valid: a request by someone else cannot keep the owner out.
///
/// # Errors
/// When mail is off, or this network requested too many.
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
    // An unknown name gets no email, so nothing is counted.
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
        // A link that was emailed counts while half of its lifetime is left.
        let sent = sent.filter(|sent| 2 * sent.left >= lifetime);
        let known = reader.filter(|_| !is_enough || sent.is_none());
        let person = known.as_ref().map(|(user, _)| user.id);
        let (to, username) = match &known {
            Some((user, to)) => (to, user.username.clone()),
            None => (&nobody, folded.clone()),
        };
        // The same link is emailed again only if it continues at the same path: an earlier request by someone
        // else does not choose where the owner continues.
        let again = sent.filter(|sent| sent.next == next);
        let (new_key, link) = MailedLink::new(now, lifetime, (LinkKind::Reset, person.filter(|_| again.is_none())), to);
        let secret_encrypted = Some(mail.keys().seal(LINK, link.id.number(), new_key.expose()));
        let (key, lifetime) = again.map_or((new_key, lifetime), |sent| (sent.key, sent.left));
        // A row without a user is useless; it is inserted so that both cases take the same time.
        mailed_links::insert(tx, &MailedLink { next: next.clone(), secret_encrypted, ..link })?;
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

/// A link that was emailed and is still valid.
struct Sent {
    key: Secret,
    /// Seconds until it expires.
    left: i64,
    /// The path at which the user continues.
    next: Option<String>,
}

/// Returns the newest link for a new password that was emailed to a user.
fn find_sent(db: &mut Database, now: UnixTime, keys: &BaseKeys, person: Option<Id<User>>) -> StoreResult<Option<Sent>> {
    // No row has this id: an unknown user takes the same time.
    let person = person.unwrap_or(Id::from_number(0));
    let Some(link) = mailed_links::find_waiting(db, now, (person, &[LinkKind::Reset]))? else { return Ok(None) };
    let key = link.secret_encrypted.as_deref().and_then(|sealed| keys.open(LINK, link.id.number(), sealed));
    Ok(key.map(|key| Sent { key, left: link.expires_at.since(now), next: link.next }))
}

/// Returns the active link of a presented secret, with its user, if the link's address is still the user's.
///
/// # Errors
/// When the store fails.
pub fn find(db: &mut Database, now: UnixTime, presented: &str) -> StoreResult<Option<(MailedLink, User)>> {
    let found = find_active_with_user(db, now, (presented, &LinkKind::RESETS))?;
    Ok(found.filter(|(link, user)| user.email.as_deref().map(fold).as_deref() == Some(link.email_folded.as_str())))
}

/// The result of a finished reset.
#[derive(Debug)]
pub struct Recovered {
    /// A session for the browser, or the second step, which an emailed link does not replace.
    pub entered: Option<SignInOutcome>,
    /// The path at which the user continues.
    pub next: Option<String>,
}

/// The submitted form of a reset link.
#[derive(Clone, Debug)]
pub struct NewCredentials {
    pub key: Secret,
    pub password: Secret,
    /// Whether personal and studio tokens end too.
    pub ends_own_tokens: bool,
}

/// Redeems the link: sets the password, ends all earlier access to the account, and with `enters` signs the
/// browser in. The link was read in the mailbox, so the email address is proven too.
///
/// # Errors
/// A link that is used or expired, a weak password, or a busy hasher.
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
        users::set_password_digest(tx, user.id, &hash)?;
        let origin = Some(&caller.origin);
        let keeps_own_tokens = match wanted.ends_own_tokens {
            true => access_reset::end_all_access(tx, now, &user, origin).map(|()| false)?,
            false => {
                access_reset::end_access_but_own_tokens(tx, now, &sign_in_policy.token_settings, &user, &caller.origin)?
            }
        };
        security_log::append(tx, now, user.id, (SecurityEvent::PasswordReset, BY_MAIL), origin)?;
        // A link from the operator was not read in the mailbox.
        let knows_mailbox = link.kind == LinkKind::Reset;
        if knows_mailbox && user.email_verified_at.is_none() && prove_email(tx, now, (&link, &user))? {
            security_log::append(tx, now, user.id, (SecurityEvent::EmailProven, &link.email), origin)?;
        }
        // Read again: the email goes to the proven address, the second step is bound to the new password.
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

/// Creates a reset link for an operator to pass on, without an email. `None` when the user has no email
/// address.
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
