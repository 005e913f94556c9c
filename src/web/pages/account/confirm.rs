//! `/account/confirm`: "is it still you?", before something sensitive.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use url::form_urlencoded::byte_serialize;

use crate::domain::secret::Secret;
use crate::identity::account::confirm_session;
use crate::oauth::parameters::Parameters;
use crate::outcome::Error;
use crate::web::app::App;
use crate::web::browser::Visitor;
use crate::web::error::PageError;
use crate::web::page::{Chrome, Forms, ok, render, see_other};
use crate::web::pages::read_form;

/// `account/confirm.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "account/confirm.html")]
pub struct Confirm {
    /// The frame.
    pub chrome: Chrome,
    /// Where the form goes: the same address.
    pub action: String,
    /// What was wrong.
    pub error: Option<String>,
    /// Who is signed in, for password managers.
    pub username: String,
}

/// Where a person confirms before they go on to `next`.
pub(super) fn location(app: &App, next: &str) -> String {
    format!("{}?next={}", app.public.path("/account/confirm"), byte_serialize(next.as_bytes()).collect::<String>())
}

fn next(app: &App, request: &HttpRequest) -> String {
    let parameters = Parameters::parse(request.query_string().as_bytes()).ok();
    let next =
        parameters.as_ref().and_then(|parameters| parameters.get("next")).and_then(|next| app.public.own_path(next));
    next.map_or_else(|| app.public.path("/account"), str::to_owned)
}

/// Asks for the password.
pub async fn get(app: Data<App>, request: HttpRequest, visitor: Visitor) -> HttpResponse {
    if visitor.is_fresh(app.now()) {
        return see_other(&next(&app, &request));
    }
    let username = visitor.user.username.clone();
    ok(&Confirm { chrome: visitor.chrome(&app), action: request.uri().to_string(), error: None, username })
}

/// Judges it, and notes when it was.
pub async fn post(
    app: Data<App>,
    request: HttpRequest,
    visitor: Visitor,
    payload: Payload,
) -> Result<HttpResponse, PageError> {
    let form = read_form(&app, &request, payload).await?;
    let password = Secret::new(form.get("password").unwrap_or_default());
    let (now, session) = (app.now(), visitor.session.id);
    let address = app.origin_of(&request).address;
    match confirm_session(app.desk(), now, (&visitor.user, password, &address), session).await {
        Ok(()) => Ok(see_other(&next(&app, &request))),
        Err(Error::Refused(refusal)) => {
            let (action, username) = (request.uri().to_string(), visitor.user.username.clone());
            let page = Confirm { chrome: visitor.chrome(&app), action, error: Some(refusal.to_string()), username };
            Ok(render(StatusCode::BAD_REQUEST, Forms::Stay, &page))
        }
        Err(Error::Failed(error)) => Err(PageError::unavailable(&app, &error)),
    }
}
