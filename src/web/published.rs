//! The documents in which the server says what it offers, as they lie ready.

use super::app::App;
use super::error::TokenError;
use super::rendered::Kept;
use crate::clock::UnixTime;
use crate::outcome::Error;
use crate::store::{Edition, StoreError};

/// The documents, each with what it was made of beside the settings.
#[derive(Debug, Default)]
pub struct Published {
    /// Of the authorization server: the scopes that exist.
    pub metadata: Kept<Edition>,
    /// The keys that our signatures are checked with.
    pub keys: Kept<Term>,
    /// Of our own API.
    pub protected_resource: Kept<()>,
    /// Whom to tell of a weakness: the day, counted from 1970.
    pub security_contact: Kept<i64>,
}

/// For how long the same keys are published, if nobody changes them.
#[derive(Debug)]
pub struct Term {
    /// The keys.
    pub edition: Edition,
    /// When they were looked at.
    pub from: UnixTime,
    /// When the first of them ends.
    pub until: Option<UnixTime>,
}

impl Term {
    /// Whether those keys are published now.
    pub fn holds(&self, edition: Option<Edition>, now: UnixTime) -> bool {
        Some(self.edition) == edition && self.from <= now && self.until.is_none_or(|until| now < until)
    }
}

/// What is answered when a document cannot be made.
pub fn failed(app: &App, error: StoreError) -> TokenError {
    TokenError::new(app, Error::Failed(error))
}
