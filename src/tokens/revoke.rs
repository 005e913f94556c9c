//! Taking tokens back.

use crate::clock::UnixTime;
use crate::domain::api::Api;
use crate::domain::client::Client;
use crate::domain::grant::{Grant, GrantKind};
use crate::domain::id::Id;
use crate::domain::session::Session;
use crate::domain::token_in_use::Life;
use crate::domain::token_record::TokenRecord;
use crate::domain::user::User;
use crate::store::{
    Database, Result, apis, audiences, client_secrets, clients, consents, grants, remote_sessions, sessions, tokens,
};

/// Ends one user token of a person, with its grant. `false` when it is not theirs, or has ended.
///
/// # Errors
/// When the store fails.
pub fn user_token(tx: &mut Database, now: UnixTime, user: Id<User>, token: Id<TokenRecord>) -> Result<bool> {
    let found = tokens::find_in_use(tx, token)?.filter(|token| {
        token.basis.grant.user_id == Some(user)
            && GrantKind::OF_USER_TOKEN.contains(&token.basis.grant.kind)
            && token.life(now) == Life::Alive
    });
    let Some(token) = found else { return Ok(false) };
    grants::revoke(tx, now, token.basis.grant.id)?;
    Ok(true)
}

/// Ends all that a person gave to programs, also what a program that they approved has not fetched
/// yet: their password was changed. Tokens that they made for themselves stay.
///
/// # Errors
/// When the store fails.
pub fn given_to_programs(tx: &mut Database, now: UnixTime, user: Id<User>, kept: Option<Id<Grant>>) -> Result<()> {
    // First, so that a program that fetches at this moment finds nothing, or has its grant already.
    remote_sessions::end_approved_by(tx, user)?;
    grants::revoke_given_to_programs(tx, now, user, kept)
}

/// "Remove application": all its grants from this person die and the consent is forgotten.
///
/// # Errors
/// When the store fails.
pub fn application(tx: &mut Database, now: UnixTime, user: Id<User>, client: Id<Client>) -> Result<()> {
    grants::revoke_of_person_and_client(tx, now, user, client)?;
    consents::forget(tx, user, client)
}

/// Deletes an application: whoever allowed it is signed out of it, its secrets end.
///
/// # Errors
/// When the store fails.
pub fn delete_client(tx: &mut Database, now: UnixTime, client: Id<Client>) -> Result<()> {
    grants::revoke_of_client(tx, now, client)?;
    consents::forget_client(tx, client)?;
    client_secrets::end_all(tx, client, now)?;
    clients::delete(tx, now, client)
}

/// Deletes an API with its credentials: nothing is for it any more.
///
/// # Errors
/// When the store fails.
pub fn delete_api(tx: &mut Database, now: UnixTime, api: &Api) -> Result<()> {
    audiences::strike(tx, now, &api.identifier)?;
    apis::delete(tx, api.id)?;
    delete_client(tx, now, api.client_key)
}

/// Ends a browser session with its login-redirect tokens and unredeemed codes.
///
/// # Errors
/// When the store fails.
pub fn session(tx: &mut Database, now: UnixTime, user: Id<User>, session: Id<Session>) -> Result<bool> {
    let is_ended = sessions::end(tx, now, user, session)?;
    if is_ended {
        grants::revoke_with_session(tx, now, session)?;
    }
    Ok(is_ended)
}

/// Ends a browser session whose browser signed in again, as `new`. What it gave goes on with the new one
/// when the same person signed in: an app that asks for the password again (`prompt=login`) ends nothing
/// of other apps.
///
/// # Errors
/// When the store fails.
pub fn replaced_session(
    tx: &mut Database,
    now: UnixTime,
    (user, old): (Id<User>, Id<Session>),
    new: Id<Session>,
) -> Result<()> {
    if sessions::find(tx, new)?.is_some_and(|(_, person)| person.id == user) {
        grants::move_to_session(tx, old, new)?;
    }
    session(tx, now, user, old).map(drop)
}

/// Ends all sessions, user tokens, codes and grants of a person: their password was reset.
///
/// # Errors
/// When the store fails.
pub fn everything(tx: &mut Database, now: UnixTime, user: Id<User>) -> Result<()> {
    sessions::end_all(tx, now, user)?;
    remote_sessions::end_approved_by(tx, user)?;
    grants::revoke_of_person(tx, now, user)
}
