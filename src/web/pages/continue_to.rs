//! The page of the login redirect. It shows the full return URL, the account, and the rights and lifetime of
//! the token.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::account::confirm;
use super::{log_in, return_refused};
use crate::clock::in_words;
use crate::identity::alerts;
use crate::identity::emailed_links::requester;
use crate::identity::login_redirect::{self, Asked, LoginRedirect};
use crate::oauth::parameters::Parameters;
use crate::outcome::{Error, consult};
use crate::store::{Database, clients};
use crate::web::app::App;
use crate::web::browser::Visitor;
use crate::web::error::PageError;
use crate::web::oauth::authorize::is_speculative;
use crate::web::page::{Forms, Layout, here, render, see_other};

/// The data of the template `continue.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "continue.html")]
pub struct Continue {
    pub layout: Layout,
    /// The address that the decision is submitted to: the address of the page itself.
    pub action: String,
    /// A digest of what the page shows. The decision counts only with the same digest.
    pub shown: String,
    /// The name of the application; `None` when the return URL belongs to no application.
    pub app_name: Option<String>,
    /// The name of the application's owner.
    pub owner: Option<String>,
    /// Whether the operator vouches for the application.
    pub is_verified: bool,
    pub return_url: String,
    /// The host of the return URL.
    pub return_host: String,
    /// Whether any program on this device could receive the token.
    pub is_on_this_device: bool,
    /// Whether the token would travel unencrypted over a network.
    pub is_insecure: bool,
    /// Whether no application registered the return URL.
    pub is_unregistered: bool,
    /// The user name of the signed-in person.
    pub username: String,
    /// What the token may do, in sentences.
    pub may: Vec<String>,
    /// How long the token lasts, as a sentence.
    pub lasts: String,
    /// The address where the person signs in with another account.
    pub other_account_url: String,
}

/// Parses the login redirect in a query. Returns `None` when the query contains none.
///
/// # Errors
/// When the login redirect is refused or the store fails; the error is the page that says so.
pub async fn examine(
    app: &Data<App>,
    query: &str,
    visitor: Option<&Visitor>,
) -> Result<Option<LoginRedirect>, PageError> {
    let asked = match login_redirect::parse(query) {
        Ok(asked) if asked == Asked::default() => return Ok(None),
        Ok(asked) => asked,
        Err(refusal) => return Err(return_refused::page(app, &refusal, visitor).await),
    };
    let rules = app.config.return_rules();
    match consult(&app.store, move |db| login_redirect::examine(db, &asked, rules)).await {
        Ok(redirect) => Ok(redirect),
        Err(Error::Refused(refusal)) => Err(return_refused::page(app, &refusal, visitor).await),
        Err(Error::Failed(error)) => Err(error.into()),
    }
}

/// Returns to the application at once, or asks the person first.
///
/// # Errors
/// When the store fails.
pub async fn get(
    app: &Data<App>,
    request: &HttpRequest,
    (redirect, visitor): (LoginRedirect, &Visitor),
) -> Result<HttpResponse, PageError> {
    if redirect.is_full_access() && !visitor.has_recent_authentication(app.now()) {
        // A full user token gives access to the settings of the account, so it requires a recent authentication.
        return Ok(confirm::first(app, &here(request)));
    }
    let (shared, who) = (redirect.clone(), (visitor.user.id, is_document_navigation(request)));
    let at_once = app.store.read(move |db| login_redirect::returns_at_once(db, &shared, who)).await;
    match at_once {
        Ok(true) => go(app, request, redirect, visitor).await,
        Ok(false) => ask(app, request, (&redirect, visitor), None).await,
        Err(error) => Err(error.into()),
    }
}

/// Handles the person's decision, which counts only for what the page showed.
///
/// # Errors
/// When the store fails.
pub async fn decide(
    app: &Data<App>,
    request: &HttpRequest,
    (redirect, visitor): (LoginRedirect, &Visitor),
    form: &Parameters,
) -> Result<HttpResponse, PageError> {
    if form.get("shown") != Some(redirect.shown_to(visitor.user.id).as_str()) {
        let notice = "Something has changed since this page was shown. Please look again.";
        return ask(app, request, (&redirect, visitor), Some(notice)).await;
    }
    match form.get("decision") {
        Some("allow") => go(app, request, redirect, visitor).await,
        _ => Ok(see_other(&redirect.denial())),
    }
}

