//! `/account/confirm`: asks a signed-in person to authenticate again before a sensitive action. With
//! `level=2` it also asks for the second factor, for an application that requires it.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use url::form_urlencoded::byte_serialize;

use crate::domain::passkey::Passkey;
use crate::domain::secret::Secret;
use crate::domain::webauthn::{Assertion, WebAuthnError};
use crate::identity::confirm::{MissingProofs, Proofs, confirm_session, missing_proofs};
use crate::identity::factors;
use crate::identity::passkeys::challenge::Purpose;
use crate::identity::passkeys::prove;
use crate::oauth::parameters::Parameters;
use crate::outcome::Error;
use crate::web::app::App;
use crate::web::browser::Visitor;
use crate::web::error::PageError;
use crate::web::page::{Forms, Layout, here, render, see_other};
use crate::web::pages::Form;
use crate::web::passkey::{self, PasskeyForm};

/// The data of the template `account/confirm.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "account/confirm.html")]
pub struct Confirm {
    pub layout: Layout,
    /// The address that the form is submitted to: the address of the page itself.
    pub action: String,
    pub error: Option<String>,
    /// Whether a passkey failed, so that the text fields are not marked as wrong.
    pub is_passkey_wrong: bool,
    /// The user name of the signed-in person, for password managers.
    pub username: String,
    /// The proofs that the page asks for.
    pub wanted: MissingProofs,
    /// The passkey form, which replaces all the other proofs.
    pub passkey: Option<PasskeyForm>,
}

/// The proofs that are missing, and the passkeys that can replace them.
struct Missing {
    wanted: MissingProofs,
    passkeys: Vec<Passkey>,
}

/// Redirects a person to confirm before they continue to `next`.
pub(in crate::web) fn first(app: &App, next: &str) -> HttpResponse {
    see_other(&location(app, next))
}

fn location(app: &App, next: &str) -> String {
    format!("{}?next={}", app.public.path("/account/confirm"), byte_serialize(next.as_bytes()).collect::<String>())
}

/// Returns the location of this page that always asks for the second factor, however recently it was used.
pub(in crate::web) fn second_factor_location(app: &App, next: &str) -> String {
    format!("{}&level=2", location(app, next))
}

fn next(app: &App, request: &HttpRequest) -> String {
    let parameters = Parameters::parse(request.query_string().as_bytes()).ok();
    let next =
        parameters.as_ref().and_then(|parameters| parameters.get("next")).and_then(|next| app.public.own_path(next));
    next.unwrap_or_else(|| app.public.path("/account"))
}

fn is_about_factor(request: &HttpRequest) -> bool {
    let parameters = Parameters::parse(request.query_string().as_bytes()).ok();
    parameters.is_some_and(|parameters| parameters.get("level") == Some("2"))
}

/// Returns what the page asks for, or `None` when the person may continue without.
async fn asked(app: &Data<App>, request: &HttpRequest, visitor: &Visitor) -> Result<Option<Missing>, PageError> {
    let (now, session) = (app.now(), visitor.session.clone());
    let found = app
        .store
        .read(move |db| Ok((missing_proofs(db, now, &session)?, factors::find(db, session.user_id)?.passkeys)))
        .await;
    let (wanted, passkeys) = found?;
    // When the second factor is required, a password in addition to the passkey would prove nothing more.
    let is_passkey_wanted = wanted.passkey && (is_about_factor(request) || visitor.session.second_factor_pending);
    let wanted =
        MissingProofs { passkey: is_passkey_wanted, password: wanted.password && !is_passkey_wanted, ..wanted };
    let may_pass =
        visitor.has_recent_authentication(now) && !(is_about_factor(request) && (wanted.code || wanted.passkey));
    Ok((!may_pass && !wanted.is_nothing()).then_some(Missing { wanted, passkeys }))
}

/// Shows the form, or redirects when nothing is missing.
pub async fn get(app: Data<App>, request: HttpRequest, visitor: Visitor) -> Result<HttpResponse, PageError> {
    match asked(&app, &request, &visitor).await? {
        Some(missing) => Ok(show(&app, &request, (&visitor, missing), (StatusCode::OK, None))),
        None => Ok(see_other(&next(&app, &request))),
    }
}

fn show(
    app: &App,
    request: &HttpRequest,
    (visitor, Missing { wanted, passkeys }): (&Visitor, Missing),
    (status, error): (StatusCode, Option<String>),
) -> HttpResponse {
    let (action, username) = (here(request), visitor.user.username.clone());
    let is_passkey_wrong = error.as_deref() == Some(passkey::DID_NOT_WORK);
    let options = passkey::asked_of(app, Purpose::Confirm(visitor.session.id), &passkeys);
    let passkey = options.map(|options| PasskeyForm {
        action: action.clone(),
        label: "Use a passkey",
        step: None,
        is_alone: wanted.passkey,
        options,
        fills_in: false,
        gone: None,
    });
    // The redirect after the form may lead to an application.
    let layout = visitor.layout(app);
    render(status, Forms::Leave, &Confirm { layout, action, error, is_passkey_wrong, username, wanted, passkey })
}

/// Verifies the proofs, and records the time of the confirmation in the session.
pub async fn post(
    app: Data<App>,
    request: HttpRequest,
    visitor: Visitor,
    Form(form): Form,
) -> Result<HttpResponse, PageError> {
    let Some(missing) = asked(&app, &request, &visitor).await? else { return Ok(see_other(&next(&app, &request))) };
    if let Some(assertion) = passkey::assertion(&form) {
        return by_passkey(&app, &request, (&visitor, missing), assertion).await;
    }
    let field = |name: &str| Secret::new(form.get(name).unwrap_or_default());
    let proofs = Proofs { password: field("password"), code: field("code") };
    let who = (&visitor.session, &visitor.user);
    match confirm_session(app.sign_in_context(), app.now(), who, (proofs, &app.origin_of(&request))).await {
        Ok(()) => Ok(see_other(&next(&app, &request))),
        Err(Error::Refused(refusal)) => {
            let error = Some(refusal.to_string());
            Ok(show(&app, &request, (&visitor, missing), (StatusCode::BAD_REQUEST, error)))
        }
        Err(Error::Failed(error)) => Err(error.into()),
    }
}

async fn by_passkey(
    app: &Data<App>,
    request: &HttpRequest,
    (visitor, missing): (&Visitor, Missing),
    assertion: Result<Assertion, WebAuthnError>,
) -> Result<HttpResponse, PageError> {
    if let (Ok(assertion), Some(party)) = (assertion, &app.public.relying_party) {
        let shown = (party, Purpose::Confirm(visitor.session.id), assertion);
        let who = (&visitor.session, app.origin_of(request));
        match prove::confirm(app.sign_in_context(), app.now(), shown, who, |_, _| Ok(())).await {
            Ok(()) => return Ok(see_other(&next(app, request))),
            Err(Error::Refused(_)) => {}
            Err(Error::Failed(error)) => return Err(error.into()),
        }
    }
    let error = Some(passkey::DID_NOT_WORK.to_owned());
    Ok(show(app, request, (visitor, missing), (StatusCode::BAD_REQUEST, error)))
}
