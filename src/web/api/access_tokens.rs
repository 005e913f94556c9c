//! `/v3/account/security/accessToken`: personal tokens for programs
//! (`docs/compatibility/ellipsis.md#access-tokens`).

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::account::answer;
use super::bearer::{caller, writer};
use super::error::ApiError;
use super::json::{self, Object};
use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::scope::Scope;
use crate::domain::token::{Kind, Token};
use crate::domain::token_record::{TokenKind, TokenRecord};
use crate::identity::alerts;
use crate::identity::emailed_links::requester;
use crate::oauth::parameters::Parameters;
use crate::outcome::{Error, transact};
use crate::store::tokens;
use crate::tokens::check::ProtectedResource;
use crate::tokens::idempotency::{Created, Repeat, create_once};
use crate::tokens::new_personal_token::{self, Draft, parse_access_list};
use crate::tokens::personal_tokens;
use crate::web::app::App;

/// The number of tokens on one page of the list.
const PAGE: i64 = 30;

/// The token kinds of this API.
const KINDS: [TokenKind; 1] = [TokenKind::Personal];

fn draft(body: &Object) -> Result<Draft, ApiError> {
    if body.text("scope")?.is_some_and(|scope| scope.chars().count() > 20) {
        return Err(ApiError::invalid("scope has at most 20 characters."));
    }
    Ok(Draft {
        description: body.required("description")?.to_owned(),
        access_list: Some(parse_access_list(body.get("accessList"))?),
        // The platform's clients always send `all`. Only the access list decides.
        scope: Scope::default(),
        valid_for: body.seconds("validFor")?,
        is_shared: false,
    })
}

/// Creates a token. The response is the only one with the secret. A repeated `Idempotency-Key` gets the same token.
pub async fn create(app: Data<App>, request: HttpRequest, payload: Payload) -> Result<HttpResponse, ApiError> {
    let writer = writer(&app, &request, ProtectedResource::Security).await?;
    let body = json::read(payload).await?;
    let draft = draft(&body)?;
    let repeat = repeat_of(&request, &format!("personal {}", body.canonical()))?;
    let (now, shared, requester) = (app.now(), app.clone(), requester(app.now(), &app.origin_of(&request)));
    let created = transact(&app.store, move |tx| {
        let (_, user) = writer.recheck(tx, now)?;
        let created = create_once(tx, now, &shared.token_settings, (&user, repeat.as_ref()), |tx, secret| {
            let who = (&user, writer.origin());
            let made = new_personal_token::create(tx, now, &shared.config.token_limits, (who, &draft, secret))?;
            alerts::token_made(tx, now, (&shared.mail, &requester), &user, (&draft.description, false))?;
            Ok(made)
        });
        created.map_err(|error| error.map_refusal(ApiError::from))
    });
    let (token, record) = created_token(created.await?)?;
    let mut shown = shown(&record);
    shown["token"] = json!(token.expose());
    Ok(answer(&shown))
}

/// The maximum length of an `Idempotency-Key`, in characters (our limit).
const MAX_KEY: usize = 255;

/// Returns the `Idempotency-Key` of a request with what it asks for. An invalid key is refused, because the
/// program relies on it.
pub(super) fn repeat_of(request: &HttpRequest, asked: &str) -> Result<Option<Repeat>, ApiError> {
    let mut keys = request.headers().get_all("idempotency-key");
    let Some(key) = keys.next() else { return Ok(None) };
    let key = key.to_str().ok().filter(|key| !key.is_empty() && key.len() <= MAX_KEY);
    match key.filter(|_| keys.next().is_none()) {
        Some(key) => Ok(Some(Repeat::new(key, asked))),
        None => Err(ApiError::invalid("Send one Idempotency-Key of 1 to 255 ASCII characters.")),
    }
}

/// Returns the token that was created now or by an earlier request with the same key.
pub(super) fn created_token<K: Kind>(created: Created<K>) -> Result<(Token<K>, TokenRecord), ApiError> {
    match created {
        Created::Token(token, record) => Ok((token, *record)),
        Created::Ended => {
            let message = "The token that this Idempotency-Key made has ended. Use another key to make a new one.";
            Err(ApiError::new(StatusCode::GONE, message))
        }
        Created::OtherBody => {
            Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "This Idempotency-Key was used for another request."))
        }
    }
}

/// Lists the tokens that have not expired, newest first.
pub async fn list(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let (_, user) = caller(&app, &request, ProtectedResource::Security).await?;
    let query = Parameters::parse(request.query_string().as_bytes())?;
    let size = match query.get("pageSize").map(str::parse::<i64>) {
        None => PAGE,
        Some(Ok(size)) if (1..=PAGE).contains(&size) => size,
        Some(_) => return Err(ApiError::invalid("pageSize must be a number from 1 to 30.")),
    };
    let before = match query.get("pageStart") {
        None => None,
        Some(start) => Some(
            Id::<TokenRecord>::from_uuid(start)
                .ok_or_else(|| ApiError::invalid("pageStart is not from a list of ours."))?,
        ),
    };
    let now = app.now();
    let mut held =
        app.store.read(move |db| tokens::list_personal(db, now, (user.id, &KINDS), (before, size + 1))).await?;
    let has_more = held.len() > usize::try_from(size).unwrap_or_default();
    held.truncate(usize::try_from(size).unwrap_or_default());
    let next = held.last().filter(|_| has_more).map(|last| last.id.uuid());
    let result: Vec<Value> = held.iter().map(shown).collect();
    Ok(answer(&json!({ "result": result, "nextPageStart": next })))
}

/// Revokes one token permanently. The status must be 200, because the platform's client accepts no other.
pub async fn delete(
    app: Data<App>,
    request: HttpRequest,
    path: Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    let writer = writer(&app, &request, ProtectedResource::Security).await?;
    let id = Id::<TokenRecord>::from_uuid(&path.1).ok_or_else(ApiError::not_found)?;
    let (now, who) = (app.now(), writer.user());
    if !app.store.read(move |db| personal_tokens::is_active(db, now, (who, &KINDS), id)).await? {
        return Err(ApiError::not_found());
    }
    let revoked = transact::<_, ApiError, _>(&app.store, move |tx| {
        let (_, user) = writer.recheck(tx, now)?;
        match personal_tokens::revoke(tx, now, (user.id, &KINDS), id, writer.origin())? {
            true => Ok(()),
            false => Err(Error::Refused(ApiError::not_found())),
        }
    });
    revoked.await?;
    Ok(answer(&json!({})))
}

fn shown(token: &TokenRecord) -> Value {
    let entries = token.access_list.as_ref().map(|list| json!(list.entries())).unwrap_or_else(|| json!([]));
    json!({
        "id": token.id.uuid(),
        "description": token.name,
        "scope": "all",
        "creationDate": token.created_at.rfc3339(),
        "expiryDate": token.expires_at.map(UnixTime::rfc3339),
        "lastUsed": token.last_used_at.map(UnixTime::rfc3339),
        "accessList": entries,
    })
}
