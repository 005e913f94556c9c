//! The client credentials grant (RFC 6749 §4.4): no person, no refresh token, scopes of APIs only.

use super::TokenResponse;
use crate::clock::UnixTime;
use crate::domain::client::Client;
use crate::domain::grant::{Grant, GrantKind};
use crate::domain::scope::Scope;
use crate::domain::space_separated::SpaceSeparated;
use crate::oauth::parameters::Parameters;
use crate::oauth::problem::Problem;
use crate::oauth::resource;
use crate::oauth::scopes::{self, of_apis};
use crate::oauth::{Refusal, Result};
use crate::outcome::Error;
use crate::store::{Database, grants};
use crate::tokens::audience::Claim;
use crate::tokens::{TokenSettings, issue};

/// The requested scope and APIs.
#[derive(Clone, Debug)]
pub struct Request {
    scope: Option<Scope>,
    resources: Vec<String>,
}

impl Request {
    pub(super) fn parse(parameters: &Parameters) -> std::result::Result<Self, Refusal> {
        Ok(Self { scope: scopes::parse_asked(parameters)?, resources: parameters.resources() })
    }
}

/// Returns the scope and the APIs of the token: the requested ones of those API scopes that the client registered,
/// or all of these when it requests none (RFC 6749 §3.3). Built-in scopes give access to a person's data, and this
/// grant has no person (ours), so a client that registered only those gets a token that only identifies it.
pub(super) fn find_scope(
    db: &mut Database,
    token_settings: &TokenSettings,
    (client, request): (&Client, &Request),
) -> Result<(Scope, SpaceSeparated)> {
    if client.is_public() {
        return Err(
            Problem::UnauthorizedClient.because("a client without a secret cannot act for itself (RFC 6749 §4.4)")
        );
    }
    let own = scopes::default_of(client).intersection(&of_apis(db)?);
    let scope = match &request.scope {
        None => own,
        Some(asked) => scopes::effective(asked, &own).map_err(Error::Refused)?,
    };
    let audience = resource::find_registered(db, token_settings, &request.resources, Claim::of_client(&scope, client))?;
    let audience = audience.ok_or_else(|| Problem::InvalidTarget.because("the scope opens no such API"))?;
    Ok((scope, audience))
}

/// Issues the token of the authenticated client. Its grant expires with it.
pub(super) fn grant(
    tx: &mut Database,
    now: UnixTime,
    token_settings: &TokenSettings,
    client: &Client,
    request: &Request,
) -> Result<TokenResponse> {
    let (scope, audience) = find_scope(tx, token_settings, (client, request))?;
    let until = Some(now.plus(token_settings.lifetimes.access));
    let grant = Grant {
        client_key: Some(client.id),
        scope: scope.clone(),
        audience,
        ..Grant::new(now, GrantKind::ClientCredentials, until)
    };
    grants::insert(tx, &grant)?;
    let access = issue::access_token(tx, now, token_settings, (&grant, &scope), None)?;
    // RFC 6749 §4.4.3: no refresh token; the client can ask again.
    Ok(TokenResponse { access, refresh_token: None, scope, id_token: None })
}
