//! `/device`: a person enters the user code that a device shows, compares it, and decides (RFC 8628 §3.3).

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::consent::lasts;
use super::permissions::Permissions;
use super::{Form, Message};
use crate::clock::in_words;
use crate::domain::device_code::UserCode;
use crate::domain::session::browser_in_words;
use crate::identity::alerts;
use crate::identity::emailed_links::requester;
use crate::identity::throttle::{Throttled, prefix};
use crate::oauth::consent::Allowed;
use crate::oauth::device::{Decided, Waiting, approve, deny, find_waiting};
use crate::oauth::parameters::Parameters;
use crate::oauth::scopes;
use crate::outcome::Error;
use crate::store::{StoreError, clients};
use crate::web::app::App;
use crate::web::browser::{Visitor, log_in_first};
use crate::web::error::PageError;
use crate::web::page::{Forms, Layout, render, see_other};

/// The data of the template `device.html`, where the user code is entered.
#[derive(Clone, Debug, Template)]
#[template(path = "device.html")]
pub struct DevicePage {
    pub layout: Layout,
    /// The address that the form is submitted to.
    pub action: String,
    pub error: Option<String>,
    /// The user code, as entered or as given by the link.
    pub user_code: String,
    /// The user name of the signed-in person.
    pub username: String,
}

/// The data of the template `device_decision.html`, which shows what the device asks for.
#[derive(Clone, Debug, Template)]
#[template(path = "device_decision.html")]
pub struct DeviceDecision {
    pub layout: Layout,
    /// The address that the decision is submitted to.
    pub action: String,
    /// A digest of what the page shows. The decision counts only with the same digest.
    pub shown: String,
    /// The user code, to be compared with the code on the device.
    pub user_code: String,
    /// The name of the application on the device.
    pub app_name: String,
    pub owner: String,
    /// Whether the operator vouches for the application.
    pub is_verified: bool,
    /// The program that sent the request, from its `User-Agent` header.
    pub program: String,
    /// The network of the device: the part of the address that a household or company shares.
    pub place: String,
    /// How long ago the device sent the request, as text.
    pub started: String,
    /// Whether the person's browser is in the same network.
    pub is_near: bool,
    /// The requested permissions, for people.
    pub may: Permissions,
    /// How long the permissions last, as a sentence.
    pub lasts: String,
    /// The user name of the signed-in person.
    pub username: String,
}

/// Shows the form for the user code. A code in the link is prefilled, but it is not looked up, and the form
/// is not submitted by itself (RFC 8628 §3.3.1).
pub async fn get(app: Data<App>, request: HttpRequest, visitor: Visitor) -> HttpResponse {
    let query = Parameters::parse(request.query_string().as_bytes()).unwrap_or_default();
    let typed = query.get("user_code").unwrap_or_default();
    ask(&app, &visitor, typed, None)
}

fn ask(app: &App, visitor: &Visitor, typed: &str, error: Option<(StatusCode, String)>) -> HttpResponse {
    let status = error.as_ref().map_or(StatusCode::OK, |(status, _)| *status);
    let readable = |code: UserCode| code.expose();
    let page = DevicePage {
        layout: visitor.layout(app),
        action: app.public.path("/device"),
        error: error.map(|(_, message)| message),
        user_code: typed.parse().map_or_else(|_malformed| typed.chars().take(20).collect(), readable),
        username: visitor.user.username.clone(),
    };
    render(status, Forms::Stay, &page)
}

/// Handles the user code, and then the decision.
pub async fn post(
    app: Data<App>,
    request: HttpRequest,
    visitor: Visitor,
    Form(form): Form,
) -> Result<HttpResponse, PageError> {
    let typed = form.get("user_code").unwrap_or_default();
    let refuse = |status, message: &str| Ok(ask(&app, &visitor, typed, Some((status, message.to_owned()))));
    let Ok(code) = typed.parse::<UserCode>() else {
        return refuse(
            StatusCode::BAD_REQUEST,
            "A code has eight letters, such as BCDF-GHJK. Look again at the device.",
        );
    };
    let (now, person, address) = (app.now(), visitor.user.id.number(), app.origin_of(&request).address);
    let attempt = match app.throttle.attempt_user_code(now, person, &address) {
        Ok(attempt) => attempt.count_in_database(&app.store).await,
        Err(throttled) => Err(Error::Refused(throttled)),
    };
    let attempt = match attempt {
        Ok(attempt) => attempt,
        Err(Error::Refused(Throttled(seconds))) => {
            let message = format!("Too many wrong codes. Try again in {}.", in_words(seconds));
            return refuse(StatusCode::TOO_MANY_REQUESTS, &message);
        }
        Err(Error::Failed(error)) => return Err(error.into()),
    };
    let sought = code.clone();
    let found = app.store.read(move |db| find_waiting(db, now, &sought)).await;
    let Some(waiting) = found? else {
        let message = "No device waits with this code. Check every letter. If ten minutes have passed, start again on the device.";
        return refuse(StatusCode::BAD_REQUEST, message);
    };
    attempt.discard().await;
    match form.get("decision") {
        None => show(&app, &request, (&waiting, &code), &visitor).await,
        // The decision counts only for what was shown, and only from the person who saw it.
        Some("allow") if form.get("shown") != Some(waiting.shown_to(visitor.user.id).as_str()) => {
            show(&app, &request, (&waiting, &code), &visitor).await
        }
        Some(decision) => decide(&app, &waiting, &visitor, decision == "allow").await,
    }
}

