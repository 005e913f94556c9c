//! Binding of tokens to the key that the request proved (RFC 9449 §5), the same for every grant.

use super::TokenResponse;
use crate::clock::UnixTime;
use crate::domain::client::Client;
use crate::domain::session::Origin;
use crate::domain::token_in_use::GrantInUse;
use crate::oauth::Result;
use crate::oauth::problem::Problem;
use crate::store::{Database, grants, refresh_tokens, tokens};
use crate::tokens::revoke;

/// Refuses a request without a proof from a client that must send one (§5.2, `dpop_bound_access_tokens`).
pub(super) fn check_client(client: &Client, key: Option<&str>) -> Result<()> {
    if client.dpop_bound_access_tokens && key.is_none() {
        return Err(Problem::DpopRequired.because("the client registered dpop_bound_access_tokens and sent no proof"));
    }
    Ok(())
}

/// Checks that a code that is bound to a key is redeemed with the same key (§10).
pub(super) fn check_code(bound_to: Option<&str>, key: Option<&str>) -> Result<()> {
    match (bound_to, key) {
        (Some(bound_to), Some(key)) if bound_to != key => {
            Err(Problem::InvalidCode.because("the authorization request named another key by dpop_jkt"))
        }
        (Some(_), None) => {
            Err(Problem::DpopRequired.because("the authorization request named a key, and no proof came"))
        }
        _ => Ok(()),
    }
}

/// Checks that a refresh token that is bound to a key comes with a proof of that key (§5).
pub(super) fn check_refresh_token(bound_to: Option<&str>, key: Option<&str>) -> Result<()> {
    match (bound_to, key) {
        (Some(bound_to), Some(key)) if bound_to != key => {
            Err(Problem::InvalidRefreshToken.because("the refresh token is bound to another key"))
        }
        (Some(_), None) => Err(Problem::DpopRequired.because("the refresh token is bound to a key, and no proof came")),
        _ => Ok(()),
    }
}

/// Binds the tokens that were just issued: the access token always, the refresh token of a public client (§5). A
/// confidential client's refresh token is bound to the client, which may change its key. A successor that is issued
/// again because its answer was lost must be bound to the same key: a request with another key comes from another
/// sender.
///
/// # Errors
/// [`Problem::InvalidRefreshToken`] when the refresh token is bound to another key; the grant is revoked then.
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
        return Err(Problem::InvalidRefreshToken.because("the refresh token came again with another key than before"));
    }
    let Some(key) = key else { return Ok(()) };
    tokens::bind(tx, response.access.token.id(), key)?;
    if let Some(claims) = &mut response.access.claims {
        claims.bind(key);
    }
    Ok(())
}
