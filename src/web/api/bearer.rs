//! The token of a request to an API of ours (RFC 6750 §2.1), and the person behind it.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::Data;

use super::error::ApiError;
use crate::clock::UnixTime;
use crate::domain::form::{Unreadable, values_of};
use crate::domain::id::Id;
use crate::domain::session::Origin;
use crate::domain::token::MalformedToken;
use crate::domain::token_in_use::TokenInUse;
use crate::domain::token_record::BearerToken;
use crate::domain::user::User;
use crate::oauth::Refusal;
use crate::oauth::dpop::{Proven, nonce};
use crate::oauth::problem::{INVALID_DPOP_PROOF, TOKEN_BOUND, TOKEN_CONFLICT, TOKEN_MALFORMED, TOKEN_MISSING};
use crate::outcome::{Error, consult};
use crate::store::{Database, users};
use crate::tokens::TokenSettings;
use crate::tokens::check::{ProtectedResource, TokenRefusal, authorize, authorize_again};
use crate::web::app::App;
use crate::web::dpop;

/// Whether two headers say who this is. Such a field comes once (RFC 9110 §5.3): which one counts is nobody's guess.
pub fn has_two_authorizations(request: &HttpRequest) -> bool {
    request.headers().get_all(AUTHORIZATION).nth(1).is_some()
}

/// The bearer token in the header, the scheme in any letter case.
pub fn in_header(request: &HttpRequest) -> Option<&str> {
    let header = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// The text without a `Bearer ` before it, which the platform's clients put into queries too.
pub fn without_scheme(text: &str) -> &str {
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => text,
    }
}

/// The tokens in a query, as they were sent; what else is there is not ours to read.
fn in_query(query: &[u8]) -> Vec<Result<String, Unreadable>> {
    values_of(query, "token").filter(|value| value.as_deref() != Ok("")).collect()
}

/// The one token of a request: in the header, or for GET and HEAD in `token=`, or the same in both.
///
/// # Errors
/// No token, two different ones, or none of ours.
pub fn token_of(request: &HttpRequest) -> Result<BearerToken, ApiError> {
    token_in(request, (request.method().as_str(), request.query_string().as_bytes()), BearerToken::parse)
}

/// The same for a request whose method and query a proxy tells us; `read` knows what counts as a token.
///
/// # Errors
/// No token, two different ones, or none of ours.
pub fn token_in<T>(
    request: &HttpRequest,
    (method, query): (&str, &[u8]),
    read: impl FnOnce(&str) -> Result<T, MalformedToken>,
) -> Result<T, ApiError> {
    let in_query = in_query(query);
    if in_query.len() > 1 || has_two_authorizations(request) {
        return Err(ApiError::of_problem(&TOKEN_CONFLICT));
    }
    let may_query = matches!(method, "GET" | "HEAD");
    let in_query = in_query.into_iter().find(|_| may_query).transpose();
    let in_query = in_query.map_err(|_unreadable| ApiError::of_problem(&TOKEN_MALFORMED))?;
    let in_query = in_query.as_deref().map(without_scheme);
    let token = match (in_header(request), in_query) {
        (Some(header), Some(query)) if header != query => return Err(ApiError::of_problem(&TOKEN_CONFLICT)),
        (Some(token), _) | (None, Some(token)) => token,
        (None, None) => return Err(ApiError::of_problem(&TOKEN_MISSING)),
    };
    read(token).map_err(|_malformed| ApiError::of_problem(&TOKEN_MALFORMED))
}

