//! Sends an authorization response to the application: by a redirect, or by a form that the browser posts
//! (OAuth 2.0 Form Post Response Mode). The page of that form submits to one address, the redirect URI, and
//! its policy has no `form-action`, because Chromium would apply that to further redirects of the
//! application.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use askama::Template;
use url::form_urlencoded;

use crate::domain::redirect_uri::RedirectUri;
use crate::domain::response_mode::ResponseMode;
use crate::oauth::authorization::{AuthorizationRequest, RefusedRequest};
use crate::oauth::problem::Problem;
use crate::web::app::App;
use crate::web::error::PageError;
use crate::web::page::{Forms, Layout, render, see_other};
use crate::web::refusal_details::RefusalDetails;

/// The data of the template `form_post.html`: a form to the application, which a script submits when scripts run.
#[derive(Clone, Debug, Template)]
#[template(path = "form_post.html")]
pub struct FormPost {
    pub layout: Layout,
    pub heading: String,
    /// What happens next, in a sentence.
    pub what: String,
    /// A note for the developer of the application.
    pub for_developer: Option<String>,
    /// The request id of a refused request.
    pub request_id: Option<String>,
    /// The redirect URI, which the form is submitted to.
    pub action: String,
    /// The parameters of the response.
    pub fields: Vec<(String, String)>,
    /// The label of the button.
    pub button: String,
    /// Whether a script submits the form at once.
    pub is_automatic: bool,
}

/// The destination of an authorization response, and how it is sent.
pub struct Destination<'a> {
    redirect_uri: &'a RedirectUri,
    response_mode: ResponseMode,
    state: Option<&'a str>,
    /// The scope that was refused.
    scope: Option<&'a str>,
}

impl<'a> From<&'a AuthorizationRequest> for Destination<'a> {
    fn from(asked: &'a AuthorizationRequest) -> Self {
        let AuthorizationRequest { redirect_uri, response_mode, state, .. } = asked;
        Self { redirect_uri, response_mode: *response_mode, state: state.as_deref(), scope: None }
    }
}

impl<'a> From<&'a RefusedRequest> for Destination<'a> {
    fn from(refused: &'a RefusedRequest) -> Self {
        let RefusedRequest { redirect_uri, response_mode, state, scope, .. } = refused;
        Self { redirect_uri, response_mode: *response_mode, state: state.as_deref(), scope: scope.as_deref() }
    }
}

type Fields = Vec<(String, String)>;

impl Destination<'_> {
    /// Responds with an authorization code.
    pub fn send_code(&self, app: &App, code: &str) -> HttpResponse {
        self.send(app, self.fields(app, &[("code", code)]))
    }

    /// Responds with an error (RFC 6749 §4.1.2.1).
    pub fn send_error(&self, app: &App, problem: Problem) -> HttpResponse {
        self.send(app, self.error_fields(app, problem))
    }

    /// Responds with a page whose button sends the error, for an application that is neither verified nor
    /// allowed before.
    pub fn offer_error(&self, app: &App, problem: Problem) -> HttpResponse {
        let page = PageError::from(problem);
        let (fields, button) = (self.error_fields(app, problem), format!("Return to {}", self.redirect_uri.host()));
        if self.response_mode != ResponseMode::FormPost {
            return page.with_link(&button, &self.location(&fields)).error_response();
        }
        let refused = RefusalDetails::default();
        let page = FormPost {
            layout: app.layout(),
            request_id: Some(refused.request_id.clone()),
            heading: "This link does not work".to_owned(),
            what: "The app that sent you here made a request that cannot be answered. You did nothing wrong."
                .to_owned(),
            for_developer: Some(format!("{} {}", problem.description(), problem.advice())),
            action: self.redirect_uri.as_str().to_owned(),
            fields,
            button,
            is_automatic: false,
        };
        refused.carried_by(render(StatusCode::BAD_REQUEST, Forms::Leave, &page))
    }

    fn send(&self, app: &App, fields: Fields) -> HttpResponse {
        if self.response_mode != ResponseMode::FormPost {
            return see_other(&self.location(&fields));
        }
        let host = self.redirect_uri.host();
        let page = FormPost {
            layout: app.layout(),
            request_id: None,
            heading: "Going back to the app".to_owned(),
            what: format!("If nothing happens, press the button to go on to {host}."),
            for_developer: None,
            action: self.redirect_uri.as_str().to_owned(),
            fields,
            button: "Continue".to_owned(),
            is_automatic: true,
        };
        render(StatusCode::OK, Forms::Leave, &page)
    }

    /// Returns the parameters of a response, with `state` as it was received and `iss` (RFC 9207 §2).
    fn fields(&self, app: &App, answer: &[(&str, &str)]) -> Fields {
        let state = self.state.map(|state| ("state", state));
        let always = state.into_iter().chain([("iss", app.public.issuer.as_str())]);
        answer.iter().copied().chain(always).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn error_fields(&self, app: &App, problem: Problem) -> Fields {
        let uri = format!("{}/errors/{}", app.public.issuer, problem.id());
        let description = problem.naming(self.scope);
        let error = [("error", problem.code()), ("error_description", &description), ("error_uri", &uri)];
        self.fields(app, &error)
    }

    /// Returns the redirect URI with the parameters: after its own query, which stays as it was registered
    /// (RFC 6749 §3.1.2), or in the fragment, which a redirect URI does not have.
    fn location(&self, fields: &Fields) -> String {
        let encoded = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let joint = match self.response_mode {
            ResponseMode::Fragment => '#',
            _ if self.redirect_uri.as_str().contains('?') => '&',
            _ => '?',
        };
        format!("{}{joint}{encoded}", self.redirect_uri)
    }
}
