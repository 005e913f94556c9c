//! `/v3` — the account API of the first platform (`compatibility.md`, A2.1).

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::json;

use super::bearer::{ApiError, token_of};
use crate::domain::grant::GrantKind;
use crate::domain::token_in_use::TokenInUse;
use crate::domain::token_record::TokenKind;
use crate::domain::user::User;
use crate::outcome::{Error, consult};
use crate::store::users;
use crate::tokens::check::{Door, Rejection, open};
use crate::web::app::App;

/// What a token sees of its person.
#[derive(Serialize)]
struct Account {
    id: String,
    username: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    #[serde(flatten)]
    shielded: Option<Shielded>,
}

/// What only a token of the person themselves sees (A5).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shielded {
    email: Option<String>,
    unvalidated_email: Option<String>,
    has_password: bool,
    disabled: bool,
    registration_date: String,
}

/// `GET /v3`: programs of the platform look for its name here.
pub async fn name() -> HttpResponse {
    HttpResponse::Ok()
        .json(json!({ "name": "Gatepost, an ellipsis compatible api", "version": env!("CARGO_PKG_VERSION") }))
}

/// `GET /v3/account`: who is it?
pub async fn get(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let presented = token_of(&request)?;
    let (now, shared) = (app.now(), app.clone());
    let found = consult(&app.store, move |db| {
        let token = open(db, now, &shared.mint, (Door::AccountDetails, &presented))?;
        let person = token.basis.person.as_ref().map(|person| person.id);
        let user = match person {
            Some(person) => users::find(db, person)?,
            None => None,
        };
        Ok((token, user.ok_or(Error::Refused(Rejection::RevokedOrUnknown))?))
    });
    let (token, user) = found.await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(account(&token, user)))
}

fn account(token: &TokenInUse, user: User) -> Account {
    let application = token.basis.application.as_ref();
    // An app's token, by OAuth or the login redirect, does not see what belongs to the account's
    // security, unless the operator runs the app.
    let grant_kind = token.basis.grant.kind;
    let is_own = token.record.kind == TokenKind::User && grant_kind != GrantKind::LoginRedirect;
    let is_first_party =
        token.record.kind == TokenKind::User && application.is_some_and(|client| client.is_first_party);
    let is_proven = user.email_verified_at.is_some();
    let shielded = (is_own || is_first_party).then(|| Shielded {
        email: user.email.clone().filter(|_| is_proven),
        unvalidated_email: user.email.clone().filter(|_| !is_proven),
        has_password: user.password_hash.is_some(),
        disabled: user.disabled_at.is_some(),
        registration_date: user.created_at.rfc3339(),
    });
    Account { id: user.id.uuid(), username: user.username, client_id: token.made_for(), shielded }
}
