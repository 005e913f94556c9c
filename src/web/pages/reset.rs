//! `/reset` and `/reset/finish?key=`: sets a new password without the old one.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use url::form_urlencoded::byte_serialize;

use super::{Form, Message, second_step};
use crate::clock::in_words;
use crate::domain::secret::Secret;
use crate::domain::user::User;
use crate::identity::account::AccountRefusal;
use crate::identity::recovery::{self, NewCredentials};
use crate::oauth::parameters::Parameters;
use crate::outcome::Error;
use crate::web::app::App;
use crate::web::browser::{BrowserSession, MaybeVisitor};
use crate::web::error::PageError;
use crate::web::page::{FieldError, Forms, Layout, here, ok, render, retry_after, see_other};
use crate::web::remembered_browser;

/// The data of the template `reset.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "reset.html")]
pub struct Reset {
    pub layout: Layout,
    /// The address that the form is submitted to: the address of the page itself.
    pub action: String,
    pub error: Option<String>,
    /// The address of the log-in page.
    pub log_in_url: String,
}

/// The data of the template `reset_finish.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "reset_finish.html")]
pub struct ResetFinish {
    pub layout: Layout,
    /// The address that the form is submitted to: the address of the page itself.
    pub action: String,
    pub errors: Vec<FieldError>,
    /// The user name of the account.
    pub username: String,
    /// Whether personal tokens and studio tokens end too.
    pub ends_own_tokens: bool,
    /// Whether these tokens may stay, because the email address was proven before.
    pub may_keep_tokens: bool,
}

/// Returns the secret of an emailed link. The parameter is not named `token`, because a `token` is removed
/// from every address of this server.
pub(super) fn key_of(request: &HttpRequest) -> Option<Secret> {
    let parameters = Parameters::parse(request.query_string().as_bytes()).ok()?;
    parameters.get("key").map(Secret::new)
}

/// Returns the error page for a link that is unknown, used or expired: the same page for all three.
pub(super) fn link_ended() -> PageError {
    let what = "A mailed link works once, and for a while only. Asking for a new one may end it too.";
    let advice = "If you still need it, ask for a new link.";
    PageError::new(StatusCode::NOT_FOUND, "link-over", "This link is over", what, advice)
}

/// Returns the error page of a server that sends no email.
pub(super) fn mail_off() -> PageError {
    let what = "This server sends no letters, so it cannot mail you a link.";
    let advice = "Ask the people who run it: they can set a new password for you.";
    PageError::new(StatusCode::FORBIDDEN, "mail-off", "No letters from here", what, advice)
        .with_action("Log in", "/login")
}

fn next_of(app: &App, request: &HttpRequest) -> Option<String> {
    let parameters = Parameters::parse(request.query_string().as_bytes()).ok()?;
    parameters.get("next").and_then(|next| app.public.own_path(next))
}

