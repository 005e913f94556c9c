//! `/v3/account/security/{password,email}`: what a person changes by program
//! (`docs/compatibility/ellipsis.md#security-by-program`).

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::account::answer;
use super::bearer::caller;
use super::error::ApiError;
use super::json;
use crate::domain::secret::Secret;
use crate::identity::account::{Kept, change_password};
use crate::identity::email::{self, Proof};
use crate::identity::recovery::{self, NewCredentials};
use crate::tokens::check::ProtectedResource;
use crate::web::app::App;
use crate::web::remembered_browser;

/// Sets a new password; needs the current one.
pub async fn update_password(app: Data<App>, request: HttpRequest, payload: Payload) -> Result<HttpResponse, ApiError> {
    let (token, user) = caller(&app, &request, ProtectedResource::Security).await?;
    let body = json::read(payload).await?;
    let (old, new) = (Secret::new(body.required("oldPassword")?), body.required("newPassword")?);
    // "All other": the program that asked goes on with what it has.
    let kept = Kept { session: token.basis.grant.session_id, grant: Some(token.basis.grant.id) };
    change_password(app.sign_in_context(), app.now(), (&user, old, new), (&app.origin_of(&request), kept)).await?;
    Ok(answer(&json!({})))
}

/// `password/reset`: mails a link. The answer is the same for an address that nobody has.
pub async fn reset_password(app: Data<App>, request: HttpRequest, payload: Payload) -> Result<HttpResponse, ApiError> {
    let body = json::read(payload).await?;
    recovery::start(app.sign_in_context(), app.now(), (body.required("email")?, None), &app.origin_of(&request))
        .await?;
    Ok(answer(&json!({})))
}

/// `password/validate`: finishes a reset. A program cannot be asked what should stay, so all ends.
pub async fn finish_reset(app: Data<App>, request: HttpRequest, payload: Payload) -> Result<HttpResponse, ApiError> {
    let body = json::read(payload).await?;
    let wanted = NewCredentials {
        key: Secret::new(body.required("token")?),
        password: Secret::new(body.required("newPassword")?),
        ends_own_tokens: true,
    };
    recovery::finish(app.sign_in_context(), app.now(), wanted, (remembered_browser::caller(&app, &request), false))
        .await?;
    Ok(answer(&json!({})))
}

/// `email/update`: the new address gets a link, the old one is told and stays until then.
pub async fn update_email(app: Data<App>, request: HttpRequest, payload: Payload) -> Result<HttpResponse, ApiError> {
    let (_, user) = caller(&app, &request, ProtectedResource::Security).await?;
    let body = json::read(payload).await?;
    let (email, password) = (body.required("email")?, Secret::new(body.required("password")?));
    email::update(app.sign_in_context(), app.now(), (&user, email, password), (&app.origin_of(&request), None)).await?;
    Ok(answer(&json!({})))
}

/// `email/validate`: proves an address by the mailed token and the account's password, or a new one.
pub async fn validate_email(app: Data<App>, request: HttpRequest, payload: Payload) -> Result<HttpResponse, ApiError> {
    let body = json::read(payload).await?;
    let key = Secret::new(body.required("token")?);
    let proof = match (body.text("password")?, body.text("newPassword")?) {
        (Some(password), None) => Proof::Password(Secret::new(password)),
        (None, Some(password)) => Proof::NewPassword(Secret::new(password)),
        _ => return Err(ApiError::invalid("Send password (the account's) or newPassword, one of them.")),
    };
    email::finish(app.sign_in_context(), app.now(), (key, proof), (remembered_browser::caller(&app, &request), false))
        .await?;
    Ok(answer(&json!({})))
}
