//! What a person allowed an application before, and what follows from it.

use super::authorization::{AuthorizationRequest, RefusedRequest};
use crate::domain::consent::ConsentKind;
use crate::domain::id::Id;
use crate::domain::scope::Scope;
use crate::domain::user::User;
use crate::domain::words::Words;
use crate::store::{Database, StoreError, consents};

/// What was allowed.
#[derive(Clone, Debug, Default)]
pub struct Allowed {
    /// The scopes.
    pub scope: Scope,
    /// The APIs.
    pub audience: Words,
}

impl Allowed {
    /// Whether all that is asked was allowed. A request for nothing is asked every time (ours).
    pub fn covers(&self, asked: &AuthorizationRequest) -> bool {
        !asked.scope.is_empty() && asked.scope.is_within(&self.scope) && asked.audience.is_within(&self.audience)
    }
}

/// What the person allowed this application before.
///
/// # Errors
/// When the store fails.
pub fn find(db: &mut Database, request: &AuthorizationRequest, user: Id<User>) -> Result<Allowed, StoreError> {
    let consent = consents::find(db, user, request.client.id, ConsentKind::Authorization)?;
    Ok(consent.map(|consent| Allowed { scope: consent.scope, audience: consent.audience }).unwrap_or_default())
}

/// Whether a wrong request may bounce to the application at once: one that the operator vouches
/// for, or that this person already lets in. A stranger's app could use us as a bouncer (RFC 9700
/// §4.11.2). With `prompt=none` nothing may be shown (OpenID Connect Core §3.1.2.6).
///
/// # Errors
/// When the store fails.
pub fn may_bounce(db: &mut Database, refused: &RefusedRequest, user: Option<Id<User>>) -> Result<bool, StoreError> {
    if refused.client.verified_at.is_some() || refused.is_silent {
        return Ok(true);
    }
    let Some(user) = user else { return Ok(false) };
    Ok(consents::find(db, user, refused.client.id, ConsentKind::Authorization)?.is_some())
}
