//! `/spatialstudio` — the second platform's tokens (`compatibility.md`, B): the token door, where the
//! generator mints, and the session door, where its person looks after them.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde_json::{Value, json};

use super::access_tokens::{created_token, repeat_of};
use super::account::answer;
use super::bearer::caller;
use super::error::ApiError;
use super::json;
use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::token_record::{TokenKind, TokenRecord};
use crate::oauth::parameters::Parameters;
use crate::outcome::transact;
use crate::store::tokens;
use crate::tokens::check::Door;
use crate::tokens::idempotency::create_once;
use crate::tokens::personal;
use crate::tokens::studio::{self, Asked, StudioDraft};
use crate::web::app::App;
use crate::web::browser::{MaybeVisitor, Visitor};

/// The kinds that this door knows.
const KINDS: [TokenKind; 2] = [TokenKind::Studio, TokenKind::Fileset];

/// `POST /spatialstudio/oauth/v1/user/token`: the generator makes a token. The body is empty, all
/// four parameters are in the query.
pub async fn mint(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let (token, user) = caller(&app, &request, Door::StudioTokens).await?;
    let query = Parameters::parse(request.query_string().as_bytes())?.without_repeats()?;
    let asked = Asked {
        name: query.get("name"),
        valid_time: query.get("validTime"),
        action: query.get("action"),
        resource_type: query.get("resourceType"),
    };
    let draft = StudioDraft::parse(asked)?;
    let repeat = repeat_of(&request, &format!("studio {draft:?}"));
    let (now, shared, made_by, wanted) = (app.now(), app.clone(), Some(token.record.id), draft.clone());
    let created = transact(&app.store, move |tx| {
        create_once(tx, now, &shared.mint, (&user, repeat.as_ref()), |tx, secret| {
            studio::create(tx, now, &shared.config.token_limits, (&user, &wanted, made_by), secret)
        })
    });
    let (token, record) = created_token(created.await?)?;
    let mut shown = shown(&record);
    shown["token"] = json!(token.expose());
    shown["validTime"] = json!(draft.minutes());
    Ok(answer(&shown))
}

fn shown(token: &TokenRecord) -> Value {
    json!({
        "id": token.id.uuid(),
        "name": token.name,
        "action": token.action.map(|action| action.as_str()),
        "resourceType": token.resource_type.map(|kind| kind.as_str()),
        "fileset": token.resource,
        "createdAt": token.created_at.rfc3339(),
        "expiresAt": token.expires_at.map(UnixTime::rfc3339),
        "lastUsedAt": token.last_used_at.map(UnixTime::rfc3339),
    })
}

/// The session door answers JSON where the original shows a log-in page.
fn session(visitor: MaybeVisitor) -> Result<Visitor, ApiError> {
    visitor.0.ok_or_else(|| {
        ApiError::new(
            StatusCode::UNAUTHORIZED,
            "This address needs a browser session; tokens go to /spatialstudio/oauth/v1.",
        )
    })
}

/// The generator's text is answered only soon after a sign-in, by whatever address.
fn fresh(app: &App, visitor: MaybeVisitor) -> Result<Visitor, ApiError> {
    let visitor = session(visitor)?;
    if visitor.is_fresh(app.now()) {
        return Ok(visitor);
    }
    let message = "Sign in again: the generator is shown for 15 minutes after a sign-in.";
    Err(ApiError::new(StatusCode::FORBIDDEN, message))
}

/// `GET /spatialstudio/api/v1/user/token`: the person's tokens, without their secrets.
pub async fn list(app: Data<App>, visitor: MaybeVisitor) -> HttpResponse {
    respond(async {
        let (now, user) = (app.now(), session(visitor)?.user.id);
        let held = app.store.read(move |db| tokens::list_held(db, now, (user, &KINDS), (None, 1_000))).await?;
        Ok(answer(&held.iter().map(shown).collect::<Vec<_>>()))
    })
    .await
}

/// `POST /spatialstudio/api/v1/user/filesettoken`: a token that reads one fileset.
pub async fn create_fileset(app: Data<App>, visitor: MaybeVisitor, payload: Payload) -> HttpResponse {
    respond(async {
        let user = session(visitor)?.user;
        let body = json::read(payload).await?;
        let (name, fileset) = (body.required("name")?.to_owned(), body.required("fileset")?.to_owned());
        let minutes = body
            .get("validTime")
            .and_then(Value::as_i64)
            .filter(|minutes| (-1..=studio::MAX_MINUTES).contains(minutes));
        let minutes = minutes.ok_or_else(|| {
            ApiError::invalid("validTime must be a whole number of minutes from -1 (never expires) to 9999")
        })?;
        let (now, shared) = (app.now(), app.clone());
        let made = transact(&app.store, move |tx| {
            studio::create_fileset(
                tx,
                now,
                &shared.config.token_limits,
                (&user, &name, &fileset, studio::in_seconds(minutes)),
            )
        });
        Ok(answer(&json!({ "token": made.await?.token.expose() })))
    })
    .await
}

/// `DELETE /spatialstudio/api/v1/user/token/{id}`.
pub async fn delete(app: Data<App>, visitor: MaybeVisitor, id: Path<String>) -> HttpResponse {
    respond(async {
        let (now, user) = (app.now(), session(visitor)?.user.id);
        let id = Id::<TokenRecord>::from_uuid(&id).ok_or_else(ApiError::not_found)?;
        match app.store.write(move |tx| personal::revoke(tx, now, (user, &KINDS), id)).await? {
            true => Ok(answer(&json!({}))),
            false => Err(ApiError::not_found()),
        }
    })
    .await
}

/// `GET /spatialstudio/api/v1/user/generatortoken`: readable for 15 minutes after a sign-in.
pub async fn generator(app: Data<App>, visitor: MaybeVisitor) -> HttpResponse {
    respond(async {
        let visitor = fresh(&app, visitor)?;
        let (now, shared) = (app.now(), app.clone());
        let generator = app.store.write(move |tx| studio::generator(tx, now, &shared.mint, &visitor.user)).await?;
        Ok(answer(&json!({ "token": generator.text.expose(), "createdAt": generator.record.created_at.rfc3339() })))
    })
    .await
}

/// `POST /spatialstudio/api/v1/user/generatortoken/regenerate`: the old one ends at once.
pub async fn regenerate(app: Data<App>, visitor: MaybeVisitor) -> HttpResponse {
    respond(async {
        let visitor = fresh(&app, visitor)?;
        let (now, shared) = (app.now(), app.clone());
        let made = app.store.write(move |tx| studio::regenerate(tx, now, &shared.mint, (&visitor.user, false)));
        let generator = made.await?;
        Ok(answer(&json!({ "token": generator.text.expose(), "createdAt": generator.record.created_at.rfc3339() })))
    })
    .await
}

async fn respond(answered: impl Future<Output = Result<HttpResponse, ApiError>>) -> HttpResponse {
    answered.await.unwrap_or_else(|error| error.error_response())
}
