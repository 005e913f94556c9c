//! The details of a refusal besides its response: the request id, which a developer can see, and the exact
//! cause, which only the owner of the application can see (`docs/decisions/0031-errors.md`).

use actix_web::HttpResponse;
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::Data;

use super::app::App;
use super::error::log_failure;
use crate::domain::client::Client;
use crate::domain::id::Id;
use crate::domain::refusal_record::RefusalRecord;
use crate::domain::secret::random_word;
use crate::oauth::Refusal;
use crate::oauth::authorization::RefusedRequest;
use crate::oauth::refusals::is_news;
use crate::store::clients;

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
        (refusal.problem.code, refusal.cause)
    }
}

/// The details of a refusal, in the extensions of its response.
#[derive(Clone, Debug)]
pub struct RefusalDetails {
    pub request_id: String,
    code_and_cause: Option<CodeAndCause>,
    /// The scope that was refused, which the response names.
    scope: Option<String>,
    /// The client, and whether it had authenticated.
    client: Option<(RefusedClient, bool)>,
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

/// Returns the endpoint of a path, when its refusals concern an application.
fn endpoint(app: &App, path: &str) -> Option<&'static str> {
    const ENDPOINTS: [&str; 10] = [
        "/oauth/authorize", "/oauth/token", "/v3/oauth/token", "/oauth/par", "/oauth/device", "/oauth/revoke",
        "/oauth/introspect", "/oauth/userinfo", "/login", "/login/code",
    ];
    let path = path.strip_prefix(&app.public.base)?;
    let path = path.strip_suffix('/').unwrap_or(path);
    ENDPOINTS.into_iter().find(|endpoint| endpoint.eq_ignore_ascii_case(path))
}

/// Returns whether a response is a refusal or a failure.
pub(super) fn is_refusal(response: &ServiceResponse) -> bool {
    let status = response.status();
    (!status.is_success() && !status.is_redirection()) || response.response().extensions().contains::<RefusalDetails>()
}

/// Adds the request id to the headers of a refusal, and records the cause for the owner of the application.
pub(super) async fn record(app: &Data<App>, response: &mut ServiceResponse) {
    let refused = response.response().extensions().get::<RefusalDetails>().cloned().unwrap_or_default();
    if let Some(endpoint) = endpoint(app, response.request().path()) {
        note_for_owner(app, endpoint, &refused).await;
    }
    if let Ok(request_id) = HeaderValue::try_from(refused.request_id) {
        response.headers_mut().insert(REQUEST_ID, request_id);
    }
}

async fn note_for_owner(app: &Data<App>, endpoint: &'static str, refused: &RefusalDetails) {
    let (Some((error, cause)), Some((refused_client, has_authenticated))) =
        (refused.code_and_cause, refused.client.clone())
    else {
        return;
    };
    if !is_news(error) {
        return;
    }
    let found = app.store.read(move |db| match &refused_client {
        RefusedClient::Named(client_id) => clients::find_by_client_id(db, client_id),
        RefusedClient::Known(client) => clients::find(db, *client),
    });
    let found = found.await.unwrap_or_else(|error| {
        log_failure(&error);
        None
    });
    // An application without an owner has no reader for its refusals.
    let Some(client) = found.filter(|client| client.owner_id.is_some() && client.deleted_at.is_none()) else { return };
    let cause = match &refused.scope {
        Some(scope) => format!("{cause}: {scope}"),
        None => cause.to_owned(),
    };
    let at = app.now();
    app.refusals.note(RefusalRecord {
        id: Id::next(at),
        client_key: client.id,
        request_id: refused.request_id.clone(),
        endpoint: endpoint.to_owned(),
        error: error.to_owned(),
        cause,
        // A public client proves nothing, because every caller can send its `client_id`.
        is_proven: has_authenticated && !client.is_public(),
        dropped: 0,
        at,
    });
}
