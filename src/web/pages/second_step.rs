//! The page between the first factor and the session. It asks for the second factor, or sets one up when the
//! operator requires it. Its form is submitted to the log-in page, which knows the destination.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::account::totp::SetUpFields;
use crate::domain::secret::Secret;
use crate::domain::token::{SignInStep, Token};
use crate::domain::webauthn::{Assertion, WebAuthnError};
use crate::identity::factors::{self, CodeRefusal};
use crate::identity::passkeys::challenge::Purpose;
use crate::identity::passkeys::prove;
use crate::identity::second_step::{
    FinishedStep, PendingStep, SecondStepKind, SignInOutcome, StepProof, StepRefusal, find_pending, finish,
};
use crate::oauth::parameters::Parameters;
use crate::outcome::Error;
use crate::web::app::App;
use crate::web::browser::{BrowserSession, log_in_first};
use crate::web::error::PageError;
use crate::web::page::{Forms, Layout, RequestingApp, here, render, retry_after, see_other};
use crate::web::passkey::{self, PasskeyForm};
use crate::web::remembered_browser;

/// The data of the template `second_step.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "second_step.html")]
pub struct SecondStep {
    pub layout: Layout,
    /// The address of the log-in page, with the destination.
    pub action: String,
    pub error: Option<String>,
    /// Whether a passkey failed, so that the text fields are not marked as wrong.
    pub is_passkey_wrong: bool,
    /// The key of the pending step.
    pub step: String,
    /// The user name of the person who logs in.
    pub username: String,
    /// Whether the code was sent by email.
    pub is_mailed: bool,
    /// Whether the step accepts a passkey only.
    pub is_passkey_only: bool,
    /// The passkey form, as an alternative to the code.
    pub passkey: Option<PasskeyForm>,
    /// The application that sent the person.
    pub asking: Option<RequestingApp>,
}

/// The data of the template `second_step_set_up.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "second_step_set_up.html")]
pub struct SecondStepSetUp {
    pub layout: Layout,
    /// The address of the log-in page, with the destination.
    pub action: String,
    pub error: Option<String>,
    /// The key of the pending step.
    pub step: String,
    /// The user name of the person who logs in.
    pub username: String,
    /// The TOTP secret for the authenticator app.
    pub set_up: SetUpFields,
    /// The application that sent the person.
    pub asking: Option<RequestingApp>,
}

/// Continues after the first factor: signs the browser in and redirects it to `next`, a path of this server,
/// or shows the second step.
///
/// # Errors
/// When the store fails.
pub async fn enter(
    app: &Data<App>,
    browser: &BrowserSession,
    entered: SignInOutcome,
    next: &str,
) -> Result<HttpResponse, PageError> {
    match entered {
        SignInOutcome::SignedIn(key) => {
            browser.sign_in(app, &key).await?;
            Ok(see_other(next))
        }
        SignInOutcome::Step(step) => Ok(show(app, &step, (log_in_first(app, next), None), (StatusCode::OK, None))),
    }
}

/// Shows a step. `action` is the address of the log-in page.
pub fn show(
    app: &Data<App>,
    step: &PendingStep,
    (action, asking): (String, Option<RequestingApp>),
    (status, error): (StatusCode, Option<String>),
) -> HttpResponse {
    if step.asks == SecondStepKind::SetUp {
        let offer = factors::offer(&app.token_settings.keys, app.now(), step.user.id);
        return show_set_up(app, step, (action, asking), (status, error, &offer));
    }
    let options = passkey::asked_of(app, Purpose::Step(step.key.id()), &step.passkeys);
    let passkey = options.map(|options| PasskeyForm {
        action: action.clone(),
        label: "Use a passkey",
        step: Some(step.key.expose().to_owned()),
        is_alone: step.asks == SecondStepKind::Passkey,
        options,
        fills_in: false,
        gone: None,
    });
    let page = SecondStep {
        layout: app.layout(),
        passkey,
        is_passkey_only: step.asks == SecondStepKind::Passkey,
        action,
        is_passkey_wrong: error.as_deref() == Some(passkey::DID_NOT_WORK),
        error,
        step: step.key.expose().to_owned(),
        username: step.user.username.clone(),
        is_mailed: step.asks == SecondStepKind::MailedCode,
        asking,
    };
    render(status, Forms::Leave, &page)
}

fn show_set_up(
    app: &Data<App>,
    step: &PendingStep,
    (action, asking): (String, Option<RequestingApp>),
    (status, error, offer): (StatusCode, Option<String>, &factors::Offer),
) -> HttpResponse {
    let page = SecondStepSetUp {
        layout: app.layout(),
        action,
        error,
        step: step.key.expose().to_owned(),
        username: step.user.username.clone(),
        set_up: SetUpFields::of(app, &step.user, offer),
        asking,
    };
    render(status, Forms::Leave, &page)
}

