//! `/account/delete`: deletes an account. It requires an authentication of the last 15 minutes, the user name
//! and the password.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::confirm;
use crate::clock::in_words;
use crate::domain::deletion::GRACE;
use crate::domain::secret::Secret;
use crate::domain::user::{User, fold};
use crate::identity::account::{self, AccountRefusal, Confirmed};
use crate::identity::deletion;
use crate::identity::emailed_links::requester;
use crate::outcome::{Error, transact};
use crate::store::clients;
use crate::web::app::App;
use crate::web::browser::{BrowserSession, Visitor};
use crate::web::error::PageError;
use crate::web::page::{FieldError, Forms, Layout, ok, render};
use crate::web::pages::log_out::forgetting;
use crate::web::pages::{Form, Message};

/// The data of the template `account/delete.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "account/delete.html")]
pub struct Delete {
    pub layout: Layout,
    pub errors: Vec<FieldError>,
    pub username: String,
    /// Whether the form asks for the password.
    pub has_password: bool,
    /// The names of the applications that are deleted with the account.
    pub apps: Vec<String>,
    /// How the person can restore the account, as a sentence.
    pub way_back: String,
}

async fn show(app: &Data<App>, visitor: &Visitor, errors: Vec<FieldError>) -> Result<HttpResponse, PageError> {
    let user = visitor.user.id;
    let own = app.store.read(move |db| clients::list(db, Some(user))).await?;
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let page = Delete {
        layout: visitor.layout(app),
        errors,
        username: visitor.user.username.clone(),
        has_password: visitor.user.password_digest.is_some(),
        apps: own.into_iter().map(|client| client.name).collect(),
        way_back: way_back(app, &visitor.user),
    };
    Ok(render(status, Forms::Stay, &page))
}

/// Shows what is deleted, and the form.
pub async fn get(app: Data<App>, visitor: Visitor) -> Result<HttpResponse, PageError> {
    if !visitor.has_recent_authentication(app.now()) {
        return Ok(confirm_first(&app));
    }
    show(&app, &visitor, Vec::new()).await
}

fn confirm_first(app: &App) -> HttpResponse {
    confirm::first(app, &app.public.path("/account/delete"))
}

/// Verifies the typed user name and the password. Returns `None` when the person has no password.
async fn judge(
    app: &Data<App>,
    visitor: &Visitor,
    (typed, password, address): (&str, Secret, &str),
) -> Result<Option<Confirmed>, Error<FieldError>> {
    if fold(typed) != visitor.user.username_folded {
        let message = "Type your user name to delete the account.".to_owned();
        return Err(Error::Refused(FieldError { field: "confirm", message }));
    }
    if visitor.user.password_digest.is_none() {
        return Ok(None);
    }
    let confirmed = account::confirm(app.sign_in_context(), app.now(), (&visitor.user, password, address)).await;
    let refused = |refusal: AccountRefusal| {
        let message = match refusal {
            AccountRefusal::WrongPassword => "The password is wrong.".to_owned(),
            other => other.to_string(),
        };
        FieldError { field: "password", message }
    };
    confirmed.map(Some).map_err(|error| error.map_refusal(refused))
}

/// Begins the deletion of the account and logs this browser out.
pub async fn post(
    app: Data<App>,
    request: HttpRequest,
    (visitor, browser): (Visitor, BrowserSession),
    Form(form): Form,
) -> Result<HttpResponse, PageError> {
    let now = app.now();
    if !visitor.has_recent_authentication(now) {
        return Ok(confirm_first(&app));
    }
    let (typed, password) = (form.get("confirm").unwrap_or_default(), form.get("password").unwrap_or_default());
    let origin = app.origin_of(&request);
    let confirmed = match judge(&app, &visitor, (typed, Secret::new(password), &origin.address)).await {
        Ok(confirmed) => confirmed,
        Err(Error::Refused(error)) => return show(&app, &visitor, vec![error]).await,
        Err(Error::Failed(error)) => return Err(error.into()),
    };
    let (shared, who) = (app.clone(), visitor.clone());
    let closed = transact::<_, AccountRefusal, _>(&app.store, move |tx| {
        if let Some(confirmed) = &confirmed {
            confirmed.still_counts(tx)?;
        }
        let visitor = who.recheck(tx, &shared, now)?.ok_or(Error::Refused(AccountRefusal::LinkEnded))?;
        let user = &visitor.user;
        Ok(deletion::begin(tx, now, &shared.mail, (user, &requester(now, &origin), Some(&origin)))?)
    });
    match closed.await {
        Ok(()) => {
            app.mail.wake();
            browser.sign_out(&app).await?;
            Ok(forgetting(closed_page(&app, &visitor.user)))
        }
        Err(Error::Refused(_)) => Ok(confirm_first(&app)),
        Err(Error::Failed(error)) => Err(error.into()),
    }
}

/// Describes how the person can restore the account. It depends on whether they have a password and a proven
/// email address.
fn way_back(app: &App, user: &User) -> String {
    let email_to = user.proven_email().filter(|_| app.mail.is_on());
    match (user.password_digest.is_some(), email_to) {
        (true, None) => "Until then you can keep it: log in with your password, and we ask you.".to_owned(),
        (true, Some(to)) => {
            format!(
                "Until then you can keep it: log in with your password, or use the link that goes to {}.",
                to.as_str()
            )
        }
        (false, Some(to)) => format!("Until then you can keep it, by the link that goes to {}.", to.as_str()),
        (false, None) => "Until then the people who run this server can keep it for you.".to_owned(),
    }
}

fn closed_page(app: &App, user: &User) -> HttpResponse {
    ok(&Message {
        layout: app.layout(),
        heading: "Your account is closed".to_owned(),
        text: format!("It will be erased in {}. {}", in_words(GRACE), way_back(app, user)),
        action: None,
    })
}
