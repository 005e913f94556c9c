//! The scopes that this server knows, each with the sentence that the consent page shows.

use super::Refusal;
use super::parameters::Parameters;
use super::problem::Problem;
use crate::domain::api::{Api, BUILT_IN_SCOPES, OPENID_SCOPES, TokenFormat};
use crate::domain::api_directory::RegisteredApi;
use crate::domain::client::Client;
use crate::domain::id::Id;
use crate::domain::scope::Scope;
use crate::domain::space_separated::SpaceSeparated;
use crate::store::{Database, Result, apis};

/// Lists all scopes as pairs of name and consent sentence: the built-in ones, then those of the APIs.
///
/// # Errors
/// When the store fails.
pub fn known(db: &mut Database) -> Result<Vec<(String, String)>> {
    let built_in = BUILT_IN_SCOPES.iter().chain(&OPENID_SCOPES);
    let built_in = built_in.map(|(name, sentence)| ((*name).to_owned(), (*sentence).to_owned()));
    let directory = apis::directory(db)?;
    let of_apis = directory.scopes().iter().map(|scope| (scope.name.clone(), scope.sentence.clone()));
    Ok(built_in.chain(of_apis).collect())
}

/// The names of all scopes.
///
/// # Errors
/// When the store fails.
pub fn known_scope(db: &mut Database) -> Result<Scope> {
    let names: Vec<String> = known(db)?.into_iter().map(|(name, _)| name).collect();
    Ok(names.join(" ").parse().unwrap_or_default())
}

/// Returns the part of the requested scope that a client may have, which registered `own`. The rest is ignored,
/// whether it is unknown here or not registered for this client, and the `scope` of the answer names what was
/// granted (RFC 6749 §3.3; `docs/decisions/0001-unknown-scopes.md`).
///
/// # Errors
/// [`Problem::InvalidScope`] when nothing is left.
pub fn effective(asked: &Scope, own: &Scope) -> std::result::Result<Scope, Refusal> {
    let effective = asked.intersection(own);
    if !effective.is_empty() {
        return Ok(effective);
    }
    Err(Refusal {
        problem: Problem::InvalidScope,
        cause: "nothing of the scope that was asked is the client's to have",
    })
}

/// Returns the requested scope in the form in which a refusal names it; `None` when it cannot be read.
pub fn named(asked: Option<&str>) -> Option<String> {
    asked?.parse::<Scope>().ok()?.named()
}

/// Lists the names of the APIs at which a token of this scope may still work for ten minutes after its revocation:
/// they validate JWTs offline.
///
/// # Errors
/// When the store fails.
pub fn list_validating_offline(db: &mut Database, audience: &SpaceSeparated, scope: &Scope) -> Result<Vec<String>> {
    let directory = apis::directory(db)?;
    let is_asked = |found: &&RegisteredApi| {
        audience.contains(&found.api.identifier) || (audience.is_empty() && found.has_scope_of(scope))
    };
    let taking_jwts = directory.iter().filter(|found| found.api.token_format == TokenFormat::Jwt);
    Ok(taking_jwts.filter(is_asked).map(|found| found.api.name.clone()).collect())
}

/// The scopes of all APIs, without the built-in ones.
///
/// # Errors
/// When the store fails.
pub fn of_apis(db: &mut Database) -> Result<Scope> {
    Ok(apis::directory(db)?.scope().clone())
}

/// The scopes of one API.
///
/// # Errors
/// When the store fails.
pub fn of_api(db: &mut Database, api: Id<Api>) -> Result<Scope> {
    Ok(apis::directory(db)?.find(api).map(RegisteredApi::scope).unwrap_or_default())
}

/// Returns the scope of a client that requests none (RFC 6749 §3.3): everything that it registered except
/// `offline_access`, which lets it continue without the person (`docs/decisions/0040-default-scope.md`).
pub fn default_of(client: &Client) -> Scope {
    client.scope.without("offline_access")
}

/// Returns the scope that a request names; `None` when it names none.
///
/// # Errors
/// [`Problem::InvalidScope`] when the parameter is not a valid scope.
pub fn parse_asked(parameters: &Parameters) -> std::result::Result<Option<Scope>, Refusal> {
    let unreadable = || Refusal { problem: Problem::InvalidScope, cause: "the scope cannot be read" };
    let Some(text) = parameters.get("scope") else { return Ok(None) };
    let asked: Scope = text.parse().map_err(|_invalid| unreadable())?;
    if asked.is_empty() { Err(unreadable()) } else { Ok(Some(asked)) }
}

/// Returns each token of a scope with its sentence; a token that was removed since is its own sentence.
pub fn sentences(known: &[(String, String)], scope: &Scope) -> Vec<(String, String)> {
    let sentence = |token: &str| {
        let found = known.iter().find(|(name, _)| name == token);
        found.map_or_else(|| token.to_owned(), |(_, sentence)| sentence.clone())
    };
    scope.tokens().map(|token| (token.to_owned(), sentence(token))).collect()
}
