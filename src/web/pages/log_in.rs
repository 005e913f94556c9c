//! `/login` in any letter case: the log-in page. After it the person continues to the page that they wanted.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use url::form_urlencoded;

use super::log_out::forgetting;
use super::{Form, continue_to, remote_session, restore_account, second_step};
use crate::domain::secret::Secret;
use crate::domain::webauthn::{Assertion, WebAuthnError};
use crate::identity::login_redirect::{self, LoginRedirect};
use crate::identity::passkeys::challenge::Purpose;
use crate::identity::passkeys::prove;
use crate::identity::second_step::SignInOutcome;
use crate::identity::sign_in::{SignInRefusal, SubmittedCredentials, sign_in};
use crate::identity::throttle::Throttled;
use crate::oauth::parameters::Parameters;
use crate::outcome::Error;
use crate::web::app::App;
use crate::web::browser::{BrowserSession, MaybeVisitor, Visitor, log_in_first};
use crate::web::error::PageError;
use crate::web::oauth::authorize;
use crate::web::page::{Forms, Layout, RequestingApp, here, render, retry_after, see_other};
use crate::web::passkey::{self, PasskeyForm};
use crate::web::remembered_browser;

/// The data of the template `log_in.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "log_in.html")]
pub struct LogIn {
    pub layout: Layout,
    /// The address that the form is submitted to: the address of the page itself.
    pub action: String,
    pub error: Option<String>,
    /// Whether a passkey failed, so that the text fields are not marked as wrong.
    pub is_passkey_wrong: bool,
    /// The user name, as entered or as suggested by the application.
    pub username: String,
    /// The application that sent the person to log in.
    pub asking: Option<RequestingApp>,
    /// The form to log in with a passkey, when the server supports passkeys.
    pub passkey: Option<PasskeyForm>,
    pub reset_url: String,
    /// The address of the registration page, when registration is open.
    pub register_url: Option<String>,
}

/// Where a person continues after the log-in.
pub(super) enum Onward {
    /// At a path of this server.
    Here(String),
    /// At an application, by a login redirect.
    Away(Box<LoginRedirect>),
}

impl Onward {
    /// Parses the destination in the query of a page before the log-in.
    pub(super) async fn parse(app: &Data<App>, query: &str, visitor: Option<&Visitor>) -> Result<Self, PageError> {
        if let Some(redirect) = continue_to::examine(app, query, visitor).await? {
            return Ok(Self::Away(Box::new(redirect)));
        }
        let parameters = Parameters::parse(query.as_bytes());
        let parameters = parameters?;
        let next = parameters.get("next").and_then(|next| app.public.own_path(next));
        Ok(Self::Here(next.unwrap_or_else(|| app.public.path("/account"))))
    }

    /// Returns the address to continue at after a log-in at this request's address.
    fn next(&self, request: &HttpRequest) -> String {
        match self {
            Self::Here(next) => next.clone(),
            Self::Away(_) => here(request),
        }
    }

    /// Returns the query of the authorization request, when that is the destination.
    fn authorization_query<'a>(&'a self, app: &App) -> Option<&'a str> {
        let Self::Here(next) = self else { return None };
        next.strip_prefix(app.public.base.as_str())?.strip_prefix("/oauth/authorize?")
    }

    /// Returns the login redirect that a log-in of another person leads to, when that is the destination.
    async fn redirect_behind(&self, app: &Data<App>) -> Result<Option<LoginRedirect>, PageError> {
        let Self::Here(next) = self else { return Ok(None) };
        let (path, query) = next.split_once('?').unwrap_or((next, ""));
        let is_log_in = path.strip_suffix('/').unwrap_or(path).eq_ignore_ascii_case(&app.public.path("/login"));
        if is_log_in { continue_to::examine(app, query, None).await } else { Ok(None) }
    }

    /// Returns the application that sent the person.
    ///
    /// # Errors
    /// When the store fails, or the address cannot be parsed.
    pub(super) async fn asking(&self, app: &Data<App>) -> Result<Option<RequestingApp>, PageError> {
        let behind = self.redirect_behind(app).await?;
        let redirect = match self {
            Self::Away(redirect) => Some(redirect.as_ref()),
            Self::Here(_) => behind.as_ref(),
        };
        if let Some(redirect) = redirect {
            let host = redirect.return_url.host();
            let name = redirect
                .client
                .as_ref()
                .map_or_else(|| "a program on this device".to_owned(), |client| client.name.clone());
            let name = if redirect.is_unregistered() { host.clone() } else { name };
            return Ok(Some(RequestingApp { name, host, login_hint: None }));
        }
        match self.authorization_query(app) {
            Some(query) => authorize::asking(app, query).await,
            None => Ok(None),
        }
    }

    /// Returns whether a signed-in person must log in again before they continue.
    async fn must_log_in(&self, app: &Data<App>, visitor: &Visitor) -> Result<bool, PageError> {
        match self.authorization_query(app) {
            Some(query) => authorize::must_log_in(app, query, visitor).await,
            None => Ok(false),
        }
    }
}

