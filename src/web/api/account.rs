//! `/v3/account`: the account API of the first platform (`docs/compatibility/ellipsis.md#the-account`).

use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::{Value, json};

use super::bearer::{caller, token_of, writer};
use super::error::ApiError;
use super::json;
use crate::domain::secret::Secret;
use crate::domain::token_in_use::TokenInUse;
use crate::domain::user::User;
use crate::identity::account::{self, AccountRefusal, Profile};
use crate::identity::deletion;
use crate::identity::invitation;
use crate::identity::new_user::{self, Credentials, NewUser};
use crate::identity::sign_up::{SignUpRefusal, sign_up_for_program};
use crate::identity::throttle::Throttled;
use crate::outcome::{Error, consult, transact};
use crate::store::{StoreError, mailed_links, user_pictures};
use crate::tokens::check::{ProtectedResource, TokenRefusal, is_full_access, judge, note_use};
use crate::web::app::App;
use crate::web::remembered_browser;

/// The members that every token of the person may read.
#[derive(Serialize)]
struct Account {
    id: String,
    username: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    profile: Value,
    #[serde(flatten)]
    shielded: Option<Shielded>,
}

/// The members that only a token of the person themselves may read
/// (`docs/compatibility/ellipsis.md#what-is-shielded`).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shielded {
    email: Option<String>,
    unvalidated_email: Option<String>,
    has_password: bool,
    disabled: bool,
    registration_date: String,
    delete_date: Option<String>,
}

/// Responds with status 200 and JSON that must not be cached.
pub(super) fn answer(value: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(value)
}

/// `GET /v3`: responds with the name that programs of the platform look for.
pub async fn name() -> HttpResponse {
    answer(&json!({ "name": "Gatepost, an ellipsis compatible api", "version": env!("CARGO_PKG_VERSION") }))
}

/// `GET /v3/account`: responds with the account of the token's person.
pub async fn get(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let (token, user) = caller(&app, &request, ProtectedResource::AccountDetails).await?;
    let (now, id, is_full_access) = (app.now(), user.id, is_full_access(&token));
    let found = app.store.read(move |db| {
        let pending = if is_full_access { mailed_links::find_pending_email(db, now, id)? } else { None };
        Ok::<_, StoreError>((pending, user_pictures::find(db, id)?))
    });
    let (pending, picture) = found.await?;
    Ok(answer(&shown(&token, user, (pending, picture))))
}

fn shown(token: &TokenInUse, user: User, (pending, picture): (Option<String>, Option<String>)) -> Account {
    // A token of an application, by OAuth or the login redirect, does not see what belongs to the security of
    // the account, unless the application is first-party.
    let is_proven = user.email_verified_at.is_some();
    let shielded = is_full_access(token).then(|| Shielded {
        email: user.email.clone().filter(|_| is_proven),
        unvalidated_email: pending.or_else(|| user.email.clone().filter(|_| !is_proven)),
        has_password: user.password_digest.is_some(),
        disabled: user.disabled_at.is_some(),
        registration_date: user.created_at.rfc3339(),
        delete_date: user.deleted_at.map(crate::clock::UnixTime::rfc3339),
    });
    Account {
        id: user.id.uuid(),
        username: user.username,
        client_id: token.made_for(),
        profile: json!({
            "about": user.about,
            "homepage": user.homepage,
            "picture": picture,
            "allowContact": user.allow_contact,
        }),
        shielded,
    }
}

impl From<SignUpRefusal> for ApiError {
    fn from(refusal: SignUpRefusal) -> Self {
        match refusal {
            SignUpRefusal::Closed => {
                Self::new(StatusCode::FORBIDDEN, "New accounts are made by the people who run this server.")
            }
            SignUpRefusal::LinkEnded => Self::invalid("This invitation is unknown, was used, or has ended."),
            SignUpRefusal::Busy => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "The server is busy right now.").retry_after(1)
            }
            SignUpRefusal::Problems(problems) => {
                Self::invalid(problems.into_iter().map(|problem| problem.message).collect::<Vec<_>>().join(" "))
            }
        }
    }
}

/// `POST /v3/account`: creates an account for a program, or by an invitation
/// (`docs/compatibility/ellipsis.md#the-account`).
pub async fn create(app: Data<App>, request: HttpRequest, payload: Payload) -> Result<HttpResponse, ApiError> {
    let body = json::read(payload).await?;
    let check = |email: &str| -> Result<NewUser, ApiError> {
        let (username, password) = (body.required("username")?, Some(body.required("password")?));
        let checked = new_user::check(Credentials { username, email, password });
        checked.map_err(|problems| SignUpRefusal::Problems(problems).into())
    };
    let id = match body.text("validationToken")? {
        Some(token) => {
            let (now, key, user_id) = (app.now(), Secret::new(token), body.required("userId")?);
            let presented = key.clone();
            let found = app.store.read(move |db| invitation::find(db, now, presented.expose())).await?;
            let found = found.filter(|link| link.person().uuid() == user_id.to_ascii_lowercase());
            let person = check(&found.ok_or(SignUpRefusal::LinkEnded)?.email)?;
            invitation::accept(
                app.sign_in_context(),
                now,
                (key, person),
                (remembered_browser::caller(&app, &request), false),
            )
            .await?
            .0
        }
        None => {
            let (person, origin) = (check(body.required("email")?)?, app.origin_of(&request));
            let counted = app.throttle.attempt_sign_up(&app.store, app.now(), &origin.address).await;
            counted.map_err(|error| match error {
                Error::Refused(Throttled(seconds)) => {
                    let message = "Too many accounts were made from here. Try again later.";
                    ApiError::new(StatusCode::TOO_MANY_REQUESTS, message).retry_after(seconds)
                }
                Error::Failed(error) => error.into(),
            })?;
            sign_up_for_program(app.sign_in_context(), app.now(), &app.config.registration, (person, &origin)).await?
        }
    };
    Ok(answer(&json!({ "id": id.uuid() })))
}