/// Shows the form for the user name.
pub async fn get(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, PageError> {
    if !app.mail.is_on() {
        return Err(mail_off());
    }
    Ok(ok(&asking(&app, &request, None)))
}

fn asking(app: &App, request: &HttpRequest, error: Option<String>) -> Reset {
    let next =
        next_of(app, request).map(|next| format!("?next={}", byte_serialize(next.as_bytes()).collect::<String>()));
    let log_in_url = format!("{}{}", app.public.path("/login"), next.unwrap_or_default());
    Reset { layout: app.layout(), action: here(request), error, log_in_url }
}

/// Sends the link by email. The response does not reveal whether the account exists.
pub async fn post(app: Data<App>, request: HttpRequest, Form(form): Form) -> Result<HttpResponse, PageError> {
    let (login, next) = (form.get("username").unwrap_or_default(), next_of(&app, &request));
    let origin = app.origin_of(&request);
    match recovery::start(app.sign_in_context(), app.now(), (login, next.as_deref()), &origin).await {
        Ok(()) => Ok(ok(&Message {
            layout: app.layout(),
            heading: "Look into your mailbox".to_owned(),
            text: format!(
                "If there is an account of this name, a letter with a link is on its way to its address. The link works \
                 for {}.",
                in_words(app.token_settings.lifetimes.reset)
            ),
            action: None,
        })),
        Err(Error::Failed(error)) => Err(error.into()),
        Err(Error::Refused(AccountRefusal::MailOff)) => Err(mail_off()),
        Err(Error::Refused(AccountRefusal::Throttled(seconds))) => {
            let message =
                format!("Too many letters were asked for. Wait {}, then try again.", in_words(seconds.max(60)));
            let page = asking(&app, &request, Some(message));
            Ok(retry_after(render(StatusCode::TOO_MANY_REQUESTS, Forms::Stay, &page), seconds))
        }
        Err(Error::Refused(_)) => Err(PageError::busy()),
    }
}

async fn find_active_link(app: &Data<App>, request: &HttpRequest) -> Result<(Secret, User), PageError> {
    let again = || link_ended().with_action("Ask for a new link", "/reset");
    let key = key_of(request).ok_or_else(again)?;
    let (now, presented) = (app.now(), key.clone());
    let found = app.store.read(move |db| recovery::find(db, now, presented.expose())).await?;
    found.map(|(_, user)| (key, user)).ok_or_else(again)
}

/// Shows the form while the link is valid. It does not use the link up, because mail programs open links by
/// themselves.
pub async fn get_finish(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, PageError> {
    let (_, user) = find_active_link(&app, &request).await?;
    Ok(finishing(&app, &request, (user, true), Vec::new()))
}

fn finishing(
    app: &App,
    request: &HttpRequest,
    (user, ends_own_tokens): (User, bool),
    errors: Vec<FieldError>,
) -> HttpResponse {
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let (action, may_keep_tokens) = (here(request), user.email_verified_at.is_some());
    let (layout, username) = (app.layout(), user.username);
    let page = ResetFinish { layout, action, errors, username, ends_own_tokens, may_keep_tokens };
    render(status, Forms::Leave, &page)
}

/// Uses the link, signs the browser in, and continues to the page that the person wanted.
pub async fn post_finish(
    app: Data<App>,
    request: HttpRequest,
    browser: BrowserSession,
    Form(form): Form,
) -> Result<HttpResponse, PageError> {
    let (key, user) = find_active_link(&app, &request).await?;
    let ends_own_tokens = form.get("end_tokens").is_some();
    let password = Secret::new(form.get("password").unwrap_or_default());
    let wanted = NewCredentials { key, password, ends_own_tokens };
    match recovery::finish(app.sign_in_context(), app.now(), wanted, (remembered_browser::caller(&app, &request), true))
        .await
    {
        Ok(recovered) => {
            let next = recovered.next.as_deref().and_then(|next| app.public.own_path(next));
            let next = next.unwrap_or_else(|| app.public.path("/account"));
            match recovered.entered {
                Some(entered) => second_step::enter(&app, &browser, entered, &next).await,
                None => Ok(see_other(&next)),
            }
        }
        Err(Error::Failed(error)) => Err(error.into()),
        Err(Error::Refused(AccountRefusal::Invalid(message))) => {
            let errors = vec![FieldError { field: "password", message }];
            Ok(finishing(&app, &request, (user, ends_own_tokens), errors))
        }
        Err(Error::Refused(AccountRefusal::Busy)) => Err(PageError::busy()),
        Err(Error::Refused(_)) => Err(link_ended().with_action("Ask for a new link", "/reset")),
    }
}

/// `/.well-known/change-password`: the address where password managers send people to change their password.
pub async fn change_password(app: Data<App>, visitor: MaybeVisitor) -> HttpResponse {
    see_other(&app.public.path(if visitor.0.is_some() { "/account/security/password" } else { "/reset" }))
}
