//! `/account/security/totp`: setting an authenticator app up, and taking it away.

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

/// Where this page is.
const PATH: &str = "/account/security/totp";

/// What an authenticator app is given, by picture and by text.
#[derive(Clone)]
pub struct SetUpFields {
    /// The picture, as SVG.
    pub picture: String,
    /// The secret, to be typed.
    pub secret: String,
    /// The same, sealed: what the form brings back.
    pub offer: String,
}

impl std::fmt::Debug for SetUpFields {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("SetUpFields(…)")
    }
}

impl SetUpFields {
    /// What a page shows of an offer.
    pub fn of(app: &App, user: &User, offer: &Offer) -> Self {
        // What the app will list the account by: the host, since people have several.
        let host = app.public.origin.split("//").nth(1).unwrap_or_default();
        let uri = offer.seed.uri(host, &user.username);
        Self {
            picture: qr::svg(&uri, "Picture for your authenticator app").unwrap_or_default(),
            secret: offer.seed.in_groups(),
            offer: offer.sealed.expose().to_owned(),
        }
    }
}

/// `account/totp.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "account/totp.html")]
pub struct TotpSetUp {
    /// The frame.
    pub layout: Layout,
    /// What was wrong.
    pub error: Option<String>,
    /// What the app is given.
    pub set_up: SetUpFields,
    /// Whether it takes another app's place.
    pub replaces: bool,
}

fn stale(app: &App) -> HttpResponse {
    confirm::first(app, &app.public.path(PATH))
}

/// Shows a new seed; it counts once a code of it comes back.
pub async fn get(app: Data<App>, visitor: Visitor) -> Result<HttpResponse, PageError> {
    if let Some(page) = address_first(&app, &visitor) {
        return Err(page);
    }
    if !visitor.has_recent_authentication(app.now()) {
        return Ok(stale(&app));
    }
    let offer = factors::offer(&app.token_settings.keys, app.now(), visitor.user.id);
    let offer = offer.map_err(|error| PageError::unavailable(&app, &error))?;
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
    let replaces = found.map_err(|error| PageError::unavailable(app, &error))?.totp.is_some();
    let status = if error.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let set_up = SetUpFields::of(app, &visitor.user, offer);
    Ok(render(status, Forms::Stay, &TotpSetUp { layout: visitor.layout(app), error, set_up, replaces }))
}

/// Takes the app's first code.
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
    // A page that lay open for more than an hour: a new picture.
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
        Err(Error::Failed(error)) => Err(PageError::unavailable(&app, &error)),
    }
}

/// Takes the app away, where the operator lets people be without.
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
    let is_removed = removed.await.map_err(|error| PageError::unavailable(&app, &error))?;
    app.mail.wake();
    Ok(see_other(&if is_removed { security::location(&app, "removed") } else { security::path(&app) }))
}
