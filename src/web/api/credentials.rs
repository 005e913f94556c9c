//! `POST /credentials/revoke` — whoever finds a token may kill it; nothing is disclosed.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;

use super::error::ApiError;
use super::json;
use crate::tokens::leak::end_leaked;
use crate::web::app::App;

/// Strings per call.
const MOST: usize = 100;

/// Kills what exists; 202 in any case.
pub async fn revoke(app: Data<App>, request: HttpRequest, payload: Payload) -> Result<HttpResponse, ApiError> {
    let origin = app.origin_of(&request);
    let throttled = app.throttle.attempt_report(app.now(), &origin.address);
    throttled.map_err(|throttled| {
        ApiError::new(StatusCode::TOO_MANY_REQUESTS, "Too many calls. Try again later.").retry_after(throttled.0)
    })?;
    let body = json::read(payload).await?;
    let Some(Value::Array(items)) = body.get("credentials") else {
        return Err(ApiError::invalid("credentials must be an array of texts."));
    };
    if items.len() > MOST {
        return Err(ApiError::invalid("At most 100 credentials a call."));
    }
    let read = |text: &str| (text.to_owned(), app.signer.read(text).ok());
    let found: Vec<_> = items.iter().filter_map(Value::as_str).map(read).collect();
    let now = app.now();
    app.store
        .write(move |tx| found.iter().try_for_each(|(text, token)| end_leaked(tx, now, (text, token.as_ref()))))
        .await?;
    Ok(HttpResponse::Accepted().finish())
}
