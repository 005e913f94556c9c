//! Refusals and failures of handlers, without a layout. The operator `?` creates them from a refusal or from a failure
//! of the store. [`super::error_answers`] renders them.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};

use super::page::Link;
use super::refusal_details::{CodeAndCause, RefusalDetails, RefusedClient};
use crate::oauth::Refusal;
use crate::oauth::problem::Problem;
use crate::outcome::Error;
use crate::store::StoreError;

/// The number of seconds after which a program may retry.
const RETRY_SECONDS: i64 = 1;

/// An error in the extensions of its response, until the body is rendered.
#[derive(Clone, Debug)]
pub enum Unrendered {
    /// JSON, for a program.
    ForPrograms(TokenError),
    /// A page, for a person.
    ForPeople(PageError),
}

/// A refusal or failure at an endpoint for programs.
#[derive(Clone, Debug)]
pub struct TokenError {
    /// What is answered.
    pub problem: Problem,
    /// Whether the body has a `message` too.
    pub has_message: bool,
    /// The scope that is refused, which the answer names.
    pub scope: Option<String>,
    retry_after: i64,
    refused: Box<RefusalDetails>,
}

impl TokenError {
    /// Adds the member `message`, which programs of the platform read.
    pub fn with_message(self) -> Self {
        Self { has_message: true, ..self }
    }

    /// Returns the refusal of a client that failed to authenticate too often. It may retry after this many seconds.
    pub fn throttled(seconds: i64) -> Self {
        let cause = "this client failed to authenticate too often from this network";
        let refused = Self::from(Refusal { problem: Problem::TooManyFailures, cause });
        Self { retry_after: seconds.max(1), ..refused }
    }

    /// Records the refusal for the owner of this client too.
    pub fn of_client(mut self, client: Option<&str>, has_authenticated: bool) -> Self {
        if let Some(client) = client {
            *self.refused = self.refused.of(RefusedClient::Named(client.to_owned()), has_authenticated);
        }
        self
    }

    /// Returns the response to a refusal or failure, and logs its cause. Both name the refused scope.
    pub fn naming(error: Error<Refusal>, scope: Option<String>) -> Self {
        let refused = RefusalDetails::default();
        let (problem, refused) = match error {
            Error::Refused(refusal) => {
                let (problem, cause, request) = (refusal.problem.id(), refusal.cause, refused.request_id.as_str());
                tracing::info!(problem, cause, scope, request, "refused");
                (refusal.problem, refused.because(refusal).naming(scope.clone()))
            }
            Error::Failed(error) => {
                log_failure(&error);
                (Problem::TemporarilyUnavailable, refused)
            }
        };
        Self { problem, has_message: false, scope, retry_after: RETRY_SECONDS, refused: Box::new(refused) }
    }
}

impl From<Error<Refusal>> for TokenError {
    fn from(error: Error<Refusal>) -> Self {
        Self::naming(error, None)
    }
}

impl From<Refusal> for TokenError {
    fn from(refusal: Refusal) -> Self {
        Error::Refused(refusal).into()
    }
}

impl From<StoreError> for TokenError {
    fn from(error: StoreError) -> Self {
        Error::Failed(error).into()
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

/// Returns the HTTP status of a problem.
pub(in crate::web) fn status_of(problem: Problem) -> StatusCode {
    StatusCode::from_u16(problem.status()).expect("because the table of problems holds statuses of HTTP only")
}

impl std::fmt::Display for TokenError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.problem.description())
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
        unrendered(builder.finish(), Unrendered::ForPrograms(self.clone()), &self.refused)
    }
}

/// Returns a response that carries its error and the details of the refusal.
fn unrendered(mut response: HttpResponse, error: Unrendered, refused: &RefusalDetails) -> HttpResponse {
    response.extensions_mut().insert(error);
    refused.clone().carried_by(response)
}

/// A refusal or failure at a page for people.
#[derive(Clone, Debug)]
pub struct PageError(Box<Shown>);

/// The content of an error page.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The HTTP status.
    pub status: StatusCode,
    /// The stable id of the problem.
    pub id: &'static str,
    /// A few words.
    pub heading: &'static str,
    /// What is wrong, in one or two sentences.
    pub what: &'static str,
    /// What the person can do.
    pub advice: &'static str,
    /// The address that the error is about, as it was sent.
    pub detail: Option<String>,
    /// A note for the developer of the application.
    pub for_developer: Option<String>,
    /// The links to what the developer can do about it on this server.
    pub ways: Vec<Link>,
    /// The link to continue with.
    pub action: Option<Action>,
    /// Who is signed in.
    pub person: Option<String>,
    refused: RefusalDetails,
}

