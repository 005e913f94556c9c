//! The sample API. It introspects each token (RFC 7662) before it answers.

use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, CACHE_CONTROL, HeaderMap, WWW_AUTHENTICATE};
use actix_web::web::{Data, ServiceConfig, get, resource};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::json;

use super::client::{Asking, CallError, Introspection};

/// The notes that the API returns to every caller.
const NOTES: [&str; 3] = ["Two herons at the weir", "Frost on the north bank until ten", "The gate was open again"];

/// The response to a token that may read notes.
#[derive(Serialize)]
struct Notes {
    notes: [&'static str; 3],
    #[serde(rename = "for")]
    reader: Option<String>,
    token_kind: Option<String>,
    client_id: Option<String>,
}

/// Registers the routes of the API.
pub fn routes(config: &mut ServiceConfig, asking: Data<Asking>) {
    config.app_data(asking).service(resource("/notes").route(get().to(notes)));
}

/// `GET /notes`: returns the notes to an active token with sufficient scope.
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

/// Returns the bearer token of a request. The scheme is case-insensitive (RFC 9110 §11.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty()).then(|| token.trim())
}

/// Returns whether the token may read notes: a user token always may, every other kind needs the scope `projects`.
fn may_read(found: &Introspection) -> bool {
    found.token_kind.as_deref() == Some("user") || found.scope.split(' ').any(|scope| scope == "projects")
}

/// Returns an error response with a `WWW-Authenticate` challenge (RFC 6750 §3).
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
