//! Request bodies: at most 64 KiB, in at most ten seconds, of the type that is read.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Payload;
use futures_util::StreamExt;

use crate::oauth::Refusal;
use crate::oauth::parameters::Parameters;
use crate::oauth::problem::{MALFORMED_REQUEST, TOO_LARGE, UNSUPPORTED_MEDIA_TYPE};

/// The most bytes of a body.
const MAX_BYTES: usize = 65_536;
/// The most bytes of a body with a picture.
const MAX_LARGE_BYTES: usize = 524_288;
/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads a whole body.
///
/// # Errors
/// [`TOO_LARGE`], or [`MALFORMED_REQUEST`] when it does not arrive.
pub async fn read(payload: Payload) -> Result<Vec<u8>, Refusal> {
    read_at_most(payload, MAX_BYTES).await
}

/// Reads a whole body of at most 512 KiB: a profile's picture.
///
/// # Errors
/// [`TOO_LARGE`], or [`MALFORMED_REQUEST`] when it does not arrive.
pub async fn read_large(payload: Payload) -> Result<Vec<u8>, Refusal> {
    read_at_most(payload, MAX_LARGE_BYTES).await
}

async fn read_at_most(mut payload: Payload, most: usize) -> Result<Vec<u8>, Refusal> {
    let broken = |cause| Refusal { problem: &MALFORMED_REQUEST, cause };
    let whole = async {
        let mut body = Vec::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_broken| broken("the body broke off"))?;
            if body.len() + chunk.len() > most {
                return Err(Refusal { problem: &TOO_LARGE, cause: "the body is over its limit" });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    };
    tokio::time::timeout(PATIENCE, whole).await.map_err(|_late| broken("the body came too slowly"))?
}

/// Reads a form's parameters.
///
/// # Errors
/// [`UNSUPPORTED_MEDIA_TYPE`], [`TOO_LARGE`] or [`MALFORMED_REQUEST`].
pub async fn form(request: &HttpRequest, payload: Payload) -> Result<Parameters, Refusal> {
    let media_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(Refusal { problem: &UNSUPPORTED_MEDIA_TYPE, cause: "the body is not a form" });
    }
    Parameters::parse(&read(payload).await?)
}
