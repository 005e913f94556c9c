//! What an application asks for, in words: the same lines on every page on which a person allows it.

use crate::domain::api::PLATFORM_SCOPE;
use crate::domain::scope::Scope;
use crate::domain::space_separated::SpaceSeparated;
use crate::oauth::consent::Allowed;
use crate::oauth::scopes;
use crate::store::{Database, StoreError, apis};
use crate::tokens::TokenSettings;

/// One permission.
#[derive(Clone, Debug)]
pub struct ScopeLine {
    /// The scope token.
    pub name: String,
    /// What a person reads.
    pub sentence: String,
    /// Whether the person did not allow it before, though they allowed something.
    pub is_new: bool,
}

/// An API that the request names.
#[derive(Clone, Debug)]
pub struct ApiLine {
    /// Its name.
    pub name: String,
    /// Its address, which names it to programs.
    pub identifier: String,
    /// Whether the person did not allow it before, though they allowed something.
    pub is_new: bool,
    /// What is asked at it.
    pub scopes: Vec<ScopeLine>,
    /// Whether it has no scopes, so that nothing there can be kept from the application.
    pub opens_all: bool,
}

/// `_permissions.html`.
#[derive(Clone, Debug)]
pub struct Permissions {
    /// The APIs that the tokens are for, if any is named.
    pub apis: Vec<ApiLine>,
    /// What is asked beside what is asked at each of them.
    pub scopes: Vec<ScopeLine>,
}

impl Permissions {
    /// What is asked, beside what was allowed before.
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
