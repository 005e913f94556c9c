//! Deletion of an account: it is closed at once, can be restored for a day, and is then erased. Its user name
//! is held for 90 days (`docs/decisions/0033-held-user-names.md`); its email address is free at once.

use super::emailed_links::{find_active, requester};
use super::new_user;
use super::session::Origin;
use crate::clock::UnixTime;
use crate::domain::base_key::BaseKeys;
use crate::domain::deletion::{Deletion, GRACE};
use crate::domain::id::Id;
use crate::domain::mailed_link::{LinkKind, MailedLink};
use crate::domain::secret::Secret;
use crate::domain::security_log::{BY_OPERATOR, SecurityEvent};
use crate::domain::session::is_recent;
use crate::domain::token_in_use::TokenInUse;
use crate::domain::user::{User, fold};
use crate::mail::Mail;
use crate::mail::email::EmailRequester;
use crate::mail::warnings::AccountDeleting;
use crate::store::{
    Database, Result, Store, clients, deletions, erasing, held_names, mailed_links, security_log, sessions, users,
};
use crate::tokens::revoke;

/// The label under which an offer to restore an account is encrypted for its page.
const OFFER: &str = "keep-offer";
/// Seconds for which such an offer is valid (ours).
const OFFERED: i64 = 900;
/// Accounts that are erased per query.
const AT_ONCE: i64 = 20;
/// Links that end when the account is deleted.
const ENDED: [LinkKind; 4] =
    [LinkKind::Reset, LinkKind::ResetByOperator, LinkKind::ChangeEmail, LinkKind::ValidateEmail];

/// Returns the note for the security log: empty when the user did it (in a browser or by a program), otherwise
/// the operator.
const fn by(origin: Option<&Origin>) -> &'static str {
    if origin.is_some() { "" } else { BY_OPERATOR }
}

/// Closes an account and emails a link to restore it. Tokens and sessions end permanently; the user's own
/// applications work until they are erased.
///
/// # Errors
/// When the store fails.
pub fn begin(
    tx: &mut Database,
    now: UnixTime,
    mail: &Mail,
    (user, requester, origin): (&User, &EmailRequester, Option<&Origin>),
) -> Result<()> {
    let erases_at = begin_without_email(tx, now, (user, origin))?;
    let Some(to) = user.proven_email().filter(|_| mail.is_on()) else { return Ok(()) };
    let (key, link) = MailedLink::new(now, GRACE, (LinkKind::RestoreAccount, Some(user.id)), &to);
    mailed_links::insert(tx, &link)?;
    mail.warn(tx, (user, requester), &AccountDeleting { username: user.username.clone(), key, erases_at })
}

/// Like [`begin`] without an email: an operator erases the account at once, or wants none. Returns when the
/// account will be erased.
///
/// # Errors
/// When the store fails.
pub fn begin_without_email(
    tx: &mut Database,
    now: UnixTime,
    (user, origin): (&User, Option<&Origin>),
) -> Result<UnixTime> {
    let erases_at = now.plus(GRACE);
    let (username_folded, email_folded) = (user.username_folded.clone(), user.verified_email_folded.clone());
    deletions::insert(tx, &Deletion { id: user.id, username_folded, email_folded, erases_at })?;
    users::mark_deleted(tx, now, user.id)?;
    new_user::hold_name(tx, now, user)?;
    mailed_links::end(tx, now, user.id, &ENDED)?;
    revoke::everything(tx, now, user.id)?;
    security_log::append(tx, now, user.id, (SecurityEvent::AccountDeleted, by(origin)), origin)?;
    Ok(erases_at)
}

/// Whether the sign-in behind a token happened in the last 15 minutes.
///
/// # Errors
/// When the store fails.
pub fn has_recent_authentication(db: &mut Database, now: UnixTime, token: &TokenInUse) -> Result<bool> {
    match token.basis.grant.session_id {
        Some(session) => {
            Ok(sessions::find(db, session)?.is_some_and(|(session, _)| session.has_recent_authentication(now)))
        }
        None => Ok(is_recent(now, token.record.created_at)),
    }
}

/// Like [`begin`] for a program. `false` when the sign-in behind its token is too old; a token may be newer
/// than the sign-in that it came from.
///
/// # Errors
/// When the store fails.
pub fn begin_by_token(
    tx: &mut Database,
    now: UnixTime,
    mail: &Mail,
    (user, token): (&User, &TokenInUse),
    origin: &Origin,
) -> Result<bool> {
    if !has_recent_authentication(tx, now, token)? {
        return Ok(false);
    }
    begin(tx, now, mail, (user, &requester(now, origin), Some(origin)))?;
    Ok(true)
}

/// Returns a deleted account that can still be restored, with its user; not one that an operator disabled.
///
/// # Errors
/// When the store fails.
pub fn find_restorable(db: &mut Database, now: UnixTime, user: Id<User>) -> Result<Option<(Deletion, User)>> {
    let deletion = deletions::find(db, user)?.filter(|deletion| deletion.is_restorable(now));
    let user = users::find(db, user)?.filter(|user| user.disabled_at.is_none() && user.deleted_at.is_some());
    Ok(deletion.zip(user))
}

/// Returns the deleted user who would sign in with this folded user name or email address.
///
/// # Errors
/// When the store fails.
pub fn find_by_login(db: &mut Database, now: UnixTime, folded: &str) -> Result<Option<User>> {
    let Some(deletion) = deletions::find_by_login(db, now, folded)? else { return Ok(None) };
    Ok(find_restorable(db, now, deletion.id)?.map(|(_, user)| user))
}

