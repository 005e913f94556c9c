//! Revocation (RFC 7009): of an access token alone, of a refresh token with its whole grant.

use super::Result;
use super::signing::Signer;
use crate::clock::UnixTime;
use crate::domain::client::Client;
use crate::domain::token::{RefreshToken, Token};
use crate::domain::token_record::BearerToken;
use crate::store::{Database, grants, refresh_tokens, tokens};

/// Whether a token can be revoked. The hint of the request is not needed, because a token shows its own type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocable {
    /// It is no valid token of this client; the answer is that of success (§2.2).
    Nothing,
    /// It is a valid token of this client, which [`revoke`] ends.
    Found,
}

/// Finds out, in a read, whether there is anything to revoke.
///
/// # Errors
/// When the store fails.
pub fn examine(db: &mut Database, (client, token, signer): (&Client, &str, &Signer)) -> Result<Revocable> {
    Ok(match find(db, (client, token, signer))? {
        Some(_) => Revocable::Found,
        None => Revocable::Nothing,
    })
}

enum Target {
    Access(BearerToken),
    Grant(crate::domain::id::Id<crate::domain::grant::Grant>),
}

fn find(db: &mut Database, (client, token, signer): (&Client, &str, &Signer)) -> Result<Option<Target>> {
    if let Ok(token) = Token::<RefreshToken>::parse(token) {
        let record = refresh_tokens::find(db, token.id())?.filter(|record| record.digest.matches(&token.digest()));
        let Some(record) = record else { return Ok(None) };
        let grant = grants::find_in_use(db, record.grant_id)?;
        let is_own = grant.is_some_and(|grant| grant.grant.client_key == Some(client.id));
        return Ok(is_own.then_some(Target::Grant(record.grant_id)));
    }
    let Ok(presented) = signer.read(db, token)? else { return Ok(None) };
    let found = tokens::find_in_use(db, presented.id())?.filter(|token| presented.is(&token.record));
    let is_own = found.is_some_and(|token| token.basis.grant.client_key == Some(client.id));
    Ok(is_own.then_some(Target::Access(presented)))
}

/// Revokes a token of the authenticated client; does nothing for any other token.
///
/// # Errors
/// When the store fails.
pub fn revoke(tx: &mut Database, now: UnixTime, (client, token, signer): (&Client, &str, &Signer)) -> Result<()> {
    match find(tx, (client, token, signer))? {
        Some(Target::Grant(grant)) => grants::revoke(tx, now, grant).map(drop)?,
        Some(Target::Access(token)) => tokens::revoke(tx, now, token.id())?,
        None => {}
    }
    Ok(())
}
