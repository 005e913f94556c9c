//! Invitations: an emailed link that creates an account, even where users cannot sign up by themselves. The
//! email address counts as proven, since the link was read there.

use super::account::AccountRefusal;
use super::emailed_links::{DAY, find_active, requester};
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

/// Seconds for which an invitation is valid (ours).
pub const LIFE: i64 = 7 * DAY;
/// Invitations that one user may send in a day (`docs/compatibility/ellipsis.md#finding-and-inviting-people`).
const MOST_IN_A_DAY: i64 = 100;

/// Emails an invitation. An address that is taken gets the same answer to the inviter, and another email.
///
/// # Errors
/// An invalid address, too many invitations, mail that is off, or a user who may not invite here.
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
        if mailed_links::count_invited_by(tx, now.plus(-DAY), inviter.id)? >= MOST_IN_A_DAY {
            return Err(Error::Refused(AccountRefusal::Throttled(DAY)));
        }
        // The limit does not apply to an inviter's first email of a day to an address, so that other inviters
        // cannot use it up.
        let is_too_many = is_enough && mailed_links::has_invited(tx, now.plus(-DAY), (inviter.id, &folded))?;
        let (key, link) = MailedLink::new(now, LIFE, (LinkKind::Invitation, None), &to);
        let user_id = link.person().uuid();
        mailed_links::insert(tx, &MailedLink { invited_by: Some(inviter.id), ..link })?;
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

/// Creates an invitation for an operator. Returns the link's secret, and the id that the user will have.
///
/// # Errors
/// When the store fails.
pub fn make(tx: &mut Database, now: UnixTime, to: &EmailAddress) -> StoreResult<(Secret, Id<User>)> {
    let (key, link) = MailedLink::new(now, LIFE, (LinkKind::Invitation, None), to);
    let person = link.person();
    mailed_links::insert(tx, &link)?;
    Ok((key, person))
}

/// Returns the active invitation of a presented secret.
///
/// # Errors
/// When the store fails.
pub fn find(db: &mut Database, now: UnixTime, presented: &str) -> StoreResult<Option<MailedLink>> {
    find_active(db, now, (presented, &[LinkKind::Invitation]))
}

/// Redeems an invitation: creates the account and, with `enters`, signs the browser in.
///
/// # Errors
/// An invitation that is used or expired, or a user name or email address that was taken meanwhile.
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
        // A taken name is refused before the link is redeemed, so that the user can choose another.
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
