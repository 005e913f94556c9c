//! `/auth/check` — forward auth: a proxy asks whether a request may pass (`standards.md`, `/auth/check`).

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderMap, WWW_AUTHENTICATE};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError};

use super::bearer::{in_header, without_scheme};
use super::error::ApiError;
use crate::config::ForwardHeaders;
use crate::domain::token_in_use::TokenInUse;
use crate::domain::token_record::BearerToken;
use crate::oauth::parameters::Parameters;
use crate::oauth::problem::{TOKEN_CONFLICT, TOKEN_MALFORMED, TOKEN_MISSING};
use crate::outcome::{Error, consult};
use crate::tokens::check::{Door, Rejection, open};
use crate::tokens::request::{Decision, ForwardedRequest, decide};
use crate::web::app::App;

const NAMES: [(&str, &str); 2] = [("x-original-method", "x-original-uri"), ("x-forwarded-method", "x-forwarded-uri")];

/// Method and URI as the proxy tells them: one family of headers is trusted, and a request in which
/// both families speak and disagree is nobody's.
fn told(headers: &HeaderMap, trusted: ForwardHeaders) -> Option<(String, String)> {
    // Empty is missing, and what stands there twice is nobody's.
    let text = |name: &str| {
        let mut all = headers.get_all(name);
        let value = all.next().filter(|value| !value.is_empty())?.to_str().ok()?;
        all.next().is_none().then_some(value)
    };
    let family =
        |(method, uri): (&str, &str)| (text(method).map(str::to_ascii_uppercase), text(uri).map(str::to_owned));
    let (original, forwarded) = (family(NAMES[0]), family(NAMES[1]));
    let disagree = |a: &Option<String>, b: &Option<String>| matches!((a, b), (Some(a), Some(b)) if a != b);
    if disagree(&original.0, &forwarded.0) || disagree(&original.1, &forwarded.1) {
        return None;
    }
    let (method, uri) = match trusted {
        ForwardHeaders::Original => original,
        ForwardHeaders::Forwarded => forwarded,
    };
    Some((method?, uri?))
}

/// A path that every server reads alike: no dot segments, no coded slashes, no doubled ones.
fn is_plain(path: &str) -> bool {
    let coded = path.to_ascii_lowercase();
    path.starts_with('/')
        && !["//", "\\", "%2f", "%5c", "%2e", "%00"].iter().any(|trick| coded.contains(trick))
        // Servlet containers cut a segment's parameters off before they look for dots.
        && !path.split('/').filter_map(|segment| segment.split(';').next()).any(|name| name == "." || name == "..")
}

fn token_of(request: &HttpRequest, method: &str, query: &str) -> Result<BearerToken, ApiError> {
    let parameters = Parameters::parse(query.as_bytes())?;
    if parameters.is_repeated("token") {
        return Err(ApiError::of_problem(&TOKEN_CONFLICT));
    }
    let may_query = matches!(method, "GET" | "HEAD");
    let in_query = parameters.get("token").filter(|_| may_query).map(without_scheme);
    let token = match (in_header(request), in_query) {
        (Some(header), Some(query)) if header != query => return Err(ApiError::of_problem(&TOKEN_CONFLICT)),
        (Some(token), _) | (None, Some(token)) => token,
        (None, None) => return Err(ApiError::of_problem(&TOKEN_MISSING)),
    };
    BearerToken::parse(token).map_err(|_malformed| ApiError::of_problem(&TOKEN_MALFORMED))
}

/// Judges the request that the proxy asks about: 200 with who it is, 401, or 403 with the missing right.
pub async fn get(app: Data<App>, request: HttpRequest) -> HttpResponse {
    match judge(&app, &request).await {
        Ok(answer) => answer,
        Err(error) => {
            let mut response = error.error_response();
            for (name, _) in identity(None, None) {
                response.headers_mut().insert(name, actix_web::http::header::HeaderValue::from_static(""));
            }
            // A proxy passes 401 and 403 on; anything else it turns into its own 500.
            if response.status() == StatusCode::BAD_REQUEST {
                *response.status_mut() = StatusCode::FORBIDDEN;
            }
            response
        }
    }
}

