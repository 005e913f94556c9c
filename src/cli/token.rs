//! `gatepost token …`: inspects and revokes a token. The token is read from standard input, so that it appears neither
//! in the history of a shell nor in the process list.

use std::io::Read;

use clap::Subcommand;
use serde_json::{Value, json};

use super::user::public_url;
use super::{CommandError, output, start};
use crate::clock::{Clock, UnixTime};
use crate::config::Config;
use crate::domain::secret::Secret;
use crate::domain::token_in_use::{GrantInUse, Life, TokenInUse};
use crate::domain::token_record::TokenKind;
use crate::oauth::signing::Signer;
use crate::tokens::find_by_secret::{self, FoundSecret, ReportedSecret};
use crate::tokens::revoke;
use crate::web::app::PublicUrl;

/// The subcommands of `gatepost token`.
#[derive(Subcommand)]
pub enum Token {
    /// Show what a token is, and why it works or not. Reads it from standard input.
    Inspect,
    /// End a token; a refresh token ends with all that it renews. Reads it from standard input.
    Revoke,
}

/// Runs one of the `token` commands.
///
/// # Errors
/// When the database cannot be used, or when the token is unknown or belongs to another server.
pub async fn run(command: Token, config: Config, is_json: bool) -> Result<(), CommandError> {
    let mut text = zeroize::Zeroizing::new(String::new());
    std::io::stdin().take(65_536).read_to_string(&mut text)?;
    let now = Clock::System.now();
    // Only a JWT names its issuer; an opaque token is found without one.
    let issuer = public_url(&config).map(|url| PublicUrl::new(&url).issuer).unwrap_or_default();
    let (store, _) = start::store(&config, &Clock::System).await?;
    let (signer, asked) = (Signer::new(&issuer), Secret::new(text.trim()));
    let presented = asked.clone();
    let token = store.read(move |db| signer.read(db, presented.expose())).await?.ok();
    let reported = ReportedSecret { text: asked, token };
    if !reported.is_ours() {
        return Err(CommandError::Refused(
            "this is no token of this server: it is misspelled, cut off, or another server's".to_owned(),
        ));
    }
    let unknown = || {
        CommandError::Refused(
            "nothing is known of this token: another server made it, or it ended long ago and was cleaned up"
                .to_owned(),
        )
    };
    match command {
        Token::Inspect => {
            let found = store.read(move |db| find_by_secret::find(db, &reported)).await?.ok_or_else(unknown)?;
            output::record(&shown(&found, now), is_json)
        }
        Token::Revoke => {
            let ended = store.write(move |tx| match find_by_secret::find(tx, &reported)? {
                Some(found) => Ok(Some((revoke::by_operator(tx, now, &found)?, found))),
                None => Ok(None),
            });
            match ended.await?.ok_or_else(unknown)? {
                (_, FoundSecret::ClientSecret(_)) => {
                    let advice = "this is the secret of an application; gatepost client rotate-secret replaces it";
                    Err(CommandError::Refused(advice.to_owned()))
                }
                (true, _) => output::done(&json!({ "ended": true, "had_ended": false }), "it is ended", is_json),
                (false, _) => {
                    output::done(&json!({ "ended": true, "had_ended": true }), "it had ended before", is_json)
                }
            }
        }
    }
}

fn shown(found: &FoundSecret, now: UnixTime) -> Value {
    match found {
        FoundSecret::Bearer(token) => bearer(token, now),
        FoundSecret::Refresh(found) => {
            let (record, grant) = &**found;
            let (end, has_expired) = (grant.end_in_words(), now >= record.expires_at);
            let end = end.or(record.consumed_at.map(|_| "it was exchanged for its successor"));
            json!({
                "token_kind": "refresh",
                "works": end.is_none() && !has_expired && grant.life(now) == Life::Alive,
                "why": why(end, has_expired || grant.life(now) == Life::Expired),
                "username": username(grant),
                "client_id": grant.application.as_ref().map(|client| client.client_id.clone()),
                "scope": grant.grant.scope.as_str(),
                "created_at": record.created_at.rfc3339(),
                "expires_at": record.expires_at.rfc3339(),
                "last_used_at": record.last_used_at.map(UnixTime::rfc3339),
            })
        }
        FoundSecret::ClientSecret((record, client)) => {
            let is_over = !record.is_alive(now);
            json!({
                "token_kind": "client_secret",
                "works": !is_over,
                "why": why(None, is_over),
                "client_id": client.client_id,
                "created_at": record.created_at.rfc3339(),
                "expires_at": record.expires_at.map(UnixTime::rfc3339),
                "last_used_at": record.last_used_at.map(UnixTime::rfc3339),
            })
        }
    }
}

fn bearer(token: &TokenInUse, now: UnixTime) -> Value {
    let (record, life) = (&token.record, token.life(now));
    json!({
        "token_kind": record.kind.as_str(),
        "works": life == Life::Alive,
        "why": why(token.end_in_words(), life != Life::Alive),
        "username": username(&token.basis),
        "client_id": token.made_for(),
        "scope": if record.kind == TokenKind::User { "everything" } else { record.scope.as_str() },
        "audience": record.audience.to_vec(),
        "access_list": record.access_list.as_ref().and_then(|list| serde_json::to_value(list.entries()).ok()),
        "name": record.name,
        "is_bound_to_key": record.dpop_jkt.is_some(),
        "created_at": record.created_at.rfc3339(),
        "expires_at": record.expires_at.map(UnixTime::rfc3339),
        "last_used_at": record.last_used_at.map(UnixTime::rfc3339),
        "last_used_from": record.last_used_from,
    })
}

fn username(grant: &GrantInUse) -> Option<String> {
    grant.person.as_ref().map(|person| person.username.clone())
}

fn why(end: Option<&'static str>, is_over: bool) -> &'static str {
    match end {
        Some(end) => end,
        None if is_over => "its time is over",
        None => "nothing ended it",
    }
}
