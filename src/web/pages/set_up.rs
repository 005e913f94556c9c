//! `/setup?link=`: the one-time link that creates the first administrator.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::{Form, second_step};
use crate::domain::token::{SetupLink, Token};
use crate::identity::new_user::{self, Credentials};
use crate::identity::set_up::{is_alive, use_link};
use crate::identity::sign_up::SignUpRefusal;
use crate::oauth::parameters::Parameters;
use crate::outcome::Error;
use crate::web::app::App;
use crate::web::browser::BrowserSession;
use crate::web::error::PageError;
use crate::web::page::{FieldError, Forms, Layout, here, render};
use crate::web::remembered_browser;

/// The data of the template `set_up.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "set_up.html")]
pub struct SetUp {
    pub layout: Layout,
    /// The address that the form is submitted to: the address of the page itself.
    pub action: String,
    pub errors: Vec<FieldError>,
    /// The user name, as entered.
    pub username: String,
    /// The email address, as entered.
    pub email: String,
}

fn link_ended() -> PageError {
    let what = "A set-up link works once, for an hour, and only until the first account exists.";
    let advice = "If nobody has an account yet, start the server again: it prints a new link.";
    PageError::new(StatusCode::NOT_FOUND, "set-up-link-over", "This link is over", what, advice)
        .with_action("Log in", "/login")
}

async fn find_active_link(app: &Data<App>, request: &HttpRequest) -> Result<Token<SetupLink>, PageError> {
    let parameters = Parameters::parse(request.query_string().as_bytes()).ok();
    let link = parameters.as_ref().and_then(|parameters| parameters.get("link")).map(Token::<SetupLink>::parse);
    let Some(Ok(link)) = link else { return Err(link_ended()) };
    let (now, presented) = (app.now(), link.clone());
    let is_alive = app.store.read(move |db| is_alive(db, now, &presented)).await;
    match is_alive {
        Ok(true) => Ok(link),
        Ok(false) => Err(link_ended()),
        Err(error) => Err(error.into()),
    }
}

/// Shows the form while the link is valid. It does not use the link up.
pub async fn get(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, PageError> {
    find_active_link(&app, &request).await?;
    Ok(show(&app, &request, (Vec::new(), String::new(), String::new())))
}

/// Uses the link to create the administrator.
pub async fn post(
    app: Data<App>,
    request: HttpRequest,
    browser: BrowserSession,
    Form(form): Form,
) -> Result<HttpResponse, PageError> {
    let link = find_active_link(&app, &request).await?;
    let field = |name: &str| form.get(name).unwrap_or_default().to_owned();
    let (username, email) = (field("username"), field("email"));
    let person = match new_user::check(Credentials {
        username: &username,
        email: &email,
        password: Some(form.get("password").unwrap_or_default()),
    }) {
        Ok(person) => person,
        Err(problems) => {
            let errors = problems.into_iter().map(FieldError::from).collect();
            return Ok(show(&app, &request, (errors, username, email)));
        }
    };
    match use_link(app.sign_in_context(), app.now(), link, (person, remembered_browser::caller(&app, &request))).await {
        Ok(entered) => second_step::enter(&app, &browser, entered, &app.public.path("/account")).await,
        Err(Error::Refused(SignUpRefusal::Closed | SignUpRefusal::LinkEnded)) => Err(link_ended()),
        Err(Error::Refused(SignUpRefusal::Busy)) => Err(PageError::busy()),
        Err(Error::Refused(SignUpRefusal::Problems(problems))) => {
            let errors = problems.into_iter().map(FieldError::from).collect();
            Ok(show(&app, &request, (errors, username, email)))
        }
        Err(Error::Failed(error)) => Err(error.into()),
    }
}

fn show(
    app: &App,
    request: &HttpRequest,
    (errors, username, email): (Vec<FieldError>, String, String),
) -> HttpResponse {
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let page = SetUp { layout: app.layout(), action: here(request), errors, username, email };
    render(status, Forms::Stay, &page)
}
