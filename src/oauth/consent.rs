//! The consents that a person gave to an application, and what they permit.

use super::authorization::{AuthorizationRequest, RefusedRequest};
use crate::domain::client::Client;
use crate::domain::consent::{Consent, ConsentKind};
use crate::domain::id::Id;
use crate::domain::scope::Scope;
use crate::domain::space_separated::SpaceSeparated;
use crate::domain::user::User;
use crate::store::{Database, StoreError, consents};

/// The consents of one person to one application, one per list of APIs.
#[derive(Clone, Debug, Default)]
pub struct Allowed(Vec<Consent>);

impl Allowed {
    /// Whether the person never gave a consent.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one consent covers the whole request. A request without a scope is asked every time (ours).
    pub fn covers(&self, asked: &AuthorizationRequest) -> bool {
        !asked.scope.is_empty() && self.holds(&asked.scope, &asked.audience)
    }

    /// Whether one consent covers these scopes at these APIs.
    pub fn holds(&self, scope: &Scope, audience: &SpaceSeparated) -> bool {
        self.0.iter().any(|consent| consent.covers(scope, audience))
    }
}

/// Finds the consents of a person to an application.
///
/// # Errors
/// When the store fails.
pub fn find(db: &mut Database, client: Id<Client>, user: Id<User>) -> Result<Allowed, StoreError> {
    consents::list_of(db, user, client, ConsentKind::Authorization).map(Allowed)
}

/// Whether a refused request may redirect to the application at once: to one that the operator verified, or that
/// this person allowed before. Any other client could use this server as an open redirector (RFC 9700 §4.11.2).
/// With `prompt=none` it always may, because no page may be shown (OpenID Connect Core §3.1.2.6).
///
/// # Errors
/// When the store fails.
pub fn may_bounce(db: &mut Database, refused: &RefusedRequest, user: Option<Id<User>>) -> Result<bool, StoreError> {
    if refused.client.verified_at.is_some() || refused.is_silent {
        return Ok(true);
    }
    let Some(user) = user else { return Ok(false) };
    Ok(!find(db, refused.client.id, user)?.is_empty())
}
