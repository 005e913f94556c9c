//! `POST /oauth/par` — RFC 9126 §2.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::token::{knock, read};
use crate::oauth::client_authentication::authenticate;
use crate::oauth::pushed_request;
use crate::outcome::{consult, transact};
use crate::web::app::App;
use crate::web::error::TokenError;

/// Takes an authorization request, and answers the name under which a browser may bring it.
pub async fn post(app: Data<App>, request: HttpRequest, payload: Payload) -> Result<HttpResponse, TokenError> {
    let parameters = read(&app, &request, payload).await?;
    let (credentials, knock) = knock(&app, &request, &parameters).await?;
    let (now, shared) = (app.now(), app.clone());
    let examined = consult(&app.store, move |db| {
        let client = authenticate(db, now, &shared.mint, &credentials)?;
        let pushed = pushed_request::examine(db, &client, &parameters)?;
        Ok((client, pushed))
    });
    let (client, pushed) = examined.await.map_err(|error| knock.refuse(&app, error))?;
    let shared = app.clone();
    let kept =
        transact(&app.store, move |tx| Ok(pushed_request::keep(tx, now, &shared.mint, (&client, &pushed))?)).await;
    let request_uri = kept.map_err(|error| knock.refuse(&app, error))?;
    let answer = json!({ "request_uri": request_uri, "expires_in": app.mint.lifetimes.par });
    Ok(HttpResponse::Created().insert_header((CACHE_CONTROL, "no-store")).json(answer))
}
