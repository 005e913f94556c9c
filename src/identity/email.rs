//! Proving an e-mail address, and changing it. The old one stays until the new one is proven; one that
//! is not proven reserves nothing (`standards.md`, E-mail).

use super::account::{AccountRefusal, confirm};
use super::mailed::{DAY, asker, end_earlier, find_with_person, may_send, prove};
use super::second_step::{Caller, Entered, First};
use super::session::Origin;
use super::sign_in::Desk;
use crate::clock::UnixTime;
use crate::domain::authentication::BY_PASSWORD;
use crate::domain::mailed_link::{LinkKind, MailedLink};
use crate::domain::password::NewPassword;
use crate::domain::secret::Secret;
use crate::domain::security_log::{BY_MAIL, SecurityEvent};
use crate::domain::user::{EmailAddress, InvalidEmailAddress, User, fold};
use crate::mail::Mail;
use crate::mail::letters::{AddressTaken, Asker, ChangeEmail, EmailChanging, ValidateEmail};
use crate::outcome::{Error, consult, transact};
use crate::store::{Database, Result as StoreResult, mailed_links, security_log, users};

/// Seconds that a link which proves an address works (ours).
const LIFE: i64 = DAY;
const KINDS: [LinkKind; 2] = [LinkKind::ValidateEmail, LinkKind::ChangeEmail];

/// Asks a new person whether the address is theirs. Whoever has it already is told instead: the person
/// who signs up learns nothing.
pub(super) fn ask_new_person(
    tx: &mut Database,
    now: UnixTime,
    (mail, asker): (&Mail, &Asker),
    (user, next): (&User, Option<&str>),
) -> StoreResult<()> {
    let Some(to) = user.email.as_deref().and_then(|email| email.parse::<EmailAddress>().ok()) else { return Ok(()) };
    if !mail.is_on() || !may_send(tx, now, (&to, &[LinkKind::ValidateEmail, LinkKind::ChangeEmail]))? {
        return Ok(());
    }
    let (key, link) = MailedLink::new(now, LIFE, (LinkKind::ValidateEmail, Some(user.id)), &to);
    mailed_links::insert(tx, &MailedLink { next: next.map(str::to_owned), ..link })?;
    if users::find_by_login(tx, &fold(to.as_str()))?.is_some() {
        return mail.write(tx, (&to, asker), &AddressTaken);
    }
    mail.write(tx, (&to, asker), &ValidateEmail { username: user.username.clone(), key, lifetime: LIFE })
}

/// Begins to change a person's address: the new one gets a link, the old one is told. A taken address is
/// answered like a free one, and its owner is told.
///
/// # Errors
/// A wrong password, no address, or mail that is off.
pub async fn update(
    desk: Desk<'_>,
    now: UnixTime,
    (user, email, password): (&User, &str, Secret),
    origin: &Origin,
) -> Result<(), Error<AccountRefusal>> {
    let refused = |refusal: AccountRefusal| Error::Refused(refusal);
    if !desk.mail.is_on() {
        return Err(refused(AccountRefusal::MailOff));
    }
    let new = email.parse::<EmailAddress>();
    let new = new.map_err(|error: InvalidEmailAddress| refused(AccountRefusal::Invalid(error.to_string())))?;
    let confirmed = confirm(desk, now, (user, password, &origin.address)).await?;
    desk.throttle.attempt_letter(now, &origin.address).map_err(|throttled| refused(throttled.into()))?;
    if user.verified_email_folded.as_deref() == Some(fold(new.as_str()).as_str()) {
        return Err(refused(AccountRefusal::Invalid("This is your e-mail address already.".to_owned())));
    }
    let (mail, asker, user, origin) = (desk.mail.clone(), asker(now, origin), user.clone(), origin.clone());
    transact(desk.store, move |tx| {
        confirmed.still_counts(tx)?;
        Ok(ask_both(tx, now, (&mail, &asker), (&user, &new), &origin)?)
    })
    .await?;
    desk.mail.wake();
    Ok(())
}

fn ask_both(
    tx: &mut Database,
    now: UnixTime,
    (mail, asker): (&Mail, &Asker),
    (user, new): (&User, &EmailAddress),
    origin: &Origin,
) -> StoreResult<()> {
    if !may_send(tx, now, (new, &[LinkKind::ValidateEmail, LinkKind::ChangeEmail]))? {
        return Ok(());
    }
    mailed_links::end(tx, now, user.id, &[LinkKind::ChangeEmail])?;
    let (key, link) = MailedLink::new(now, LIFE, (LinkKind::ChangeEmail, Some(user.id)), new);
    mailed_links::insert(tx, &link)?;
    security_log::append(tx, now, user.id, (SecurityEvent::EmailChangeAsked, new.as_str()), Some(origin))?;
    match users::find_by_login(tx, &link.email_folded)? {
        Some(_) => mail.write(tx, (new, asker), &AddressTaken)?,
        None => mail.write(tx, (new, asker), &ChangeEmail { username: user.username.clone(), key, lifetime: LIFE })?,
    }
    let old = user.email.as_deref().filter(|_| user.email_verified_at.is_some());
    match old.and_then(|old| old.parse::<EmailAddress>().ok()) {
        Some(old) => mail.write(tx, (&old, asker), &EmailChanging { username: user.username.clone() }),
        None => Ok(()),
    }
}