/// `DELETE /v3/account`: deletes the account. It requires an authentication of the last 15 minutes.
pub async fn delete(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let writer = writer(&app, &request, ProtectedResource::Security).await?;
    let (now, mail, origin) = (app.now(), app.mail.clone(), app.origin_of(&request));
    let deleted = transact::<_, ApiError, _>(&app.store, move |tx| {
        let (token, user) = writer.recheck(tx, now)?;
        Ok(deletion::begin_by_token(tx, now, &mail, (&user, &token), &origin)?)
    });
    let is_deleted = deleted.await?;
    app.mail.wake();
    if !is_deleted {
        let message = "Log in again first: deleting an account needs a log-in of the last 15 minutes.";
        return Err(ApiError::new(StatusCode::FORBIDDEN, message));
    }
    Ok(answer(&json!({})))
}

/// `PATCH /v3/account/profile`: changes the profile.
pub async fn profile(app: Data<App>, request: HttpRequest, payload: Payload) -> Result<HttpResponse, ApiError> {
    let writer = writer(&app, &request, ProtectedResource::Profile).await?;
    let body = json::read_large(payload).await?;
    let field = |name: &str| -> Result<Option<Option<String>>, ApiError> {
        Ok(if body.has(name) { Some(body.text(name)?.map(str::to_owned)) } else { None })
    };
    let allow_contact = match body.get("allowContact") {
        None => None,
        Some(Value::Bool(allow)) => Some(*allow),
        Some(_) => return Err(ApiError::invalid("allowContact must be true or false.")),
    };
    let (about, homepage, picture) = (field("about")?, field("homepage")?, field("picture")?);
    let profile = Profile { about, homepage, picture, allow_contact }.check().map_err(AccountRefusal::from)?;
    let now = app.now();
    let written = transact::<_, ApiError, _>(&app.store, move |tx| {
        let (_, user) = writer.recheck(tx, now)?;
        Ok(account::update_profile(tx, user.id, &profile)?)
    });
    written.await?;
    Ok(answer(&json!({})))
}

/// `PUT /v3/account/username`: changes the user name. It requires an authentication of the last 15 minutes.
pub async fn username(app: Data<App>, request: HttpRequest, payload: Payload) -> Result<HttpResponse, ApiError> {
    let writer = writer(&app, &request, ProtectedResource::Security).await?;
    let name = json::read(payload).await?.required("username")?.to_owned();
    let (now, mail) = (app.now(), app.mail.clone());
    let renamed = transact(&app.store, move |tx| {
        let (token, user) = writer.recheck(tx, now)?;
        if !deletion::has_recent_authentication(tx, now, &token)? {
            let message = "Log in again first: another user name needs a log-in of the last 15 minutes.";
            return Err(Error::Refused(ApiError::new(StatusCode::FORBIDDEN, message)));
        }
        let who = (&user, writer.origin());
        account::rename(tx, now, &mail, who, &name).map_err(|error| error.map_refusal(ApiError::from))
    });
    renamed.await?;
    app.mail.wake();
    Ok(answer(&json!({})))
}

/// `GET /v3/account/root/{name}`: responds with an empty list of the right form, because the files are on
/// another server.
pub async fn root(app: Data<App>, request: HttpRequest, name: Path<String>) -> Result<HttpResponse, ApiError> {
    caller(&app, &request, ProtectedResource::Content).await?;
    match name.as_str() {
        "myDrive" | "sharedWithMe" | "favorites" | "trash" => {
            Ok(answer(&json!({ "result": [], "nextPageStart": null, "size": 0 })))
        }
        _ => Err(ApiError::not_found()),
    }
}

/// `GET` and `POST /v3/validate`: responds whether a token of any kind is active. The status is never 401.
pub async fn validate(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let Ok(presented) = token_of(&request) else { return Ok(answer(&json!({ "valid": false }))) };
    let (now, shared) = (app.now(), app.clone());
    let found = consult::<_, TokenRefusal, _>(&app.store, move |db| {
        let token = judge(db, now, &presented)?;
        // This endpoint reads no proof of possession. Without one, a bound token gives no access and does not
        // count as used.
        if !presented.has_key_of(&token.record) {
            return Err(Error::Refused(TokenRefusal::WrongKey));
        }
        note_use(&shared.last_use, now, &token, None);
        Ok(token)
    });
    let found = found.await;
    match found {
        Ok(token) => {
            let client_id = token.made_for();
            Ok(answer(&json!({ "valid": true, "client_id": client_id })))
        }
        Err(Error::Refused(_)) => Ok(answer(&json!({ "valid": false }))),
        Err(Error::Failed(error)) => Err(error.into()),
    }
}
