//! The responses of refusals and failures: JSON for a program, a page for a person. A handler returns an error; here its
//! response gets a body and the request id, and the cause is recorded for the owner of the application.

use actix_web::HttpResponse;
use actix_web::dev::ServiceResponse;
use actix_web::http::header::HeaderValue;
use actix_web::web::Data;
use askama::Template;
use serde::Serialize;

use super::app::App;
use super::dpop::NONCE;
use super::error::{Action, PageError, TokenError, Unrendered};
use super::page::{self, Forms, Layout, Link};
use super::refusal_details::{REQUEST_ID, RefusalDetails};
use super::refusal_notes::note_refusal;
use crate::oauth::dpop;
use crate::oauth::problem::Problem;

/// The error response for a program (RFC 6749 §5.2).
#[derive(Serialize)]
struct ErrorBody<'a> {
    error: &'a str,
    error_description: &'a str,
    error_uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
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

/// Returns whether a response is a refusal or a failure.
pub(super) fn is_refusal(response: &ServiceResponse) -> bool {
    let status = response.status();
    (!status.is_success() && !status.is_redirection()) || response.response().extensions().contains::<RefusalDetails>()
}

/// Adds the body and the request id to a refusal, and records the cause for the owner of the application.
pub(super) async fn finish(app: &Data<App>, mut response: ServiceResponse) -> ServiceResponse {
    let refused = response.response().extensions().get::<RefusalDetails>().cloned().unwrap_or_default();
    note_refusal(app, response.request().path(), &refused).await;
    if let Ok(request_id) = HeaderValue::try_from(&refused.request_id) {
        response.headers_mut().insert(REQUEST_ID, request_id);
    }
    let error = response.response_mut().extensions_mut().remove::<Unrendered>();
    match error {
        Some(Unrendered::ForPrograms(error)) => with_body(response, json(app, &error)),
        Some(Unrendered::ForPeople(error)) => with_body(response, page(app, &error, refused.request_id)),
        None => response,
    }
}

/// Returns the response with its rendered body. Headers that the response already has are kept.
fn with_body(response: ServiceResponse, rendered: HttpResponse) -> ServiceResponse {
    let (request, mut response) = response.into_parts();
    *response.status_mut() = rendered.status();
    for (name, value) in rendered.headers() {
        if !response.headers().contains_key(name) {
            response.headers_mut().insert(name.clone(), value.clone());
        }
    }
    let (_, body) = rendered.into_parts();
    ServiceResponse::new(request, response.set_body(body))
}

fn json(app: &App, error: &TokenError) -> HttpResponse {
    let problem = error.problem;
    let mut builder = HttpResponse::build(actix_web::ResponseError::status_code(error));
    // RFC 9449 §8, §8.2: with the next nonce in the response, the client needs no extra request for it.
    if matches!(problem, Problem::UseDpopNonce | Problem::InvalidDpopProof) {
        builder.insert_header((NONCE, dpop::nonce(&app.token_settings.keys, app.now())));
    }
    let description = problem.naming(error.scope.as_deref());
    builder.json(ErrorBody {
        error: problem.code(),
        error_description: &description,
        error_uri: format!("{}/errors/{}", app.public.issuer, problem.id()),
        message: error.has_message.then_some(&description),
    })
}

fn page(app: &App, error: &PageError, request_id: String) -> HttpResponse {
    let shown = error.shown();
    let action = shown.action.clone().map(|action| match action {
        Action::Own { label, path } => Link { label: label.to_owned(), href: app.public.path(path) },
        Action::To(link) => link,
    });
    let page = ErrorPage {
        layout: Layout { person: shown.person.clone(), ..app.layout() },
        status: shown.status.as_u16(),
        heading: shown.heading.to_owned(),
        what: shown.what.to_owned(),
        advice: shown.advice.to_owned(),
        id: shown.id.to_owned(),
        request_id,
        detail: shown.detail.clone(),
        for_developer: shown.for_developer.clone(),
        ways: shown.ways.clone(),
        action,
    };
    page::render(shown.status, Forms::Stay, &page)
}
