//! Tokens that are bound to the key which the request proved (RFC 9449 §5), the same for every grant.

use super::TokenResponse;
use crate::clock::UnixTime;
use crate::domain::client::Client;
use crate::domain::session::Origin;
use crate::domain::token_in_use::GrantInUse;
use crate::oauth::Result;
use crate::oauth::problem::{DPOP_REQUIRED, INVALID_CODE, INVALID_REFRESH_TOKEN};
use crate::store::{Database, grants, refresh_tokens, tokens};
use crate::tokens::revoke;

/// Whether the client may ask without a proof (§5.2, `dpop_bound_access_tokens`).
pub(super) fn check_client(client: &Client, key: Option<&str>) -> Result<()> {
    if client.dpop_bound_access_tokens && key.is_none() {
        return Err(DPOP_REQUIRED.because("the client registered dpop_bound_access_tokens and sent no proof"));
    }
    Ok(())
}

/// Whether a code that began with a key is redeemed with the same (§10).
pub(super) fn check_code(bound_to: Option<&str>, key: Option<&str>) -> Result<()> {
    match (bound_to, key) {
        (Some(bound_to), Some(key)) if bound_to != key => {
            Err(INVALID_CODE.because("the authorization request named another key by dpop_jkt"))
        }
        (Some(_), None) => Err(DPOP_REQUIRED.because("the authorization request named a key, and no proof came")),
        _ => Ok(()),
    }
}

/// Whether a public client's refresh token comes with its key (§5).
pub(super) fn check_refresh_token(bound_to: Option<&str>, key: Option<&str>) -> Result<()> {
    match (bound_to, key) {
        (Some(bound_to), Some(key)) if bound_to != key => {
            Err(INVALID_REFRESH_TOKEN.because("the refresh token is bound to another key"))
        }
        (Some(_), None) => Err(DPOP_REQUIRED.because("the refresh token is bound to a key, and no proof came")),
        _ => Ok(()),
    }
}

/// Binds what was just issued: the access token always, the refresh token of a public client (§5).
/// A confidential client's is bound to the client, which may change its key. A successor that is given
/// again (its answer was lost) must come to the same key: whoever has another one is not who got it first.
///
/// # Errors
/// [`INVALID_REFRESH_TOKEN`] for another key; then the grant is revoked.
pub fn bind(
    tx: &mut Database,
    now: UnixTime,
    (client, origin): (&Client, &Origin),
    response: &mut TokenResponse,
    key: Option<&str>,
) -> Result<()> {
    if let Some(refresh_token) = response.refresh_token.as_ref().filter(|_| client.is_public())
        && !refresh_tokens::bind(tx, refresh_token.id(), key)?
    {
        if let Some(record) = refresh_tokens::find(tx, refresh_token.id())?
            && let Some(GrantInUse { grant, .. }) = grants::find_in_use(tx, record.grant_id)?
        {
            revoke::stolen(tx, now, &grant, origin)?;
        }
        return Err(INVALID_REFRESH_TOKEN.because("the refresh token came again with another key than before"));
    }
    let Some(key) = key else { return Ok(()) };
    tokens::bind(tx, response.access.token.id(), key)?;
    if let Some(claims) = &mut response.access.claims {
        claims.bind(key);
    }
    Ok(())
}
