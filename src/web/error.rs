//! The responses of refusals and failures: JSON for a program, a page for a person.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use askama::Template;
use serde::Serialize;

use super::app::App;
use super::dpop::NONCE;
use super::page::{self, Forms, Layout, Link};
use super::refusal_details::{CodeAndCause, RefusalDetails, RefusedClient};
use crate::oauth::problem::{
    CALLED_FROM_A_PAGE, INVALID_CLIENT, INVALID_DPOP_PROOF, METHOD_NOT_ALLOWED, NOT_FOUND, OLD_CLIENT_KEYS,
    PUSHED_TOO_LARGE, Problem, TEMPORARILY_UNAVAILABLE, TOO_LARGE, TOO_MANY_DEVICES, TOO_MANY_FAILURES,
    TOO_MANY_PUSHED, TOO_MANY_SIGNED, UNSUPPORTED_MEDIA_TYPE, USE_DPOP_NONCE,
};
use crate::oauth::{Refusal, dpop};
use crate::outcome::Error;
use crate::store::StoreError;

/// The number of seconds after which a program may retry.
const RETRY_SECONDS: i64 = 1;

/// Returns the status of a problem at an endpoint for programs (RFC 6749 §5.2).
fn status_of(problem: &Problem) -> StatusCode {
    match problem {
        problem if *problem == INVALID_CLIENT => StatusCode::UNAUTHORIZED,
        problem if *problem == OLD_CLIENT_KEYS => StatusCode::UNAUTHORIZED,
        problem if *problem == TOO_MANY_FAILURES => StatusCode::TOO_MANY_REQUESTS,
        problem if *problem == TOO_MANY_DEVICES || *problem == TOO_MANY_PUSHED => StatusCode::TOO_MANY_REQUESTS,
        problem if *problem == TOO_MANY_SIGNED => StatusCode::TOO_MANY_REQUESTS,
        problem if *problem == CALLED_FROM_A_PAGE => StatusCode::FORBIDDEN,
        problem if *problem == TEMPORARILY_UNAVAILABLE => StatusCode::SERVICE_UNAVAILABLE,
        problem if *problem == METHOD_NOT_ALLOWED => StatusCode::METHOD_NOT_ALLOWED,
        problem if *problem == UNSUPPORTED_MEDIA_TYPE => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        problem if *problem == TOO_LARGE || *problem == PUSHED_TOO_LARGE => StatusCode::PAYLOAD_TOO_LARGE,
        problem if *problem == NOT_FOUND => StatusCode::NOT_FOUND,
        _ => StatusCode::BAD_REQUEST,
    }
}

/// The error response for a program (RFC 6749 §5.2).
#[derive(Serialize)]
struct ErrorBody<'a> {
    error: &'a str,
    error_description: &'a str,
    error_uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
}

/// A refusal or failure at an endpoint for programs.
#[derive(Debug)]
pub struct TokenError {
    issuer: String,
    problem: &'static Problem,
    retry_after: i64,
    has_message: bool,
    nonce: Option<String>,
    scope: Option<String>,
    refused: Box<RefusalDetails>,
}

impl TokenError {
    /// Adds the member `message`, which programs of the platform read.
    pub fn with_message(self) -> Self {
        Self { has_message: true, ..self }
    }

    /// Returns the refusal of a client that failed to authenticate too often. It may retry after this many seconds.
    pub fn throttled(app: &App, seconds: i64) -> Self {
        let cause = "this client failed to authenticate too often from this network";
        let refused = Self::refused(app, Refusal { problem: &TOO_MANY_FAILURES, cause });
        Self { retry_after: seconds.max(1), ..refused }
    }

    /// Records the refusal for the owner of this client too.
    pub fn of_client(mut self, client: Option<&str>, has_authenticated: bool) -> Self {
        if let Some(client) = client {
            *self.refused = self.refused.of(RefusedClient::Named(client.to_owned()), has_authenticated);
        }
        self
    }

