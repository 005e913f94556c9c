//! `/v3/oauth` — the platform's address of the token endpoint, which takes JSON bodies too.

use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde_json::Value;

use super::json;
use crate::oauth::Refusal;
use crate::oauth::parameters::Parameters;
use crate::oauth::problem::MALFORMED_REQUEST;
use crate::web::app::App;
use crate::web::body;
use crate::web::error::TokenError;
use crate::web::oauth::token;

/// `POST /v3/oauth/token`: a form, or a flat JSON object with the same names. Errors carry a
/// `message`, as everywhere in this API.
pub async fn token(app: Data<App>, request: HttpRequest, payload: Payload) -> HttpResponse {
    match answer(&app, &request, payload).await {
        Ok(response) => response,
        Err(error) => error.with_message().error_response(),
    }
}

async fn answer(app: &Data<App>, request: &HttpRequest, payload: Payload) -> Result<HttpResponse, TokenError> {
    let is_json = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_json = is_json.is_some_and(|media_type| media_type.to_ascii_lowercase().starts_with("application/json"));
    let parameters = if is_json { flat(app, payload).await? } else { token::read(app, request, payload).await? };
    token::respond(app, request, &parameters).await
}

async fn flat(app: &App, payload: Payload) -> Result<Parameters, TokenError> {
    let malformed =
        || TokenError::refused(app, Refusal { problem: &MALFORMED_REQUEST, cause: "the body is no flat JSON object" });
    let body = body::read(payload).await.map_err(|refusal| TokenError::refused(app, refusal))?;
    let body = json::parse(&body).map_err(|_unreadable| malformed())?;
    let mut parameters = Parameters::default();
    for (name, value) in body.members() {
        match value {
            Value::String(text) if !text.contains('\0') => parameters.add(name.clone(), text.clone()),
            Value::Null => {}
            _ => return Err(malformed()),
        }
    }
    Ok(parameters)
}
