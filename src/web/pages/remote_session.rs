//! `/login?session=`: a person approves a program that waits for a log-in without a browser. The page asks
//! for the password again, and shows which program waits and from which address, because attackers also send
//! such links.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::Message;
use crate::clock::in_words;
use crate::domain::remote_session::{RemoteSession, code_of};
use crate::domain::secret::Secret;
use crate::domain::session::browser_in_words;
use crate::domain::user::User;
use crate::domain::webauthn::{Assertion, WebAuthnError};
use crate::identity::confirm::{Proofs, missing_proofs};
use crate::identity::factors;
use crate::identity::passkeys::challenge::Purpose;
use crate::identity::passkeys::prove;
use crate::identity::remote_session::{approve, approve_for, cancel, find_waiting, is_near};
use crate::oauth::parameters::Parameters;
use crate::outcome::Error;
use crate::store::Database;
use crate::web::app::App;
use crate::web::browser::Visitor;
use crate::web::error::PageError;
use crate::web::page::{Forms, Layout, here, ok, render};
use crate::web::passkey::{self, PasskeyForm};

/// The data of the template `remote_session.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "remote_session.html")]
pub struct RemoteSessionPage {
    pub layout: Layout,
    /// The address that the decision is submitted to: the address of the page itself.
    pub action: String,
    pub error: Option<String>,
    /// Whether a passkey failed, so that the text fields are not marked as wrong.
    pub is_passkey_wrong: bool,
    /// The program, from its `User-Agent` header.
    pub program: String,
    /// The code to compare with the code that the program may show.
    pub code: String,
    /// The network address that started the remote session.
    pub address: String,
    /// How long ago the remote session started, as text.
    pub started: String,
    /// Whether the person's browser is in the same network.
    pub is_near: bool,
    /// The user name of the signed-in person.
    pub username: String,
    /// Whether the page asks for a code as well, because this session did not show the second factor.
    pub wants_code: bool,
    /// The passkey form, which replaces password and code.
    pub passkey: Option<PasskeyForm>,
}

async fn waiting(app: &Data<App>, id: &str) -> Result<RemoteSession, PageError> {
    let (now, presented) = (app.now(), id.to_owned());
    let found = app.store.read(move |db| find_waiting(db, now, &presented)).await;
    let what = "A program waits ten minutes for its person, and a link works once.";
    let over = PageError::new(
        StatusCode::NOT_FOUND,
        "remote-session-over",
        "Nothing waits here",
        what,
        "Start again in the program.",
    );
    found?.ok_or(over)
}

/// Shows the waiting program.
///
/// # Errors
/// When the remote session does not wait or the store fails; the error is the page that says so.
pub async fn get(
    app: &Data<App>,
    request: &HttpRequest,
    (id, visitor): (&str, &Visitor),
) -> Result<HttpResponse, PageError> {
    let session = waiting(app, id).await?;
    show(app, request, (id, &session, visitor), None).await
}

/// Handles the decision. Approval requires the password.
///
/// # Errors
/// When the remote session does not wait or the store fails; the error is the page that says so.
pub async fn decide(
    app: &Data<App>,
    request: &HttpRequest,
    (id, visitor): (&str, &Visitor),
    form: &Parameters,
) -> Result<HttpResponse, PageError> {
    let session = waiting(app, id).await?;
    let now = app.now();
    if let Some(assertion) = passkey::assertion(form) {
        return by_passkey(app, request, (id, &session, visitor), assertion).await;
    }
    if form.get("decision") != Some("allow") {
        app.store.write(move |tx| cancel(tx, session.id)).await?;
        return Ok(done(app, visitor, "Cancelled", "The program was not logged in."));
    }
    let field = |name: &str| Secret::new(form.get(name).unwrap_or_default());
    let proofs = Proofs { password: field("password"), code: field("code") };
    let who = (&visitor.session, &visitor.user);
    match approve(app.sign_in_context(), now, who, (proofs, &visitor.origin), &session).await {
        Ok(true) => Ok(logged_in(app, visitor)),
        Ok(false) => Err(PageError::not_found()),
        Err(Error::Refused(refusal)) => show(app, request, (id, &session, visitor), Some(refusal.to_string())).await,
        Err(Error::Failed(error)) => Err(error.into()),
    }
}

async fn by_passkey(
    app: &Data<App>,
    request: &HttpRequest,
    (id, session, visitor): (&str, &RemoteSession, &Visitor),
    assertion: Result<Assertion, WebAuthnError>,
) -> Result<HttpResponse, PageError> {
    if let (Ok(assertion), Some(party)) = (assertion, &app.public.relying_party) {
        let (now, shown) = (app.now(), (party, Purpose::Approve(session.id), assertion));
        let (waiting, origin) = (session.clone(), visitor.origin.clone());
        let who = (&visitor.session, visitor.origin.clone());
        let let_in = move |tx: &mut Database, user: &User| approve_for(tx, now, (user, &origin), &waiting);
        match prove::confirm(app.sign_in_context(), now, shown, who, let_in).await {
            Ok(true) => return Ok(logged_in(app, visitor)),
            Ok(false) => return Err(PageError::not_found()),
            Err(Error::Refused(_)) => {}
            Err(Error::Failed(error)) => return Err(error.into()),
        }
    }
    show(app, request, (id, session, visitor), Some(passkey::DID_NOT_WORK.to_owned())).await
}

fn logged_in(app: &App, visitor: &Visitor) -> HttpResponse {
    done(app, visitor, "The program is logged in", "You can close this page and go back to it.")
}

fn done(app: &App, visitor: &Visitor, heading: &str, text: &str) -> HttpResponse {
    ok(&Message { layout: visitor.layout(app), heading: heading.to_owned(), text: text.to_owned(), action: None })
}

async fn show(
    app: &Data<App>,
    request: &HttpRequest,
    (id, session, visitor): (&str, &RemoteSession, &Visitor),
    error: Option<String>,
) -> Result<HttpResponse, PageError> {
    let (now, own) = (app.now(), visitor.session.clone());
    let (wanted, passkeys) = app
        .store
        .read(move |db| Ok((missing_proofs(db, now, &own)?, factors::find(db, own.user_id)?.passkeys)))
        .await?;
    let options = passkey::asked_of(app, Purpose::Approve(session.id), &passkeys);
    let passkey = options.map(|options| PasskeyForm {
        action: here(request),
        label: "Allow with a passkey",
        step: None,
        is_alone: false,
        options,
        fills_in: false,
        gone: None,
    });
    let status = if error.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let page = RemoteSessionPage {
        layout: visitor.layout(app),
        action: here(request),
        is_passkey_wrong: error.as_deref() == Some(passkey::DID_NOT_WORK),
        error,
        program: browser_in_words(&session.user_agent),
        code: code_of(id),
        address: session.address.clone(),
        started: format!("{} ago", in_words(app.now().since(session.created_at))),
        is_near: is_near(session, &app.origin_of(request).address),
        username: visitor.user.username.clone(),
        wants_code: wanted.code,
        passkey,
    };
    Ok(render(status, Forms::Stay, &page))
}
