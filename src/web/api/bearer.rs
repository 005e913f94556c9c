//! The token of a request to an API of ours (RFC 6750 §2.1), and the person behind it.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::Data;

use super::error::ApiError;
use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::token::MalformedToken;
use crate::domain::token_in_use::TokenInUse;
use crate::domain::token_record::BearerToken;
use crate::domain::user::User;
use crate::oauth::parameters::Parameters;
use crate::oauth::problem::{TOKEN_CONFLICT, TOKEN_MALFORMED, TOKEN_MISSING};
use crate::outcome::{Error, consult};
use crate::store::{Database, users};
use crate::tokens::Mint;
use crate::tokens::check::{Door, Rejection, open, open_again};
use crate::web::app::App;

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

/// The one token of a request: in the header, or for GET and HEAD in `token=`, or the same in both.
///
/// # Errors
/// No token, two different ones, or none of ours.
pub fn token_of(request: &HttpRequest) -> Result<BearerToken, ApiError> {
    token_in(request, (request.method().as_str(), request.query_string()), BearerToken::parse)
}

/// The same for a request whose method and query a proxy tells us; `read` knows what counts as a token.
///
/// # Errors
/// No token, two different ones, or none of ours.
pub fn token_in(
    request: &HttpRequest,
    (method, query): (&str, &str),
    read: impl FnOnce(&str) -> Result<BearerToken, MalformedToken>,
) -> Result<BearerToken, ApiError> {
    let query = Parameters::parse(query.as_bytes())?;
    if query.is_repeated("token") || request.headers().get_all(AUTHORIZATION).nth(1).is_some() {
        return Err(ApiError::of_problem(&TOKEN_CONFLICT));
    }
    let may_query = matches!(method, "GET" | "HEAD");
    let in_query = query.get("token").filter(|_| may_query).map(without_scheme);
    let token = match (in_header(request), in_query) {
        (Some(header), Some(query)) if header != query => return Err(ApiError::of_problem(&TOKEN_CONFLICT)),
        (Some(token), _) | (None, Some(token)) => token,
        (None, None) => return Err(ApiError::of_problem(&TOKEN_MISSING)),
    };
    read(token).map_err(|_malformed| ApiError::of_problem(&TOKEN_MALFORMED))
}

/// The token of a request that opens `door`, with its person.
///
/// # Errors
/// Why it does not.
pub async fn caller(app: &Data<App>, request: &HttpRequest, door: Door) -> Result<(TokenInUse, User), ApiError> {
    let presented = token_of(request)?;
    let (token, user) = judged(app, request, (door, presented)).await?;
    Ok((token, user))
}

/// Who sent a request that changes something: judged from a read, and again inside the transaction.
#[derive(Clone)]
pub struct Writer {
    door: Door,
    presented: BearerToken,
    user: Id<User>,
    mint: Arc<Mint>,
}

impl Writer {
    /// Who it is.
    pub fn user(&self) -> Id<User> {
        self.user
    }

    /// The token and its person as they stand in the transaction; what a revocation, a new password or
    /// another role changed meanwhile counts.
    ///
    /// # Errors
    /// Why the token does not open the door any more.
    pub fn again(&self, tx: &mut Database, now: UnixTime) -> Result<(TokenInUse, User), Error<ApiError>> {
        let found = open_again(tx, now, &self.mint, (self.door, &self.presented, self.user));
        found.map_err(|error| error.map_refusal(ApiError::from))
    }
}

/// The same for a request that changes something.
///
/// # Errors
/// Why the token does not open `door`.
pub async fn writer(app: &Data<App>, request: &HttpRequest, door: Door) -> Result<Writer, ApiError> {
    let presented = token_of(request)?;
    let (_, user) = judged(app, request, (door, presented.clone())).await?;
    Ok(Writer { door, presented, user: user.id, mint: app.mint.clone() })
}

async fn judged(
    app: &Data<App>,
    request: &HttpRequest,
    (door, presented): (Door, BearerToken),
) -> Result<(TokenInUse, User), ApiError> {
    let (now, shared, origin) = (app.now(), app.clone(), app.origin_of(request));
    let found = consult(&app.store, move |db| {
        let token = open(db, now, &shared.mint, (door, &presented, Some(&origin.address)))?;
        let user = match &token.basis.person {
            Some(person) => users::find(db, person.id)?,
            None => None,
        };
        Ok((token, user.ok_or(Error::Refused(Rejection::RevokedOrUnknown))?))
    });
    Ok(found.await?)
}
