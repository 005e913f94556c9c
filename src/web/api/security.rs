//! `POST /v3/account/security/password/update`.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::account::answer;
use super::bearer::caller;
use super::error::ApiError;
use super::json;
use crate::domain::secret::Secret;
use crate::identity::account::change_password;
use crate::tokens::check::Door;
use crate::web::app::App;

/// Sets a new password; needs the current one.
pub async fn update_password(app: Data<App>, request: HttpRequest, payload: Payload) -> Result<HttpResponse, ApiError> {
    let (_, user) = caller(&app, &request, Door::Security).await?;
    let body = json::read(payload).await?;
    let (old, new) = (Secret::new(body.required("oldPassword")?), body.required("newPassword")?);
    let address = app.origin_of(&request).address;
    change_password(app.desk(), app.now(), (&user, old, new), (&address, None)).await?;
    Ok(answer(&json!({})))
}
