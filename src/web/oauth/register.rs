//! `/oauth/register` (RFC 7591 §3, RFC 7592 §2).

use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use crate::domain::self_registration::DynamicRegistration;
use crate::oauth::client_metadata::ClientMetadata;
use crate::oauth::dynamic_registration::{self, Answer};
use crate::oauth::problem::Problem;
use crate::outcome::{consult, transact};
use crate::web::api::bearer::{has_two_authorizations, in_header};
use crate::web::api::error::ApiError;
use crate::web::app::App;
use crate::web::body;

/// Counts a write of client metadata. Each may add rows, even for the same client.
fn count(app: &App, request: &HttpRequest) -> Result<(), ApiError> {
    let throttled = app.throttle.attempt_registration(app.now(), &app.origin_of(request).address);
    throttled.map_err(|throttled| {
        let words = "Too many applications were registered from this network. Try again later.";
        ApiError::new(StatusCode::TOO_MANY_REQUESTS, words).retry_after(throttled.0)
    })
}

/// Registers a client, and responds with its metadata (RFC 7591 §3.2.1).
pub async fn post(app: Data<App>, request: HttpRequest, payload: Payload) -> Result<HttpResponse, ApiError> {
    let (now, shared, token) = (app.now(), app.clone(), token_of(&request)?);
    let admitted = consult(&app.store, move |db| {
        dynamic_registration::admit(db, now, &shared.config.self_registration, token.as_deref())
    });
    admitted.await?;
    count(&app, &request)?;
    let metadata = ClientMetadata::parse(&body::read(payload).await?)?;
    let (shared, rules, store) = (app.clone(), app.config.registration_rules(), app.store.for_unauthenticated());
    let registered = transact(&store, move |tx| {
        dynamic_registration::register(tx, now, (&shared.config.self_registration, &rules), &metadata)
    });
    Ok(answer(&app, StatusCode::CREATED, &registered.await?))
}

/// Responds with the registered metadata of the client (RFC 7592 §2.1).
pub async fn get(app: Data<App>, request: HttpRequest, client_id: Path<String>) -> Result<HttpResponse, ApiError> {
    let (shared, token) = (app.clone(), token_of(&request)?);
    let found = consult(&app.store, move |db| {
        dynamic_registration::find(db, &shared.config.self_registration, (&client_id, token.as_deref()))
    });
    Ok(answer(&app, StatusCode::OK, &found.await?))
}

/// Replaces the registered metadata of the client (RFC 7592 §2.2).
pub async fn put(
    app: Data<App>,
    request: HttpRequest,
    client_id: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    known(&app, &request, &client_id).await?;
    count(&app, &request)?;
    let metadata = ClientMetadata::parse(&body::read(payload).await?)?;
    let (now, shared, token) = (app.now(), app.clone(), token_of(&request)?);
    let rules = app.config.registration_rules();
    let replaced = transact(&app.store, move |tx| {
        let named = (client_id.as_str(), token.as_deref());
        dynamic_registration::replace(tx, now, (&shared.config.self_registration, &rules), named, &metadata)
    });
    Ok(answer(&app, StatusCode::OK, &replaced.await?))
}

/// Deletes the client (RFC 7592 §2.3).
pub async fn delete(app: Data<App>, request: HttpRequest, client_id: Path<String>) -> Result<HttpResponse, ApiError> {
    known(&app, &request, &client_id).await?;
    let (now, shared, token) = (app.now(), app.clone(), token_of(&request)?);
    let deleted = transact(&app.store, move |tx| {
        dynamic_registration::delete(tx, now, &shared.config.self_registration, (&client_id, token.as_deref()))
    });
    deleted.await?;
    Ok(HttpResponse::NoContent().insert_header((CACHE_CONTROL, "no-store")).finish())
}

/// Refuses an invalid registration access token before a write transaction begins.
async fn known(app: &Data<App>, request: &HttpRequest, client_id: &str) -> Result<(), ApiError> {
    let (shared, token, client_id) = (app.clone(), token_of(request)?, client_id.to_owned());
    let found = consult(&app.store, move |db| {
        dynamic_registration::find(db, &shared.config.self_registration, (&client_id, token.as_deref()))
    });
    Ok(found.await.map(drop)?)
}

/// Returns the bearer token of a request, if there is one.
fn token_of(request: &HttpRequest) -> Result<Option<String>, ApiError> {
    match has_two_authorizations(request) {
        true => Err(ApiError::of_problem(Problem::TokenConflict)),
        false => Ok(in_header(request).map(str::to_owned)),
    }
}

/// Responds with the stored metadata (RFC 7591 §3.2.1). Members without a value are left out.
fn answer(app: &App, status: StatusCode, found: &Answer) -> HttpResponse {
    let client = &found.client;
    let mut members = json!({
        "client_id": client.client_id,
        "client_id_issued_at": client.created_at.seconds(),
        "client_name": client.name,
        "redirect_uris": client.redirect_uris.to_vec(),
        "grant_types": client.grant_types.to_vec(),
        "response_types": ["code"],
        "scope": client.scope.as_str(),
        "token_endpoint_auth_method": found.registration.auth_method.as_str(),
        "subject_type": "public",
        "application_type": found.registration.application_type.as_str(),
        "dpop_bound_access_tokens": client.dpop_bound_access_tokens,
        "post_logout_redirect_uris": client.post_logout_redirect_uris.to_vec(),
        "id_token_signed_response_alg": client.id_token_signed_response_alg.as_str(),
        "registration_access_token": found.token.expose(),
        "registration_client_uri": format!("{}/oauth/register/{}", app.public.issuer, client.client_id),
    });
    if let Some(keys) = client.jwks.as_deref().and_then(|jwks| serde_json::from_str::<Value>(jwks).ok()) {
        members["jwks"] = keys;
    }
    if let Some(jwks_uri) = &client.jwks_uri {
        members["jwks_uri"] = json!(jwks_uri);
    }
    if let Some(algorithm) = client.userinfo_signed_response_alg {
        members["userinfo_signed_response_alg"] = json!(algorithm.as_str());
    }
    if let Some(algorithm) = &client.token_endpoint_auth_signing_alg {
        members["token_endpoint_auth_signing_alg"] = json!(algorithm);
    }
    if let Some(secret) = &found.secret {
        members["client_secret"] = json!(secret.expose());
        members["client_secret_expires_at"] = json!(0);
    }
    HttpResponse::build(status).insert_header((CACHE_CONTROL, "no-store")).json(members)
}

/// Returns whether the metadata name the registration endpoint.
pub(super) fn is_on(app: &App) -> bool {
    app.config.self_registration.registration != DynamicRegistration::Off
}
