//! `/spatialstudio`: the tokens of the second platform (`docs/compatibility/spatial-studio.md`). With the
//! token generator a program creates tokens; with a session the person manages them.

use actix_web::http::header::LINK;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::access_tokens::{created_token, repeat_of};
use super::account::answer;
use super::bearer::writer;
use super::error::ApiError;
use super::json;
use super::session::SessionVisitor;
use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::json::integer;
use crate::domain::token_record::TokenRecord;
use crate::oauth::parameters::Parameters;
use crate::outcome::{Error, transact};
use crate::store::{Database, tokens};
use crate::tokens::check::ProtectedResource;
use crate::tokens::idempotency::create_once;
use crate::tokens::personal_tokens::{self, STUDIO_KINDS};
use crate::tokens::studio::{self, Asked, StudioDraft};
use crate::web::app::App;
use crate::web::browser::Visitor;

/// The maximum number of tokens in one response of the list.
const PAGE: i64 = 1_000;

/// `POST /spatialstudio/oauth/v1/user/token`: creates a token with the token generator. The body is empty,
/// and all four parameters are in the query.
pub async fn create_token(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let writer = writer(&app, &request, ProtectedResource::StudioTokens).await?;
    let query = Parameters::parse(request.query_string().as_bytes())?.without_repeats()?;
    let asked = Asked {
        name: query.get("name"),
        valid_time: query.get("validTime"),
        action: query.get("action"),
        resource_type: query.get("resourceType"),
    };
    let draft = StudioDraft::parse(asked)?;
    let said = json!([asked.name, draft.minutes(), asked.action, asked.resource_type]);
    let repeat = repeat_of(&request, &format!("studio {said}"))?;
    let (now, shared, wanted) = (app.now(), app.clone(), draft.clone());
    let created = transact(&app.store, move |tx| {
        let (generator, user) = writer.recheck(tx, now)?;
        let generator_id = Some(generator.record.id);
        let created = create_once(tx, now, &shared.token_settings, (&user, repeat.as_ref()), |tx, secret| {
            studio::create(
                tx,
                now,
                &shared.config.token_limits,
                ((&user, writer.origin()), &wanted, generator_id),
                secret,
            )
        });
        created.map_err(|error| error.map_refusal(ApiError::from))
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

/// `GET /spatialstudio/api/v1/user/token`: lists the person's tokens without their secrets, newest first. A
/// `Link` header (RFC 8288) has the address of the next page.
pub async fn list(app: Data<App>, request: HttpRequest, session: SessionVisitor) -> Result<HttpResponse, ApiError> {
    let query = Parameters::parse(request.query_string().as_bytes())?;
    let before = query.get("pageStart").map(|start| {
        Id::<TokenRecord>::from_uuid(start).ok_or_else(|| ApiError::invalid("pageStart is not from a list of ours."))
    });
    let (now, user, before) = (app.now(), session.visitor().user.id, before.transpose()?);
    let mut held =
        app.store.read(move |db| tokens::list_personal(db, now, (user, &STUDIO_KINDS), (before, PAGE + 1))).await?;
    let most = usize::try_from(PAGE).unwrap_or_default();
    let has_more = held.len() > most;
    held.truncate(most);
    let mut response = answer(&held.iter().map(shown).collect::<Vec<_>>());
    if let Some(last) = held.last().filter(|_| has_more) {
        let link = format!("<{}?pageStart={}>; rel=\"next\"", request.path(), last.id.uuid());
        if let Ok(link) = link.parse() {
            response.headers_mut().insert(LINK, link);
        }
    }
    Ok(response)
}

/// `POST /spatialstudio/api/v1/user/filesettoken`: creates a token that reads one fileset.
pub async fn create_fileset(
    app: Data<App>,
    request: HttpRequest,
    session: SessionVisitor,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let now = app.now();
    let session = session.require_recent_authentication(now)?;
    let body = json::read(payload).await?;
    let (name, fileset) = (body.required("name")?.to_owned(), body.required("fileset")?.to_owned());
    let minutes =
        body.get("validTime").and_then(integer).filter(|minutes| (-1..=studio::MAX_MINUTES).contains(minutes));
    let minutes = minutes.ok_or_else(|| {
        ApiError::invalid("validTime must be a whole number of minutes from -1 (never expires) to 9999")
    })?;
    let repeat = repeat_of(&request, &format!("fileset {}", body.canonical()))?;
    let (shared, valid_for) = (app.clone(), studio::in_seconds(minutes));
    let created = transact(&app.store, move |tx| {
        let Visitor { user, origin, .. } = session.recheck(tx, &shared, now)?;
        let limits = &shared.config.token_limits;
        let created = create_once(tx, now, &shared.token_settings, (&user, repeat.as_ref()), |tx, secret| {
            studio::create_fileset(tx, now, limits, ((&user, &origin), &name, &fileset, valid_for), secret)
        });
        created.map_err(|error| error.map_refusal(ApiError::from))
    });
    let (token, record) = created_token(created.await?)?;
    let mut shown = shown(&record);
    shown["token"] = json!(token.expose());
    Ok(answer(&shown))
}

/// `DELETE /spatialstudio/api/v1/user/token/{id}`: revokes a token.
pub async fn delete(app: Data<App>, session: SessionVisitor, id: Path<String>) -> Result<HttpResponse, ApiError> {
    let (now, user) = (app.now(), session.visitor().user.id);
    let id = Id::<TokenRecord>::from_uuid(&id).ok_or_else(ApiError::not_found)?;
    if !app.store.read(move |db| personal_tokens::is_active(db, now, (user, &STUDIO_KINDS), id)).await? {
        return Err(ApiError::not_found());
    }
    let revoke =
        move |tx: &mut Database| personal_tokens::revoke(tx, now, (user, &STUDIO_KINDS), id, &session.visitor().origin);
    match app.store.write(revoke).await? {
        true => Ok(answer(&json!({}))),
        false => Err(ApiError::not_found()),
    }
}

fn with_text(generator: &studio::Generator) -> HttpResponse {
    answer(&json!({ "token": generator.text.expose(), "createdAt": generator.record.created_at.rfc3339() }))
}

/// `GET /spatialstudio/api/v1/user/generatortoken`: returns the token generator, within 15 minutes of a sign-in.
pub async fn generator(app: Data<App>, session: SessionVisitor) -> Result<HttpResponse, ApiError> {
    let (now, shared) = (app.now(), app.clone());
    let session = session.require_recent_authentication(now)?;
    let user = session.visitor().user.id;
    let known = app.store.read(move |db| studio::find_generator(db, now, &shared.token_settings, user)).await?;
    if let Some(generator) = known {
        return Ok(with_text(&generator));
    }
    let shared = app.clone();
    let made = transact::<_, ApiError, _>(&app.store, move |tx| {
        let user = session.recheck(tx, &shared, now)?.user;
        Ok(studio::generator(tx, now, &shared.token_settings, &user)?)
    });
    Ok(with_text(&made.await?))
}

/// `POST /spatialstudio/api/v1/user/generatortoken/regenerate`: replaces the token generator. The old one
/// ends at once.
pub async fn regenerate(app: Data<App>, session: SessionVisitor) -> Result<HttpResponse, ApiError> {
    let (now, shared) = (app.now(), app.clone());
    let session = session.require_recent_authentication(now)?;
    let made = transact::<_, ApiError, _>(&app.store, move |tx| {
        let Visitor { user, origin, .. } = session.recheck(tx, &shared, now)?;
        studio::regenerate(tx, now, &shared.token_settings, (&user, false), &origin).map_err(Error::Failed)
    });
    Ok(with_text(&made.await?))
}
