//! `/account/security/totp`: sets up and removes an authenticator app (RFC 6238).

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::{address_first, confirm, recovery_codes, security};
use crate::domain::secret::Secret;
use crate::domain::user::User;
use crate::identity::factors::{self, CodeRefusal, Offer};
use crate::outcome::{Error, transact};
use crate::web::app::App;
use crate::web::browser::{Visitor, log_in_first};
use crate::web::error::PageError;
use crate::web::page::{Forms, Layout, render, see_other};
use crate::web::pages::Form;
use crate::web::qr;

/// The path of this page.
const PATH: &str = "/account/security/totp";

/// The TOTP secret for an authenticator app, as QR code and as text.
#[derive(Clone)]
pub struct SetUpFields {
    /// The QR code, as SVG.
    pub picture: String,
    /// The secret, to be typed.
    pub secret: String,
    /// The encrypted secret, which the form submits again.
    pub offer: String,
}

impl std::fmt::Debug for SetUpFields {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("SetUpFields(…)")
    }
}

impl SetUpFields {
    /// Returns the fields that show an offered secret.
    pub fn of(app: &App, user: &User, offer: &Offer) -> Self {
        // The label of the account in the app. It contains the host, because a person may have accounts on
        // several servers.
        let host = app.public.origin.split("//").nth(1).unwrap_or_default();
        let uri = offer.seed.uri(host, &user.username);
        Self {
            picture: qr::svg(&uri, "Picture for your authenticator app").unwrap_or_default(),
            secret: offer.seed.in_groups(),
            offer: offer.sealed.expose().to_owned(),
        }
    }
}

/// The data of the template `account/totp.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "account/totp.html")]
pub struct TotpSetUp {
    pub layout: Layout,
    pub error: Option<String>,
    pub set_up: SetUpFields,
    /// Whether it replaces another authenticator app.
    pub replaces: bool,
}

fn stale(app: &App) -> HttpResponse {
    confirm::first(app, &app.public.path(PATH))
}

/// Shows a new secret, which is stored only after the app has produced a valid code.
pub async fn get(app: Data<App>, visitor: Visitor) -> Result<HttpResponse, PageError> {
    if let Some(page) = address_first(&app, &visitor) {
        return Err(page);
    }
    if !visitor.has_recent_authentication(app.now()) {
        return Ok(stale(&app));
    }
    let offer = factors::offer(&app.token_settings.keys, app.now(), visitor.user.id);
    show(&app, &visitor, &offer, None).await
}

async fn show(
    app: &Data<App>,
    visitor: &Visitor,
    offer: &Offer,
    error: Option<String>,
) -> Result<HttpResponse, PageError> {
    let user = visitor.user.id;
    let found = app.store.read(move |db| factors::find(db, user)).await;
    let replaces = found?.totp.is_some();
    let status = if error.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let set_up = SetUpFields::of(app, &visitor.user, offer);
    Ok(render(status, Forms::Stay, &TotpSetUp { layout: visitor.layout(app), error, set_up, replaces }))
}

/// Verifies the first code of the app, and stores its secret.
pub async fn post(
    app: Data<App>,
    request: HttpRequest,
    visitor: Visitor,
    Form(form): Form,
) -> Result<HttpResponse, PageError> {
    let now = app.now();
    if !visitor.has_recent_authentication(now) {
        return Ok(stale(&app));
    }
    // An offer that is older than an hour has expired, so the page shows a new one.
    let offered =
        factors::reopen(&app.token_settings.keys, now, visitor.user.id, form.get("offer").unwrap_or_default());
    let Some(offer) = offered else { return Ok(see_other(&app.public.path(PATH))) };
    let code = Secret::new(form.get("code").unwrap_or_default());
    let (sign_in_policy, origin, shared) =
        (app.sign_in_context().sign_in_policy(), app.origin_of(&request), app.clone());
    let (who, kept) = (visitor.clone(), offer.clone());
    let added = transact(&app.store, move |tx| {
        let Some(visitor) = who.recheck(tx, &shared, now)? else { return Ok(None) };
        let here = (&origin, Some(&visitor.session));
        factors::add_totp(tx, now, &sign_in_policy, (&visitor.user, &kept, &code), here).map(Some)
    });
    let added = added.await;
    app.mail.wake();
    match added {
        Ok(Some(Some(codes))) => {
            Ok(recovery_codes::shown_once(visitor.layout(&app), &codes, &security::location(&app, "app")))
        }
        Ok(Some(None)) => Ok(see_other(&security::location(&app, "app"))),
        Ok(None) => Ok(see_other(&log_in_first(&app, &app.public.path(PATH)))),
        Err(Error::Refused(CodeRefusal::NotProven)) => get(app, visitor).await,
        Err(Error::Refused(refusal)) => show(&app, &visitor, &offer, Some(refusal.to_string())).await,
        Err(Error::Failed(error)) => Err(error.into()),
    }
}

/// Removes the authenticator app, when the policy of the operator allows that.
pub async fn remove(app: Data<App>, request: HttpRequest, visitor: Visitor) -> Result<HttpResponse, PageError> {
    let now = app.now();
    if !visitor.has_recent_authentication(now) {
        return Ok(confirm::first(&app, &security::path(&app)));
    }
    let (sign_in_policy, origin, shared) =
        (app.sign_in_context().sign_in_policy(), app.origin_of(&request), app.clone());
    let removed = app.store.write(move |tx| {
        let Some(visitor) = visitor.recheck(tx, &shared, now)? else { return Ok(false) };
        let left = factors::find(tx, visitor.user.id)?.without_app();
        Ok(visitor.has_recent_authentication(now)
            && sign_in_policy.suffices(&visitor.user, &left)
            && factors::remove_totp(tx, now, &sign_in_policy, (&visitor.user, &origin))?)
    });
    let is_removed = removed.await?;
    app.mail.wake();
    Ok(see_other(&if is_removed { security::location(&app, "removed") } else { security::path(&app) }))
}
