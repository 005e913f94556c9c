//! The HTTP headers of DPoP: `DPoP` and `DPoP-Nonce` (RFC 9449 §4.1, §7.1, §8).

use actix_web::HttpRequest;
use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use super::app::App;
use crate::oauth::Refusal;
use crate::oauth::dpop::{Expected, Proven, nonce, verify};
use crate::oauth::problem::Problem;

/// The header with the nonce for the next proof.
pub const NONCE: HeaderName = HeaderName::from_static("dpop-nonce");
const PROOF: HeaderName = HeaderName::from_static("dpop");

/// Returns the key that a request proves possession of, or `None` when it sends no proof. Exactly one header
/// may contain the proof (§4.3, item 1).
///
/// # Errors
/// When the proof is invalid; the error says why.
pub fn proven(app: &App, request: &HttpRequest, access_token: Option<&str>) -> Result<Option<Proven>, Refusal> {
    let invalid = |cause| Refusal { problem: Problem::InvalidDpopProof, cause };
    let mut proofs = request.headers().get_all(PROOF);
    let Some(proof) = proofs.next() else { return Ok(None) };
    if proofs.next().is_some() {
        return Err(invalid("two proofs came at once"));
    }
    let proof = proof.to_str().map_err(|_not_text| invalid("the proof is no text"))?;
    // The URL is derived from the setting `public_url`, never from a request header.
    let url = format!("{}{}", app.public.origin, request.path());
    let expected = Expected { method: request.method().as_str(), url: &url, access_token };
    verify(&app.token_settings.keys, app.now(), proof, expected).map(Some)
}

/// Returns the token of `Authorization: DPoP`. The scheme is case-insensitive.
pub fn token_in_header(request: &HttpRequest) -> Option<&str> {
    let header = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("dpop").then_some(token.trim())
}

/// Adds the current nonce to the response headers (§8.2).
pub fn add_nonce(app: &App, headers: &mut HeaderMap) {
    if let Ok(nonce) = HeaderValue::from_str(&nonce(&app.token_settings.keys, app.now())) {
        headers.insert(NONCE, nonce);
    }
}
