//! The responses of refusals and failures below `/v3` and `/spatialstudio`: always JSON with a `message`.

use std::borrow::Cow;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;

use crate::domain::client::Client;
use crate::domain::id::Id;
use crate::domain::jose::algorithm::Algorithm;
use crate::identity::account::AccountRefusal;
use crate::identity::factors::CodeRefusal;
use crate::oauth::Refusal;
use crate::oauth::problem::Problem;
use crate::outcome::Error;
use crate::store::StoreError;
use crate::tokens::check::TokenRefusal;
use crate::tokens::new_personal_token::PersonalRefusal;
use crate::tokens::studio::StudioRefusal;
use crate::web::dpop::NONCE;
use crate::web::error::{log_failure, status_of};
use crate::web::refusal_details::{RefusalDetails, RefusedClient};

/// A refusal or failure for a program of a platform.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    error: &'static str,
    message: Cow<'static, str>,
    retry_after: Option<i64>,
    has_challenge: bool,
    nonce: Option<String>,
    needed: Option<&'static str>,
    refused: Option<Box<RefusalDetails>>,
}

#[derive(Serialize)]
struct Body<'a> {
    message: &'a str,
    error: &'a str,
    error_description: &'a str,
}

impl ApiError {
    /// Returns a refusal with this status and message.
    pub fn new(status: StatusCode, message: impl Into<Cow<'static, str>>) -> Self {
        let error = match status {
            StatusCode::UNAUTHORIZED => "invalid_token",
            StatusCode::FORBIDDEN => "access_denied",
            StatusCode::NOT_FOUND => "not_found",
            StatusCode::GONE => "gone",
            StatusCode::TOO_MANY_REQUESTS => "too_many_requests",
            StatusCode::SERVICE_UNAVAILABLE => "temporarily_unavailable",
            _ => "invalid_request",
        };
        Self {
            status,
            error,
            message: message.into(),
            retry_after: None,
            has_challenge: true,
            nonce: None,
            needed: None,
            refused: None,
        }
    }

    /// Returns a refusal with status 400 and this message.
    pub fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// Returns a refusal with status 403: the token is active, but lacks a right.
    pub fn missing_right(message: String) -> Self {
        Self { error: Problem::InsufficientScope.code(), ..Self::new(StatusCode::FORBIDDEN, message) }
    }

    /// Returns a refusal with status 404: the object does not exist, or belongs to another person.
    pub fn not_found() -> Self {
        Self::of_problem(Problem::NotFound)
    }

    /// Adds the number of seconds after which the client may retry.
    pub fn retry_after(mut self, seconds: i64) -> Self {
        self.retry_after = Some(seconds.max(1));
        self
    }

    /// Removes the challenge, for an endpoint that accepts no bearer token.
    pub fn without_challenge(self) -> Self {
        Self { has_challenge: false, ..self }
    }

    /// Adds the scope that is sufficient, if a scope is (RFC 6750 §3): for a token that lacks it, and for a
    /// client without a token, which must know the scope to request.
    pub fn needing(self, scope: Option<&'static str>) -> Self {
        Self { needed: scope, ..self }
    }

    /// Records the cause for the owner of the application too.
    pub fn of_client(self, client: Option<Id<Client>>, cause: &'static str) -> Self {
        let details_of = |client| {
            Box::new(RefusalDetails::default().because((self.error, cause)).of(RefusedClient::Known(client), false))
        };
        Self { refused: client.map(details_of), ..self }
    }

    /// Returns whether the error is the response to this problem.
    pub fn is_of(&self, problem: Problem) -> bool {
        self.error == problem.code() && self.message == problem.description()
    }

    /// Changes the challenge for a request that contained a proof of possession or needed one: it names the
    /// scheme `DPoP`, and the response has the nonce for the next proof (RFC 9449 §7.1, §9).
    pub fn for_dpop(mut self, nonce: String) -> Self {
        self.nonce = Some(nonce);
        self
    }