    /// Returns the response to a refusal or failure, and logs its cause.
    pub fn new(app: &App, error: Error<Refusal>) -> Self {
        Self::naming(app, error, None)
    }

    /// Returns the response like [`Self::new`]. It names the refused scope in the response and in the log.
    pub fn naming(app: &App, error: Error<Refusal>, scope: Option<String>) -> Self {
        let refused = RefusalDetails::default();
        let (problem, refused) = match error {
            Error::Refused(refusal) => {
                let (problem, cause, request) = (refusal.problem.id, refusal.cause, refused.request_id.as_str());
                tracing::info!(problem, cause, scope, request, "refused");
                (refusal.problem, refused.because(refusal).naming(scope.clone()))
            }
            Error::Failed(error) => {
                log_failure(&error);
                (&TEMPORARILY_UNAVAILABLE, refused)
            }
        };
        // RFC 9449 §8, §8.2: with the next nonce in the response, the client needs no extra request for it.
        let has_nonce = *problem == USE_DPOP_NONCE || *problem == INVALID_DPOP_PROOF;
        let nonce = has_nonce.then(|| dpop::nonce(&app.token_settings.keys, app.now()));
        let (issuer, refused) = (app.public.issuer.clone(), Box::new(refused));
        Self { issuer, problem, retry_after: RETRY_SECONDS, has_message: false, nonce, scope, refused }
    }

    /// Returns the response to a refusal, like [`Self::new`].
    pub fn refused(app: &App, refusal: Refusal) -> Self {
        Self::new(app, Error::Refused(refusal))
    }
}

/// Logs a failure once, for the operator. Its details are never part of a response.
pub fn log_failure(error: &StoreError) {
    match error {
        StoreError::Overloaded => tracing::warn!("the write queue is full"),
        // Two requests conflicted and nothing is broken. It is a warning, so that conflicting requests do not
        // fill the log with errors.
        StoreError::Conflict | StoreError::Serialization => tracing::warn!(%error, "two requests met"),
        error => tracing::error!(%error, "the store failed"),
    }
}

impl std::fmt::Display for TokenError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.problem.description)
    }
}

impl ResponseError for TokenError {
    fn status_code(&self) -> StatusCode {
        status_of(self.problem)
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.status_code();
        let mut builder = HttpResponse::build(status);
        builder.insert_header((CACHE_CONTROL, "no-store"));
        if status == StatusCode::UNAUTHORIZED {
            builder.insert_header((WWW_AUTHENTICATE, "Basic realm=\"gatepost\", charset=\"UTF-8\""));
        } else if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            builder.insert_header((RETRY_AFTER, self.retry_after.to_string()));
        }
        if let Some(nonce) = &self.nonce {
            builder.insert_header((NONCE, nonce.as_str()));
        }
        let description = self.problem.naming(self.scope.as_deref());
        let response = builder.json(ErrorBody {
            error: self.problem.code,
            error_description: &description,
            error_uri: format!("{}/errors/{}", self.issuer, self.problem.id),
            message: self.has_message.then_some(&description),
        });
        self.refused.as_ref().clone().carried_by(response)
    }
}

/// The data of the template `error.html`: what is wrong, and what the person can do.
#[derive(Clone, Debug, Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    pub layout: Layout,
    pub status: u16,
    pub heading: String,
    /// What is wrong, in one or two sentences.
    pub what: String,
    /// What the person can do.
    pub advice: String,
    /// The stable id of the problem.
    pub id: String,
    /// The request id, with which the owner of the application finds the cause.
    pub request_id: String,
    /// The address that the error is about, as it was sent.
    pub detail: Option<String>,
    /// A note for the developer of the application.
    pub for_developer: Option<String>,
    /// The links to what the developer can do about it on this server.
    pub ways: Vec<Link>,
    /// The link to continue with.
    pub action: Option<Link>,
}

/// A refusal or failure at a page for people.
#[derive(Debug)]
pub struct PageError(Box<ErrorPage>, Box<RefusalDetails>);

