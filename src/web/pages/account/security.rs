//! `/account/security`: shows the credentials of a person, and what protects the sign-in.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use crate::clock::{UnixTime, in_words};
use crate::domain::second_factor::RememberedBrowserRecord;
use crate::domain::session::browser_in_words;
use crate::identity::factors;
use crate::identity::second_step::SecondStepKind;
use crate::oauth::parameters::Parameters;
use crate::store::remembered_browsers;
use crate::web::app::App;
use crate::web::browser::Visitor;
use crate::web::error::PageError;
use crate::web::page::{Layout, ok, see_other};

/// The path of this page.
const PATH: &str = "/account/security";
/// The values of the query parameter `done`, with the notice that each shows.
const DONE: [(&str, &str); 4] = [
    ("app", "Your authenticator app is set up. The next log-in asks for a code of it."),
    ("removed", "The authenticator app is removed. Logging in no longer asks for a code of it."),
    (
        "ended",
        "Everything else was ended. Now change your password, and remove each passkey and app that is not yours.",
    ),
    ("forgotten", "All browsers are forgotten. Each asks for the second step at its next log-in."),
];

/// A remembered browser, which need not show the second factor.
#[derive(Clone, Debug)]
pub struct RememberedRow {
    /// The browser and its operating system, as text.
    pub browser: String,
    /// The network address when the browser was remembered.
    pub address: String,
    /// When the browser was remembered, as text.
    pub since: String,
    /// When it stops being remembered, as text.
    pub ends: String,
}

/// The authenticator app of the person.
#[derive(Clone, Debug)]
pub struct AppRow {
    /// When it was set up, as text.
    pub added: String,
    /// When a code of it was last accepted, as text.
    pub last_used: String,
}

/// The data of the template `account/security.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "account/security.html")]
pub struct Security {
    pub layout: Layout,
    pub has_password: bool,
    pub app: Option<AppRow>,
    /// Whether the policy of the operator allows the person to remove the authenticator app.
    pub may_remove: bool,
    /// The second step that a log-in with the password requires.
    pub asks: Option<SecondStepKind>,
    /// The number of unused recovery codes.
    pub recovery_codes: usize,
    /// The number of passkeys.
    pub passkeys: usize,
    pub remembered: Vec<RememberedRow>,
}

/// Returns the location of this page with the query parameter `done`.
pub(in crate::web::pages) fn location(app: &App, done: &str) -> String {
    format!("{}?done={done}", app.public.path(PATH))
}

/// Returns the path of this page.
pub(super) fn path(app: &App) -> String {
    app.public.path(PATH)
}

/// Shows the credentials of the person, with a notice about the last change.
pub async fn get(app: Data<App>, request: HttpRequest, visitor: Visitor) -> Result<HttpResponse, PageError> {
    let query = Parameters::parse(request.query_string().as_bytes());
    let query = query?;
    let notice = DONE.iter().find(|(done, _)| query.get("done") == Some(done)).map(|(_, words)| *words);
    let (now, user) = (app.now(), visitor.user.id);
    let found = app.store.read(move |db| Ok((factors::find(db, user)?, remembered_browsers::list(db, now, user)?)));
    let (factors, remembered) = found.await?;
    let (sign_in_policy, layout) = (app.sign_in_context().sign_in_policy(), visitor.layout(&app));
    Ok(ok(&Security {
        layout: notice.map_or(layout.clone(), |notice| layout.with_notice(notice)),
        has_password: visitor.user.password_digest.is_some(),
        app: factors.totp.as_ref().map(|totp| AppRow {
            added: totp.created_at.readable(),
            last_used: super::last_used(now, totp.last_used_at),
        }),
        may_remove: sign_in_policy.suffices(&visitor.user, &factors.without_app()),
        asks: sign_in_policy.asks(&visitor.user, &factors),
        recovery_codes: factors.recovery_codes,
        passkeys: factors.passkeys.len(),
        remembered: remembered.iter().map(|browser| row(now, browser)).collect(),
    }))
}

fn row(now: UnixTime, browser: &RememberedBrowserRecord) -> RememberedRow {
    RememberedRow {
        browser: browser_in_words(&browser.user_agent),
        address: browser.address.clone(),
        since: browser.created_at.readable(),
        ends: format!("in {}", in_words(browser.expires_at.since(now))),
    }
}

/// Forgets all remembered browsers, including this one.
pub async fn forget(app: Data<App>, request: HttpRequest, visitor: Visitor) -> Result<HttpResponse, PageError> {
    let (now, user, origin) = (app.now(), visitor.user.id, app.origin_of(&request));
    app.store.write(move |tx| factors::forget_browsers(tx, now, user, &origin)).await?;
    Ok(see_other(&location(&app, "forgotten")))
}
