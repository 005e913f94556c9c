//! The login redirect's page: the full address, the account, what the token may do and how long.

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

/// `continue.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "continue.html")]
pub struct Continue {
    /// The frame.
    pub layout: Layout,
    /// Where the decision goes: the same address.
    pub action: String,
    /// A digest of what is shown.
    pub shown: String,
    /// The application; none for an address of nobody's.
    pub app_name: Option<String>,
    /// Who registered it.
    pub owner: Option<String>,
    /// Whether the operator vouches for it.
    pub is_verified: bool,
    /// The whole address.
    pub return_url: String,
    /// Its host.
    pub return_host: String,
    /// Whether any program on this device could receive the token.
    pub is_on_this_device: bool,
    /// Whether it travels unencrypted over a network.
    pub is_insecure: bool,
    /// Whether nobody registered the address.
    pub is_unregistered: bool,
    /// Who is signed in.
    pub username: String,
    /// What the token may do, as sentences.
    pub may: Vec<String>,
    /// How long, as a sentence.
    pub lasts: String,
    /// Where to change the account.
    pub other_account_url: String,
}

/// What a log-in address asks for, if it asks for a return.
///
/// # Errors
/// A page that says why nobody is sent anywhere.
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
        Err(Error::Failed(error)) => Err(PageError::unavailable(app, &error)),
    }
}

/// Sends the person back at once, or asks them first.
///
/// # Errors
/// A page that says why not.
pub async fn get(
    app: &Data<App>,
    request: &HttpRequest,
    (redirect, visitor): (LoginRedirect, &Visitor),
) -> Result<HttpResponse, PageError> {
    if redirect.is_full_access() && !visitor.has_recent_authentication(app.now()) {
        // What opens the settings of the account is given to nobody whose proof is old, or half of what they have.
        return Ok(confirm::first(app, &here(request)));
    }
    let (shared, who) = (redirect.clone(), (visitor.user.id, is_document_navigation(request)));
    let at_once = app.store.read(move |db| login_redirect::returns_at_once(db, &shared, who)).await;
    match at_once {
        Ok(true) => go(app, request, redirect, visitor).await,
        Ok(false) => ask(app, request, (&redirect, visitor), None).await,
        Err(error) => Err(PageError::unavailable(app, &error)),
    }
}

/// Takes the person's decision about what they were shown.
///
/// # Errors
/// A page that says why not.
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

/// A person's own navigation: not a picture, a frame, a script's request, or a look ahead.
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
    Ok(match allowed.map_err(|error| PageError::unavailable(app, &error))? {
        Some(allowed) => see_other(&redirect.answer(&allowed)),
        // Logged out a moment ago, in another window, or the proof grew too old: the same address asks.
        None => see_other(&here(request)),
    })
}

/// What the token may do: the whole truth, so that nobody allows more than they read.
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

/// How long the token works, as a sentence.
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
        owner: owner.map_err(|error| PageError::unavailable(app, &error))?,
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