async fn show(
    app: &Data<App>,
    request: &HttpRequest,
    (waiting, code): (&Waiting, &UserCode),
    visitor: &Visitor,
) -> Result<HttpResponse, PageError> {
    let (shared, asked) = (app.clone(), waiting.clone());
    let found = app.store.read(move |db| {
        let (client, asked) = (&asked.client, (&asked.device.scope, &asked.device.audience));
        let validated_offline = scopes::list_validating_offline(db, asked.1, asked.0)?;
        let owner = clients::find_owner_name(db, client)?.unwrap_or_default();
        // The person decides anew for each device, so nothing is marked as new.
        let may = Permissions::read(db, &shared.token_settings, asked, &Allowed::default())?;
        Ok::<_, StoreError>((owner, validated_offline, may))
    });
    let (owner, validated_offline, may) = found.await?;
    let (device, client) = (&waiting.device, &waiting.client);
    let page = DeviceDecision {
        layout: visitor.layout(app),
        action: app.public.path("/device"),
        shown: waiting.shown_to(visitor.user.id),
        user_code: code.expose(),
        app_name: client.name.clone(),
        owner,
        is_verified: client.verified_at.is_some(),
        program: browser_in_words(&device.user_agent),
        place: in_place(&device.network, &device.address),
        started: format!("{} ago", in_words(app.now().since(device.created_at))),
        is_near: device.network == prefix(&app.origin_of(request).address),
        may,
        lasts: lasts(app, (client, &device.scope), &validated_offline),
        username: visitor.user.username.clone(),
    };
    Ok(render(StatusCode::OK, Forms::Stay, &page))
}

/// Formats a network for people: the shared part of the address, with a mark that more follows.
fn in_place(network: &str, address: &str) -> String {
    match address.contains(':') && network.contains(':') {
        true => format!("{network}:…"),
        false if network == address => address.to_owned(),
        false => format!("{network}.…"),
    }
}

async fn decide(
    app: &Data<App>,
    waiting: &Waiting,
    visitor: &Visitor,
    is_allowed: bool,
) -> Result<HttpResponse, PageError> {
    let (now, shared, asked) = (app.now(), app.clone(), waiting.clone());
    let Visitor { session, user, origin } = visitor.clone();
    let decided = app.store.write(move |tx| {
        if !is_allowed {
            return deny(tx, now, &asked);
        }
        let is_news = alerts::is_news(tx, (user.id, asked.client.id), Some(&asked.device.scope))?;
        let decided = approve(tx, now, &shared.token_settings, &asked, (&session, &origin))?;
        if is_news && matches!(decided, Decided::Now) {
            alerts::app_allowed(tx, (&shared.mail, &requester(now, &origin)), (&user, &asked.client))?;
        }
        Ok(decided)
    });
    let decided = decided.await?;
    let (heading, text) = match (decided, is_allowed) {
        (Decided::LoggedOut, _) => return Ok(see_other(&log_in_first(app, &app.public.path("/device")))),
        (Decided::Before, _) => {
            ("Nothing waits here", "This was decided a moment ago, perhaps in another window. Look at the device.")
        }
        (Decided::Now, true) => ("Your device is logged in", "You can close this page and go back to the device."),
        (Decided::Now, false) => ("Cancelled", "The device was not logged in. You can close this page."),
    };
    let page =
        Message { layout: visitor.layout(app), heading: heading.to_owned(), text: text.to_owned(), action: None };
    Ok(render(StatusCode::OK, Forms::Stay, &page))
}
