//! `/auth/check`: forward auth. A proxy asks whether a request may pass (`docs/decisions/0038-forward-auth.md`).

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderName, HeaderValue};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, ResponseError};

use super::bearer::token_in;
use super::error::ApiError;
use super::proxied_request::{ProxiedRequest, parse};
use crate::domain::access_list::AccessList;
use crate::domain::secret::Secret;
use crate::domain::token_in_use::TokenInUse;
use crate::oauth::parameters::Parameters;
use crate::oauth::problem::Problem;
use crate::outcome::{Error, consult_batched};
use crate::tokens::check::{ProtectedResource, TokenRefusal, authorize};
use crate::tokens::request::{Decision, ForwardedRequest, Policy, decide, is_public};
use crate::web::app::App;

/// Authorizes the request that the proxy asks about: 200 with the identity, 401, or 403 with the missing right.
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
            // A proxy forwards 401 and 403, and replaces any other error with status 500.
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
    let ProxiedRequest { method, path, query } =
        parse(request.headers(), app.config.forward_headers).ok_or_else(unclear)?;
    if method == "OPTIONS" {
        // A preflight contains no token and changes nothing (`docs/decisions/0038-forward-auth.md`).
        return Ok(identity(None, None));
    }
    let text = token_in(request, (&method, &query), |text| Ok(Secret::new(text)));
    // Repeated parameters are refused: when a proxy appends the client's query to its own, the client could
    // choose the values.
    let own = Parameters::parse(request.query_string().as_bytes()).and_then(Parameters::without_repeats);
    let own = own.map_err(|_refusal| unclear())?;
    let asked = ForwardedRequest { method, path, api: own.get("api").map(str::to_owned) };
    let (now, shared, origin) = (app.now(), app.clone(), app.origin_of(request));
    let text = match text {
        Err(error) if error.is_of(Problem::TokenMissing) => {
            let is_public = app.store.read(move |db| is_public(db, &shared.config.request_rules, &asked)).await?;
            return if is_public { Ok(identity(None, None)) } else { Err(error) };
        }
        text => text?,
    };
    let judged = consult_batched::<_, TokenRefusal, _>(&app.store, move |db| {
        let presented =
            shared.signer.read(db, text.expose())?.map_err(|_none| Error::Refused(TokenRefusal::Malformed))?;
        let token = authorize(
            db,
            now,
            &shared.token_settings,
            &shared.last_use,
            (ProtectedResource::ForwardedRequest, &presented, Some(&origin.address)),
        )?;
        let policy = Policy { rules: &shared.config.request_rules, judge: shared.config.forward_judge };
        let decision = decide(db, &shared.token_settings, policy, (&token, &asked)).map_err(Error::Failed)?;
        Ok((token, decision))
    });
    match judged.await? {
        (token, Decision::Allowed(list)) => Ok(identity(Some(&token), list.as_ref())),
        (_, Decision::Public) => Ok(identity(None, None)),
        (_, Decision::Missing(right)) => {
            Err(ApiError::missing_right(format!("The token does not have the right for this request: {right}.")))
        }
    }
}

type Identity = [(HeaderName, String); 6];

fn add(response: &mut HttpResponse, headers: Identity) {
    for (name, value) in headers {
        // A value that is invalid in a header is sent as empty.
        let value = HeaderValue::from_str(&value).unwrap_or(HeaderValue::from_static(""));
        response.headers_mut().insert(name, value);
    }
}

/// Returns the identity headers. All headers are always sent, so that none of the client's own reaches the API.
fn identity(token: Option<&TokenInUse>, access_list: Option<&AccessList>) -> Identity {
    let person = token.and_then(|token| token.basis.person.as_ref());
    let client = token.and_then(|token| token.basis.application.as_ref());
    // Header values are ASCII. A name with other characters is percent-encoded.
    let ascii = |text: &str| match text.is_ascii() {
        true => text.to_owned(),
        false => url::form_urlencoded::byte_serialize(text.as_bytes()).collect(),
    };
    // A studio token has no scope. Its action and resource type are sent instead, because an API of projects
    // needs them.
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
