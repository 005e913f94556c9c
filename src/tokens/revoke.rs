//! Revokes tokens, grants and sessions.

use super::find_by_secret::FoundSecret;
use crate::clock::UnixTime;
use crate::domain::api::Api;
use crate::domain::client::Client;
use crate::domain::grant::{Grant, GrantKind};
use crate::domain::id::Id;
use crate::domain::security_log::{BY_OPERATOR, SecurityEvent};
use crate::domain::session::{Origin, Session};
use crate::domain::token_in_use::{Life, TokenInUse};
use crate::domain::token_record::{TokenKind, TokenRecord};
use crate::domain::user::User;
use crate::store::{
    Database, Result, apis, audiences, client_secrets, clients, consents, grants, remembered_browsers, remote_sessions,
    security_log, sessions, tokens, users,
};

/// Revokes a grant whose code or refresh token was presented twice: one of the two senders may have stolen it
/// (RFC 9700 §4.14.2). The user sees it in the security log, with the network address of the second request.
///
/// # Errors
/// When the store fails.
pub fn stolen(tx: &mut Database, now: UnixTime, grant: &Grant, origin: &Origin) -> Result<()> {
    let Some(person) = grant.user_id else { return grants::revoke(tx, now, grant.id).map(drop) };
    // The user's row is locked first, as everywhere, so that two transactions cannot deadlock.
    users::lock(tx, person)?;
    if grants::revoke(tx, now, grant.id)? {
        let holder = holder_in_words(tx, grant)?;
        security_log::append(tx, now, person, (SecurityEvent::TokenStolen, &holder), Some(origin))?;
    }
    Ok(())
}

/// Revokes one user token with its grant. `false` when it is not this user's, or is not active.
///
/// # Errors
/// When the store fails.
pub fn user_token(
    tx: &mut Database,
    now: UnixTime,
    (user, origin): (Id<User>, &Origin),
    token: Id<TokenRecord>,
) -> Result<bool> {
    let found = tokens::find_in_use(tx, token)?.filter(|token| {
        token.basis.grant.user_id == Some(user)
            && GrantKind::OF_USER_TOKEN.contains(&token.basis.grant.kind)
            && token.life(now) == Life::Alive
    });
    let Some(token) = found else { return Ok(false) };
    let grant = token.basis.grant;
    grants::revoke(tx, now, grant.id)?;
    let holder = holder_in_words(tx, &grant)?;
    security_log::append(tx, now, user, (SecurityEvent::UserTokenEnded, &holder), Some(origin))?;
    Ok(true)
}

/// Returns the name of the client or program that holds a grant's tokens, for the user to read.
///
/// # Errors
/// When the store fails.
pub fn holder_in_words(db: &mut Database, grant: &Grant) -> Result<String> {
    let client = grant.client_key.map(|client| clients::find(db, client)).transpose()?.flatten();
    Ok(client.map_or_else(|| grant.kind.program_in_words().to_owned(), |client| client.name.clone()))
}

/// Returns the name that the user gave a token, or who holds it, for the user to read.
///
/// # Errors
/// When the store fails.
pub fn token_in_words(db: &mut Database, token: &TokenInUse) -> Result<String> {
    match token.record.name.as_ref().filter(|name| !name.is_empty()) {
        Some(name) => Ok(name.clone()),
        None if token.record.kind == TokenKind::Generator => Ok("the token generator".to_owned()),
        None if token.basis.grant.kind == GrantKind::Personal => Ok(String::new()),
        None => holder_in_words(db, &token.basis.grant),
    }
}

/// Revokes all grants that a user gave to programs, including remote sessions that they approved and no program
/// fetched yet: their password was changed. Tokens that they created for themselves stay.
///
/// # Errors
/// When the store fails.
pub fn given_to_programs(tx: &mut Database, now: UnixTime, user: Id<User>, kept: Option<Id<Grant>>) -> Result<()> {
    // First, so that a program that fetches its token at this moment finds nothing, or has its grant already.
    remote_sessions::end_approved_by(tx, user)?;
    grants::revoke_given_to_programs(tx, now, user, kept)
}

