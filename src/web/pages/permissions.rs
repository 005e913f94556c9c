//! Describes the requested permissions in the same words on every page that asks for consent.

use crate::domain::api::PLATFORM_SCOPE;
use crate::domain::scope::Scope;
use crate::domain::space_separated::SpaceSeparated;
use crate::oauth::consent::Allowed;
use crate::oauth::scopes;
use crate::store::{Database, StoreError, apis};
use crate::tokens::TokenSettings;

/// A requested scope, for people.
#[derive(Clone, Debug)]
pub struct ScopeLine {
    /// The scope token (RFC 6749 §3.3).
    pub name: String,
    /// The description for people.
    pub sentence: String,
    /// Whether the person allowed this application something before, but not this.
    pub is_new: bool,
}

/// An API that the request names (RFC 8707).
#[derive(Clone, Debug)]
pub struct ApiLine {
    pub name: String,
    /// The resource indicator of the API.
    pub identifier: String,
    /// Whether the person allowed this application something before, but not this.
    pub is_new: bool,
    /// The requested scopes of this API.
    pub scopes: Vec<ScopeLine>,
    /// Whether the API has no scopes, so that access to it is not limited.
    pub opens_all: bool,
}

/// The data of the template `_permissions.html`.
#[derive(Clone, Debug)]
pub struct Permissions {
    /// The APIs that the tokens are for; empty when the request names none.
    pub apis: Vec<ApiLine>,
    /// The requested scopes that belong to none of these APIs.
    pub scopes: Vec<ScopeLine>,
}

impl Permissions {
    /// Reads the description of the requested permissions, compared with those that were allowed before.
    ///
    /// # Errors
    /// When the store fails.
    pub fn read(
        db: &mut Database,
        token_settings: &TokenSettings,
        (scope, audience): (&Scope, &SpaceSeparated),
        allowed: &Allowed,
    ) -> Result<Self, StoreError> {
        let mut rest = scope.clone();
        let mut lines = Vec::new();
        let known = scopes::known(db)?;
        let words = |scope: &Scope, audience: &SpaceSeparated| {
            let line = |(name, sentence): (String, String)| {
                let is_held = name.parse().is_ok_and(|scope| allowed.holds(&scope, audience));
                ScopeLine { is_new: !allowed.is_empty() && !is_held, name, sentence }
            };
            scopes::sentences(&known, scope).into_iter().map(line).collect::<Vec<_>>()
        };
        for identifier in audience.iter() {
            let here = SpaceSeparated::from_iter([identifier]);
            let (name, own) = if token_settings.is_own_name(identifier) {
                ("this server".to_owned(), PLATFORM_SCOPE.parse().unwrap_or_default())
            } else {
                let directory = apis::directory(db)?;
                let Some(found) = directory.find_by_identifier(identifier) else { continue };
                (found.api.name.clone(), found.scope())
            };
            let its = rest.intersection(&own);
            rest = its.tokens().fold(rest, |rest, token| rest.without(token));
            let is_new = !allowed.is_empty() && !allowed.holds(&Scope::default(), &here);
            let (identifier, scopes, opens_all) = (identifier.to_owned(), words(&its, &here), own.is_empty());
            lines.push(ApiLine { name, identifier, is_new, scopes, opens_all });
        }
        Ok(Self { apis: lines, scopes: words(&rest, audience) })
    }
}