/// Proof that the caller may restore an account.
#[derive(Clone, Debug)]
pub enum Proof {
    /// The key of the emailed link.
    Link(Secret),
    /// The offer that [`offer`] made after the right password.
    Offer(Secret),
}

/// Makes an offer for the page of a user who just typed the right password: encrypted, valid for 15 minutes and
/// for this deletion only. It must not be put into a URL.
pub fn offer(keys: &BaseKeys, now: UnixTime, deletion: &Deletion) -> Proof {
    let text = format!("{} {} {}", deletion.id.number(), deletion.erases_at.seconds(), now.seconds());
    Proof::Offer(Secret::new(keys.seal(OFFER, 0, &text)))
}

/// Decrypts an offer: the user, and when the account will be erased. `None` when it is older than 15 minutes or
/// invalid.
fn reopen(keys: &BaseKeys, now: UnixTime, sealed: &str) -> Option<(Id<User>, UnixTime)> {
    let text = keys.open(OFFER, 0, sealed)?;
    let mut numbers = text.expose().split(' ').map(str::parse::<i64>);
    let (user, erases_at, at) = (numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?);
    let is_valid = (0..OFFERED).contains(&now.since(UnixTime::from_seconds(at)));
    is_valid.then(|| (Id::from_number(user), UnixTime::from_seconds(erases_at)))
}

/// Returns the account that a proof would restore. `None` when the proof or the time to restore has expired.
///
/// # Errors
/// When the store fails.
pub fn find(db: &mut Database, now: UnixTime, keys: &BaseKeys, proof: &Proof) -> Result<Option<(Deletion, User)>> {
    match proof {
        Proof::Link(key) => {
            let link = find_active(db, now, (key.expose(), &[LinkKind::RestoreAccount]))?;
            let Some(person) = link.and_then(|link| link.user_id) else { return Ok(None) };
            find_restorable(db, now, person)
        }
        Proof::Offer(sealed) => {
            let Some((user, erases_at)) = reopen(keys, now, sealed.expose()) else { return Ok(None) };
            Ok(find_restorable(db, now, user)?.filter(|(deletion, _)| deletion.erases_at == erases_at))
        }
    }
}

/// Restores the account of a proof. `None` when the proof has expired: restoring an account ends all of its
/// proofs.
///
/// # Errors
/// When the store fails.
pub fn restore_by_proof(
    tx: &mut Database,
    now: UnixTime,
    (keys, proof): (&BaseKeys, &Proof),
    origin: &Origin,
) -> Result<Option<Restored>> {
    let Some((_, person)) = find(tx, now, keys, proof)? else { return Ok(None) };
    users::lock(tx, person.id)?;
    let Some((_, person)) = find(tx, now, keys, proof)? else { return Ok(None) };
    restore(tx, now, person.id, Some(origin))
}

/// The result of a restored account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    pub username: String,
    /// Whether the name changed.
    pub is_renamed: bool,
}

/// Restores an account under the user name that was held for it. If another user proved its email address
/// meanwhile, that user keeps the address. If another user took its name before names were held, the account
/// gets another name.
///
/// # Errors
/// When the store fails.
pub fn restore(tx: &mut Database, now: UnixTime, user: Id<User>, origin: Option<&Origin>) -> Result<Option<Restored>> {
    let Some((deletion, user)) = find_restorable(tx, now, user)? else { return Ok(None) };
    let mut name = user.username.clone();
    if new_user::is_free(tx, now, &fold(&name), user.id)? {
        held_names::release(tx, &fold(&name))?;
    } else {
        // Unique: it ends with the whole id. A user name has 64 characters at most.
        name = format!("{}-{}", name.chars().take(40).collect::<String>(), user.id.number());
    }
    let address = match deletion.email_folded {
        Some(folded) if users::find_by_login(tx, &folded)?.is_none() => Some(folded),
        _ => None,
    };
    users::restore(tx, user.id, (&name, &fold(&name)), address.as_deref())?;
    if address.is_none() {
        users::doubt_email(tx, user.id)?;
    }
    deletions::delete(tx, user.id)?;
    mailed_links::end(tx, now, user.id, &[LinkKind::RestoreAccount])?;
    security_log::append(tx, now, user.id, (SecurityEvent::AccountRestored, by(origin)), origin)?;
    Ok(Some(Restored { is_renamed: name != user.username, username: name }))
}

/// Erases all accounts whose time to restore has expired. Returns how many.
///
/// # Errors
/// When the store fails; erased accounts stay erased, the rest is tried again.
pub async fn erase_due(store: &Store, now: UnixTime) -> Result<usize> {
    let mut erased = 0;
    loop {
        let due = store.read(move |db| deletions::list_due(db, now, AT_ONCE)).await?;
        if due.is_empty() {
            return Ok(erased);
        }
        for user in due {
            erase(store, now, user).await?;
            erased += 1;
        }
    }
}

/// Erases one account whose time to restore has expired, in small batches: its applications first, as their
/// owner would delete them. An account that was restored at the last moment is not touched.
///
/// # Errors
/// When the store fails.
pub async fn erase(store: &Store, now: UnixTime, user: Id<User>) -> Result<()> {
    if !store.write(move |tx| deletions::claim(tx, now, user)).await? {
        return Ok(());
    }
    loop {
        let is_left = store.write(move |tx| match clients::list(tx, Some(user))?.first() {
            Some(client) => {
                revoke::delete_client(tx, now, client.id)?;
                Ok(true)
            }
            None => erasing::erase_some(tx, user),
        });
        if !is_left.await? {
            return Ok(());
        }
    }
}
