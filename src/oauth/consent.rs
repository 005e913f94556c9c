//! What a person allowed an application before, and what follows from it.

use super::authorization::{AuthorizationRequest, RefusedRequest};
use crate::domain::client::Client;
use crate::domain::consent::{Consent, ConsentKind};
use crate::domain::id::Id;
use crate::domain::scope::Scope;
use crate::domain::space_separated::SpaceSeparated;
use crate::domain::user::User;
use crate::store::{Database, StoreError, consents};

/// What was allowed before, for each list of APIs.
#[derive(Clone, Debug, Default)]
pub struct Allowed(Vec<Consent>);

impl Allowed {
    /// Whether nothing ever was.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all that is asked was allowed, at once. A request for nothing is asked every time (ours).
    pub fn covers(&self, asked: &AuthorizationRequest) -> bool {
        !asked.scope.is_empty() && self.holds(&asked.scope, &asked.audience)
    }

    /// Whether these scopes were allowed at these APIs.
    pub fn holds(&self, scope: &Scope, audience: &SpaceSeparated) -> bool {
        self.0.iter().any(|consent| consent.covers(scope, audience))
    }
}

/// What the person allowed this application before.
///
/// # Errors
/// When the store fails.
pub fn find(db: &mut Database, client: Id<Client>, user: Id<User>) -> Result<Allowed, StoreError> {
    consents::list_of(db, user, client, ConsentKind::Authorization).map(Allowed)
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
    Ok(!find(db, refused.client.id, user)?.is_empty())
}
