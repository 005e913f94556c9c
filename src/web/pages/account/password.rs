//! `/account/security/password`: changes the password, which requires the current one.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::confirm;
use crate::domain::secret::Secret;
use crate::identity::account::{AccountRefusal, Kept, change_password};
use crate::outcome::Error;
use crate::web::app::App;
use crate::web::browser::{BrowserSession, Visitor};
use crate::web::error::PageError;
use crate::web::page::{FieldError, Forms, Layout, Link, ok, render, retry_after};
use crate::web::pages::{Form, Message};

/// The data of the template `account/password.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "account/password.html")]
pub struct Password {
    pub layout: Layout,
    pub errors: Vec<FieldError>,
    /// The user name of the signed-in person, for password managers.
    pub username: String,
    pub has_password: bool,
    /// Whether the server sends email, so that a person without a password can get a link to set one.
    pub is_mail_on: bool,
}

fn show(app: &App, visitor: &Visitor, (status, errors): (StatusCode, Vec<FieldError>)) -> HttpResponse {
    let page = Password {
        layout: visitor.layout(app),
        errors,
        username: visitor.user.username.clone(),
        has_password: visitor.user.password_digest.is_some(),
        is_mail_on: app.mail.is_on(),
    };
    render(status, Forms::Stay, &page)
}

/// Asks for the second factor when this session skipped it: a remembered browser does not prove who uses it.
fn shows_current_password(app: &App, visitor: &Visitor) -> Option<HttpResponse> {
    visitor.session.second_factor_pending.then(|| confirm::first(app, &app.public.path("/account/security/password")))
}

/// Shows the form to change the password.
pub async fn get(app: Data<App>, visitor: Visitor) -> HttpResponse {
    if let Some(confirm) = shows_current_password(&app, &visitor) {
        return confirm;
    }
    show(&app, &visitor, (StatusCode::OK, Vec::new()))
}

/// Changes the password. This session stays signed in under a new session key.
pub async fn post(
    app: Data<App>,
    request: HttpRequest,
    (visitor, browser): (Visitor, BrowserSession),
    Form(form): Form,
) -> Result<HttpResponse, PageError> {
    if let Some(confirm) = shows_current_password(&app, &visitor) {
        return Ok(confirm);
    }
    let old = Secret::new(form.get("current_password").unwrap_or_default());
    let new = Secret::new(form.get("new_password").unwrap_or_default());
    let kept = Kept { session: Some(visitor.session.id), grant: None };
    let (origin, wanted) = (app.origin_of(&request), (&visitor.user, old, new.expose()));
    let refusal = match change_password(app.sign_in_context(), app.now(), wanted, (&origin, kept)).await {
        Ok(renewed) => {
            let kept = renewed.map_or(Ok(()), |key| browser.renew(&key));
            kept?;
            return Ok(changed(&app, &visitor));
        }
        Err(Error::Refused(refusal)) => refusal,
        Err(Error::Failed(error)) => return Err(error.into()),
    };
    let (field, message) = match &refusal {
        AccountRefusal::Invalid(message) => ("new_password", message.clone()),
        AccountRefusal::Busy => return Err(PageError::busy()),
        AccountRefusal::Throttled(seconds) => {
            let errors = vec![FieldError { field: "current_password", message: refusal.to_string() }];
            let page = show(&app, &visitor, (StatusCode::TOO_MANY_REQUESTS, errors));
            return Ok(retry_after(page, *seconds));
        }
        other => ("current_password", other.to_string()),
    };
    Ok(show(&app, &visitor, (StatusCode::BAD_REQUEST, vec![FieldError { field, message }])))
}

fn changed(app: &App, visitor: &Visitor) -> HttpResponse {
    ok(&Message {
        layout: visitor.layout(app),
        heading: "Your password is changed".to_owned(),
        text:
            "This browser stays logged in. All others are logged out, and apps and programs must ask you again. Tokens \
               that you made yourself go on."
                .to_owned(),
        action: Some(Link { label: "Back to your account".to_owned(), href: app.public.path("/account") }),
    })
}
