//! OpenID Connect: who logged in, told to the application by a signed token and by userinfo.

pub mod claims;
pub mod id_token;
pub mod logout;

use crate::domain::authentication::Authentication;
use crate::domain::grant::Grant;
use crate::store::{Database, Result, authentications, sessions};

/// Writes down how the person behind a new grant had signed in, when it holds `openid`; the ID tokens
/// of the grant will say so.
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
