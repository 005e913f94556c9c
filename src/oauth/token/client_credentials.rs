//! The client acts for itself (RFC 6749 §4.4): no person, no refresh token, scopes of APIs only.

use super::TokenResponse;
use crate::clock::UnixTime;
use crate::domain::client::Client;
use crate::domain::grant::{Grant, GrantKind};
use crate::domain::id::Id;
use crate::domain::scope::Scope;
use crate::domain::words::Words;
use crate::oauth::parameters::Parameters;
use crate::oauth::problem::{INVALID_SCOPE, INVALID_TARGET, UNAUTHORIZED_CLIENT};
use crate::oauth::resource;
use crate::oauth::scopes::{self, of_apis};
use crate::oauth::{Refusal, Result};
use crate::store::{Database, grants};
use crate::tokens::{Mint, issue};

/// The scope and the APIs that are asked.
#[derive(Clone, Debug)]
pub struct Request {
    scope: Option<Scope>,
    resources: Vec<String>,
}

impl Request {
    pub(super) fn parse(parameters: &Parameters) -> std::result::Result<Self, Refusal> {
        let resources = parameters.all("resource").into_iter().map(str::to_owned).collect();
        Ok(Self { scope: scopes::parse_asked(parameters)?, resources })
    }
}

/// What the client gets: what it asks for, of the APIs' scopes that it registered; all of them when
/// it asks for nothing (RFC 6749 §3.3). A built-in scope opens what is a person's, and there is none
/// here (ours), so a client that registered nothing else gets a token that says only who it is.
pub(super) fn find_scope(db: &mut Database, client: &Client, request: &Request) -> Result<(Scope, Words)> {
    if client.is_public() {
        return Err(UNAUTHORIZED_CLIENT.because("a client without a secret cannot act for itself (RFC 6749 §4.4)"));
    }
    let own = client.scope.intersection(&of_apis(db)?);
    let asked: Vec<&str> = request.resources.iter().map(String::as_str).collect();
    let audience = resource::find_registered(db, &asked)?;
    let audience = audience.ok_or_else(|| INVALID_TARGET.because("a resource is no registered API"))?;
    match &request.scope {
        None => Ok((own, audience)),
        Some(asked) if asked.is_within(&own) => Ok((asked.clone(), audience)),
        Some(_) => Err(INVALID_SCOPE.because("the scope is not the client's, or is a person's to give")),
    }
}

/// Gives the authenticated client its token. The grant behind it ends with it.
pub(super) fn grant(
    tx: &mut Database,
    now: UnixTime,
    mint: &Mint,
    client: &Client,
    request: &Request,
) -> Result<TokenResponse> {
    let (scope, audience) = find_scope(tx, client, request)?;
    let grant = Grant {
        id: Id::next(now),
        kind: GrantKind::ClientCredentials,
        user_id: None,
        client_key: Some(client.id),
        session_id: None,
        return_url: None,
        scope: scope.clone(),
        created_at: now,
        expires_at: Some(now.plus(mint.lifetimes.access)),
        revoked_at: None,
        audience,
    };
    grants::insert(tx, &grant)?;
    let access = issue::access_token(tx, now, mint, (&grant, &scope), None)?;
    // RFC 6749 §4.4.3: no refresh token; the client can ask again.
    Ok(TokenResponse { access, refresh_token: None, scope, id_token: None })
}
