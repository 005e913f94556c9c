//! Reports of leaked secrets: the token ends, no matter who reports it. Tokens that are public by design, and
//! client secrets, which an application needs, are flagged for their owner instead.

use super::find_by_secret::{self, ReportedSecret};
use super::revoke::{holder_in_words, token_in_words};
use crate::clock::UnixTime;
use crate::domain::client_secret::ClientSecretRecord;
use crate::domain::grant::Grant;
use crate::domain::id::Id;
use crate::domain::security_log::SecurityEvent;
use crate::domain::session::Origin;
use crate::domain::token_in_use::{GrantInUse, Life};
use crate::domain::token_record::TokenRecord;
use crate::domain::user::User;
use crate::store::{Database, Result, client_secrets, grants, security_log, tokens};

/// What a reported secret is, and what a report does to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// A refresh token: its grant ends.
    Grant(Id<Grant>),
    /// A token that ends alone.
    Token(Id<TokenRecord>),
    /// A secret that stays active and is flagged.
    Flagged(Flagged),
}

/// A leaked secret that stays active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flagged {
    pub what: FlaggedSecret,
    /// The user who is notified; `None` for an application that belongs to the installation.
    pub owner: Option<Id<User>>,
}

/// A secret that a report flags and does not end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlaggedSecret {
    /// A token that others see by design ([`TokenRecord::is_public`]).
    Token(Id<TokenRecord>),
    /// A client secret: ending it would let an unauthenticated caller stop an application.
    ClientSecret(Id<ClientSecretRecord>),
}

/// Whether a report changes anything, from a read.
///
/// # Errors
/// When the store fails.
pub fn examine(db: &mut Database, now: UnixTime, reported: &ReportedSecret) -> Result<bool> {
    Ok(find(db, now, reported)?.is_some())
}

/// Ends or flags a reported secret, if this server issued it. Returns the secret if it stays active and was not
/// reported before.
///
/// # Errors
/// When the store fails.
pub fn report(tx: &mut Database, now: UnixTime, reported: &ReportedSecret, origin: &Origin) -> Result<Option<Flagged>> {
    let Some(found) = find(tx, now, reported)? else { return Ok(None) };
    let (owner, name) = owner_and_name(tx, found)?;
    let (is_news, flagged) = match found {
        Found::Grant(grant) => (grants::revoke(tx, now, grant)?, None),
        Found::Token(token) => (true, tokens::revoke(tx, now, token).map(|()| None)?),
        Found::Flagged(flagged) => (flag(tx, now, &flagged)?, Some(flagged)),
    };
    if let Some(owner) = owner.filter(|_| is_news) {
        security_log::append(tx, now, owner, (SecurityEvent::SecretFound, &name), Some(origin))?;
    }
    Ok(flagged.filter(|_| is_news))
}

/// Returns the user whose security log gets the entry, and the name of the secret in it.
fn owner_and_name(db: &mut Database, found: Found) -> Result<(Option<Id<User>>, String)> {
    match found {
        Found::Grant(grant) => match grants::find_in_use(db, grant)? {
            Some(GrantInUse { grant, .. }) => Ok((grant.user_id, holder_in_words(db, &grant)?)),
            None => Ok((None, String::new())),
        },
        Found::Token(token) | Found::Flagged(Flagged { what: FlaggedSecret::Token(token), .. }) => {
            let Some(token) = tokens::find_in_use(db, token)? else { return Ok((None, String::new())) };
            let name = token_in_words(db, &token)?;
            Ok((token.basis.grant.user_id, name))
        }
        Found::Flagged(Flagged { what: FlaggedSecret::ClientSecret(secret), owner }) => {
            let client = client_secrets::find_with_client(db, secret)?.map(|(_, client)| client.name.clone());
            Ok((owner, client.unwrap_or_default()))
        }
    }
}

/// Flags a secret, so that its owner's pages show it. `false` when it was flagged before.
fn flag(tx: &mut Database, now: UnixTime, flagged: &Flagged) -> Result<bool> {
    match flagged.what {
        FlaggedSecret::Token(id) => tokens::flag(tx, now, id),
        FlaggedSecret::ClientSecret(id) => client_secrets::flag(tx, now, id),
    }
}

fn find(db: &mut Database, now: UnixTime, reported: &ReportedSecret) -> Result<Option<Found>> {
    let flagged = |what, owner| Some(Found::Flagged(Flagged { what, owner }));
    Ok(match find_by_secret::find(db, reported)? {
        Some(find_by_secret::FoundSecret::Refresh(found)) => {
            let grant = found.1.grant;
            grant.is_alive(now).then_some(Found::Grant(grant.id))
        }
        Some(find_by_secret::FoundSecret::ClientSecret((record, client))) => {
            match record.is_alive(now) && record.flagged_at.is_none() {
                true => flagged(FlaggedSecret::ClientSecret(record.id), client.owner_id),
                false => None,
            }
        }
        Some(find_by_secret::FoundSecret::Bearer(token)) => {
            // The token of a disabled user becomes active again with the user, so it ends too.
            let is_over = token.life(now) == Life::Expired || token.record.revoked_at.is_some();
            match (is_over, token.record.is_public()) {
                (true, _) => None,
                (false, false) => Some(Found::Token(token.record.id)),
                (false, true) if token.record.flagged_at.is_some() => None,
                (false, true) => flagged(FlaggedSecret::Token(token.record.id), token.basis.grant.user_id),
            }
        }
        None => None,
    })
}