/// The result of a step's form.
pub enum Outcome {
    /// The response: the browser is signed in and redirected, or the step is shown again.
    Answer(HttpResponse),
    /// The key belongs to no pending step.
    Ended,
}

/// Handles the form of a step, and then redirects to `next`, a path of this server.
///
/// # Errors
/// When the store fails.
pub async fn post(
    app: &Data<App>,
    request: &HttpRequest,
    (form, browser): (&Parameters, &BrowserSession),
    (next, asking): (&str, Option<RequestingApp>),
) -> Result<Outcome, PageError> {
    let key = form.get("step").map(Token::<SignInStep>::parse);
    let Some(Ok(key)) = key else { return Ok(Outcome::Ended) };
    let remembers = form.get("remember").is_some();
    if let Some(assertion) = passkey::assertion(form) {
        return by_passkey(app, request, (key, assertion, remembers), (browser, next, asking)).await;
    }
    let code = Secret::new(form.get("code").unwrap_or_default());
    let shown = match form.get("offer") {
        Some(sealed) => StepProof::SetUp(Secret::new(sealed), code),
        None => StepProof::Code(code),
    };
    let caller = (app.origin_of(request), remembers);
    let refusal = match finish(app.sign_in_context(), app.now(), (key.clone(), shown), caller).await {
        Ok(finished) => return signed_in(app, request, browser, (finished, next)).await.map(Outcome::Answer),
        Err(Error::Refused(refusal)) => refusal,
        Err(Error::Failed(error)) => return Err(error.into()),
    };
    let (status, refusal) = match refusal {
        StepRefusal::Ended => return Ok(Outcome::Ended),
        StepRefusal::Code(refusal @ CodeRefusal::Throttled(_)) => (StatusCode::TOO_MANY_REQUESTS, refusal),
        StepRefusal::Code(refusal) => (StatusCode::BAD_REQUEST, refusal),
    };
    let again = (request, asking, form.get("offer"));
    let outcome = show_again(app, &key, again, (status, refusal.to_string())).await?;
    Ok(match (outcome, refusal) {
        (Outcome::Answer(page), CodeRefusal::Throttled(seconds)) => Outcome::Answer(retry_after(page, seconds)),
        (outcome, _) => outcome,
    })
}

/// Finishes a step with a passkey. When the passkey fails, the step stays pending.
async fn by_passkey(
    app: &Data<App>,
    request: &HttpRequest,
    (key, assertion, remembers): (Token<SignInStep>, Result<Assertion, WebAuthnError>, bool),
    (browser, next, asking): (&BrowserSession, &str, Option<RequestingApp>),
) -> Result<Outcome, PageError> {
    if let (Ok(assertion), Some(party)) = (assertion, &app.public.relying_party) {
        let caller = (app.origin_of(request), remembers);
        match prove::finish_step(app.sign_in_context(), app.now(), party, (key.clone(), assertion), caller).await {
            Ok(finished) => return signed_in(app, request, browser, (finished, next)).await.map(Outcome::Answer),
            Err(Error::Refused(_)) => {}
            Err(Error::Failed(error)) => return Err(error.into()),
        }
    }
    let wrong = (StatusCode::BAD_REQUEST, passkey::DID_NOT_WORK.to_owned());
    show_again(app, &key, (request, asking, None), wrong).await
}

/// Shows the pending step again with an error message. A TOTP secret that is being set up stays the same.
async fn show_again(
    app: &Data<App>,
    key: &Token<SignInStep>,
    (request, asking, offered): (&HttpRequest, Option<RequestingApp>, Option<&str>),
    (status, message): (StatusCode, String),
) -> Result<Outcome, PageError> {
    let (now, sign_in_policy, key) = (app.now(), app.sign_in_context().sign_in_policy(), key.clone());
    let found = app.store.read(move |db| find_pending(db, now, &sign_in_policy, &key)).await;
    let Some(step) = found? else { return Ok(Outcome::Ended) };
    let action = here(request);
    let page = match offered.and_then(|sealed| factors::reopen(&app.token_settings.keys, now, step.user.id, sealed)) {
        Some(offer) => show_set_up(app, &step, (action, asking), (status, Some(message), &offer)),
        None => show(app, &step, (action, asking), (status, Some(message))),
    };
    Ok(Outcome::Answer(page))
}

async fn signed_in(
    app: &Data<App>,
    request: &HttpRequest,
    browser: &BrowserSession,
    (finished, next): (FinishedStep, &str),
) -> Result<HttpResponse, PageError> {
    browser.sign_in(app, &finished.session).await?;
    let mut answer = match &finished.recovery_codes {
        Some(codes) => super::account::recovery_codes::shown_once(app.layout(), codes, next),
        None => see_other(next),
    };
    if let Some(token) = &finished.remembered {
        remembered_browser::add(app, request, token, &mut answer);
    }
    Ok(answer)
}
