//! Tokens that somebody found in the open: they end, whoever says so. What strangers see by design,
//! and what an application cannot do without, is flagged for its owner instead.

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

/// What a reported text turned out to be, and what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// A refresh token: its grant ends.
    Grant(Id<Grant>),
    /// A token that ends alone.
    Token(Id<TokenRecord>),
    /// A secret that stays and is flagged.
    Flagged(Flagged),
}

/// A secret that stays though it was found in the open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flagged {
    /// Which.
    pub what: FlaggedSecret,
    /// Who should know; nobody for an application that belongs to the installation.
    pub owner: Option<Id<User>>,
}

/// Which secret stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlaggedSecret {
    /// A token that strangers see by design.
    Token(Id<TokenRecord>),
    /// A client secret: strangers could switch an application off.
    ClientSecret(Id<ClientSecretRecord>),
}

/// Whether a report changes anything, from a read.
///
/// # Errors
/// When the store fails.
pub fn examine(db: &mut Database, now: UnixTime, reported: &ReportedSecret) -> Result<bool> {
    Ok(find(db, now, reported)?.is_some())
}

/// Ends or flags what was reported, if it is one of ours; says what goes on working and was not
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

/// Whose log tells of it, and how it calls what was found.
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

/// Flags a secret for its owner's pages. `false` when it was flagged before.
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
            // A disabled person's token comes back with them, so it ends too.
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
