//! `/v3/user`: finds people (`docs/decisions/0034-looking-people-up.md`).

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::account::answer;
use super::bearer::{caller, in_header};
use super::error::ApiError;
use super::json;
use crate::domain::id::Id;
use crate::domain::user::{User, fold};
use crate::identity::contact::{self, Contacted};
use crate::identity::invitation;
use crate::oauth::parameters::Parameters;
use crate::store::users;
use crate::tokens::check::ProtectedResource;
use crate::web::app::App;

/// The maximum number of people in a search result.
const MOST: i64 = 10;

/// Returns id and user name of a person, never the email address.
fn shown(user: &User) -> Value {
    json!({ "id": user.id.uuid(), "username": user.username })
}

/// Counts a lookup of people, by every endpoint together.
fn count(app: &App, request: &HttpRequest) -> Result<(), ApiError> {
    let throttled = app.throttle.attempt_look_up(app.now(), &app.origin_of(request).address);
    throttled.map_err(|throttled| {
        ApiError::new(StatusCode::TOO_MANY_REQUESTS, "Too many look-ups. Try again later.").retry_after(throttled.0)
    })
}

/// `GET /v3/user?username=`: an exact search for every caller, and a fuzzy search only with a token. The
/// platform's client always asks for a fuzzy search and sends no token.
pub async fn search(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    count(&app, &request)?;
    let query = Parameters::parse(request.query_string().as_bytes())?;
    let name = fold(query.get("username").ok_or_else(|| ApiError::invalid("username is missing."))?);
    let is_fuzzy = query.get("fuzzySearch").is_none_or(|fuzzy| fuzzy != "false") && in_header(&request).is_some();
    if is_fuzzy {
        caller(&app, &request, ProtectedResource::AccountDetails).await?;
    }
    let found = app.store.read(move |db| match is_fuzzy {
        true => users::search(db, &name, MOST),
        false => Ok(users::find_by_username(db, &name)?.into_iter().collect()),
    });
    let found: Vec<Value> = found.await?.iter().filter(|user| user.is_active()).map(shown).collect();
    Ok(answer(&json!({ "result": found, "nextPageStart": null })))
}

/// `GET /v3/user/{id}`: returns one person.
pub async fn get(app: Data<App>, request: HttpRequest, id: Path<String>) -> Result<HttpResponse, ApiError> {
    count(&app, &request)?;
    let id = Id::<User>::from_uuid(&id).ok_or_else(ApiError::not_found)?;
    let found = app.store.read(move |db| users::find(db, id)).await?;
    let user = found.filter(User::is_active).ok_or_else(ApiError::not_found)?;
    Ok(answer(&shown(&user)))
}

/// `POST /v3/user/invite`: invites a person by email. It requires a token of the person's own, so that no
/// application sends emails in their name.
pub async fn invite(app: Data<App>, request: HttpRequest, payload: Payload) -> Result<HttpResponse, ApiError> {
    let (_, user) = caller(&app, &request, ProtectedResource::Profile).await?;
    let body = json::read(payload).await?;
    let (email, origin) = (body.required("email")?, app.origin_of(&request));
    invitation::invite(app.sign_in_context(), app.now(), &app.config.registration, (&user, email, &origin)).await?;
    Ok(answer(&json!({})))
}

/// `POST /v3/user/{id}/contact`: sends a message by email. It requires a token of the person's own, like an
/// invitation.
pub async fn contact(
    app: Data<App>,
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let (_, user) = caller(&app, &request, ProtectedResource::Profile).await?;
    let body = json::read(payload).await?;
    let (message, origin) = (body.required("message")?, app.origin_of(&request));
    let to = Id::<User>::from_uuid(&id).ok_or_else(ApiError::not_found)?;
    match contact::send(app.sign_in_context(), app.now(), (&user, &origin), to, message).await? {
        Contacted::Sent => Ok(answer(&json!({}))),
        Contacted::UnknownUser => Err(ApiError::not_found()),
    }
}
