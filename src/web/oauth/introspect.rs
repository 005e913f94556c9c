//! `POST /oauth/introspect` (RFC 7662 §2.1).

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::token::{prove_client, read};
use crate::oauth::Refusal;
use crate::oauth::client_authentication::authenticate;
use crate::oauth::introspection::introspect;
use crate::oauth::problem::Problem;
use crate::outcome::consult_batched;
use crate::web::app::App;
use crate::web::error::TokenError;

/// Returns the state of a token to a caller that may know it.
pub async fn post(app: Data<App>, request: HttpRequest, payload: Payload) -> Result<HttpResponse, TokenError> {
    let parameters = read(&request, payload).await?;
    let (credentials, attempt) = prove_client(&app, &request, &parameters).await?;
    let missing = Refusal { problem: Problem::MissingParameter, cause: "token is missing" };
    let token = parameters.get("token").ok_or(missing).map_err(|refusal| attempt.refuse(refusal))?.to_owned();
    let (now, shared) = (app.now(), app.clone());
    let introspection = consult_batched(&app.store, move |db| {
        let client = authenticate(db, now, &shared.token_settings, &shared.last_use, &credentials)?;
        introspect(db, now, &shared.token_settings, &shared.last_use, (&client, &token, &shared.signer))
    });
    let introspection = attempt.finish(&app, introspection.await).await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(introspection))
}
