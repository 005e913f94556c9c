//! Emails about new access to an account: a user allowed an app, or a token or client secret was created. The
//! endpoints that do this call these functions.

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

/// Scopes that only identify the user; every other scope is sensitive (ours).
const HARMLESS: [&str; 4] = ["openid", "profile", "email", "offline_access"];
/// Emails about new tokens per user in a day (ours), so that a program which creates thousands does not flood a
/// mailbox. The last of them says so.
const MOST_TOKENS: i64 = 20;

fn is_sensitive(scope: &Scope) -> bool {
    scope.tokens().any(|name| !HARMLESS.contains(&name))
}

/// Whether a user should get an email that they are about to allow a client this scope; `None` is a sign-in by
/// the login redirect, which gives full rights. A client that has as much access already causes no email. Call
/// this before the grant is inserted.
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

/// Emails a user that they allowed an app.
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

/// Emails a user that they created a token. A token that their generator created causes no email: programs use
/// it.
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

/// Emails the owner of an application that it got a secret.
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

/// Emails the owner of an application what changed in it; no email for no change.
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
