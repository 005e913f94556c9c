//! `GET /oauth/jwks` — RFC 7517 §5.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::oauth::Refusal;
use crate::oauth::signing::{KeySet, list_published};
use crate::outcome::consult;
use crate::web::app::App;
use crate::web::error::TokenError;
use crate::web::published::answer;
use crate::web::rendered::Rendered;

/// The keys that our signatures are checked with. They may be kept for a quarter of an hour: a new key
/// is listed at least half an hour before it signs.
pub async fn get(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, TokenError> {
    let now = app.now();
    let keys = consult::<_, Refusal, _>(&app.store, move |db| Ok(list_published(db, now)?)).await;
    let keys = keys.map_err(|error| TokenError::new(&app, error))?;
    let ids = keys.iter().map(|key| key.id).collect();
    answer(&app, &request, &app.published.keys, ids, |_| Rendered::json("public, max-age=900", &KeySet::of(&keys)?))
}
