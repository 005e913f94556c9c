//! `/account/confirm`: "is it still you?", before something sensitive, and where an app wants the second
//! factor too (`level=2`).

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use url::form_urlencoded::byte_serialize;

use crate::domain::secret::Secret;
use crate::identity::confirm::{Proofs, Wanted, confirm_session, wanted};
use crate::oauth::parameters::Parameters;
use crate::outcome::Error;
use crate::web::app::App;
use crate::web::browser::Visitor;
use crate::web::error::PageError;
use crate::web::page::{Chrome, Forms, render, see_other};
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
    /// What is asked for.
    pub wanted: Wanted,
}

/// Where a person confirms before they go on to `next`.
pub(super) fn location(app: &App, next: &str) -> String {
    format!("{}?next={}", app.public.path("/account/confirm"), byte_serialize(next.as_bytes()).collect::<String>())
}

/// The same where the second factor is wanted whenever it was last shown.
pub(in crate::web) fn second_factor_location(app: &App, next: &str) -> String {
    format!("{}&level=2", location(app, next))
}

fn next(app: &App, request: &HttpRequest) -> String {
    let parameters = Parameters::parse(request.query_string().as_bytes()).ok();
    let next =
        parameters.as_ref().and_then(|parameters| parameters.get("next")).and_then(|next| app.public.own_path(next));
    next.map_or_else(|| app.public.path("/account"), str::to_owned)
}

fn is_about_factor(request: &HttpRequest) -> bool {
    let parameters = Parameters::parse(request.query_string().as_bytes()).ok();
    parameters.is_some_and(|parameters| parameters.get("level") == Some("2"))
}

/// What the page asks for; nothing when the person goes on without.
async fn asked(app: &Data<App>, request: &HttpRequest, visitor: &Visitor) -> Result<Option<Wanted>, PageError> {
    let (now, session) = (app.now(), visitor.session.clone());
    let wanted = app.store.read(move |db| wanted(db, now, &session)).await;
    let wanted = wanted.map_err(|error| PageError::unavailable(app, &error))?;
    let may_pass = visitor.is_fresh(now) && !(is_about_factor(request) && wanted.code);
    Ok((!may_pass && !wanted.is_nothing()).then_some(wanted))
}

/// Asks for what is missing.
pub async fn get(app: Data<App>, request: HttpRequest, visitor: Visitor) -> Result<HttpResponse, PageError> {
    match asked(&app, &request, &visitor).await? {
        Some(wanted) => Ok(show(&app, &request, (&visitor, wanted), (StatusCode::OK, None))),
        None => Ok(see_other(&next(&app, &request))),
    }
}

fn show(
    app: &App,
    request: &HttpRequest,
    (visitor, wanted): (&Visitor, Wanted),
    (status, error): (StatusCode, Option<String>),
) -> HttpResponse {
    let (action, username) = (request.uri().to_string(), visitor.user.username.clone());
    // An authorization request goes on from here, and may lead away.
    let forms = if is_about_factor(request) { Forms::Leave } else { Forms::Stay };
    render(status, forms, &Confirm { chrome: visitor.chrome(app), action, error, username, wanted })
}

/// Judges it, and notes when it was.
pub async fn post(
    app: Data<App>,
    request: HttpRequest,
    visitor: Visitor,
    payload: Payload,
) -> Result<HttpResponse, PageError> {
    let form = read_form(&app, &request, payload).await?;
    let Some(wanted) = asked(&app, &request, &visitor).await? else { return Ok(see_other(&next(&app, &request))) };
    let field = |name: &str| Secret::new(form.get(name).unwrap_or_default());
    let proofs = Proofs { password: field("password"), code: field("code") };
    let who = (&visitor.session, &visitor.user);
    match confirm_session(app.desk(), app.now(), who, (proofs, &app.origin_of(&request))).await {
        Ok(()) => Ok(see_other(&next(&app, &request))),
        Err(Error::Refused(refusal)) => {
            let error = Some(refusal.to_string());
            Ok(show(&app, &request, (&visitor, wanted), (StatusCode::BAD_REQUEST, error)))
        }
        Err(Error::Failed(error)) => Err(PageError::unavailable(&app, &error)),
    }
}