/// "Remove application": revokes all its grants from this user and forgets the consent. An application that had
/// neither is removed without a log entry.
///
/// # Errors
/// When the store fails.
pub fn application(
    tx: &mut Database,
    now: UnixTime,
    (user, origin): (Id<User>, &Origin),
    client: &Client,
) -> Result<()> {
    let ended = grants::revoke_of_person_and_client(tx, now, user, client.id)?;
    if consents::forget(tx, user, client.id)? || ended {
        security_log::append(tx, now, user, (SecurityEvent::ApplicationRemoved, &client.name), Some(origin))?;
    }
    Ok(())
}

/// Deletes a client: its grants are revoked, its consents are forgotten, its secrets end.
///
/// # Errors
/// When the store fails.
pub fn delete_client(tx: &mut Database, now: UnixTime, client: Id<Client>) -> Result<()> {
    grants::revoke_of_client(tx, now, client)?;
    consents::forget_client(tx, client)?;
    client_secrets::end_all(tx, client, now)?;
    clients::delete(tx, now, client)
}

/// Deletes an API with its credentials: its identifier is removed from all audiences.
///
/// # Errors
/// When the store fails.
pub fn delete_api(tx: &mut Database, now: UnixTime, api: &Api) -> Result<()> {
    audiences::strike(tx, now, &api.identifier)?;
    apis::delete(tx, api.id)?;
    delete_client(tx, now, api.client_key)
}

/// Ends a browser session with its login-redirect tokens and unredeemed codes. `false` when it had ended
/// before.
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

/// Ends a browser session whose user signed in again, as `new`. Its grants move to the new session: an app that
/// requires the password again (`prompt=login`) ends nothing of other apps.
///
/// # Errors
/// When the store fails.
pub fn replaced_session(
    tx: &mut Database,
    now: UnixTime,
    (user, old): (Id<User>, Id<Session>),
    new: Id<Session>,
) -> Result<()> {
    grants::move_to_session(tx, old, new)?;
    session(tx, now, user, old).map(drop)
}

/// Revokes all user tokens, codes and grants of a user, including the tokens that they created for themselves.
/// Browser sessions stay.
///
/// # Errors
/// When the store fails.
pub fn given_away(tx: &mut Database, now: UnixTime, user: Id<User>) -> Result<()> {
    remote_sessions::end_approved_by(tx, user)?;
    grants::revoke_of_person(tx, now, user)
}

/// Ends all sessions, user tokens, codes and grants of a user, and forgets their browsers: their password was
/// reset.
///
/// # Errors
/// When the store fails.
pub fn everything(tx: &mut Database, now: UnixTime, user: Id<User>) -> Result<()> {
    sessions::end_all(tx, now, user)?;
    remembered_browsers::forget_all(tx, user)?;
    given_away(tx, now, user)
}

/// Revokes a token for the operator, as its holder could (RFC 7009 §2.1): an access token alone, a refresh
/// token with its whole grant. `false` when it had ended before, and for a client secret, which is no token.
///
/// # Errors
/// When the store fails.
pub fn by_operator(tx: &mut Database, now: UnixTime, found: &FoundSecret) -> Result<bool> {
    let (grant, name) = match found {
        FoundSecret::Bearer(token) if token.record.revoked_at.is_some() => return Ok(false),
        FoundSecret::Bearer(token) => {
            tokens::revoke(tx, now, token.record.id)?;
            (&token.basis.grant, token_in_words(tx, token)?)
        }
        FoundSecret::Refresh(found) if !grants::revoke(tx, now, found.1.grant.id)? => return Ok(false),
        FoundSecret::Refresh(found) => (&found.1.grant, holder_in_words(tx, &found.1.grant)?),
        FoundSecret::ClientSecret(_) => return Ok(false),
    };
    if let Some(person) = grant.user_id {
        let about = if name.is_empty() { BY_OPERATOR.to_owned() } else { format!("{name}, {BY_OPERATOR}") };
        security_log::append(tx, now, person, (SecurityEvent::TokenRevoked, &about), None)?;
    }
    Ok(true)
}
