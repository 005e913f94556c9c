//! `GET /.well-known/oauth-authorization-server` (RFC 8414 §3).

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::register;
use crate::domain::scope::Scope;
use crate::domain::self_registration::ClientDocuments;
use crate::oauth::metadata::Metadata;
use crate::oauth::scopes;
use crate::web::app::App;
use crate::web::error::TokenError;
use crate::web::rendered::Rendered;

/// Responds with the metadata of the authorization server.
pub async fn get(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, TokenError> {
    let kept = &app.published.metadata;
    let edition = app.store.edition().await?;
    if let Some(ready) = kept.find(|made_of| Some(*made_of) == edition) {
        return Ok(ready.answer(&request));
    }
    let (edition, known) = app.store.read(|db| Ok((db.edition()?, scopes::known_scope(db)?))).await?;
    let rendered = Rendered::json("public, max-age=300", &document(&app, &known));
    Ok(kept.insert(edition, rendered?).answer(&request))
}

fn document(app: &App, known: &Scope) -> Metadata {
    Metadata::new(&app.public.issuer, known)
        .with_sign_up(app.config.registration.is_open())
        .with_registration(register::is_on(app))
        .with_client_documents(app.config.self_registration.documents != ClientDocuments::Off)
}
