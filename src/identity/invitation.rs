//! Invitations: a mailed link that makes an account, also where people cannot sign up by themselves. The
//! address counts as proven: the letter was read there.

use super::account::AccountRefusal;
use super::emailed_links::{DAY, find_living, requester};
use super::new_user::{self, NewUser};
use super::second_step::{Caller, FirstProof, SignInOutcome};
use super::session::Origin;
use super::sign_in::SignInContext;
use super::sign_up::{RegistrationPolicy, SignUpRefusal};
use super::throttle::LinkTo;
use crate::clock::UnixTime;
use crate::domain::authentication::BY_PASSWORD;
use crate::domain::id::Id;
use crate::domain::mailed_link::{LinkKind, MailedLink};
use crate::domain::secret::Secret;
use crate::domain::security_log::SecurityEvent;
use crate::domain::user::{EmailAddress, InvalidEmailAddress, Role, User, fold};
use crate::mail::email::{AddressTaken, Invitation};
use crate::outcome::{Error, transact};
use crate::store::{Database, Result as StoreResult, mailed_links, security_log, users};

/// Seconds that an invitation works (ours).
pub const LIFE: i64 = 7 * DAY;
/// Invitations that one person sends in a day (`docs/compatibility/ellipsis.md#finding-and-inviting-people`).
const MOST_IN_A_DAY: i64 = 100;

/// Mails an invitation. An address that somebody has is answered like any other, and told by mail.
///
/// # Errors
/// No address, too many, or a person who may not invite here.
pub async fn invite(
    context: SignInContext<'_>,
    now: UnixTime,
    policy: &RegistrationPolicy,
    (inviter, email, origin): (&User, &str, &Origin),
) -> Result<(), Error<AccountRefusal>> {
    let refused = |refusal: AccountRefusal| Error::Refused(refusal);
    if !context.mail.is_on() {
        return Err(refused(AccountRefusal::MailOff));
    }
    let to = email.parse::<EmailAddress>();
    let to = to.map_err(|error: InvalidEmailAddress| refused(AccountRefusal::Invalid(error.to_string())))?;
    policy.permits_invitation(inviter, &to).map_err(refused)?;
    let folded = fold(to.as_str());
    let is_enough =
        !context.throttle.attempt_link(context.store, now, LinkTo::Invite(&folded), &origin.address).await?;
    let (mail, requester, inviter, origin) =
        (context.mail.clone(), requester(now, origin), inviter.clone(), origin.clone());
    transact(context.store, move |tx| {
        users::lock(tx, inviter.id)?;
        if mailed_links::count_asked_by(tx, now.plus(-DAY), inviter.id)? >= MOST_IN_A_DAY {
            return Err(Error::Refused(AccountRefusal::Throttled(DAY)));
        }
        // Nobody else uses up the first letter of an inviter.
        let is_too_many = is_enough && mailed_links::has_invited(tx, now.plus(-DAY), (inviter.id, &folded))?;
        let (key, link) = MailedLink::new(now, LIFE, (LinkKind::Invitation, None), &to);
        let user_id = link.person().uuid();
        mailed_links::insert(tx, &MailedLink { asked_by: Some(inviter.id), ..link })?;
        security_log::append(tx, now, inviter.id, (SecurityEvent::Invited, to.as_str()), Some(&origin))?;
        if is_too_many {
            return Ok(());
        }
        if users::find_by_login(tx, &folded)?.is_some() {
            return Ok(mail.write(tx, (&to, &requester), &AddressTaken)?);
        }
        let inviter = Some(inviter.username.clone());
        Ok(mail.write(tx, (&to, &requester), &Invitation { inviter, key, user_id, lifetime: LIFE })?)
    })
    .await?;
    context.mail.wake();
    Ok(())
}

/// Makes an invitation for an operator: the secret, and the key of the person that it will make.
///
/// # Errors
/// When the store fails.
pub fn make(tx: &mut Database, now: UnixTime, to: &EmailAddress) -> StoreResult<(Secret, Id<User>)> {
    let (key, link) = MailedLink::new(now, LIFE, (LinkKind::Invitation, None), to);
    let person = link.person();
    mailed_links::insert(tx, &link)?;
    Ok((key, person))
}

/// The living invitation behind a presented secret.
///
/// # Errors
/// When the store fails.
pub fn find(db: &mut Database, now: UnixTime, presented: &str) -> StoreResult<Option<MailedLink>> {
    find_living(db, now, (presented, &[LinkKind::Invitation]))
}

/// Uses an invitation: makes the account and, for a browser, lets its person in.
///
/// # Errors
/// An invitation that is over, or a name or address that was taken meanwhile.
pub async fn accept(
    context: SignInContext<'_>,
    now: UnixTime,
    (key, person): (Secret, NewUser),
    (caller, enters): (Caller, bool),
) -> Result<(Id<User>, Option<SignInOutcome>), Error<SignUpRefusal>> {
    let hash = person.hash(context.hasher).await.map_err(|busy| Error::Refused(busy.into()))?;
    let sign_in_policy = context.sign_in_policy();
    transact(context.store, move |tx| {
        let link_ended = || Error::Refused(SignUpRefusal::LinkEnded);
        let link = find(tx, now, key.expose())?.ok_or_else(link_ended)?;
        if fold(person.email().as_str()) != link.email_folded {
            return Err(link_ended());
        }
        // A name that is taken refuses before the link is used up: the person tries another.
        let id = link.person();
        let standing = (Role::Author, true, Some(&caller.origin));
        let created = new_user::create_as(tx, now, id, (&person, hash.as_deref()), standing);
        let user = created.map_err(|error| error.map_refusal(SignUpRefusal::Problems))?;
        if !mailed_links::redeem(tx, now, link.id)? {
            return Err(Error::Failed(crate::store::StoreError::Conflict));
        }
        if !enters {
            return Ok((user.id, None));
        }
        let first = FirstProof { user: &user, methods: &BY_PASSWORD, knows_mailbox: true };
        let entered = sign_in_policy.admit(tx, now, first, &caller);
        Ok((user.id, Some(entered.map_err(|error| error.map_refusal(SignUpRefusal::from))?)))
    })
    .await
}
