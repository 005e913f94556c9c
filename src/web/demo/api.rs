//! The sample API: it takes a token only after it asked Gatepost what the token is.

use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, CACHE_CONTROL, HeaderMap, WWW_AUTHENTICATE};
use actix_web::web::{Data, ServiceConfig, get, resource};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::json;

use super::client::{Asking, CallError, Introspection};

/// The notes that everybody has.
const NOTES: [&str; 3] = ["Two herons at the weir", "Frost on the north bank until ten", "The gate was open again"];

/// What the API answers to whoever may read.
#[derive(Serialize)]
struct Notes {
    notes: [&'static str; 3],
    #[serde(rename = "for")]
    reader: Option<String>,
    token_kind: Option<String>,
    client_id: Option<String>,
}

/// The addresses of the API.
pub fn routes(config: &mut ServiceConfig, asking: Data<Asking>) {
    config.app_data(asking).service(resource("/notes").route(get().to(notes)));
}

/// `GET /notes` — with a token that Gatepost knows.
async fn notes(asking: Data<Asking>, request: HttpRequest) -> HttpResponse {
    let Some(token) = bearer(request.headers()) else {
        return refuse(StatusCode::UNAUTHORIZED, "Bearer", "Send a token: Authorization: Bearer …");
    };
    match introspect(&asking, token).await {
        Err(error) => {
            tracing::warn!(%error, "the sample API could not ask about a token");
            HttpResponse::ServiceUnavailable().json(json!({"message": "Gatepost does not answer. Try again."}))
        }
        Ok(found) if !found.active => {
            refuse(StatusCode::UNAUTHORIZED, "Bearer error=\"invalid_token\"", "This token does not work here.")
        }
        Ok(found) if !may_read(&found) => refuse(
            StatusCode::FORBIDDEN,
            "Bearer error=\"insufficient_scope\", scope=\"projects\"",
            "This token may not read notes.",
        ),
        Ok(found) => {
            let Introspection { username: reader, token_kind, client_id, .. } = found;
            let notes = Notes { notes: NOTES, reader, token_kind, client_id };
            HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(notes)
        }
    }
}

async fn introspect(asking: &Asking, token: &str) -> Result<Introspection, CallError> {
    asking.introspect(token).await?.read()
}

/// The token of a request; the scheme may be written in any letter case (RFC 9110 §11.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty()).then(|| token.trim())
}

/// A user token may do what its person may do; every other kind needs the scope.
fn may_read(found: &Introspection) -> bool {
    found.token_kind.as_deref() == Some("user") || found.scope.split(' ').any(|scope| scope == "projects")
}

/// Says why not (RFC 6750 §3).
fn refuse(status: StatusCode, challenge: &'static str, message: &str) -> HttpResponse {
    HttpResponse::build(status).insert_header((WWW_AUTHENTICATE, challenge)).json(json!({ "message": message }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    #[test]
    fn a_token_comes_in_the_header_in_any_letter_case() {
        let sent = |value: &'static str| {
            let headers: HeaderMap = [(AUTHORIZATION, HeaderValue::from_static(value))].into_iter().collect();
            bearer(&headers).map(str::to_owned)
        };
        assert_eq!(sent("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(sent("bEARER abc").as_deref(), Some("abc"));
        for value in ["Basic abc", "Bearer", "Bearer ", "abc"] {
            assert_eq!(sent(value), None, "{value}");
        }
        assert_eq!(bearer(&HeaderMap::new()), None);
    }

    #[test]
    fn a_user_token_reads_and_others_need_the_scope() {
        let found = |token_kind: &str, scope: &str| Introspection {
            active: true,
            scope: scope.to_owned(),
            token_kind: Some(token_kind.to_owned()),
            ..Introspection::default()
        };
        assert!(may_read(&found("user", "")));
        assert!(may_read(&found("oauth", "other projects")));
        assert!(!may_read(&found("oauth", "")));
        assert!(!may_read(&found("oauth", "projects:read")));
        assert!(!may_read(&Introspection::default()));
    }
}