async fn judge(app: &Data<App>, request: &HttpRequest) -> Result<HttpResponse, ApiError> {
    let unclear =
        || ApiError::new(StatusCode::FORBIDDEN, "The proxy does not say clearly which request it asks about.");
    let (method, uri) = told(request.headers(), app.config.forward_headers).ok_or_else(unclear)?;
    let (path, query) = uri.split_once('?').unwrap_or((&uri, ""));
    if !is_plain(path) {
        return Err(unclear());
    }
    if method == "OPTIONS" {
        // A preflight carries no token and changes nothing (B6).
        let mut builder = HttpResponse::Ok();
        add(&mut builder, &identity(None, None));
        return Ok(builder.insert_header((CACHE_CONTROL, "no-store")).finish());
    }
    let presented = token_of(request, &method, query)?;
    let own = Parameters::parse(request.query_string().as_bytes()).map_err(|_refusal| unclear())?;
    if own.is_repeated("api") {
        // A proxy that adds the client's query to its own would let the client choose.
        return Err(unclear());
    }
    let asked = ForwardedRequest { method, path: path.to_owned(), api: own.get("api").map(str::to_owned) };
    let (now, shared, origin) = (app.now(), app.clone(), app.origin_of(request));
    let judged = consult::<_, Rejection, _>(&app.store, move |db| {
        let token = open(db, now, &shared.mint, (Door::ForwardedRequest, &presented, Some(&origin.address)))?;
        let decision = decide(db, &token, &asked).map_err(Error::Failed)?;
        Ok((token, decision))
    });
    let (token, decision) = judged.await?;
    match decision {
        Decision::Allowed(list) => {
            let list = list.map(|list| list.as_str().to_owned());
            let mut builder = HttpResponse::Ok();
            add(&mut builder, &identity(Some(&token), list));
            Ok(builder.insert_header((CACHE_CONTROL, "no-store")).finish())
        }
        Decision::Missing(right) => {
            let message = format!("The token does not have the right for this request: {right}.");
            let challenge = format!("Bearer error=\"insufficient_scope\", error_description=\"{message}\"");
            let mut response = ApiError::missing_right(message).error_response();
            if let Ok(challenge) = challenge.parse() {
                response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
            }
            for (name, _) in identity(None, None) {
                response.headers_mut().insert(name, actix_web::http::header::HeaderValue::from_static(""));
            }
            Ok(response)
        }
    }
}

fn add(builder: &mut HttpResponseBuilder, pairs: &[(actix_web::http::header::HeaderName, String)]) {
    for (name, value) in pairs {
        builder.insert_header((name.clone(), value.as_str()));
    }
}

/// Who it is; every header is always sent, so that none of the client's own gets through.
fn identity(
    token: Option<&TokenInUse>,
    access_list: Option<String>,
) -> [(actix_web::http::header::HeaderName, String); 6] {
    use actix_web::http::header::HeaderName;
    let person = token.and_then(|token| token.basis.person.as_ref());
    let client = token.and_then(|token| token.basis.application.as_ref());
    // Header values are ASCII; a name in another alphabet is percent-coded.
    let ascii = |text: &str| match text.is_ascii() {
        true => text.to_owned(),
        false => url::form_urlencoded::byte_serialize(text.as_bytes()).collect(),
    };
    [
        (HeaderName::from_static("x-auth-subject"), person.map(|person| person.id.uuid()).unwrap_or_default()),
        (HeaderName::from_static("x-auth-username"), person.map(|person| ascii(&person.username)).unwrap_or_default()),
        (HeaderName::from_static("x-auth-client"), client.map(|client| client.client_id.clone()).unwrap_or_default()),
        (
            HeaderName::from_static("x-auth-kind"),
            token.map(|token| token.record.kind.as_str().to_owned()).unwrap_or_default(),
        ),
        (
            HeaderName::from_static("x-auth-scope"),
            token.map(|token| token.record.scope.to_string()).unwrap_or_default(),
        ),
        (HeaderName::from_static("x-auth-access"), access_list.map(|list| escape(&list)).unwrap_or_default()),
    ]
}

/// JSON in a header: what is not ASCII in `\u` form.
fn escape(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for unit in json.encode_utf16() {
        match char::from_u32(u32::from(unit)).filter(char::is_ascii) {
            Some(character) => text.push(character),
            None => text.push_str(&format!("\\u{unit:04x}")),
        }
    }
    text
}
