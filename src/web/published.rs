//! The documents in which the server says what it offers, as they lie ready.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::app::App;
use super::error::TokenError;
use super::rendered::{Kept, Rendered};
use crate::domain::id::Id;
use crate::domain::scope::Scope;
use crate::domain::signing_key::SigningKeyRecord;
use crate::outcome::Error;
use crate::store::StoreError;

/// The documents, each with what it was made of beside the settings.
#[derive(Debug, Default)]
pub struct Published {
    /// Of the authorization server: the scopes that exist.
    pub metadata: Kept<Scope>,
    /// The keys that our signatures are checked with.
    pub keys: Kept<Vec<Id<SigningKeyRecord>>>,
    /// Of our own API.
    pub protected_resource: Kept<()>,
    /// Whom to tell of a weakness: the day, counted from 1970.
    pub security_contact: Kept<i64>,
}

/// Answers with a document that is made of this.
///
/// # Errors
/// When it cannot be made.
pub fn answer<K: PartialEq>(
    app: &Data<App>,
    request: &HttpRequest,
    kept: &Kept<K>,
    made_of: K,
    render: impl FnOnce(&K) -> Result<Rendered, StoreError>,
) -> Result<HttpResponse, TokenError> {
    match kept.of(made_of, render) {
        Ok(rendered) => Ok(rendered.answer(request)),
        Err(error) => Err(TokenError::new(app, Error::Failed(error))),
    }
}
