//! Cross-origin requests (Fetch §3.2): any origin may call, no cookie is read, and errors are readable too
//! (RFC 10017; `docs/decisions/0037-client-libraries.md`). Responses that are the same for every origin need
//! no `Vary`.

use actix_web::HttpResponse;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderValue, VARY,
};

use super::layer::{Around, Layer};

/// The methods of the endpoints.
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";
/// The response headers that a page may read: the challenge, when to retry, the DPoP nonce, and the request id.
const READABLE: &str = "www-authenticate, retry-after, dpop-nonce, x-request-id";
/// How long a browser may cache the response to a preflight, in seconds.
const REMEMBERED: &str = "3600";

/// Allows requests of any origin.
pub struct AnyOrigin;

/// Returns the layer for an endpoint that pages of any origin may call.
pub fn any_origin() -> Around<AnyOrigin> {
    Around::new(AnyOrigin)
}

impl Layer for AnyOrigin {
    fn before(&self, request: &ServiceRequest) -> Option<HttpResponse> {
        let is_preflight =
            request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        is_preflight.then(|| preflight(request))
    }

    fn after(&self, response: &mut ServiceResponse) {
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(READABLE));
    }
}

/// Allows all headers, such as those of tracing or of a library. They are harmless, because no cookie is read.
fn preflight(request: &ServiceRequest) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response
        .insert_header((ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS)))
        .insert_header((ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(REMEMBERED)))
        .insert_header((VARY, HeaderValue::from_static("access-control-request-headers")));
    if let Some(asked) = request.headers().get(ACCESS_CONTROL_REQUEST_HEADERS) {
        response.insert_header((ACCESS_CONTROL_ALLOW_HEADERS, asked.clone()));
    }
    response.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::{dpop, refusal_details};

    #[test]
    fn a_page_may_read_the_headers_that_we_name_ourselves() {
        for name in [dpop::NONCE, refusal_details::REQUEST_ID] {
            assert!(READABLE.split(", ").any(|readable| name == readable), "{name}");
        }
    }
}
