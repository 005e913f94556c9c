//! `/account/confirm`: "is it still you?", before something sensitive, and where an app wants the second
//! factor too (`level=2`).

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use url::form_urlencoded::byte_serialize;

use crate::domain::passkey::Passkey;
use crate::domain::secret::Secret;
use crate::domain::webauthn::{Assertion, WebAuthnError};
use crate::identity::confirm::{Proofs, Wanted, confirm_session, wanted};
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

/// `account/confirm.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "account/confirm.html")]
pub struct Confirm {
    /// The frame.
    pub layout: Layout,
    /// Where the form goes: the same address.
    pub action: String,
    /// What was wrong.
    pub error: Option<String>,
    /// Whether that was a passkey, so that the fields are not marked.
    pub is_passkey_wrong: bool,
    /// Who is signed in, for password managers.
    pub username: String,
    /// What is asked for.
    pub wanted: Wanted,
    /// What stands for all of it.
    pub passkey: Option<PasskeyForm>,
}

/// What is missing, and the passkeys that stand for it.
struct Missing {
    wanted: Wanted,
    passkeys: Vec<Passkey>,
}

/// Sends a person to confirm before they go on to `next`.
pub(in crate::web) fn first(app: &App, next: &str) -> HttpResponse {
    see_other(&location(app, next))
}

fn location(app: &App, next: &str) -> String {
    format!("{}?next={}", app.public.path("/account/confirm"), byte_serialize(next.as_bytes()).collect::<String>())
}

/// The same where the second factor is wanted whenever it was last shown.
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

/// What the page asks for; nothing when the person goes on without.
async fn asked(app: &Data<App>, request: &HttpRequest, visitor: &Visitor) -> Result<Option<Missing>, PageError> {
    let (now, session) = (app.now(), visitor.session.clone());
    let found =
        app.store.read(move |db| Ok((wanted(db, now, &session)?, factors::find(db, session.user_id)?.passkeys))).await;
    let (wanted, passkeys) = found.map_err(|error| PageError::unavailable(app, &error))?;
    // Where the second factor is the point, a password besides the passkey would prove nothing more.
    let is_passkey_wanted = wanted.passkey && (is_about_factor(request) || visitor.session.owes_factor);
    let wanted = Wanted { passkey: is_passkey_wanted, password: wanted.password && !is_passkey_wanted, ..wanted };
    let may_pass =
        visitor.has_recent_authentication(now) && !(is_about_factor(request) && (wanted.code || wanted.passkey));
    Ok((!may_pass && !wanted.is_nothing()).then_some(Missing { wanted, passkeys }))
}

/// Asks for what is missing.
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
    // What waits behind it may be an app.
    let layout = visitor.layout(app);
    render(status, Forms::Leave, &Confirm { layout, action, error, is_passkey_wrong, username, wanted, passkey })
}

/// Judges it, and notes when it was.
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
        Err(Error::Failed(error)) => Err(PageError::unavailable(&app, &error)),
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
            Err(Error::Failed(error)) => return Err(PageError::unavailable(app, &error)),
        }
    }
    let error = Some(passkey::DID_NOT_WORK.to_owned());
    Ok(show(app, request, (visitor, missing), (StatusCode::BAD_REQUEST, error)))
}
