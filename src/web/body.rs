//! Reads request bodies: at most 64 KiB, in at most ten seconds, of the expected media type.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Payload;
use futures_util::StreamExt;
use url::form_urlencoded::Serializer;

use crate::domain::form::{self, Unreadable};
use crate::oauth::Refusal;
use crate::oauth::parameters::Parameters;
use crate::oauth::problem::Problem;

/// The maximum size of a body, in bytes.
const MAX_BYTES: usize = 65_536;
/// The maximum size of a body with a picture, in bytes.
const MAX_LARGE_BYTES: usize = 524_288;
/// The time limit for a body to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads a whole body.
///
/// # Errors
/// [`Problem::TooLarge`] when the body is too large, and [`Problem::MalformedRequest`] when it does not arrive.
pub async fn read(payload: Payload) -> Result<Vec<u8>, Refusal> {
    read_at_most(payload, MAX_BYTES).await
}

/// Reads a whole body of at most 512 KiB, for a profile picture.
///
/// # Errors
/// [`Problem::TooLarge`] when the body is too large, and [`Problem::MalformedRequest`] when it does not arrive.
pub async fn read_large(payload: Payload) -> Result<Vec<u8>, Refusal> {
    read_at_most(payload, MAX_LARGE_BYTES).await
}

async fn read_at_most(mut payload: Payload, most: usize) -> Result<Vec<u8>, Refusal> {
    let broken = |cause| Refusal { problem: Problem::MalformedRequest, cause };
    let whole = async {
        let mut body = Vec::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_broken| broken("the body broke off"))?;
            if body.len() + chunk.len() > most {
                return Err(Refusal { problem: Problem::TooLarge, cause: "the body is over its limit" });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    };
    tokio::time::timeout(PATIENCE, whole).await.map_err(|_late| broken("the body came too slowly"))?
}

/// Parses the parameters of a form.
///
/// # Errors
/// [`Problem::UnsupportedMediaType`] when the body is not a form; [`Problem::TooLarge`] or [`Problem::MalformedRequest`] when it
/// cannot be read.
pub async fn form(request: &HttpRequest, payload: Payload) -> Result<Parameters, Refusal> {
    Parameters::parse(&encoded(request, payload).await?)
}

/// Reads a form and encodes it as a query: the same parameters in the same order, including repeated ones.
///
/// # Errors
/// [`Problem::UnsupportedMediaType`] when the body is not a form; [`Problem::TooLarge`] or [`Problem::MalformedRequest`] when it
/// cannot be read.
pub async fn form_anew(request: &HttpRequest, payload: Payload) -> Result<String, Refusal> {
    let encoded = encoded(request, payload).await?;
    let encoded = std::str::from_utf8(&encoded).map_err(|_bytes| Unreadable::NotText)?;
    let pairs = form::pairs(encoded).collect::<Result<Vec<_>, _>>()?;
    Ok(Serializer::new(String::new()).extend_pairs(pairs).finish())
}

async fn encoded(request: &HttpRequest, payload: Payload) -> Result<Vec<u8>, Refusal> {
    let media_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return read(payload).await;
    }
    // An empty body needs no media type (RFC 9110 §8.3). It is a form without parameters, and the handler
    // reports which are missing.
    match is_empty(payload).await? {
        true => Ok(Vec::new()),
        false => Err(Refusal { problem: Problem::UnsupportedMediaType, cause: "the body is not a form" }),
    }
}

async fn is_empty(mut payload: Payload) -> Result<bool, Refusal> {
    let broken = |cause| Refusal { problem: Problem::MalformedRequest, cause };
    let first = async {
        while let Some(chunk) = payload.next().await {
            if !chunk.map_err(|_broken| broken("the body broke off"))?.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    };
    tokio::time::timeout(PATIENCE, first).await.map_err(|_late| broken("the body came too slowly"))?
}