impl PageError {
    /// Returns an error page with this status, id, heading, description and advice.
    pub fn new(app: &App, status: StatusCode, (id, heading): (&str, &str), what: &str, advice: &str) -> Self {
        let refused = RefusalDetails::default();
        let page = ErrorPage {
            layout: app.layout(),
            status: status.as_u16(),
            heading: heading.to_owned(),
            what: what.to_owned(),
            advice: advice.to_owned(),
            id: id.to_owned(),
            request_id: refused.request_id.clone(),
            detail: None,
            for_developer: None,
            ways: Vec::new(),
            action: None,
        };
        Self(Box::new(page), Box::new(refused))
    }

    /// Returns the error page for a protocol problem that must not be sent to the application itself.
    pub fn of_problem(app: &App, problem: &Problem) -> Self {
        let heading = "This link does not work";
        let what = "The app that sent you here made a request that cannot be answered.";
        let advice = "You did nothing wrong. Go back to the app and try again; if it happens again, tell the people who make it.";
        let status = match status_of(problem) {
            StatusCode::UNAUTHORIZED => StatusCode::BAD_REQUEST,
            status => status,
        };
        Self::new(app, status, (problem.id, heading), what, advice)
            .for_developer(&format!("{} {}", problem.description, problem.advice))
    }

    /// Returns the error page for a failed store or a full write queue.
    pub fn unavailable(app: &App, error: &StoreError) -> Self {
        log_failure(error);
        Self::busy(app)
    }

    /// Returns the error page for an overloaded server.
    pub fn busy(app: &App) -> Self {
        let (what, advice) =
            ("The server is busy right now. Nothing was changed.", "Wait a few seconds, then try again.");
        Self::new(app, StatusCode::SERVICE_UNAVAILABLE, ("busy", "One moment, please"), what, advice)
    }

    /// Returns the error page for an address that does not exist, or that belongs to another person.
    pub fn not_found(app: &App) -> Self {
        let what = "There is nothing at this address, or it is not yours.";
        let error = Self::new(
            app,
            StatusCode::NOT_FOUND,
            ("not-found", "Nothing here"),
            what,
            "Check the address, or start again from the front page.",
        );
        error.with_action("Go to the front page", &app.public.path("/"))
    }

    /// Returns the error page for a form that was submitted from another site.
    pub fn foreign(app: &App) -> Self {
        let what = "This form did not come from our own pages, so nothing was changed.";
        let advice = "Open the page here and send it from there.";
        Self::new(app, StatusCode::FORBIDDEN, ("cross-site", "Sent from somewhere else"), what, advice)
    }

    /// Records the refusal for the owner of this client. Only the owner can read the cause.
    pub fn of_client(mut self, client: RefusedClient, code_and_cause: impl Into<CodeAndCause>) -> Self {
        *self.1 = self.1.because(code_and_cause).of(client, false);
        self
    }

    /// Adds the value that the error is about.
    pub fn with_detail(mut self, detail: &str) -> Self {
        self.0.detail = Some(detail.to_owned());
        self
    }

    /// Adds a note for the developer of the application.
    pub fn for_developer(mut self, note: &str) -> Self {
        self.0.for_developer = Some(note.to_owned());
        self
    }

    /// Adds links to what the developer can do about it on this server.
    pub fn with_ways(mut self, ways: Vec<Link>) -> Self {
        self.0.ways = ways;
        self
    }

    /// Adds a link to continue with.
    pub fn with_action(mut self, label: &str, href: &str) -> Self {
        self.0.action = Some(Link { label: label.to_owned(), href: href.to_owned() });
        self
    }

    /// Adds the layout for a signed-in person.
    pub fn seen_by(mut self, layout: Layout) -> Self {
        self.0.layout = layout;
        self
    }
}

impl std::fmt::Display for PageError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0.id)
    }
}

impl ResponseError for PageError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = page::render(self.status_code(), Forms::Stay, self.0.as_ref());
        if self.status_code() == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, RETRY_SECONDS.into());
        }
        self.1.as_ref().clone().carried_by(response)
    }
}
