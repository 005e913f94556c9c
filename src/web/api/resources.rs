//! `/management/resources`: a first-party API registers its resources, with the credentials that it
//! introspects with (our own API; `docs/decisions/0009-whose-resources.md`).

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::account::answer;
use super::error::ApiError;
use super::json;
use crate::domain::access_list::Tier;
use crate::domain::id::Id;
use crate::domain::user::{User, fold};
use crate::oauth::Refusal;
use crate::oauth::apis::authenticate_first_party;
use crate::oauth::parameters::Parameters;
use crate::outcome::{Error, consult, transact};
use crate::store::{Database, users};
use crate::tokens::resources::{self, Place, ResourceRefusal, SharedResource};
use crate::web::app::App;
use crate::web::error::TokenError;
use crate::web::oauth::token::prove_client;

/// The number of resources on one page of the list.
const PAGE: i64 = 100;

impl From<ResourceRefusal> for ApiError {
    fn from(refusal: ResourceRefusal) -> Self {
        let status = match refusal {
            ResourceRefusal::Unknown | ResourceRefusal::NotShared | ResourceRefusal::NotPublic => StatusCode::NOT_FOUND,
            ResourceRefusal::Taken | ResourceRefusal::NotEmpty => StatusCode::CONFLICT,
            ResourceRefusal::Name
            | ResourceRefusal::UnknownParent
            | ResourceRefusal::TooDeep
            | ResourceRefusal::NotForPublic => StatusCode::BAD_REQUEST,
        };
        Self::new(status, refusal.to_string())
    }
}

/// Authenticates a first-party API and refuses every other client.
async fn admit(app: &Data<App>, request: &HttpRequest) -> Result<(), TokenError> {
    let (credentials, attempt) =
        prove_client(app, request, &Parameters::default()).await.map_err(TokenError::with_message)?;
    let (now, shared) = (app.now(), app.clone());
    let admitted = consult::<_, Refusal, _>(&app.store, move |db| {
        authenticate_first_party(db, now, &shared.token_settings, &shared.last_use, &credentials).map(drop)
    });
    attempt.finish(app, admitted.await).await.map_err(TokenError::with_message)
}

/// Commits a change, and responds with an empty object.
async fn change(
    app: &App,
    work: impl FnMut(&mut Database) -> Result<(), Error<ResourceRefusal>> + Send + 'static,
) -> Result<HttpResponse, actix_web::Error> {
    transact(&app.store, work).await.map_err(ApiError::from)?;
    Ok(answer(&json!({})))
}

/// Finds a person by their id or user name.
async fn person(app: &App, named: &str) -> Result<Id<User>, ApiError> {
    let (id, folded) = (Id::<User>::from_uuid(named), fold(named));
    let found = app.store.read(move |db| match id {
        Some(id) => users::find(db, id),
        None => users::find_by_username(db, &folded),
    });
    let found = found.await?.filter(|user| user.deleted_at.is_none());
    found.map(|user| user.id).ok_or_else(|| ApiError::invalid("There is no such person."))
}

/// `GET /management/resources`: returns one page of resources, oldest first.
pub async fn list(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, actix_web::Error> {
    admit(&app, &request).await?;
    let query = Parameters::parse(request.query_string().as_bytes()).map_err(ApiError::from)?;
    let after = query.get("pageStart").map(str::to_owned);
    let page = app.store.read(move |db| resources::list(db, after.as_deref(), PAGE)).await.map_err(ApiError::from)?;
    let is_full = page.len() == usize::try_from(PAGE).unwrap_or_default();
    let next = page.last().filter(|_| is_full).map(|last| last.resource.path.clone());
    Ok(answer(&json!({ "result": page.iter().map(shown).collect::<Vec<_>>(), "nextPageStart": next })))
}

fn shown(shared: &SharedResource) -> Value {
    let shares: Vec<Value> =
        shared.shares.iter().map(|(user, tier)| json!({ "user": user.uuid(), "tier": tier.as_str() })).collect();
    json!({
        "id": shared.resource.path,
        "parent": shared.parent,
        "owner": shared.resource.owner_id.uuid(),
        "shares": shares,
        "public": shared.resource.public_tier.map(Tier::as_str),
    })
}

/// `PUT /management/resources/{id}` with `owner` and optionally `parent`: registers a resource, moves it or
/// changes its owner.
pub async fn put(
    app: Data<App>,
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, actix_web::Error> {
    admit(&app, &request).await?;
    let body = json::read(payload).await?;
    let owner = person(&app, body.required("owner")?).await?;
    let place = Place { path: id.into_inner(), parent: body.text("parent")?.map(str::to_owned), owner };
    let now = app.now();
    let made = transact(&app.store, move |tx| resources::put(tx, now, &place)).await.map_err(ApiError::from)?;
    Ok(answer(&json!({ "id": made.path })))
}

/// `DELETE /management/resources/{id}`: deletes a resource.
pub async fn delete(app: Data<App>, request: HttpRequest, id: Path<String>) -> Result<HttpResponse, actix_web::Error> {
    admit(&app, &request).await?;
    change(&app, move |tx| resources::delete(tx, &id)).await
}

fn tier(body: &json::Object) -> Result<Tier, ApiError> {
    let tier: Result<Tier, _> = body.required("tier")?.parse();
    tier.map_err(|_unknown| {
        ApiError::invalid("tier must be one of: view, viewPlus, share, fullView, edit, editPlus, admin.")
    })
}

/// `PUT /management/resources/{id}/public` with `tier`: gives everybody access to a resource.
pub async fn publish(
    app: Data<App>,
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, actix_web::Error> {
    admit(&app, &request).await?;
    let tier = tier(&json::read(payload).await?)?;
    change(&app, move |tx| resources::publish(tx, &id, tier)).await
}

/// `DELETE /management/resources/{id}/public`: ends the access for everybody.
pub async fn unpublish(
    app: Data<App>,
    request: HttpRequest,
    id: Path<String>,
) -> Result<HttpResponse, actix_web::Error> {
    admit(&app, &request).await?;
    change(&app, move |tx| resources::unpublish(tx, &id)).await
}

/// `PUT /management/resources/{id}/shares/{user}` with `tier`: shares a resource with a person.
pub async fn share(
    app: Data<App>,
    request: HttpRequest,
    path: Path<(String, String)>,
    payload: Payload,
) -> Result<HttpResponse, actix_web::Error> {
    admit(&app, &request).await?;
    let tier = tier(&json::read(payload).await?)?;
    let ((id, user), now) = (path.into_inner(), app.now());
    let user = person(&app, &user).await?;
    change(&app, move |tx| resources::share(tx, now, &id, (user, tier))).await
}

/// `DELETE /management/resources/{id}/shares/{user}`: ends the share with a person.
pub async fn unshare(
    app: Data<App>,
    request: HttpRequest,
    path: Path<(String, String)>,
) -> Result<HttpResponse, actix_web::Error> {
    admit(&app, &request).await?;
    let (id, user) = path.into_inner();
    let user = person(&app, &user).await?;
    change(&app, move |tx| resources::unshare(tx, &id, user)).await
}
