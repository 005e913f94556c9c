//! `POST /login/code`: exchanges the code of the login redirect's `code` delivery. A page of the application,
//! from the origin that received the code, sends the verifier and gets the token.

use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_REQUEST_HEADERS, CACHE_CONTROL, ORIGIN, VARY,
};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde_json::json;

use super::error::ApiError;
use super::json;
use crate::domain::session::Origin;
use crate::domain::token::{LoginCode, Token};
use crate::identity::login_code::{LoginCodeRefusal, examine_code, knows_origin, swap};
use crate::outcome::{consult, transact};
use crate::web::app::App;
use crate::web::error::log_failure;

impl From<LoginCodeRefusal> for ApiError {
    fn from(refusal: LoginCodeRefusal) -> Self {
        let words = "The login code is unknown, expired, used, or belongs to another page.";
        Self::invalid(words).of_client(refusal.client, refusal.cause)
    }
}

fn origin(request: &HttpRequest) -> Option<String> {
    request.headers().get(ORIGIN)?.to_str().ok().map(str::to_owned)
}

/// Returns whether a page of this origin may read the response, because a registered application has its
/// pages there.
async fn may_read(app: &Data<App>, origin: &str) -> bool {
    let asked = origin.to_owned();
    match app.store.read(move |db| knows_origin(db, &asked)).await {
        Ok(is_known) => is_known,
        Err(error) => {
            log_failure(&error);
            false
        }
    }
}

/// Responds to a preflight. Only origins where an application exchanges codes are allowed.
pub async fn preflight(app: Data<App>, request: HttpRequest) -> HttpResponse {
    let mut builder = HttpResponse::NoContent();
    let origin = origin(&request).unwrap_or_default();
    builder.insert_header((VARY, "Origin"));
    if may_read(&app, &origin).await {
        builder
            .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, origin))
            .insert_header((ACCESS_CONTROL_ALLOW_METHODS, "POST"));
        // All headers are allowed, because no cookie is read.
        if let Some(headers) = request.headers().get(ACCESS_CONTROL_REQUEST_HEADERS) {
            builder.insert_header((ACCESS_CONTROL_ALLOW_HEADERS, headers.clone()));
        }
    }
    builder.finish()
}

/// Exchanges a code for its token, once.
pub async fn post(app: Data<App>, request: HttpRequest, payload: Payload) -> HttpResponse {
    let origin = origin(&request).unwrap_or_default();
    let exchanged = exchange(&app, &origin, (app.origin_of(&request), payload)).await;
    let mut response = exchanged.unwrap_or_else(|error| error.error_response());
    if may_read(&app, &origin).await
        && let Ok(origin) = origin.parse()
    {
        response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    response.headers_mut().insert(VARY, actix_web::http::header::HeaderValue::from_static("Origin"));
    response
}

async fn exchange(app: &Data<App>, origin: &str, (from, payload): (Origin, Payload)) -> Result<HttpResponse, ApiError> {
    let body = json::read(payload).await?;
    let code = Token::<LoginCode>::parse(body.required("login_code")?);
    let code =
        code.map_err(|_malformed| ApiError::from(LoginCodeRefusal { cause: "this is no login code", client: None }))?;
    let verifier = body.required("code_verifier")?.to_owned();
    let (now, origin) = (app.now(), origin.to_owned());
    let asked = (code.clone(), verifier.clone(), origin.clone());
    consult(&app.store, move |db| examine_code(db, now, (&asked.0, &asked.1, &asked.2))).await?;
    let issued = transact(&app.store, move |tx| swap(tx, now, (&code, &verifier, &origin), &from)).await?;
    let answer = json!({ "token": issued.token.expose(), "expires_in": issued.expires_in });
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(answer))
}
