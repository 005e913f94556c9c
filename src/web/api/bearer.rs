//! Authenticates a request to an API of this server by its token (RFC 6750 §2.1), and finds the person of the
//! token.

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
use crate::oauth::problem::Problem;
use crate::outcome::{Error, consult};
use crate::store::{Database, users};
use crate::tokens::TokenSettings;
use crate::tokens::check::{ProtectedResource, TokenRefusal, authorize, authorize_again};
use crate::web::app::App;
use crate::web::dpop;

/// Returns whether a request has two `Authorization` headers. The field must occur once (RFC 9110 §5.3), and
/// neither has priority.
pub fn has_two_authorizations(request: &HttpRequest) -> bool {
    request.headers().get_all(AUTHORIZATION).nth(1).is_some()
}

/// Returns the bearer token in the header. The scheme is case-insensitive.
pub fn in_header(request: &HttpRequest) -> Option<&str> {
    let header = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// Removes the prefix `Bearer `, which the platform's clients add in queries too.
pub fn without_scheme(text: &str) -> &str {
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => text,
    }
}

/// Returns the tokens in a query, as they were sent. Other parameters are ignored.
fn in_query(query: &[u8]) -> Vec<Result<String, Unreadable>> {
    values_of(query, "token").filter(|value| value.as_deref() != Ok("")).collect()
}

/// Returns the only token of a request: in the header, for GET and HEAD in `token=`, or the same token in both.
///
/// # Errors
/// When there is no token, when there are two different tokens, and when the token is malformed.
pub fn token_of(request: &HttpRequest) -> Result<BearerToken, ApiError> {
    token_in(request, (request.method().as_str(), request.query_string().as_bytes()), BearerToken::parse)
}

/// Returns the token like [`token_of`], for a request whose method and query a proxy sends. `read` parses the
/// token.
///
/// # Errors
/// When there is no token, when there are two different tokens, and when the token is malformed.
pub fn token_in<T>(
    request: &HttpRequest,
    (method, query): (&str, &[u8]),
    read: impl FnOnce(&str) -> Result<T, MalformedToken>,
) -> Result<T, ApiError> {
    let in_query = in_query(query);
    if in_query.len() > 1 || has_two_authorizations(request) {
        return Err(ApiError::of_problem(Problem::TokenConflict));
    }
    let may_query = matches!(method, "GET" | "HEAD");
    let in_query = in_query.into_iter().find(|_| may_query).transpose();
    let in_query = in_query.map_err(|_unreadable| ApiError::of_problem(Problem::TokenMalformed))?;
    let in_query = in_query.as_deref().map(without_scheme);
    let token = match (in_header(request), in_query) {
        (Some(header), Some(query)) if header != query => return Err(ApiError::of_problem(Problem::TokenConflict)),
        (Some(token), _) | (None, Some(token)) => token,
        (None, None) => return Err(ApiError::of_problem(Problem::TokenMissing)),
    };
    read(token).map_err(|_malformed| ApiError::of_problem(Problem::TokenMalformed))
}

/// Returns the token of a request with the key that it proves: `Authorization: DPoP` with a proof, or a plain
/// bearer token.
///
/// # Errors
/// When there is no token, when there are two different tokens, when the token is malformed, and when the
/// proof is invalid.
fn presented(app: &App, request: &HttpRequest) -> Result<(BearerToken, Option<Proven>), ApiError> {
    let Some(token) = dpop::token_in_header(request) else { return Ok((token_of(request)?, None)) };
    if !in_query(request.query_string().as_bytes()).is_empty() || has_two_authorizations(request) {
        return Err(ApiError::of_problem(Problem::TokenConflict));
    }
    let parsed = BearerToken::parse(token).map_err(|_malformed| ApiError::of_problem(Problem::TokenMalformed))?;
    let missing = Refusal { problem: Problem::InvalidDpopProof, cause: "no proof came beside the token" };
    let proven = dpop::proven(app, request, Some(token))?.ok_or(missing)?;
    Ok((parsed.with_key(proven.jkt.clone()), Some(proven)))
}

/// Returns the token of a request and its person, when the token gives access to `resource`.
///
/// # Errors
/// When the token does not give access to `resource`; the error says why.
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

/// Adds the DPoP challenge to a refusal when the request contained a proof or needed one (RFC 9449 §7.1).
pub(in crate::web) fn for_dpop(app: &App, error: ApiError, is_bound: bool) -> ApiError {
    let asks_for_proof = is_bound || error.is_of(Problem::TokenBound);
    if asks_for_proof { error.for_dpop(nonce(&app.token_settings.keys, app.now())) } else { error }
}

/// The caller of a request that changes something. The token is validated before the transaction, and again
/// inside it.
#[derive(Clone)]
pub struct Writer {
    resource: ProtectedResource,
    presented: BearerToken,
    user: Id<User>,
    token_settings: Arc<TokenSettings>,
    origin: Origin,
}

impl Writer {
    /// Returns the id of the person.
    pub fn user(&self) -> Id<User> {
        self.user
    }

    /// Returns the network address and user agent of the request, for the security log.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Returns the token and its person as read inside the transaction. It considers a revocation, a new
    /// password or another role meanwhile.
    ///
    /// # Errors
    /// When the token does not give access any more; the error says why.
    pub fn recheck(&self, tx: &mut Database, now: UnixTime) -> Result<(TokenInUse, User), Error<ApiError>> {
        let found = authorize_again(tx, now, &self.token_settings, (self.resource, &self.presented, self.user));
        found.map_err(|error| error.map_refusal(ApiError::from))
    }
}

/// Authenticates a request that changes something, like [`caller`].
///
/// # Errors
/// When the token does not give access to `resource`; the error says why.
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
        let token = authorize(
            db,
            now,
            &shared.token_settings,
            &shared.last_use,
            (resource, &presented, Some(&origin.address)),
        )?;
        let user = match &token.basis.person {
            Some(person) => users::find(db, person.id)?,
            None => None,
        };
        Ok((token, user.ok_or(Error::Refused(TokenRefusal::RevokedOrUnknown))?))
    });
    let (token, user) = found.await?;
    // The proof is stored last, so that only the holder of a valid token can cause a write.
    if let Some(proven) = proven {
        proven.use_up(&app.store).await?;
    }
    Ok((token, user, again))
}
