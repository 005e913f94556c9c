//! Judges the `referer` of the login redirect: to which application the return URL belongs, and whether the
//! browser may go there at all (`docs/decisions/0007-login-redirect.md`).

use super::{Asked, LoginRedirect, LoginRedirectRefusal, Unregistered};
use crate::domain::client::{Client, LoginDelivery};
use crate::domain::host_proof::HostProof;
use crate::domain::id::Id;
use crate::domain::login_return_url::{MatchKind, ReturnUrl};
use crate::domain::pkce::{ChallengeMethod, CodeChallenge};
use crate::domain::user::User;
use crate::outcome::Error;
use crate::store::{Database, host_proofs, login_return_hosts};

/// The return URL of `application=true`: fixed, since a program on this device sends none.
const APPLICATION_CALLBACK: &str = "http://127.0.0.1:8765/callback";

/// The operator's settings for return URLs.
#[derive(Clone, Copy, Debug)]
pub struct ReturnRules {
    /// The setting `login_redirect.unregistered`.
    pub unregistered: Unregistered,
    /// The setting `allow_insecure_http`: registered http URLs of private networks are allowed.
    pub allow_insecure_http: bool,
}

/// Decides whether the browser may return to the address in the query; `None` when the query names no address
/// (then a plain sign-in follows).
///
/// # Errors
/// [`LoginRedirectRefusal`], or why the store failed.
pub fn examine(
    db: &mut Database,
    asked: &Asked,
    rules: ReturnRules,
) -> Result<Option<LoginRedirect>, Error<LoginRedirectRefusal>> {
    if asked.is_application && asked.referer.is_none() {
        return Ok(Some(LoginRedirect {
            client: None,
            return_url: read(APPLICATION_CALLBACK, rules)?,
            state: asked.state.clone(),
            match_kind: None,
            is_application: true,
            code_challenge: None,
        }));
    }
    let Some(referer) = &asked.referer else { return Ok(None) };
    let return_url = read(referer, rules)?;
    let refuse = |refusal: fn(ReturnUrl) -> LoginRedirectRefusal| Err(Error::Refused(refusal(return_url.clone())));
    let (active, suspended) = candidates(db, &return_url)?.into_iter().partition(|(_, client)| client.is_active());
    let owners: Vec<Id<User>> = proofs_of(db, &return_url)?.into_iter().map(|proof| proof.owner_id).collect();
    let (match_kind, client) = closest(active, &owners).unzip();
    if client.is_none() && !return_url.is_loopback() {
        // The user's confirmation cannot override the operator's suspension. A loopback address belongs to no
        // single app.
        if closest(suspended, &owners).is_some() {
            return refuse(LoginRedirectRefusal::Suspended);
        }
        if rules.unregistered == Unregistered::Deny || return_url.is_insecure() {
            return refuse(LoginRedirectRefusal::Unregistered);
        }
    }
    let code_challenge = match &client {
        Some(client) if client.login_delivery == LoginDelivery::Code => Some(challenge(asked, client)?),
        _ => None,
    };
    Ok(Some(LoginRedirect {
        client,
        return_url,
        state: asked.state.clone(),
        match_kind,
        is_application: false,
        code_challenge,
    }))
}

/// A client with a matching return URL, and how closely it matches.
type Candidate = (MatchKind, Client);

fn candidates(db: &mut Database, return_url: &ReturnUrl) -> Result<Vec<Candidate>, Error<LoginRedirectRefusal>> {
    let all = login_return_hosts::list_clients(db, return_url.host_name())?;
    let match_kind = |client: Client| client.login_return_match(return_url).map(|match_kind| (match_kind, client));
    Ok(all.into_iter().filter_map(match_kind).collect())
}

fn proofs_of(db: &mut Database, return_url: &ReturnUrl) -> Result<Vec<HostProof>, Error<LoginRedirectRefusal>> {
    Ok(host_proofs::list(db, &return_url.origin())?)
}

/// Returns the client that a return URL belongs to. If users have proven that they own the host, only their
/// clients and the verified ones count. If the operator verified a matching client, only clients of the same
/// owner count: no other client can intercept its users by registering a longer address.
fn closest(mut candidates: Vec<Candidate>, owners: &[Id<User>]) -> Option<Candidate> {
    let is_owned = |client: &Client| client.owner_id.is_some_and(|owner| owners.contains(&owner));
    candidates.retain(|(_, client)| owners.is_empty() || is_owned(client) || client.verified_at.is_some());
    let vouched = candidates.iter().filter(|(_, client)| client.verified_at.is_some());
    let vouched: Vec<_> = vouched.map(|(_, client)| client.owner_id).collect();
    let candidates =
        candidates.into_iter().filter(|(_, client)| vouched.is_empty() || vouched.contains(&client.owner_id));
    // The oldest of the clients that match equally closely.
    candidates.reduce(|best, other| if other.0 > best.0 { other } else { best })
}

fn challenge(asked: &Asked, client: &Client) -> Result<CodeChallenge, Error<LoginRedirectRefusal>> {
    let text = asked.code_challenge.as_deref().unwrap_or_default();
    CodeChallenge::parse(text, ChallengeMethod::S256)
        .map_err(|_invalid| Error::Refused(LoginRedirectRefusal::ChallengeRequired(client.id)))
}

fn read(text: &str, rules: ReturnRules) -> Result<ReturnUrl, Error<LoginRedirectRefusal>> {
    let read = text.parse::<ReturnUrl>().and_then(|url| url.allowed_by(rules.allow_insecure_http));
    read.map_err(|error| Error::Refused(LoginRedirectRefusal::Invalid(error)))
}
