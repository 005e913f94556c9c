//! `GET /.well-known/security.txt`: where to report a vulnerability (RFC 9116), when the operator configured
//! a contact.

use actix_web::http::header::{HeaderValue, X_CONTENT_TYPE_OPTIONS};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, ResponseError};

use super::api::error::ApiError;
use super::app::App;
use super::error::TokenError;
use super::rendered::{DeliveryOptions, Rendered};
use crate::clock::UnixTime;

const DAY: i64 = 86_400;
/// How long the contact is valid, in days: less than a year (§2.5.5).
const DAYS: i64 = 364;
const MANNER: DeliveryOptions =
    DeliveryOptions { media_type: "text/plain; charset=utf-8", cache_control: "public, max-age=3600" };

/// Responds with the security contact.
pub async fn get(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, TokenError> {
    let Some(contact) = &app.config.security_contact else { return Ok(ApiError::not_found().error_response()) };
    let today = app.now().seconds().div_euclid(DAY);
    let ready =
        app.published.security_contact.of(today, |today| Ok(Rendered::new(MANNER, text(&app, contact, *today))));
    let mut response = ready?.answer(&request);
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}

fn text(app: &App, contact: &str, today: i64) -> String {
    let expires = UnixTime::from_seconds((today + DAYS) * DAY).rfc3339();
    let mut text = format!("Contact: {contact}\nExpires: {expires}\n");
    // All addresses that the file is available at (§2.5.2).
    let mut homes = vec![&app.public.origin, &app.public.issuer];
    homes.dedup();
    for home in homes {
        text.push_str(&format!("Canonical: {home}/.well-known/security.txt\n"));
    }
    text
}
