//! `/logout`: GET asks for confirmation, POST logs the browser out.

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use askama::Template;
use url::form_urlencoded;

use super::Message;
use crate::oauth::Refusal;
use crate::oauth::parameters::Parameters;
use crate::oauth::problem::Problem;
use crate::web::app::App;
use crate::web::browser::{BrowserSession, MaybeVisitor};
use crate::web::error::{PageError, TokenError};
use crate::web::page::{Layout, Link, is_navigation, ok, see_other};

/// The heading for a person whose browser has no session.
pub(in crate::web) const NOT_LOGGED_IN: &str = "You are not logged in here";
const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

/// The data of the template `log_out.html`.
#[derive(Clone, Debug, Template)]
#[template(path = "log_out.html")]
pub struct LogOut {
    pub layout: Layout,
    /// The address that the form is submitted to.
    pub action: String,
    /// The address where a person continues who does not log out.
    pub stay_url: String,
    /// The user name of the signed-in person.
    pub username: String,
}

fn next(app: &App, request: &HttpRequest) -> Option<String> {
    let parameters = Parameters::parse(request.query_string().as_bytes()).ok()?;
    parameters.get("next").and_then(|next| app.public.own_path(next))
}

/// Asks for confirmation, so that a link or an image of another site cannot log the person out.
pub async fn get(app: Data<App>, request: HttpRequest, visitor: MaybeVisitor) -> HttpResponse {
    let next = next(&app, &request);
    let Some(visitor) = visitor.0 else {
        return nothing_ended(&app, &request, |page| next.map_or(page, |next| see_other(&next)));
    };
    let query = next
        .as_ref()
        .map(|next| format!("?next={}", form_urlencoded::byte_serialize(next.as_bytes()).collect::<String>()));
    ok(&LogOut {
        stay_url: next.unwrap_or_else(|| app.public.path("/account")),
        layout: visitor.layout(&app),
        action: format!("{}{}", app.public.path("/logout"), query.unwrap_or_default()),
        username: visitor.user.username,
    })
}

/// Ends the session, its login-redirect tokens and unredeemed codes.
pub async fn post(app: Data<App>, request: HttpRequest, browser: BrowserSession) -> Result<HttpResponse, PageError> {
    let ended = browser.sign_out(&app).await?;
    let onward = |page| next(&app, &request).map_or(page, |next| see_other(&next));
    Ok(forgetting(match ended {
        Some(_) => onward(done(&app)),
        None => nothing_ended(&app, &request, onward),
    }))
}

/// Returns the response when there was no session: a status of its own for a program, and for a person a page
/// that does not claim a log-out. `onward` continues from that page as after a log-out.
pub(in crate::web) fn nothing_ended(
    app: &App,
    request: &HttpRequest,
    onward: impl FnOnce(HttpResponse) -> HttpResponse,
) -> HttpResponse {
    if !is_navigation(request) {
        return TokenError::from(Refusal::from(Problem::NothingEnded)).error_response();
    }
    onward(ok(&Message {
        layout: app.layout(),
        heading: NOT_LOGGED_IN.to_owned(),
        text: "This browser has no session on this server, so there was nothing to end.".to_owned(),
        action: Some(Link { label: "Log in".to_owned(), href: app.public.path("/login") }),
    }))
}

/// Adds a header that clears the browser's cache. Browsers keep pages in memory for the Back button even with
/// `no-store`.
pub(in crate::web) fn forgetting(mut response: HttpResponse) -> HttpResponse {
    response.headers_mut().insert(CLEAR_SITE_DATA, HeaderValue::from_static("\"cache\""));
    response
}

/// Returns the page after a log-out.
pub(in crate::web) fn done(app: &App) -> HttpResponse {
    ok(&Message {
        layout: app.layout(),
        heading: "You are logged out".to_owned(),
        text: "This browser is logged out of this server. Apps that you allowed stay allowed.".to_owned(),
        action: Some(Link { label: "Log in again".to_owned(), href: app.public.path("/login") }),
    })
}
