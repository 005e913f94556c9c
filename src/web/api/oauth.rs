//! `/v3/oauth`: the platform's addresses of the authorization and token endpoints, which accept JSON bodies too.

use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde_json::Value;
use url::form_urlencoded::Serializer;

use super::json::Object;
use crate::domain::form::{self, Unreadable};
use crate::domain::json::InvalidJson;
use crate::oauth::Refusal;
use crate::oauth::parameters::Parameters;
use crate::oauth::problem::Problem;
use crate::web::app::App;
use crate::web::body;
use crate::web::error::TokenError;
use crate::web::oauth::{authorize, token};

/// `POST /v3/oauth/token`: a form, or a flat JSON object with the same names. Errors have a `message`, like
/// all errors of this API.
pub async fn token(app: Data<App>, request: HttpRequest, payload: Payload) -> HttpResponse {
    match answer(&app, &request, payload).await {
        Ok(response) => response,
        Err(error) => error.with_message().error_response(),
    }
}

async fn answer(app: &Data<App>, request: &HttpRequest, payload: Payload) -> Result<HttpResponse, TokenError> {
    let parameters = match is_json(request) {
        true => {
            let mut parameters = Parameters::default();
            read_json(payload).await?.into_iter().for_each(|(name, value)| parameters.add(name, value));
            token::not_empty(request, parameters)?
        }
        false => token::read(request, payload).await?,
    };
    token::respond(app, request, &parameters).await
}

/// `POST /v3/oauth/authorize`: an authorization request in a body. It redirects to the authorization endpoint.
pub async fn authorize(app: Data<App>, request: HttpRequest, payload: Payload) -> HttpResponse {
    let asked = match is_json(&request) {
        true => read_json(payload).await.map(|members| Serializer::new(String::new()).extend_pairs(members).finish()),
        false => body::form_anew(&request, payload).await.map_err(TokenError::from),
    };
    let sent = asked.and_then(|asked| Ok(authorize::sent_here(&app, request.query_string(), &asked)?));
    sent.unwrap_or_else(|error| error.with_message().error_response())
}

fn is_json(request: &HttpRequest) -> bool {
    let media_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    media_type.is_some_and(|media_type| media_type.to_ascii_lowercase().starts_with("application/json"))
}

async fn read_json(payload: Payload) -> Result<Vec<(String, String)>, TokenError> {
    let refused = |problem, cause| TokenError::from(Refusal { problem, cause });
    let malformed = || refused(Problem::MalformedRequest, "the body is no flat JSON object");
    let body = body::read(payload).await?;
    let body = Object::parse(&body).map_err(|invalid| match invalid {
        InvalidJson::Malformed => malformed(),
        InvalidJson::Repeated => refused(Problem::RepeatedParameter, "a parameter was sent more than once"),
    })?;
    let mut members = Vec::new();
    if body.members().count() > form::MOST {
        return Err(TokenError::from(Refusal::from(Unreadable::TooMany)));
    }
    for (name, value) in body.members() {
        match value {
            Value::String(text) if !text.contains('\0') => members.push((name.clone(), text.clone())),
            Value::Null => {}
            _ => return Err(malformed()),
        }
    }
    Ok(members)
}
