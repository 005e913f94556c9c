//! What a person is told by letter when something of theirs was given away: an app was allowed, a token was
//! made. The doors that do it ask here.

use super::emailed_links::DAY;
use crate::clock::UnixTime;
use crate::domain::client::Client;
use crate::domain::id::Id;
use crate::domain::scope::Scope;
use crate::domain::user::User;
use crate::mail::Mail;
use crate::mail::email::EmailRequester;
use crate::mail::warnings::{AppAllowed, AppChanged, ClientSecretMade, TokenMade};
use crate::store::{Database, Result, grants, tokens};
use crate::tokens::personal_tokens::PERSONAL_KINDS;

/// Scopes that tell an app who somebody is and open nothing of theirs; every other one is sensitive (ours).
const HARMLESS: [&str; 4] = ["openid", "profile", "email", "offline_access"];
/// Letters about tokens in a day (ours): a program that makes them by the thousand fills no mailbox. The
/// last of them says so.
const MOST_TOKENS: i64 = 20;

fn is_sensitive(scope: &Scope) -> bool {
    scope.tokens().any(|name| !HARMLESS.contains(&name))
}

/// Whether a person should hear that they are about to allow an app this scope; nothing is a log-in, which
/// opens everything. An app that had as much a day ago is no news. Ask before it is allowed.
///
/// # Errors
/// When the store fails.
pub fn is_news(tx: &mut Database, (user, client): (Id<User>, Id<Client>), scope: Option<&Scope>) -> Result<bool> {
    if scope.is_some_and(|scope| !is_sensitive(scope)) {
        return Ok(false);
    }
    let before = grants::list_allowed(tx, user, client)?;
    Ok(!before.iter().any(|grant| match scope {
        Some(_) => is_sensitive(&grant.scope),
        None => grant.scope.is_empty(),
    }))
}

/// Tells a person that they allowed an app.
///
/// # Errors
/// When the store fails.
pub fn app_allowed(
    tx: &mut Database,
    (mail, requester): (&Mail, &EmailRequester),
    (user, client): (&User, &Client),
) -> Result<()> {
    let message = AppAllowed { username: user.username.clone(), app_name: client.name.clone() };
    mail.warn(tx, (user, requester), &message)
}

/// Tells a person that they made a token. What their generator makes is not told: programs use it.
///
/// # Errors
/// When the store fails.
pub fn token_made(
    tx: &mut Database,
    now: UnixTime,
    (mail, requester): (&Mail, &EmailRequester),
    user: &User,
    (name, is_studio): (&str, bool),
) -> Result<()> {
    let made_today = tokens::count_made(tx, now.plus(-DAY), (user.id, &PERSONAL_KINDS))?;
    if made_today > MOST_TOKENS {
        return Ok(());
    }
    let message = TokenMade {
        username: user.username.clone(),
        token_name: name.to_owned(),
        is_studio,
        is_last_today: made_today == MOST_TOKENS,
    };
    mail.warn(tx, (user, requester), &message)
}

/// Tells the owner of an application that it got a secret.
///
/// # Errors
/// When the store fails.
pub fn secret_made(
    tx: &mut Database,
    (mail, requester): (&Mail, &EmailRequester),
    (user, client): (&User, &Client),
) -> Result<()> {
    let message = ClientSecretMade { username: user.username.clone(), app_name: client.name.clone() };
    mail.warn(tx, (user, requester), &message)
}

/// Tells the owner of an application what became what in it; nothing when nothing did.
///
/// # Errors
/// When the store fails.
pub fn app_changed(
    tx: &mut Database,
    (mail, requester): (&Mail, &EmailRequester),
    (user, client): (&User, &Client),
    changes: &[String],
) -> Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let (username, app_name, changes) = (user.username.clone(), client.name.clone(), changes.to_vec());
    mail.warn(tx, (user, requester), &AppChanged { username, app_name, changes })
}
