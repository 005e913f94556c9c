//! `/invitation?key=`: creates an account by an emailed link. The email address is fixed.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::reset::{key_of, link_ended};
use super::{Form, second_step};
use crate::domain::mailed_link::MailedLink;
use crate::domain::secret::Secret;
use crate::identity::invitation;
use crate::identity::new_user::{self, Credentials};
use crate::identity::sign_up::SignUpRefusal;
use crate::outcome::Error;
use crate::web::app::App;
use crate::web::browser::BrowserSession;
use crate::web::error::PageError;
use crate::web::page::{FieldError, Forms, Layout, here, render, see_other};
use crate::web::remembered_browser;

/// The data of the template `invitation.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "invitation.html")]
pub struct Invitation {
    pub layout: Layout,
    /// The address that the form is submitted to: the address of the page itself.
    pub action: String,
    pub errors: Vec<FieldError>,
    /// The user name, as entered.
    pub username: String,
    /// The email address that was invited.
    pub email: String,
}

async fn find_active_link(app: &Data<App>, request: &HttpRequest) -> Result<(Secret, MailedLink), PageError> {
    let key = key_of(request).ok_or_else(link_ended)?;
    let (now, presented) = (app.now(), key.clone());
    let found = app.store.read(move |db| invitation::find(db, now, presented.expose())).await?;
    found.map(|link| (key, link)).ok_or_else(link_ended)
}

/// Shows the form while the invitation is valid.
pub async fn get(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, PageError> {
    let (_, link) = find_active_link(&app, &request).await?;
    Ok(show(&app, &request, (Vec::new(), String::new(), link.email)))
}

/// Creates the account and signs the person in.
pub async fn post(
    app: Data<App>,
    request: HttpRequest,
    browser: BrowserSession,
    Form(form): Form,
) -> Result<HttpResponse, PageError> {
    let (key, link) = find_active_link(&app, &request).await?;
    let username = form.get("username").unwrap_or_default().to_owned();
    let password = Some(form.get("password").unwrap_or_default());
    let checked = new_user::check(Credentials { username: &username, email: &link.email, password });
    let made = match checked {
        Ok(person) => {
            let caller = (remembered_browser::caller(&app, &request), true);
            invitation::accept(app.sign_in_context(), app.now(), (key, person), caller).await
        }
        Err(problems) => Err(Error::Refused(SignUpRefusal::Problems(problems))),
    };
    match made {
        Ok((_, Some(entered))) => second_step::enter(&app, &browser, entered, &app.public.path("/account")).await,
        Ok((_, None)) => Ok(see_other(&app.public.path("/account"))),
        Err(Error::Failed(error)) => Err(error.into()),
        Err(Error::Refused(SignUpRefusal::Busy)) => Err(PageError::busy()),
        Err(Error::Refused(SignUpRefusal::LinkEnded | SignUpRefusal::Closed)) => Err(link_ended()),
        Err(Error::Refused(SignUpRefusal::Problems(problems))) => {
            // The form has no field for the email address, so its errors are shown above the form.
            let in_form = |problem| match FieldError::from(problem) {
                FieldError { field: "email", message } => FieldError { field: "", message },
                error => error,
            };
            let errors = problems.into_iter().map(in_form).collect();
            Ok(show(&app, &request, (errors, username, link.email)))
        }
    }
}

fn show(
    app: &App,
    request: &HttpRequest,
    (errors, username, email): (Vec<FieldError>, String, String),
) -> HttpResponse {
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let username = username.chars().take(256).collect();
    let page = Invitation { layout: app.layout(), action: here(request), errors, username, email };
    render(status, Forms::Stay, &page)
}
