//! `POST /oauth/revoke` (RFC 7009 §2.1).

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::token::{prove_client, read};
use crate::oauth::Refusal;
use crate::oauth::client_authentication::authenticate;
use crate::oauth::problem::Problem;
use crate::oauth::revocation::{self, Revocable};
use crate::outcome::{consult, transact};
use crate::web::app::App;
use crate::web::error::TokenError;

/// Revokes a token. The response to an unknown token is the same as for success.
pub async fn post(app: Data<App>, request: HttpRequest, payload: Payload) -> Result<HttpResponse, TokenError> {
    let parameters = read(&request, payload).await?;
    let (credentials, attempt) = prove_client(&app, &request, &parameters).await?;
    let missing = Refusal { problem: Problem::MissingParameter, cause: "token is missing" };
    let token = parameters.get("token").ok_or(missing).map_err(|refusal| attempt.refuse(refusal))?.to_owned();
    let (now, shared, asked) = (app.now(), app.clone(), token.clone());
    let examined = consult(&app.store, move |db| {
        let client = authenticate(db, now, &shared.token_settings, &shared.last_use, &credentials)?;
        Ok((revocation::examine(db, (&client, &asked, &shared.signer))?, client))
    });
    let (found, client) = attempt.finish(&app, examined.await).await?;
    if found == Revocable::Found {
        let shared = app.clone();
        let revoked = transact(&app.store, move |tx| revocation::revoke(tx, now, (&client, &token, &shared.signer)));
        attempt.finish(&app, revoked.await).await?;
    }
    // Some clients parse the body as JSON, although the RFC requires no body.
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(json!({})))
}
