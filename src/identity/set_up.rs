//! Creation of the first administrator by a one-time link that the server prints when its database is empty.

use super::new_user::{self, NewUser};
use super::second_step::{Caller, FirstProof, SignInOutcome};
use super::sign_in::SignInContext;
use super::sign_up::SignUpRefusal;
use crate::clock::UnixTime;
use crate::domain::authentication::BY_PASSWORD;
use crate::domain::id::Id;
use crate::domain::installation::SetupLinkRecord;
use crate::domain::token::{SetupLink, Token};
use crate::domain::user::Role;
use crate::outcome::{Error, transact};
use crate::store::named_locks::{self, NamedLock};
use crate::store::{Database, Result, Store, StoreError, installation, users};

/// Seconds for which the link is valid.
const LIFE: i64 = 3_600;

/// Creates a new link if there is no account; older links end in any case.
///
/// # Errors
/// When the store fails.
pub async fn make_link(store: &Store, now: UnixTime) -> Result<Option<Token<SetupLink>>> {
    store
        .write(move |tx| {
            named_locks::acquire(tx, &[NamedLock::SetUp])?;
            installation::delete_setup_links(tx)?;
            if !users::is_empty(tx)? {
                return Ok(None);
            }
            let link = Token::<SetupLink>::generate(Id::next(now));
            let record =
                SetupLinkRecord { id: link.id(), digest: link.digest(), created_at: now, expires_at: now.plus(LIFE) };
            installation::insert_setup_link(tx, &record)?;
            Ok(Some(link))
        })
        .await
}

/// Whether a presented link is valid.
///
/// # Errors
/// When the store fails.
pub fn is_alive(db: &mut Database, now: UnixTime, link: &Token<SetupLink>) -> std::result::Result<bool, StoreError> {
    let found = installation::find_setup_link(db, link.id())?;
    let is_right = found.is_some_and(|record| record.digest.matches(&link.digest()) && now < record.expires_at);
    Ok(is_right && users::is_empty(db)?)
}

/// Redeems the link: creates the first administrator and signs them in.
///
/// # Errors
/// A link that is invalid, or the problems of the fields.
pub async fn use_link(
    context: SignInContext<'_>,
    now: UnixTime,
    link: Token<SetupLink>,
    (person, caller): (NewUser, Caller),
) -> std::result::Result<SignInOutcome, Error<SignUpRefusal>> {
    let hash = person.hash(context.hasher).await.map_err(|busy| Error::Refused(busy.into()))?;
    let sign_in_policy = context.sign_in_policy();
    transact(context.store, move |tx| {
        named_locks::acquire(tx, &[NamedLock::SetUp])?;
        if !is_alive(tx, now, &link)? || !installation::redeem_setup_link(tx, link.id())? {
            return Err(Error::Refused(SignUpRefusal::Closed));
        }
        // The link was read from the server's output, so the operator vouches for the email address.
        let created = new_user::create(tx, now, (&person, hash.as_deref()), (Role::Admin, true, Some(&caller.origin)));
        let user = created.map_err(|error| error.map_refusal(SignUpRefusal::Problems))?;
        let first = FirstProof { user: &user, methods: &BY_PASSWORD, knows_mailbox: true };
        sign_in_policy.admit(tx, now, first, &caller).map_err(|error| error.map_refusal(SignUpRefusal::from))
    })
    .await
}
