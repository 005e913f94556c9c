//! The login redirect's page: the full address, the account, what the token may do and how long.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::account::confirm;
use super::log_in;
use crate::clock::in_words;
use crate::identity::alerts;
use crate::identity::login_redirect::{self, Asked, LoginRedirect, LoginRedirectRefusal};
use crate::identity::mailed::asker;
use crate::oauth::parameters::Parameters;
use crate::outcome::{Error, consult};
use crate::store::{Database, clients};
use crate::web::app::App;
use crate::web::browser::Visitor;
use crate::web::error::PageError;
use crate::web::oauth::authorize::is_speculative;
use crate::web::page::{Chrome, Forms, here, render, see_other};
use crate::web::refused::Whose;

/// `continue.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "continue.html")]
pub struct Continue {
    /// The frame.
    pub chrome: Chrome,
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
pub async fn examine(app: &Data<App>, query: &str) -> Result<Option<LoginRedirect>, PageError> {
    let asked = login_redirect::parse(query).map_err(|refusal| page_of(app, &refusal))?;
    if asked == Asked::default() {
        return Ok(None);
    }
    let unregistered = app.config.unregistered;
    let examined = consult(&app.store, move |db| login_redirect::examine(db, (&asked, unregistered))).await;
    examined.map_err(|error| match error {
        Error::Refused(refusal) => page_of(app, &refusal),
        Error::Failed(error) => PageError::unavailable(app, &error),
    })
}

fn page_of(app: &App, refusal: &LoginRedirectRefusal) -> PageError {
    let advice = "You did nothing wrong, and nothing was sent anywhere. Tell the people who make the app.";
    let page = |id, what: &str| {
        PageError::new(app, StatusCode::BAD_REQUEST, (id, "This app cannot receive a log-in"), what, advice)
    };
    match refusal {
        LoginRedirectRefusal::Malformed => page("malformed-login-redirect", "The app's link cannot be read.")
            .for_developer("Send referer and state once each, percent-encoded."),
        LoginRedirectRefusal::Invalid(error) => {
            page("invalid-return-url", "The app asks us to send you to an address that we cannot send anybody to.")
                .for_developer(&format!("The referer is not a return URL: {error}."))
        }
        LoginRedirectRefusal::ChallengeRequired(client) => {
            page("login-challenge-required", "The app's link lacks a part that protects your log-in.").for_developer(
                "Your application takes login codes: send code_challenge (S256, 43 base64url characters), as login.js does.",
            )
            .of_client(Whose::Known(*client), ("invalid_request", "the application takes login codes, and no S256 code_challenge came"))
        }
        LoginRedirectRefusal::Unregistered(url) => page(
            "unregistered-return-url",
            "The app asks us to send you to an address that no app has registered here.",
        )
        .with_detail(url.as_str())
        .for_developer("Register this address as a login return URL of your application, in the developer console."),
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
    if redirect.is_whole() && !visitor.is_fresh(app.now()) {
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
        let allowed = login_redirect::allow(tx, now, &shared.mint, &wanted, (&session, &origin))?;
        if let (Some(true), Some(client), Some(_)) = (is_news, client, &allowed) {
            alerts::app_allowed(tx, (&shared.mail, &asker(now, &origin)), (&user, client))?;
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
    if redirect.is_whole() {
        &[
            "See your user name and your e-mail address",
            "See and change everything that is yours",
            "Change the settings of your account: its name, its tokens, and soon after a log-in delete it",
        ]
    } else {
        &["See your user name", "See and change everything that is yours, except the settings of your account"]
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
    let chrome = visitor.chrome(app);
    let here = here(request);
    let other_account_url = log_in::for_another(app, &here);
    let page = Continue {
        chrome: notice.map_or(chrome.clone(), |notice| chrome.with_notice(notice)),
        action: here,
        shown: redirect.shown_to(visitor.user.id),
        app_name: redirect.client.as_ref().map(|client| client.name.clone()),
        owner: owner.map_err(|error| PageError::unavailable(app, &error))?,
        is_verified: redirect.client.as_ref().is_some_and(|client| client.verified_at.is_some()),
        return_url: redirect.return_url.as_str().to_owned(),
        return_host: redirect.return_url.host(),
        is_on_this_device: redirect.return_url.is_loopback(),
        is_unregistered: redirect.is_unregistered(),
        username: visitor.user.username.clone(),
        may: may(redirect).iter().map(|sentence| (*sentence).to_owned()).collect(),
        lasts: format!("It works for {}, or until you log out here.", in_words(redirect.lifetime(&app.mint))),
        other_account_url,
    };
    Ok(render(StatusCode::OK, Forms::Leave, &page))
}
