//! `GET /.well-known/oauth-authorization-server` — RFC 8414 §3.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::register;
use crate::domain::scope::Scope;
use crate::domain::self_registration::ClientDocuments;
use crate::oauth::Refusal;
use crate::oauth::metadata::Metadata;
use crate::oauth::scopes;
use crate::outcome::consult;
use crate::web::app::App;
use crate::web::error::TokenError;
use crate::web::published::answer;
use crate::web::rendered::Rendered;

/// Says what the server offers.
pub async fn get(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, TokenError> {
    let known = consult::<_, Refusal, _>(&app.store, |db| Ok(scopes::known_scope(db)?)).await;
    let known = known.map_err(|error| TokenError::new(&app, error))?;
    answer(&app, &request, &app.published.metadata, known, |known| {
        Rendered::json("public, max-age=300", &document(&app, known))
    })
}

fn document(app: &App, known: &Scope) -> Metadata {
    Metadata::new(&app.public.issuer, known)
        .with_sign_up(app.config.registration.is_open())
        .with_registration(register::is_on(app))
        .with_client_documents(app.config.strangers.documents != ClientDocuments::Off)
}