/// The token of a request with the key that it proves: `Authorization: DPoP` and a proof, or a plain
/// bearer token.
///
/// # Errors
/// No token, two different ones, none of ours, or a proof that is not right.
fn presented(app: &App, request: &HttpRequest) -> Result<(BearerToken, Option<Proven>), ApiError> {
    let Some(token) = dpop::token_in_header(request) else { return Ok((token_of(request)?, None)) };
    if !in_query(request.query_string().as_bytes()).is_empty() || has_two_authorizations(request) {
        return Err(ApiError::of_problem(&TOKEN_CONFLICT));
    }
    let parsed = BearerToken::parse(token).map_err(|_malformed| ApiError::of_problem(&TOKEN_MALFORMED))?;
    let missing = Refusal { problem: &INVALID_DPOP_PROOF, cause: "no proof came beside the token" };
    let proven = dpop::proven(app, request, Some(token))?.ok_or(missing)?;
    Ok((parsed.with_key(proven.jkt.clone()), Some(proven)))
}

/// The token of a request that opens `resource`, with its person.
///
/// # Errors
/// Why it does not.
pub async fn caller(
    app: &Data<App>,
    request: &HttpRequest,
    resource: ProtectedResource,
) -> Result<(TokenInUse, User), ApiError> {
    let is_bound = dpop::token_in_header(request).is_some();
    let found = judged(app, request, resource).await;
    found
        .map(|(token, user, _)| (token, user))
        .map_err(|error| for_dpop(app, error, is_bound).needing(resource.scope()))
}

/// A refusal of somebody who sent a proof, or should have, says so (RFC 9449 §7.1).
pub(in crate::web) fn for_dpop(app: &App, error: ApiError, is_bound: bool) -> ApiError {
    let asks_for_proof = is_bound || error.is_of(&TOKEN_BOUND);
    if asks_for_proof { error.for_dpop(nonce(&app.token_settings.keys, app.now())) } else { error }
}

/// Who sent a request that changes something: judged from a read, and again inside the transaction.
#[derive(Clone)]
pub struct Writer {
    resource: ProtectedResource,
    presented: BearerToken,
    user: Id<User>,
    token_settings: Arc<TokenSettings>,
    origin: Origin,
}

impl Writer {
    /// Who it is.
    pub fn user(&self) -> Id<User> {
        self.user
    }

    /// Where the request comes from, for the security log.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The token and its person as they stand in the transaction; what a revocation, a new password or
    /// another role changed meanwhile counts.
    ///
    /// # Errors
    /// Why the token does not open the door any more.
    pub fn recheck(&self, tx: &mut Database, now: UnixTime) -> Result<(TokenInUse, User), Error<ApiError>> {
        let found = authorize_again(tx, now, &self.token_settings, (self.resource, &self.presented, self.user));
        found.map_err(|error| error.map_refusal(ApiError::from))
    }
}

/// The same for a request that changes something.
///
/// # Errors
/// Why the token does not open `resource`.
pub async fn writer(app: &Data<App>, request: &HttpRequest, resource: ProtectedResource) -> Result<Writer, ApiError> {
    let is_bound = dpop::token_in_header(request).is_some();
    let found = judged(app, request, resource).await;
    let (_, user, presented) = found.map_err(|error| for_dpop(app, error, is_bound).needing(resource.scope()))?;
    Ok(Writer {
        resource,
        presented,
        user: user.id,
        token_settings: app.token_settings.clone(),
        origin: app.origin_of(request),
    })
}

async fn judged(
    app: &Data<App>,
    request: &HttpRequest,
    resource: ProtectedResource,
) -> Result<(TokenInUse, User, BearerToken), ApiError> {
    let (presented, proven) = presented(app, request)?;
    let (now, shared, origin) = (app.now(), app.clone(), app.origin_of(request));
    let again = presented.clone();
    let found = consult(&app.store, move |db| {
        let token = authorize(db, now, &shared.token_settings, (resource, &presented, Some(&origin.address)))?;
        let user = match &token.basis.person {
            Some(person) => users::find(db, person.id)?,
            None => None,
        };
        Ok((token, user.ok_or(Error::Refused(TokenRefusal::RevokedOrUnknown))?))
    });
    let (token, user) = found.await?;
    // Last, so that only the token's own holder makes us write.
    if let Some(proven) = proven {
        proven.use_up(&app.store).await?;
    }
    Ok((token, user, again))
}
