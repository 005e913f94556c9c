//! The cookie of a remembered browser, which need not show the second factor for some time. It contains a
//! token for each of the few people who use the browser.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};

use super::app::App;
use crate::domain::second_factor::REMEMBERED;
use crate::domain::token::{RememberedBrowser, Token};
use crate::identity::second_step::Caller;

/// The maximum number of people that one browser is remembered for (our limit).
const MOST: usize = 5;

fn name(app: &App) -> &'static str {
    if app.public.is_https { "__Host-gatepost-remembered" } else { "gatepost-remembered" }
}

/// Returns the tokens that the browser sent.
fn tokens(app: &App, request: &HttpRequest) -> Vec<Token<RememberedBrowser>> {
    let cookie = request.cookie(name(app));
    let parts = cookie.iter().flat_map(|cookie| cookie.value().split('.'));
    parts.take(MOST).filter_map(|text| Token::parse(text).ok()).collect()
}

/// Returns the caller of a sign-in: where the request comes from, and the tokens of the browser.
pub fn caller(app: &App, request: &HttpRequest) -> Caller {
    Caller { origin: app.origin_of(request), remembered: tokens(app, request) }
}

/// Adds a token to the cookie. The oldest is removed when there are too many.
pub fn add(app: &App, request: &HttpRequest, new: &Token<RememberedBrowser>, answer: &mut HttpResponse) {
    let held = tokens(app, request);
    let others = held.iter().skip((held.len() + 1).saturating_sub(MOST));
    let value = others.map(Token::expose).chain([new.expose()]).collect::<Vec<_>>().join(".");
    let cookie = Cookie::build(name(app), value)
        .path("/")
        .secure(app.public.is_https)
        .http_only(true)
        .same_site(SameSite::Lax)
        .max_age(Duration::seconds(REMEMBERED))
        .finish();
    if let Err(error) = answer.add_cookie(&cookie) {
        tracing::error!(%error, "a cookie could not be written");
    }
}
