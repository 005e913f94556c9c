//! `/auth/check` — forward auth: a proxy asks whether a request may pass (`standards.md`, `/auth/check`).

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, ResponseError};

use super::bearer::token_in;
use super::error::ApiError;
use crate::config::ForwardHeaders;
use crate::domain::access_list::AccessList;
use crate::domain::secret::Secret;
use crate::domain::token_in_use::TokenInUse;
use crate::oauth::parameters::Parameters;
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

/// A path that every server reads alike: no dot segments, no coded slashes, no doubled ones, and no
/// letter in code that could stand there plainly (RFC 3986 §2.3).
fn is_plain(path: &str) -> bool {
    let coded = path.to_ascii_lowercase();
    let hides_a_letter = coded.split('%').skip(1).any(|rest| {
        let byte = rest.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        byte.is_none_or(|byte| byte.is_ascii_alphanumeric() || b"-._~\0".contains(&byte))
    });
    path.starts_with('/')
        && !hides_a_letter
        && !["//", "\\", "%2f", "%5c"].iter().any(|trick| coded.contains(trick))
        // Servlet containers cut a segment's parameters off before they look for dots.
        && !path.split('/').filter_map(|segment| segment.split(';').next()).any(|name| name == "." || name == "..")
}

/// Judges the request that the proxy asks about: 200 with who it is, 401, or 403 with the missing right.
pub async fn get(app: Data<App>, request: HttpRequest) -> HttpResponse {
    match judge(&app, &request).await {
        Ok(headers) => {
            let mut response = HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).finish();
            add(&mut response, headers);
            response
        }
        Err(error) => {
            let mut response = error.error_response();
            add(&mut response, identity(None, None));
            // A proxy passes 401 and 403 on; anything else it turns into its own 500.
            if response.status() == StatusCode::BAD_REQUEST {
                *response.status_mut() = StatusCode::FORBIDDEN;
            }
            response
        }
    }
}

async fn judge(app: &Data<App>, request: &HttpRequest) -> Result<Identity, ApiError> {
    let unclear =
        || ApiError::new(StatusCode::FORBIDDEN, "The proxy does not say clearly which request it asks about.");
    let (method, uri) = told(request.headers(), app.config.forward_headers).ok_or_else(unclear)?;
    let (path, query) = uri.split_once('?').unwrap_or((&uri, ""));
    if !is_plain(path) {
        return Err(unclear());
    }
    if method == "OPTIONS" {
        // A preflight carries no token and changes nothing (B6).
        return Ok(identity(None, None));
    }
    let text = token_in(request, (&method, query), |text| Ok(Secret::new(text)))?;
    // A proxy that adds the client's query to its own would let the client choose.
    let own = Parameters::parse(request.query_string().as_bytes()).and_then(Parameters::without_repeats);
    let own = own.map_err(|_refusal| unclear())?;
    let asked = ForwardedRequest { method, path: path.to_owned(), api: own.get("api").map(str::to_owned) };
    let (now, shared, origin) = (app.now(), app.clone(), app.origin_of(request));
    let judged = consult::<_, Rejection, _>(&app.store, move |db| {
        let presented = shared.signer.read(db, text.expose())?.map_err(|_none| Error::Refused(Rejection::Malformed))?;
        let token = open(db, now, &shared.mint, (Door::ForwardedRequest, &presented, Some(&origin.address)))?;
        let rules = &shared.config.request_rules;
        let decision = decide(db, &shared.mint, rules, (&token, &asked)).map_err(Error::Failed)?;
        Ok((token, decision))
    });
    match judged.await? {
        (token, Decision::Allowed(list)) => Ok(identity(Some(&token), list.as_ref())),
        (_, Decision::Missing(right)) => {
            Err(ApiError::missing_right(format!("The token does not have the right for this request: {right}.")))
        }
    }
}

type Identity = [(HeaderName, String); 6];

fn add(response: &mut HttpResponse, headers: Identity) {
    for (name, value) in headers {
        // What cannot travel in a header is nobody.
        let value = HeaderValue::from_str(&value).unwrap_or(HeaderValue::from_static(""));
        response.headers_mut().insert(name, value);
    }
}

/// Who it is; every header is always sent, so that none of the client's own gets through.
fn identity(token: Option<&TokenInUse>, access_list: Option<&AccessList>) -> Identity {
    let person = token.and_then(|token| token.basis.person.as_ref());
    let client = token.and_then(|token| token.basis.application.as_ref());
    // Header values are ASCII; a name in another alphabet is percent-coded.
    let ascii = |text: &str| match text.is_ascii() {
        true => text.to_owned(),
        false => url::form_urlencoded::byte_serialize(text.as_bytes()).collect(),
    };
    // A studio token has no scope; its pair says as much, and an API of projects needs it.
    let scope = |token: &TokenInUse| match token.record.class() {
        Some(class) => format!("{}/{}", class.action().as_str(), class.resource_type().as_str()),
        None => token.record.scope.to_string(),
    };
    let text = |value: Option<String>| value.unwrap_or_default();
    [
        (HeaderName::from_static("x-auth-subject"), text(token.and_then(TokenInUse::subject))),
        (HeaderName::from_static("x-auth-username"), text(person.map(|person| ascii(&person.username)))),
        (HeaderName::from_static("x-auth-client"), text(client.map(|client| client.client_id.clone()))),
        (HeaderName::from_static("x-auth-kind"), text(token.map(|token| token.record.kind.as_str().to_owned()))),
        (HeaderName::from_static("x-auth-scope"), text(token.map(scope))),
        (HeaderName::from_static("x-auth-access"), text(access_list.map(AccessList::in_ascii))),
    ]
}