/// Returns the address of the log-in page for another person than the signed-in one. They continue to `next`,
/// a path of this server.
pub(super) fn for_another(app: &App, next: &str) -> String {
    format!("{}&another=yes", log_in_first(app, next))
}

fn is_for_another(request: &HttpRequest) -> bool {
    let parameters = Parameters::parse(request.query_string().as_bytes()).ok();
    parameters.is_some_and(|parameters| parameters.get("another") == Some("yes"))
}

/// Returns the id of the remote session in the query (`/login?session=`).
fn remote_session_id(request: &HttpRequest) -> Option<String> {
    login_redirect::parse(request.query_string()).ok()?.session
}

/// Shows the page, or continues when the person is signed in already.
pub async fn get(app: Data<App>, request: HttpRequest, visitor: MaybeVisitor) -> Result<HttpResponse, PageError> {
    if let Some(id) = remote_session_id(&request) {
        return match visitor.0 {
            Some(visitor) => remote_session::get(&app, &request, (&id, &visitor)).await,
            None => Ok(see_other(&log_in_first(&app, &here(&request)))),
        };
    }
    match (Onward::parse(&app, request.query_string(), visitor.0.as_ref()).await?, visitor.0) {
        (Onward::Away(redirect), Some(visitor)) => continue_to::get(&app, &request, (*redirect, &visitor)).await,
        (onward, Some(visitor)) if onward.must_log_in(&app, &visitor).await? => {
            let said = Said { username: visitor.user.username, ..Said::default() };
            show(&app, &request, &onward, (StatusCode::OK, said)).await
        }
        (Onward::Here(next), Some(_)) if !is_for_another(&request) => Ok(see_other(&next)),
        (onward, _) => show(&app, &request, &onward, (StatusCode::OK, Said::default())).await,
    }
}

/// Handles the password, or the decision of the page that follows the log-in.
pub async fn post(
    app: Data<App>,
    request: HttpRequest,
    visitor: MaybeVisitor,
    browser: BrowserSession,
    Form(form): Form,
) -> Result<HttpResponse, PageError> {
    if let Some(id) = remote_session_id(&request) {
        return match visitor.0 {
            Some(visitor) => remote_session::decide(&app, &request, (&id, &visitor), &form).await,
            None => Ok(see_other(&log_in_first(&app, &here(&request)))),
        };
    }
    let onward = Onward::parse(&app, request.query_string(), visitor.0.as_ref()).await?;
    if form.get("shown").is_some()
        && let Onward::Away(redirect) = onward
    {
        return match visitor.0 {
            Some(visitor) => continue_to::decide(&app, &request, (*redirect, &visitor), &form).await,
            None => Ok(see_other(&here(&request))),
        };
    }
    if form.get("decision") == Some("deny") {
        return cancel(&app, &onward).await;
    }
    let answer = if form.get("step").is_some() {
        second_step(&app, &request, (&onward, &form), (&browser, visitor)).await?
    } else if let Some(assertion) = passkey::assertion(&form) {
        log_in_by_passkey(&app, &request, (&onward, assertion), &browser).await?
    } else {
        log_in(&app, &request, (&onward, &form), &browser).await?
    };
    // The pages of the person before must not come back from the browser's cache.
    Ok(if is_for_another(&request) { forgetting(answer) } else { answer })
}

/// Handles the form of the second step.
async fn second_step(
    app: &Data<App>,
    request: &HttpRequest,
    (onward, form): (&Onward, &Parameters),
    (browser, visitor): (&BrowserSession, MaybeVisitor),
) -> Result<HttpResponse, PageError> {
    let (next, asking) = (onward.next(request), onward.asking(app).await?);
    match second_step::post(app, request, (form, browser), (&next, asking)).await? {
        second_step::Outcome::Answer(answer) => Ok(answer),
        // The step was finished before, by a second click or in another tab: the same address continues.
        second_step::Outcome::Ended if visitor.0.is_some() => Ok(see_other(&here(request))),
        second_step::Outcome::Ended => {
            let message = "This log-in took too long, or a code was wrong too often. Type your password again.";
            let said = Said { error: Some(message.to_owned()), ..Said::default() };
            show(app, request, onward, (StatusCode::BAD_REQUEST, said)).await
        }
    }
}