/// Returns whether the request is a navigation by the person: not an image, a frame, a request of a script,
/// or a prefetch.
fn is_document_navigation(request: &HttpRequest) -> bool {
    let is = |name: &str, expected: &str| request.headers().get(name).is_some_and(|value| value == expected);
    is("sec-fetch-mode", "navigate") && is("sec-fetch-dest", "document") && !is_speculative(request)
}

async fn go(
    app: &Data<App>,
    request: &HttpRequest,
    redirect: LoginRedirect,
    visitor: &Visitor,
) -> Result<HttpResponse, PageError> {
    let (now, shared, wanted) = (app.now(), app.clone(), redirect.clone());
    let Visitor { session, user, origin } = visitor.clone();
    let allow = move |tx: &mut Database| {
        let client = wanted.client.as_ref();
        let is_news = client.map(|client| alerts::is_news(tx, (user.id, client.id), None)).transpose()?;
        let allowed = login_redirect::allow(tx, now, &shared.token_settings, &wanted, (&session, &origin))?;
        if let (Some(true), Some(client), Some(_)) = (is_news, client, &allowed) {
            alerts::app_allowed(tx, (&shared.mail, &requester(now, &origin)), (&user, client))?;
        }
        Ok(allowed)
    };
    let allowed = app.store.write(allow).await;
    Ok(match allowed? {
        Some(allowed) => see_other(&redirect.answer(&allowed)),
        // The session ended meanwhile or the authentication is no longer recent: the same address asks again.
        None => see_other(&here(request)),
    })
}

/// Describes what the token may do, completely, so that a person never allows more than they read.
fn may(redirect: &LoginRedirect) -> &'static [&'static str] {
    if redirect.is_full_access() {
        &[
            "See your user name and your e-mail address",
            "See and change everything that is yours",
            "Change the settings of your account: its name, its tokens, and soon after a log-in delete it",
        ]
    } else {
        &["See your user name", "See and change everything that is yours, except the settings of your account"]
    }
}

/// Describes in a sentence how long the token works.
fn lasts(redirect: &LoginRedirect, time: &str) -> String {
    match redirect.ends_with_session() {
        true => format!("It works for {time}, or until you log out here."),
        false => format!("It works for {time}, also after you log out here."),
    }
}

async fn ask(
    app: &Data<App>,
    request: &HttpRequest,
    (redirect, visitor): (&LoginRedirect, &Visitor),
    notice: Option<&str>,
) -> Result<HttpResponse, PageError> {
    let owner = match redirect.client.clone() {
        Some(client) => app.store.read(move |db| clients::find_owner_name(db, &client)).await,
        None => Ok(None),
    };
    let layout = visitor.layout(app);
    let here = here(request);
    let other_account_url = log_in::for_another(app, &here);
    let page = Continue {
        layout: notice.map_or(layout.clone(), |notice| layout.with_notice(notice)),
        action: here,
        shown: redirect.shown_to(visitor.user.id),
        app_name: redirect.client.as_ref().map(|client| client.name.clone()),
        owner: owner?,
        is_verified: redirect.client.as_ref().is_some_and(|client| client.verified_at.is_some()),
        return_url: redirect.return_url.as_str().to_owned(),
        return_host: redirect.return_url.host(),
        is_on_this_device: redirect.return_url.is_loopback(),
        is_insecure: redirect.return_url.is_insecure(),
        is_unregistered: redirect.is_unregistered(),
        username: visitor.user.username.clone(),
        may: may(redirect).iter().map(|sentence| (*sentence).to_owned()).collect(),
        lasts: lasts(redirect, &in_words(redirect.lifetime(&app.token_settings))),
        other_account_url,
    };
    Ok(render(StatusCode::OK, Forms::Leave, &page))
}
