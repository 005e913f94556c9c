//! `/verify?key=`: proves an email address.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::reset::{key_of, link_ended};
use super::{Form, second_step};
use crate::domain::mailed_link::{LinkKind, MailedLink};
use crate::domain::secret::Secret;
use crate::domain::user::User;
use crate::identity::account::AccountRefusal;
use crate::identity::email::{self, Proof};
use crate::outcome::Error;
use crate::web::app::App;
use crate::web::browser::{BrowserSession, MaybeVisitor};
use crate::web::error::PageError;
use crate::web::page::{FieldError, Forms, Layout, here, render, see_other};
use crate::web::remembered_browser;

/// The data of the template `verify.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "verify.html")]
pub struct Verify {
    pub layout: Layout,
    /// The address that the forms are submitted to: the address of the page itself.
    pub action: String,
    pub errors: Vec<FieldError>,
    /// The user name of the account that gets the email address.
    pub username: String,
    pub email: String,
    /// Whether a new password may be set instead of entering the current one.
    pub may_set_password: bool,
    /// Whether the form for a new password was submitted.
    pub is_setting_password: bool,
}

async fn find_active_link(app: &Data<App>, request: &HttpRequest) -> Result<(Secret, MailedLink, User), PageError> {
    let key = key_of(request).ok_or_else(link_ended)?;
    let (now, presented) = (app.now(), key.clone());
    let found = app.store.read(move |db| email::find(db, now, presented.expose())).await?;
    found.map(|(link, user)| (key, link, user)).ok_or_else(link_ended)
}

/// Shows the forms while the link is valid. It does not use the link up.
pub async fn get(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, PageError> {
    let (_, link, user) = find_active_link(&app, &request).await?;
    Ok(show(&app, &request, (&link, &user), (StatusCode::OK, None)))
}

fn show(
    app: &App,
    request: &HttpRequest,
    (link, user): (&MailedLink, &User),
    (status, error): (StatusCode, Option<FieldError>),
) -> HttpResponse {
    let is_setting_password = error.as_ref().is_some_and(|error| error.field == "new_password");
    let page = Verify {
        layout: app.layout(),
        action: here(request),
        errors: error.into_iter().collect(),
        username: user.username.clone(),
        email: link.email.clone(),
        may_set_password: link.kind == LinkKind::ValidateEmail,
        is_setting_password,
    };
    render(status, Forms::Leave, &page)
}

/// Uses the link and continues to the page that the person wanted.
pub async fn post(
    app: Data<App>,
    request: HttpRequest,
    (visitor, browser): (MaybeVisitor, BrowserSession),
    Form(form): Form,
) -> Result<HttpResponse, PageError> {
    let (key, link, user) = find_active_link(&app, &request).await?;
    let (proof, field) = match form.get("new_password") {
        Some(new) => (Proof::NewPassword(Secret::new(new)), "new_password"),
        None => (Proof::Password(Secret::new(form.get("password").unwrap_or_default())), "password"),
    };
    let is_here = visitor.0.is_some_and(|visitor| visitor.user.id == user.id) && field == "password";
    let caller = remembered_browser::caller(&app, &request);
    let refusal = match email::finish(app.sign_in_context(), app.now(), (key, proof), (caller, !is_here)).await {
        Ok((entered, next)) => {
            let next = next.as_deref().and_then(|next| app.public.own_path(next));
            let next = next.unwrap_or_else(|| app.public.path("/account"));
            return match entered {
                Some(entered) => second_step::enter(&app, &browser, entered, &next).await,
                None => Ok(see_other(&next)),
            };
        }
        Err(Error::Failed(error)) => return Err(error.into()),
        Err(Error::Refused(refusal)) => refusal,
    };
    let (status, message) = match refusal {
        AccountRefusal::LinkEnded => return Err(link_ended()),
        AccountRefusal::Busy => return Err(PageError::busy()),
        AccountRefusal::Throttled(_) => (StatusCode::TOO_MANY_REQUESTS, refusal.to_string()),
        AccountRefusal::WrongPassword => (StatusCode::BAD_REQUEST, "The password is wrong.".to_owned()),
        other => (StatusCode::BAD_REQUEST, other.to_string()),
    };
    Ok(show(&app, &request, (&link, &user), (status, Some(FieldError { field, message }))))
}
