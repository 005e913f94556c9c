//! The token of a request to an API of ours (RFC 6750 §2.1), and why it was refused (§3.1).

use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde::Serialize;

use crate::domain::token_record::BearerToken;
use crate::oauth::parameters::Parameters;
use crate::oauth::problem::{
    INSUFFICIENT_SCOPE, NOT_FOUND, Problem, TEMPORARILY_UNAVAILABLE, TOKEN_CONFLICT, TOKEN_EXPIRED, TOKEN_MALFORMED,
    TOKEN_MISSING, TOKEN_REVOKED,
};
use crate::outcome::Error;
use crate::tokens::check::Rejection;
use crate::web::error::log_failure;

/// A refusal or failure under `/v3`: always JSON with a `message`.
#[derive(Debug)]
pub struct ApiError(&'static Problem);

#[derive(Serialize)]
struct Body<'a> {
    message: &'a str,
    error: &'a str,
    error_description: &'a str,
}

/// The token of a GET: the header (the scheme in any letter case), or `token=` with the same token,
/// perhaps with `Bearer ` before it, as the platform's clients send it.
///
/// # Errors
/// No token, two different ones, or none of ours.
pub fn token_of(request: &HttpRequest) -> Result<BearerToken, ApiError> {
    let header = request.headers().get(AUTHORIZATION).map(|value| value.to_str().unwrap_or_default());
    let header =
        header.and_then(|text| text.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let header = header.map(|(_, token)| token.trim());
    let query = Parameters::parse(request.query_string().as_bytes()).map_err(|_refusal| ApiError(&TOKEN_MALFORMED))?;
    if query.is_repeated("token") {
        return Err(ApiError(&TOKEN_CONFLICT));
    }
    let in_query = query.get("token").map(|token| match token.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token,
        _ => token,
    });
    let token = match (header, in_query) {
        (Some(header), Some(query)) if header != query => return Err(ApiError(&TOKEN_CONFLICT)),
        (Some(token), _) | (None, Some(token)) => token,
        (None, None) => return Err(ApiError(&TOKEN_MISSING)),
    };
    BearerToken::parse(token).map_err(|_malformed| ApiError(&TOKEN_MALFORMED))
}

impl ApiError {
    /// There is nothing at this address of the API.
    pub fn not_found() -> Self {
        Self(&NOT_FOUND)
    }
}

impl From<Error<Rejection>> for ApiError {
    fn from(error: Error<Rejection>) -> Self {
        Self(match error {
            Error::Refused(Rejection::Malformed) => &TOKEN_MALFORMED,
            Error::Refused(Rejection::Expired) => &TOKEN_EXPIRED,
            Error::Refused(Rejection::RevokedOrUnknown) => &TOKEN_REVOKED,
            Error::Refused(Rejection::InsufficientScope) => &INSUFFICIENT_SCOPE,
            Error::Failed(error) => {
                log_failure(&error);
                &TEMPORARILY_UNAVAILABLE
            }
        })
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.0.description)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        match self.0.code {
            "invalid_token" => StatusCode::UNAUTHORIZED,
            "insufficient_scope" => StatusCode::FORBIDDEN,
            "temporarily_unavailable" => StatusCode::SERVICE_UNAVAILABLE,
            "not_found" => StatusCode::NOT_FOUND,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.status_code();
        let mut builder = HttpResponse::build(status);
        builder.insert_header((CACHE_CONTROL, "no-store"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            builder.insert_header((RETRY_AFTER, "1"));
        } else if *self.0 == TOKEN_MISSING {
            // RFC 6750 §3.1: without a token, no error code.
            builder.insert_header((WWW_AUTHENTICATE, "Bearer"));
        } else {
            let challenge = format!("Bearer error=\"{}\", error_description=\"{}\"", self.0.code, self.0.description);
            builder.insert_header((WWW_AUTHENTICATE, challenge));
        }
        builder.json(Body { message: self.0.description, error: self.0.code, error_description: self.0.description })
    }
}