/// The link to continue with.
#[derive(Clone, Debug)]
pub enum Action {
    /// To a page of this server.
    Own {
        /// The words.
        label: &'static str,
        /// The path below the public URL.
        path: &'static str,
    },
    /// To a whole URL, or to a path that begins with the path of the public URL.
    To(Link),
}

impl PageError {
    /// Returns an error page with this status, id, heading, description and advice.
    pub fn new(
        status: StatusCode,
        id: &'static str,
        heading: &'static str,
        what: &'static str,
        advice: &'static str,
    ) -> Self {
        Self(Box::new(Shown {
            status,
            id,
            heading,
            what,
            advice,
            detail: None,
            for_developer: None,
            ways: Vec::new(),
            action: None,
            person: None,
            refused: RefusalDetails::default(),
        }))
    }

    /// Returns the content of the page.
    pub fn shown(&self) -> &Shown {
        &self.0
    }

    /// Returns the error page for an overloaded server.
    pub fn busy() -> Self {
        let (what, advice) =
            ("The server is busy right now. Nothing was changed.", "Wait a few seconds, then try again.");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "One moment, please", what, advice)
    }

    /// Returns the error page for an address that does not exist, or that belongs to another person.
    pub fn not_found() -> Self {
        let what = "There is nothing at this address, or it is not yours.";
        let advice = "Check the address, or start again from the front page.";
        let error = Self::new(StatusCode::NOT_FOUND, "not-found", "Nothing here", what, advice);
        error.with_action("Go to the front page", "/")
    }

    /// Returns the error page for a form that was submitted from another site.
    pub fn foreign() -> Self {
        let what = "This form did not come from our own pages, so nothing was changed.";
        let advice = "Open the page here and send it from there.";
        Self::new(StatusCode::FORBIDDEN, "cross-site", "Sent from somewhere else", what, advice)
    }

    /// Records the refusal for the owner of this client. Only the owner can read the cause.
    pub fn of_client(mut self, client: RefusedClient, code_and_cause: impl Into<CodeAndCause>) -> Self {
        self.0.refused = self.0.refused.because(code_and_cause).of(client, false);
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

    /// Adds a link to a page of this server, by its path below the public URL.
    pub fn with_action(mut self, label: &'static str, path: &'static str) -> Self {
        self.0.action = Some(Action::Own { label, path });
        self
    }

    /// Adds a link to a whole URL, or to a path that begins with the path of the public URL.
    pub fn with_link(mut self, label: &str, href: &str) -> Self {
        self.0.action = Some(Action::To(Link { label: label.to_owned(), href: href.to_owned() }));
        self
    }

    /// Adds the username of the signed-in person.
    pub fn seen_by(mut self, person: Option<String>) -> Self {
        self.0.person = person;
        self
    }
}

impl From<Problem> for PageError {
    /// Returns the error page for a protocol problem that must not be sent to the application itself.
    fn from(problem: Problem) -> Self {
        let heading = "This link does not work";
        let what = "The app that sent you here made a request that cannot be answered.";
        let advice = "You did nothing wrong. Go back to the app and try again; if it happens again, tell the people who make it.";
        let status = match status_of(problem) {
            StatusCode::UNAUTHORIZED => StatusCode::BAD_REQUEST,
            status => status,
        };
        Self::new(status, problem.id(), heading, what, advice).for_developer(&format!(
            "{} {}",
            problem.description(),
            problem.advice()
        ))
    }
}

impl From<Refusal> for PageError {
    fn from(refusal: Refusal) -> Self {
        refusal.problem.into()
    }
}

impl From<StoreError> for PageError {
    /// Returns the error page for a failed store or a full write queue.
    fn from(error: StoreError) -> Self {
        log_failure(&error);
        Self::busy()
    }
}

impl<R: Into<Self>> From<Error<R>> for PageError {
    fn from(error: Error<R>) -> Self {
        match error {
            Error::Refused(refusal) => refusal.into(),
            Error::Failed(error) => error.into(),
        }
    }
}

impl std::fmt::Display for PageError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.0.id)
    }
}

impl ResponseError for PageError {
    fn status_code(&self) -> StatusCode {
        self.0.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::new(self.0.status);
        if self.0.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, RETRY_SECONDS.into());
        }
        unrendered(response, Unrendered::ForPeople(self.clone()), &self.0.refused)
    }
}
