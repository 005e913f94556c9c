//! `GET /.well-known/security.txt` — RFC 9116: whom to tell of a weakness, when the operator named somebody.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use actix_web::web::Data;
use actix_web::{HttpResponse, ResponseError};

use super::api::error::ApiError;
use super::app::App;
use crate::clock::UnixTime;

const DAY: i64 = 86_400;
/// Days that the contact is good for: less than a year (§2.5.5).
const DAYS: i64 = 364;

/// Says whom to tell.
pub async fn get(app: Data<App>) -> HttpResponse {
    let Some(contact) = &app.config.security_contact else { return ApiError::not_found().error_response() };
    let today = app.now().seconds().div_euclid(DAY);
    let expires = UnixTime::from_seconds((today + DAYS) * DAY).rfc3339();
    let mut text = format!("Contact: {contact}\nExpires: {expires}\n");
    // Each address at which it lies (§2.5.2).
    let mut homes = vec![&app.public.origin, &app.public.issuer];
    homes.dedup();
    for home in homes {
        text.push_str(&format!("Canonical: {home}/.well-known/security.txt\n"));
    }
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/plain; charset=utf-8"))
        .insert_header((CACHE_CONTROL, "public, max-age=3600"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(text)
}
