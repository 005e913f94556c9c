//! `POST /oauth/device` (RFC 8628 §3.1): a device without a browser requests its codes.

use actix_web::http::header::{CACHE_CONTROL, HeaderName, ORIGIN};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use super::token::{named, prove_client, read};
use crate::domain::device_code::INTERVAL;
use crate::identity::throttle::prefix;
use crate::oauth::Refusal;
use crate::oauth::client_authentication::authenticate;
use crate::oauth::device::{Place, Started, admit, examine, start};
use crate::oauth::problem::Problem;
use crate::outcome::{consult, transact};
use crate::web::app::App;
use crate::web::error::TokenError;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The device authorization response (RFC 8628 §3.2).
#[derive(Serialize)]
struct Body<'a> {
    device_code: &'a str,
    user_code: &'a str,
    verification_uri: &'a str,
    verification_uri_complete: String,
    expires_in: i64,
    interval: i64,
}

/// Issues a device code and a user code.
pub async fn post(app: Data<App>, request: HttpRequest, payload: Payload) -> Result<HttpResponse, TokenError> {
    let parameters = read(&request, payload).await?;
    // Only browsers send these headers, and a page cannot prevent it. A page could request codes from the
    // visitor's own network, and the warning about another network would not appear (our rule).
    if [ORIGIN, SEC_FETCH_SITE].iter().any(|name| request.headers().contains_key(name)) {
        let refusal = Refusal { problem: Problem::CalledFromAPage, cause: "a browser asked for device codes" };
        return Err(TokenError::from(refusal).of_client(named(&request, &parameters).as_deref(), false));
    }
    let (credentials, attempt) = prove_client(&app, &request, &parameters).await?;
    let (now, shared, origin) = (app.now(), app.clone(), app.origin_of(&request));
    let place = Place { network: prefix(&origin.address), address: origin.address, user_agent: origin.user_agent };
    let here = place.clone();
    let examined = consult(&app.store, move |db| {
        let client = authenticate(db, now, &shared.token_settings, &shared.last_use, &credentials)?;
        let device_request = examine(db, &shared.token_settings, (&client, &parameters))?;
        admit(db, now, &client, &here)?;
        Ok((client, device_request))
    });
    let (client, device_request) = attempt.finish(&app, examined.await).await?;
    let shared = app.clone();
    let store = if client.is_anybodys() { app.store.for_unauthenticated() } else { app.store.clone() };
    let started =
        transact(&store, move |tx| start(tx, now, &shared.token_settings, (&client, &device_request, &place)));
    let started = attempt.finish(&app, started.await).await?;
    Ok(render(&app, &started))
}

fn render(app: &App, started: &Started) -> HttpResponse {
    let (user_code, verification_uri) = (started.user_code.expose(), format!("{}/device", app.public.issuer));
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(Body {
        device_code: started.device_code.expose(),
        user_code: &user_code,
        verification_uri: &verification_uri,
        verification_uri_complete: format!("{verification_uri}?user_code={user_code}"),
        expires_in: started.expires_in,
        interval: INTERVAL,
    })
}