    /// Returns the response to a protocol problem, as at the other endpoints.
    pub fn of_problem(problem: Problem) -> Self {
        let status = match problem {
            // Here the proof takes the place of a token (RFC 9449 §7.1).
            Problem::InvalidDpopProof | Problem::UseDpopNonce => StatusCode::UNAUTHORIZED,
            problem => status_of(problem),
        };
        Self {
            status,
            error: problem.code(),
            message: Cow::Borrowed(problem.description()),
            retry_after: None,
            has_challenge: true,
            nonce: None,
            needed: None,
            refused: None,
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self::of_problem(refusal.problem)
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        log_failure(&error);
        Self::of_problem(Problem::TemporarilyUnavailable).retry_after(1)
    }
}

impl<R: Into<Self>> From<Error<R>> for ApiError {
    fn from(error: Error<R>) -> Self {
        match error {
            Error::Refused(refusal) => refusal.into(),
            Error::Failed(error) => error.into(),
        }
    }
}

impl From<TokenRefusal> for ApiError {
    fn from(rejection: TokenRefusal) -> Self {
        Self::of_problem(match rejection {
            TokenRefusal::Malformed => Problem::TokenMalformed,
            TokenRefusal::Expired => Problem::TokenExpired,
            TokenRefusal::RevokedOrUnknown => Problem::TokenRevoked,
            TokenRefusal::WrongKey => Problem::TokenBound,
            TokenRefusal::InsufficientScope => Problem::InsufficientScope,
        })
    }
}

impl From<PersonalRefusal> for ApiError {
    fn from(refusal: PersonalRefusal) -> Self {
        let status = match refusal {
            PersonalRefusal::Invalid(_) => StatusCode::BAD_REQUEST,
            PersonalRefusal::Forbidden(_) => StatusCode::FORBIDDEN,
            PersonalRefusal::UnknownResource(_) => StatusCode::NOT_FOUND,
        };
        Self::new(status, refusal.to_string())
    }
}

impl From<StudioRefusal> for ApiError {
    fn from(refusal: StudioRefusal) -> Self {
        let status = match refusal {
            StudioRefusal::Invalid(_) => StatusCode::BAD_REQUEST,
            StudioRefusal::Forbidden(_) => StatusCode::FORBIDDEN,
        };
        Self::new(status, refusal.to_string())
    }
}

impl From<AccountRefusal> for ApiError {
    fn from(refusal: AccountRefusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            AccountRefusal::Invalid(_) | AccountRefusal::LinkEnded => Self::invalid(message),
            AccountRefusal::MailOff | AccountRefusal::Forbidden(_) | AccountRefusal::WrongPassword => {
                Self::new(StatusCode::FORBIDDEN, message)
            }
            AccountRefusal::Throttled(seconds) | AccountRefusal::Code(CodeRefusal::Throttled(seconds)) => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, message).retry_after(seconds)
            }
            AccountRefusal::Code(_) => Self::new(StatusCode::FORBIDDEN, message),
            AccountRefusal::Busy => Self::new(StatusCode::SERVICE_UNAVAILABLE, message).retry_after(1),
        }
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let response = self.answer();
        match &self.refused {
            Some(refused) => refused.as_ref().clone().carried_by(response),
            None => response,
        }
    }
}

impl ApiError {
    fn answer(&self) -> HttpResponse {
        let mut builder = HttpResponse::build(self.status);
        builder.insert_header((CACHE_CONTROL, "no-store"));
        if let Some(seconds) = self.retry_after {
            builder.insert_header((RETRY_AFTER, seconds.to_string()));
        }
        // RFC 6750 §3: a challenge accompanies status 401 and a missing right. Without a token it contains no
        // error code.
        if !self.has_challenge {
            return builder.json(Body { message: &self.message, error: self.error, error_description: &self.message });
        }
        let is_refused = self.status == StatusCode::UNAUTHORIZED || self.error == Problem::InsufficientScope.code();
        let scope = self.needed.map(|scope| format!(", scope=\"{scope}\"")).unwrap_or_default();
        if let Some(nonce) = self.nonce.as_ref().filter(|_| is_refused) {
            builder.insert_header((NONCE, nonce.as_str()));
            let (error, words, algs) = (self.error, &self.message, Algorithm::NAMES.join(" "));
            let challenge = format!("DPoP error=\"{error}\", error_description=\"{words}\", algs=\"{algs}\"{scope}");
            builder.insert_header((WWW_AUTHENTICATE, challenge));
        } else if self.message == Problem::TokenMissing.description() {
            builder.insert_header((WWW_AUTHENTICATE, format!("Bearer{}", scope.trim_start_matches(','))));
        } else if is_refused {
            let challenge = format!("Bearer error=\"{}\", error_description=\"{}\"{scope}", self.error, self.message);
            builder.insert_header((WWW_AUTHENTICATE, challenge));
        }
        builder.json(Body { message: &self.message, error: self.error, error_description: &self.message })
    }
}
