//! `/v3/account/security/remoteSession`: logs in a program without a browser
//! (`docs/decisions/0039-remote-sessions.md`).

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::account::answer;
use super::error::ApiError;
use crate::identity::remote_session::{self, RemoteRefusal};
use crate::outcome::{consult, transact};
use crate::web::app::App;

impl From<RemoteRefusal> for ApiError {
    /// The response is always JSON and never 401, because the platform's plugin reads the body of all other
    /// statuses.
    fn from(refusal: RemoteRefusal) -> Self {
        match refusal {
            RemoteRefusal::Waiting => Self::new(StatusCode::PRECONDITION_REQUIRED, "Not yet authorized."),
            RemoteRefusal::Ended => Self::new(StatusCode::GONE, "This session is over. Start again."),
            RemoteRefusal::TooMany => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "Too many sessions wait. Try again later.").retry_after(600)
            }
        }
    }
}

/// Starts a remote session.
pub async fn start(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let (now, shared, origin) = (app.now(), app.clone(), app.origin_of(&request));
    let asked = origin.clone();
    consult(&app.store, move |db| remote_session::may_start(db, now, &asked)).await?;
    let id = transact(&app.store.for_unauthenticated(), move |tx| {
        remote_session::start(tx, now, (&shared.token_settings.lifetimes, &origin))
    })
    .await?;
    Ok(answer(&json!({ "id": id.expose() })))
}

/// Issues the token after the person has approved.
pub async fn exercise(app: Data<App>, request: HttpRequest, id: Path<String>) -> Result<HttpResponse, ApiError> {
    let (now, shared, origin) = (app.now(), app.clone(), app.origin_of(&request));
    let id = id.into_inner();
    let asked = (id.clone(), origin.clone());
    consult(&app.store, move |db| remote_session::examine(db, now, (&asked.0, &asked.1))).await?;
    let issued = transact(&app.store, move |tx| {
        remote_session::exercise(tx, now, (&shared.token_settings.lifetimes, &id, &origin))
    })
    .await?;
    Ok(answer(&json!({ "token": issued.token.expose() })))
}
