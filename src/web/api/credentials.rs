//! `POST /credentials/revoke`: everybody who finds a leaked token may revoke it. The response discloses nothing.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;

use super::error::ApiError;
use super::json;
use crate::domain::secret::Secret;
use crate::identity::leak::report;
use crate::tokens::find_by_secret::ReportedSecret;
use crate::tokens::leak::examine;
use crate::web::app::App;

/// The maximum number of tokens in one request.
const MOST: usize = 100;

/// Revokes the tokens that exist. The status is 202 for every body that can be parsed.
pub async fn revoke(app: Data<App>, request: HttpRequest, payload: Payload) -> Result<HttpResponse, ApiError> {
    let origin = app.origin_of(&request);
    let throttled = app.throttle.attempt_report(app.now(), &origin.address);
    throttled.map_err(|throttled| {
        ApiError::new(StatusCode::TOO_MANY_REQUESTS, "Too many calls. Try again later.").retry_after(throttled.0)
    })?;
    let body = json::read(payload).await?;
    let items = body.get("credentials").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let texts: Vec<Secret> = items.iter().take(MOST).filter_map(Value::as_str).map(Secret::new).collect();
    let (now, shared) = (app.now(), app.clone());
    // Unknown tokens are sorted out by a read, so that the write transaction contains only changes.
    let ours = app.store.read(move |db| {
        let mut ours = Vec::new();
        for text in &texts {
            let token = shared.signer.read(db, text.expose())?.ok();
            let reported = ReportedSecret { text: text.clone(), token };
            if examine(db, now, &reported)? {
                ours.push(reported);
            }
        }
        Ok(ours)
    });
    let ours = ours.await?;
    if !ours.is_empty() {
        let mail = app.mail.clone();
        app.store
            .write(move |tx| ours.iter().try_for_each(|reported| report(tx, now, (&mail, &origin), reported)))
            .await?;
        app.mail.wake();
    }
    Ok(HttpResponse::Accepted().finish())
}
