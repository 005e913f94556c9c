//! OpenID Connect: the application learns who logged in, from a signed token and from userinfo.

pub mod claims;
pub mod id_token;
pub mod logout;

use crate::domain::authentication::Authentication;
use crate::domain::grant::Grant;
use crate::store::{Database, Result, authentications, sessions};

/// Records how the person of a new grant signed in, when its scope contains `openid`; the ID tokens of the grant
/// contain this.
///
/// # Errors
/// When the store fails.
pub fn remember_sign_in(tx: &mut Database, grant: &Grant, nonce: Option<&str>) -> Result<()> {
    let Some(session) = grant.session_id.filter(|_| grant.scope.holds("openid")) else { return Ok(()) };
    let Some((session, _)) = sessions::find(tx, session)? else { return Ok(()) };
    let (auth_time, methods) = (session.authenticated_at, session.methods);
    let nonce = nonce.map(str::to_owned);
    authentications::insert(tx, &Authentication { id: grant.id, nonce, auth_time, methods })
}
