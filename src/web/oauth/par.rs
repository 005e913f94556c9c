//! `POST /oauth/par` (RFC 9126 §2).

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::token::{named, prove_client, read};
use crate::identity::throttle::prefix;
use crate::oauth::client_authentication::authenticate;
use crate::oauth::pushed_request;
use crate::outcome::{consult, transact};
use crate::web::app::App;
use crate::web::dpop;
use crate::web::error::TokenError;

/// Stores an authorization request, bound to the proven DPoP key (RFC 9449 §10.1), and returns its `request_uri`.
pub async fn post(app: Data<App>, request: HttpRequest, payload: Payload) -> Result<HttpResponse, TokenError> {
    let parameters = read(&request, payload).await?;
    let client = named(&request, &parameters);
    let refused = |refusal| TokenError::from(refusal).of_client(client.as_deref(), false);
    // Before the client's assertion is used up, because the client may have to send the request again with a nonce.
    let proven = dpop::proven(&app, &request, None).map_err(refused)?;
    let (credentials, attempt) = prove_client(&app, &request, &parameters).await?;
    let parameters = match &proven {
        Some(proven) => proven.named_in(parameters).map_err(refused)?,
        None => parameters,
    };
    let (now, shared, network) = (app.now(), app.clone(), prefix(&app.origin_of(&request).address));
    let here = network.clone();
    let examined = consult(&app.store, move |db| {
        let client = authenticate(db, now, &shared.token_settings, &shared.last_use, &credentials)?;
        let pushed = pushed_request::examine(db, &shared.token_settings, (&client, &parameters))?;
        pushed_request::admit(db, now, &client, &here)?;
        Ok((client, pushed))
    });
    let (client, pushed) = attempt.finish(&app, examined.await).await?;
    if let Some(proven) = &proven {
        attempt.finish(&app, proven.use_up(&app.store).await).await?;
    }
    let shared = app.clone();
    let store = if client.is_anybodys() { app.store.for_unauthenticated() } else { app.store.clone() };
    let kept = transact(&store, move |tx| {
        pushed_request::store_request(tx, now, &shared.token_settings, (&client, &pushed, &network))
    });
    let request_uri = attempt.finish(&app, kept.await).await?;
    let answer = json!({ "request_uri": request_uri, "expires_in": app.token_settings.lifetimes.par });
    let mut answer = HttpResponse::Created().insert_header((CACHE_CONTROL, "no-store")).json(answer);
    if proven.is_some() {
        dpop::add_nonce(&app, answer.headers_mut());
    }
    Ok(answer)
}
