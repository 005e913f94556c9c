//! Protects against cross-site request forgery: a request that changes something must come from a page of
//! this server (`docs/decisions/0006-requests-from-browsers.md`). It needs no hidden form token, which
//! expires and breaks with several tabs, because browsers send where a request comes from.

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{COOKIE, HeaderMap, ORIGIN};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Data;
use actix_web::{HttpResponse, ResponseError};

use super::api::error::ApiError;
use super::app::App;
use super::error::PageError;
use super::layer::Layer;
use super::page::see_other;

/// Returns whether a state-changing request comes from this origin. `Sec-Fetch-Site` decides, then `Origin`
/// when the browser does not send it. A request without both is accepted only when it has no cookie.
pub fn is_own(headers: &HeaderMap, own_origin: &str) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    match (text("sec-fetch-site"), text(ORIGIN.as_str())) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => origin == own_origin,
        (None, None) => !headers.contains_key(COOKIE),
    }
}

/// The pages that check their POST requests themselves. A POST without a decision may come from anywhere
/// (OpenID Connect Core §3.1.2.1, RP-Initiated Logout §2).
const OPEN_TO_OTHERS: [&str; 2] = ["/oauth/authorize", "/oauth/logout"];

/// The protection of all pages.
pub struct Pages(pub Data<App>);

impl Layer for Pages {
    fn before(&self, request: &ServiceRequest) -> Option<HttpResponse> {
        let app = &self.0;
        let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
        let path = request.path().strip_prefix(app.public.base.as_str()).unwrap_or_default();
        if !is_safe && !OPEN_TO_OTHERS.contains(&path) && !is_own(request.headers(), &app.public.origin) {
            return Some(PageError::foreign().error_response());
        }
        // A token in a query never creates a browser session, and it is removed from the address.
        if !is_safe || path.strip_suffix('/').unwrap_or(path).eq_ignore_ascii_case("/login") {
            return None;
        }
        let clean = without_token(request.query_string())?;
        // `//evil.test/` is a path in a request, but another host in a `Location` header.
        let location = app.public.own_path(&format!("{}{clean}", request.path()))?;
        Some(see_other(&location))
    }
}

/// The protection of the session's endpoints, which answer scripts of this server's pages only. It covers
/// reads too.
pub struct Programs(pub Data<App>);

impl Layer for Programs {
    fn before(&self, request: &ServiceRequest) -> Option<HttpResponse> {
        let headers = request.headers();
        let says_nothing = !headers.contains_key("sec-fetch-site") && !headers.contains_key(ORIGIN);
        let is_old_read = says_nothing && matches!(*request.method(), Method::GET | Method::HEAD);
        if is_old_read || is_own(headers, &self.0.public.origin) {
            return None;
        }
        let error = ApiError::new(StatusCode::FORBIDDEN, "This request did not come from our own pages.");
        Some(error.error_response())
    }
}

fn without_token(query: &str) -> Option<String> {
    let is_token = |pair: &&str| pair.split('=').next() == Some("token");
    query.split('&').any(|pair| is_token(&pair)).then(|| {
        let kept: Vec<&str> = query.split('&').filter(|pair| !is_token(pair)).collect();
        if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::{HeaderName, HeaderValue};

    fn judge(pairs: &[(&'static str, &'static str)]) -> bool {
        let headers =
            pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        is_own(&headers.collect(), "https://id.example")
    }

    #[test]
    fn only_our_own_pages_may_change_something() {
        assert!(judge(&[("sec-fetch-site", "same-origin")]) && judge(&[("sec-fetch-site", "none"), ("cookie", "x")]));
        assert!(judge(&[("origin", "https://id.example"), ("cookie", "x")]) && judge(&[]));
        for headers in [
            &[("sec-fetch-site", "cross-site")][..],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "cross-site"), ("origin", "https://id.example")],
            &[("origin", "null")],
            &[("origin", "https://evil.test")],
            &[("cookie", "x")],
        ] {
            assert!(!judge(headers), "{headers:?}");
        }
    }

    #[test]
    fn a_token_in_an_address_of_ours_is_dropped() {
        assert_eq!(without_token("a=1&token=x&b=2").as_deref(), Some("?a=1&b=2"));
        assert_eq!(without_token("token").as_deref(), Some(""));
        assert_eq!(without_token("a=token"), None);
    }
}
