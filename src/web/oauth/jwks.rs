//! `GET /oauth/jwks` (RFC 7517 §5).

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::oauth::signing::{list_published, public_set};
use crate::web::app::App;
use crate::web::error::TokenError;
use crate::web::published::KeyPeriod;
use crate::web::rendered::Rendered;

/// Responds with the public keys that verify the signatures of this server. They may be cached for 15
/// minutes, because a new key is published at least 30 minutes before it signs.
pub async fn get(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, TokenError> {
    let (now, kept) = (app.now(), &app.published.keys);
    let edition = app.store.edition().await?;
    if let Some(ready) = kept.find(|term| term.holds(edition, now)) {
        return Ok(ready.answer(&request));
    }
    let (edition, keys) = app.store.read(move |db| Ok((db.edition()?, list_published(db, now)?))).await?;
    let until = keys.iter().filter_map(|key| key.ends_at).min();
    let rendered = public_set(&keys).and_then(|keys| Rendered::json("public, max-age=900", &keys));
    let rendered = rendered?;
    Ok(kept.insert(edition.map(|edition| KeyPeriod { edition, from: now, until }), rendered).answer(&request))
}
