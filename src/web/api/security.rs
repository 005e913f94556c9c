//! `/v3/account/security/{password,email}`: changes the password or the email address for a program
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

/// `password/update`: changes the password. It requires the current one.
pub async fn update_password(app: Data<App>, request: HttpRequest, payload: Payload) -> Result<HttpResponse, ApiError> {
    let (token, user) = caller(&app, &request, ProtectedResource::Security).await?;
    let body = json::read(payload).await?;
    let (old, new) = (Secret::new(body.required("oldPassword")?), body.required("newPassword")?);
    // The token and the session of the calling program stay valid.
    let kept = Kept { session: token.basis.grant.session_id, grant: Some(token.basis.grant.id) };
    change_password(app.sign_in_context(), app.now(), (&user, old, new), (&app.origin_of(&request), kept)).await?;
    Ok(answer(&json!({})))
}

/// `password/reset`: sends a link by email. The response is the same when no account has the address.
pub async fn reset_password(app: Data<App>, request: HttpRequest, payload: Payload) -> Result<HttpResponse, ApiError> {
    let body = json::read(payload).await?;
    recovery::start(app.sign_in_context(), app.now(), (body.required("email")?, None), &app.origin_of(&request))
        .await?;
    Ok(answer(&json!({})))
}

/// `password/validate`: completes a reset. All tokens end, because a program cannot be asked which should stay.
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

/// `email/update`: sends a link to the new address and a notification to the old one, which stays until the
/// new one is proven.
pub async fn update_email(app: Data<App>, request: HttpRequest, payload: Payload) -> Result<HttpResponse, ApiError> {
    let (_, user) = caller(&app, &request, ProtectedResource::Security).await?;
    let body = json::read(payload).await?;
    let (email, password) = (body.required("email")?, Secret::new(body.required("password")?));
    email::update(app.sign_in_context(), app.now(), (&user, email, password), (&app.origin_of(&request), None)).await?;
    Ok(answer(&json!({})))
}

/// `email/validate`: proves an email address by the emailed token with the password of the account, or with a
/// new one.
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
