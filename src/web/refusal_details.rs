//! The details of a refusal besides its response: the request id, which a developer can see, and the exact
//! cause, which only the owner of the application can see (`docs/decisions/0031-errors.md`).

use actix_web::HttpResponse;
use actix_web::http::header::HeaderName;

use crate::domain::client::Client;
use crate::domain::id::Id;
use crate::domain::secret::random_word;
use crate::oauth::Refusal;
use crate::oauth::authorization::RefusedRequest;

/// The header with the request id of a refusal.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The client whose request was refused.
#[derive(Clone, Debug)]
pub enum RefusedClient {
    /// The client with this `client_id`, if it exists.
    Named(String),
    Known(Id<Client>),
}

/// An error code with its cause.
pub type CodeAndCause = (&'static str, &'static str);

impl From<Refusal> for CodeAndCause {
    fn from(refusal: Refusal) -> Self {
        (refusal.problem.code(), refusal.cause)
    }
}

/// The details of a refusal, in the extensions of its response.
#[derive(Clone, Debug)]
pub struct RefusalDetails {
    pub request_id: String,
    pub(super) code_and_cause: Option<CodeAndCause>,
    /// The scope that was refused, which the response names.
    pub(super) scope: Option<String>,
    /// The client, and whether it had authenticated.
    pub(super) client: Option<(RefusedClient, bool)>,
}

impl Default for RefusalDetails {
    /// Returns the details of a refusal that concerns no client.
    fn default() -> Self {
        Self { request_id: random_word(), code_and_cause: None, scope: None, client: None }
    }
}

impl RefusalDetails {
    /// Adds the error code and the cause.
    pub fn because(self, code_and_cause: impl Into<CodeAndCause>) -> Self {
        Self { code_and_cause: Some(code_and_cause.into()), ..self }
    }

    /// Adds the scope that was refused.
    pub fn naming(self, scope: Option<String>) -> Self {
        Self { scope, ..self }
    }

    /// Adds the client, and whether it had authenticated.
    pub fn of(self, client: RefusedClient, has_authenticated: bool) -> Self {
        Self { client: Some((client, has_authenticated)), ..self }
    }

    /// Adds the details to the extensions of the response.
    pub fn carried_by(self, mut response: HttpResponse) -> HttpResponse {
        response.extensions_mut().insert(self);
        response
    }
}

/// Adds the cause of a refusal to its response, for the owner of the application.
pub fn with_cause_for_owner(response: HttpResponse, refused: &RefusedRequest) -> HttpResponse {
    let named = response.extensions().get::<RefusalDetails>().cloned();
    let named = named.unwrap_or_else(RefusalDetails::default).because(refused.refusal).naming(refused.scope.clone());
    named.of(RefusedClient::Known(refused.client.id), false).carried_by(response)
}
