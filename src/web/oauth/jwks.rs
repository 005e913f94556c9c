//! `GET /oauth/jwks` — RFC 7517 §5.

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Data;
use serde_json::json;

use crate::oauth::Refusal;
use crate::oauth::signing::list_published;
use crate::outcome::consult;
use crate::web::app::App;
use crate::web::error::TokenError;

/// The keys that our signatures are checked with. They may be kept for a quarter of an hour: a new key
/// stands here at least half an hour before it signs.
pub async fn get(app: Data<App>) -> Result<HttpResponse, TokenError> {
    let now = app.now();
    let keys = consult::<_, Refusal, _>(&app.store, move |db| Ok(list_published(db, now)?)).await;
    let keys = keys.map_err(|error| TokenError::new(&app, error))?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "public, max-age=900")).json(json!({ "keys": keys })))
}
