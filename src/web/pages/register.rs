//! `/register`: creates an account, when the operator allows registration.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use url::form_urlencoded;

use super::log_in::Onward;
use super::{Form, second_step};
use crate::identity::new_user::{self, Credentials};
use crate::identity::sign_up::{SignUpRefusal, sign_up};
use crate::identity::throttle::Throttled;
use crate::outcome::Error;
use crate::web::app::App;
use crate::web::browser::{BrowserSession, MaybeVisitor, log_in_first};
use crate::web::error::PageError;
use crate::web::page::{FieldError, Forms, Layout, RequestingApp, here, render, see_other};
use crate::web::remembered_browser;

/// The data of the template `register.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "register.html")]
pub struct Register {
    pub layout: Layout,
    /// The address that the form is submitted to: the address of the page itself.
    pub action: String,
    pub errors: Vec<FieldError>,
    /// The user name, as entered.
    pub username: String,
    /// The email address, as entered.
    pub email: String,
    /// The application that sent the person.
    pub asking: Option<RequestingApp>,
    /// The address of the log-in page.
    pub log_in_url: String,
}

/// Returns the address of the registration page that continues to `next`, a path of this server. When
/// registration is closed, it is the log-in page.
pub fn sign_up_first(app: &App, next: &str) -> String {
    if !app.config.registration.is_open() {
        return log_in_first(app, next);
    }
    let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
    format!("{}?next={next}", app.public.path("/register"))
}

fn sign_up_closed() -> PageError {
    let what = "New accounts are made by the people who run this server.";
    PageError::new(
        StatusCode::FORBIDDEN,
        "registration-closed",
        "You cannot sign up here",
        what,
        "Ask them for an account, then log in.",
    )
    .with_action("Log in", "/login")
}

fn too_many_sign_ups() -> PageError {
    let what = "Too many accounts were made from your network just now. Nothing was made.";
    PageError::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too-many-sign-ups",
        "Not now, please",
        what,
        "Wait a while, then try again.",
    )
}

/// Returns where the person continues. The path is always one of this server; a login redirect continues from
/// there.
async fn onward(app: &Data<App>, request: &HttpRequest) -> Result<(Onward, String), PageError> {
    let onward = Onward::parse(app, request.query_string(), None).await?;
    let next = match &onward {
        Onward::Here(next) => next.clone(),
        Onward::Away(_) => app.public.path("/account"),
    };
    Ok((onward, next))
}

/// Shows the form, unless the person is signed in or registration is closed.
pub async fn get(app: Data<App>, request: HttpRequest, visitor: MaybeVisitor) -> Result<HttpResponse, PageError> {
    if !app.config.registration.is_open() {
        return Err(sign_up_closed());
    }
    let (onward, next) = onward(&app, &request).await?;
    if visitor.0.is_some() {
        return Ok(see_other(&next));
    }
    show(&app, &request, (&onward, &next), (Vec::new(), String::new(), String::new())).await
}

/// Creates the account, signs the person in and continues.
pub async fn post(
    app: Data<App>,
    request: HttpRequest,
    browser: BrowserSession,
    Form(form): Form,
) -> Result<HttpResponse, PageError> {
    let (onward, next) = onward(&app, &request).await?;
    let field = |name: &str| form.get(name).unwrap_or_default().to_owned();
    let (username, email) = (field("username"), field("email"));
    let checked = new_user::check(Credentials {
        username: &username,
        email: &email,
        password: Some(form.get("password").unwrap_or_default()),
    });
    if checked.is_ok() {
        let address = app.origin_of(&request).address;
        app.throttle.attempt_sign_up(&app.store, app.now(), &address).await.map_err(|error| match error {
            Error::Refused(Throttled(_)) => too_many_sign_ups(),
            Error::Failed(error) => PageError::from(error),
        })?;
    }
    let refusal = match checked {
        Err(problems) => SignUpRefusal::Problems(problems),
        Ok(person) => {
            let (policy, caller) = (&app.config.registration, remembered_browser::caller(&app, &request));
            let signed_up = sign_up(app.sign_in_context(), app.now(), policy, (person, caller, Some(&next))).await;
            match signed_up {
                Ok(entered) => return second_step::enter(&app, &browser, entered, &next).await,
                Err(Error::Refused(refusal)) => refusal,
                Err(Error::Failed(error)) => return Err(error.into()),
            }
        }
    };
    match refusal {
        SignUpRefusal::Closed | SignUpRefusal::LinkEnded => Err(sign_up_closed()),
        SignUpRefusal::Busy => Err(PageError::busy().with_link("Try again", &here(&request))),
        SignUpRefusal::Problems(problems) => {
            let errors = problems.into_iter().map(FieldError::from).collect();
            show(&app, &request, (&onward, &next), (errors, username, email)).await
        }
    }
}

async fn show(
    app: &Data<App>,
    request: &HttpRequest,
    (onward, next): (&Onward, &str),
    (errors, username, email): (Vec<FieldError>, String, String),
) -> Result<HttpResponse, PageError> {
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
    let page = Register {
        layout: app.layout(),
        action: here(request),
        errors,
        username: username.chars().take(256).collect(),
        email: email.chars().take(256).collect(),
        asking: onward.asking(app).await?,
        log_in_url: format!("{}?next={next}", app.public.path("/login")),
    };
    Ok(render(status, Forms::Leave, &page))
}
