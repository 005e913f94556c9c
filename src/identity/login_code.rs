//! Login codes, the `code` delivery of the login redirect: the app's own page exchanges a code for its token,
//! once.

use url::Url;

use crate::clock::UnixTime;
use crate::domain::client::Client;
use crate::domain::grant::Grant;
use crate::domain::id::Id;
use crate::domain::login_code::LoginCodeRecord;
use crate::domain::pkce::{ChallengeMethod, CodeChallenge};
use crate::domain::session::Origin;
use crate::domain::token::{LoginCode, Token, UserToken};
use crate::domain::token_in_use::Life;
use crate::outcome::Error;
use crate::store::{Database, StoreError, grants, login_codes, login_return_hosts};
use crate::tokens::issue::{self, Issued};
use crate::tokens::revoke;

/// The code is unknown, expired, used, from another origin, or its verifier is wrong: all get one answer, and
/// the client's owner sees the cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoginCodeRefusal {
    /// The cause, in one fixed sentence.
    pub cause: &'static str,
    /// The client of the code; `None` while its secret is not verified.
    pub client: Option<Id<Client>>,
}

/// Returns the row of a correctly presented login code, with its active grant.
///
/// # Errors
/// [`LoginCodeRefusal`] when the code cannot be exchanged, or why the store failed.
fn presented(
    db: &mut Database,
    now: UnixTime,
    (code, verifier, origin): (&Token<LoginCode>, &str, &str),
) -> Result<(LoginCodeRecord, Grant), Error<LoginCodeRefusal>> {
    let record = login_codes::find(db, code.id())?.filter(|record| record.digest.matches(&code.digest()));
    let unknown = LoginCodeRefusal { cause: "the login code is unknown", client: None };
    let record = record.ok_or(Error::Refused(unknown))?;
    let found = grants::find_in_use(db, record.grant_id)?;
    let client = found.as_ref().and_then(|found| found.grant.client_key);
    let refuse = |cause| Err(Error::Refused(LoginCodeRefusal { cause, client }));
    let challenge = CodeChallenge { text: record.code_challenge.clone(), method: ChallengeMethod::S256 };
    match found {
        _ if now >= record.expires_at => refuse("the login code came after its minute"),
        _ if record.origin != origin => refuse("the login code came from another origin than it was sent to"),
        _ if !challenge.is_met_by(verifier) => refuse("the code_verifier does not fit the code_challenge"),
        Some(found) if found.life(now) == Life::Alive => Ok((record, found.grant)),
        _ => refuse("the log-in of the login code was ended"),
    }
}

/// Checks a login code in a read: it would be exchanged, or its second use would be noticed.
///
/// # Errors
/// [`LoginCodeRefusal`] when the code cannot be exchanged, or why the store failed.
pub fn examine_code(
    db: &mut Database,
    now: UnixTime,
    asked: (&Token<LoginCode>, &str, &str),
) -> Result<(), Error<LoginCodeRefusal>> {
    presented(db, now, asked).map(drop)
}

/// Whether an active client whose delivery is `code` has its pages at this origin.
///
/// # Errors
/// When the store fails.
pub fn knows_origin(db: &mut Database, origin: &str) -> Result<bool, StoreError> {
    let Some(url) = Url::parse(origin).ok().filter(|url| url.origin().ascii_serialization() == origin) else {
        return Ok(false);
    };
    let clients = login_return_hosts::list_clients(db, url.host_str().unwrap_or_default())?;
    Ok(clients.iter().filter(|client| client.is_active()).any(|client| client.takes_login_codes_at(&url)))
}

/// Exchanges a login code for its token: once, within a minute, from its own origin, with the verifier.
///
/// # Errors
/// [`LoginCodeRefusal`] when the code cannot be exchanged, or why the store failed.
pub fn swap(
    tx: &mut Database,
    now: UnixTime,
    asked: (&Token<LoginCode>, &str, &str),
    from: &Origin,
) -> Result<Issued<UserToken>, Error<LoginCodeRefusal>> {
    let (record, grant) = presented(tx, now, asked)?;
    if !login_codes::redeem(tx, now, record.id)? {
        // A second exchange: one of the two senders is not the app. The token of the first one is revoked.
        revoke::stolen(tx, now, &grant, from)?;
        let cause = "the login code was used before; the token that it gave was ended";
        return Err(Error::Refused(LoginCodeRefusal { cause, client: grant.client_key }));
    }
    // Not longer than the grant, which was created before the exchange.
    let left = grant.expires_at.map_or(record.lifetime, |end| end.since(now));
    Ok(issue::user_token(tx, now, &grant, record.lifetime.min(left))?)
}