/// What shows that whoever opened the link is the account's person too.
#[derive(Clone, Debug)]
pub enum Proof {
    /// The account's password.
    Password(Secret),
    /// A new password, which ends everything earlier: whoever made the account is out of it.
    NewPassword(Secret),
}

/// The living link behind a presented secret, with its person. One that proves the address of a sign-up
/// is over when that is no longer the question.
///
/// # Errors
/// When the store fails.
pub fn find(db: &mut Database, now: UnixTime, presented: &str) -> StoreResult<Option<(MailedLink, User)>> {
    let found = find_with_person(db, now, (presented, &KINDS))?;
    Ok(found.filter(|(link, user)| {
        let is_theirs = user.email.as_deref().map(fold).as_deref() == Some(link.email_folded.as_str());
        link.kind == LinkKind::ChangeEmail || (is_theirs && user.email_verified_at.is_none())
    }))
}

/// Uses the link: the address is the person's. Lets a browser in, and says where the person was going.
///
/// # Errors
/// A link that is over, a wrong password, a weak new one, an address that somebody proved meanwhile.
pub async fn finish(
    desk: Desk<'_>,
    now: UnixTime,
    (key, proof): (Secret, Proof),
    (caller, enters): (Caller, bool),
) -> Result<(Option<Entered>, Option<String>), Error<AccountRefusal>> {
    let over = || Error::Refused(AccountRefusal::LinkOver);
    let presented = key.clone();
    let (link, user) = consult(desk.store, move |db| find(db, now, presented.expose())?.ok_or_else(over)).await?;
    let new_hash = judge(desk, now, (&link, &user), (proof, &caller.origin.address)).await?;
    let porter = desk.porter();
    let (person, judged) = (user.id, user.password_hash);
    transact(desk.store, move |tx| {
        users::lock(tx, person)?;
        let (link, user) = find(tx, now, key.expose())?.ok_or_else(over)?;
        if user.password_hash != judged {
            return Err(Error::Refused(AccountRefusal::WrongPassword));
        }
        // First, for a refusal commits: a taken address must leave link and password as they are.
        if !prove(tx, now, (&link, &user))? {
            return Err(Error::Refused(AccountRefusal::Invalid("Somebody has this e-mail address.".to_owned())));
        }
        if !mailed_links::redeem(tx, now, link.id)? {
            return Err(over());
        }
        if let Some(hash) = &new_hash {
            users::set_password_hash(tx, user.id, hash)?;
            end_earlier(tx, now, &porter.mint, (&user, true))?;
            security_log::append(tx, now, user.id, (SecurityEvent::PasswordReset, BY_MAIL), Some(&caller.origin))?;
        }
        let is_new = link.kind == LinkKind::ChangeEmail;
        let event = if is_new { SecurityEvent::EmailChanged } else { SecurityEvent::EmailProven };
        security_log::append(tx, now, user.id, (event, &link.email), Some(&caller.origin))?;
        // A link to the address before opens nothing any more.
        mailed_links::end(tx, now, user.id, &[LinkKind::Reset, LinkKind::ValidateEmail, LinkKind::ChangeEmail])?;
        if !enters {
            return Ok((None, link.next));
        }
        let user = users::find(tx, user.id)?.ok_or_else(over)?;
        let first = First { user: &user, methods: &BY_PASSWORD, knows_mailbox: true };
        let entered = porter.admit(tx, now, first, &caller);
        Ok((Some(entered.map_err(|error| error.map_refusal(AccountRefusal::from))?), link.next))
    })
    .await
}

/// The hash of the new password, if that is the proof.
async fn judge(
    desk: Desk<'_>,
    now: UnixTime,
    (link, user): (&MailedLink, &User),
    (proof, address): (Proof, &str),
) -> Result<Option<String>, Error<AccountRefusal>> {
    let refused = |refusal: AccountRefusal| Error::Refused(refusal);
    match proof {
        Proof::Password(password) => confirm(desk, now, (user, password, address)).await.map(|_judged_again| None),
        // A slip of the pen would give the account to whoever has the mistyped address (ours).
        Proof::NewPassword(_) if link.kind == LinkKind::ChangeEmail => {
            Err(refused(AccountRefusal::Invalid("Changing the address needs the account's password.".to_owned())))
        }
        Proof::NewPassword(password) => {
            let new = NewPassword::check(password.expose(), &user.username);
            let new = new.map_err(|error| refused(AccountRefusal::Invalid(error.to_string())))?;
            let hash = desk.hasher.hash(new.secret().clone()).await;
            Ok(Some(hash.map_err(|busy| refused(busy.into()))?))
        }
    }
}
