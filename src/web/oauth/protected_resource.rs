//! `GET /.well-known/oauth-protected-resource` (RFC 9728 §3): the server's own API is a protected resource,
//! and its challenges name this address (§5.1).

use actix_web::dev::ServiceResponse;
use actix_web::http::header::{HeaderValue, WWW_AUTHENTICATE};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::oauth::protected_resource::{PATH, ProtectedResourceMetadata};
use crate::web::app::{App, PublicUrl};
use crate::web::error::TokenError;
use crate::web::layer::{Around, Layer};
use crate::web::rendered::Rendered;

/// The well-known path, which precedes the path of a resource (§3.1).
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// Responds with the metadata of the server's own API.
pub async fn get(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, TokenError> {
    let ready = app
        .published
        .protected_resource
        .of((), |()| Rendered::json("public, max-age=300", &ProtectedResourceMetadata::new(&app.public.issuer)));
    Ok(ready?.answer(&request))
}

/// Adds the address of the metadata to each challenge for a token.
pub struct NameInChallenges;

/// Returns the layer for the routes that accept a token.
pub fn name_in_challenges() -> Around<NameInChallenges> {
    Around::new(NameInChallenges)
}

impl Layer for NameInChallenges {
    fn after(&self, response: &mut ServiceResponse) {
        let challenge = response.headers().get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok());
        if let Some(challenge) = challenge
            && let Some(app) = response.request().app_data::<Data<App>>()
            && let Some(named) = with_address(challenge, &address(&app.public))
            && let Ok(named) = HeaderValue::from_str(&named)
        {
            response.headers_mut().insert(WWW_AUTHENTICATE, named);
        }
    }
}

/// Returns the address of the metadata. The path of the issuer follows the well-known path (§3.1).
fn address(public: &PublicUrl) -> String {
    format!("{}{WELL_KNOWN}{}{PATH}", public.origin, public.base)
}

/// Returns the challenge with one more parameter, or `None` when it does not ask for a token.
fn with_address(challenge: &str, address: &str) -> Option<String> {
    let (scheme, has_parameters) = match challenge.split_once(' ') {
        Some((scheme, _)) => (scheme, true),
        None => (challenge, false),
    };
    let mark = if has_parameters { "," } else { "" };
    matches!(scheme, "Bearer" | "DPoP").then(|| format!("{challenge}{mark} resource_metadata=\"{address}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_for_a_token_gets_the_address_and_another_one_stays() {
        for (challenge, named) in [
            ("Bearer", Some("Bearer resource_metadata=\"https://x\"")),
            ("Bearer error=\"invalid_token\"", Some("Bearer error=\"invalid_token\", resource_metadata=\"https://x\"")),
            ("DPoP algs=\"ES256\"", Some("DPoP algs=\"ES256\", resource_metadata=\"https://x\"")),
            ("Basic realm=\"gatepost\"", None),
        ] {
            assert_eq!(with_address(challenge, "https://x").as_deref(), named);
        }
    }
}