/// Logs a person in with a passkey. The error message is the same for every cause.
async fn log_in_by_passkey(
    app: &Data<App>,
    request: &HttpRequest,
    (onward, assertion): (&Onward, Result<Assertion, WebAuthnError>),
    browser: &BrowserSession,
) -> Result<HttpResponse, PageError> {
    let mut gone = None;
    if let (Ok(assertion), Some(party)) = (assertion, &app.public.relying_party) {
        let (id, origin) = (assertion.credential_id.clone(), app.origin_of(request));
        match prove::sign_in(app.sign_in_context(), app.now(), party, (assertion, origin)).await {
            Ok(entered) => return second_step::enter(app, browser, entered, &onward.next(request)).await,
            Err(Error::Refused(refusal)) => gone = refusal.is_gone.then_some(id),
            Err(Error::Failed(error)) => return Err(error.into()),
        }
    }
    let said = Said { error: Some(passkey::DID_NOT_WORK.to_owned()), gone, ..Said::default() };
    show(app, request, onward, (StatusCode::BAD_REQUEST, said)).await
}

async fn log_in(
    app: &Data<App>,
    request: &HttpRequest,
    (onward, form): (&Onward, &Parameters),
    browser: &BrowserSession,
) -> Result<HttpResponse, PageError> {
    let username = form.get("username").unwrap_or_default().to_owned();
    let password = Secret::new(form.get("password").unwrap_or_default());
    let credentials = SubmittedCredentials { login: username.clone(), password, origin: app.origin_of(request) };
    let remembered = remembered_browser::caller(app, request).remembered;
    let refusal = match sign_in(app.sign_in_context(), app.now(), (credentials, remembered)).await {
        Ok(SignInOutcome::Step(step)) => {
            let way = (here(request), onward.asking(app).await?);
            return Ok(second_step::show(app, &step, way, (StatusCode::OK, None)));
        }
        Ok(entered) => return second_step::enter(app, browser, entered, &onward.next(request)).await,
        Err(Error::Refused(refusal)) => refusal,
        Err(Error::Failed(error)) => return Err(error.into()),
    };
    let username: String = username.chars().take(256).collect();
    match refusal {
        SignInRefusal::Busy => Err(PageError::busy().with_link("Try again", &here(request))),
        SignInRefusal::BeingDeleted(user) => restore_account::offer(app, user).await,
        SignInRefusal::Wrong
        | SignInRefusal::NoPassword
        | SignInRefusal::CodeRequired
        | SignInRefusal::BrowserRequired
        | SignInRefusal::Code(_) => {
            let message = "The user name or the password is wrong.".to_owned();
            let said = Said { username, error: Some(message), gone: None };
            show(app, request, onward, (StatusCode::BAD_REQUEST, said)).await
        }
        SignInRefusal::Throttled(seconds) => {
            let message = Throttled(seconds).to_string();
            let said = Said { username, error: Some(message), gone: None };
            Ok(retry_after(show(app, request, onward, (StatusCode::TOO_MANY_REQUESTS, said)).await?, seconds))
        }
    }
}

/// Returns to the application without a token, or to the front page when there is no application.
async fn cancel(app: &Data<App>, onward: &Onward) -> Result<HttpResponse, PageError> {
    if let Onward::Away(redirect) = onward {
        return Ok(see_other(&redirect.denial()));
    }
    if let Some(redirect) = onward.redirect_behind(app).await? {
        return Ok(see_other(&redirect.denial()));
    }
    let denial = match onward.authorization_query(app) {
        Some(query) => authorize::cancel(app, query).await?,
        None => None,
    };
    Ok(denial.unwrap_or_else(|| see_other(&app.public.path("/"))))
}

/// What the page shows about the previous attempt.
#[derive(Default)]
struct Said {
    username: String,
    error: Option<String>,
    /// The id of a passkey that the server does not know.
    gone: Option<String>,
}

async fn show(
    app: &Data<App>,
    request: &HttpRequest,
    onward: &Onward,
    (status, Said { username, error, gone }): (StatusCode, Said),
) -> Result<HttpResponse, PageError> {
    let here = here(request);
    let next = onward.next(request);
    let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
    let asking = onward.asking(app).await?;
    // The entered user name has priority, then the hint of the application, then the user name of the
    // signed-in person.
    let hint = asking.as_ref().and_then(|asking| asking.login_hint.as_deref()).filter(|_| error.is_none());
    let username = hint.map_or(username, |hint| hint.chars().take(256).collect());
    let passkey = passkey::asked(app, Purpose::SignIn).map(|options| PasskeyForm {
        action: here.clone(),
        label: "Log in with a passkey",
        step: None,
        is_alone: false,
        options,
        fills_in: true,
        gone,
    });
    let page = LogIn {
        layout: app.layout(),
        passkey,
        action: here,
        is_passkey_wrong: error.as_deref() == Some(passkey::DID_NOT_WORK),
        error,
        username,
        asking,
        reset_url: format!("{}?next={next}", app.public.path("/reset")),
        register_url: app
            .config
            .registration
            .is_open()
            .then(|| format!("{}?next={next}", app.public.path("/register"))),
    };
    Ok(render(status, Forms::Leave, &page))
}
