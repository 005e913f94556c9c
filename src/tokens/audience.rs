//! Which API a token is for; introspection and forward auth ask the same question.

use super::TokenSettings;
use crate::domain::api::PLATFORM_SCOPE;
use crate::domain::api_directory::RegisteredApi;
use crate::domain::client::Client;
use crate::domain::grant::GrantKind;
use crate::domain::scope::Scope;
use crate::domain::token_in_use::{Application, TokenInUse};
use crate::domain::token_record::TokenKind;
use crate::store::{Database, StoreError, apis};

/// What [`opens`] needs to know of a token or a request for one.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// The scope that is requested, or that the token has.
    pub scope: &'a Scope,
    /// Whether it is in the name of a user, and not of a client that acts for itself.
    pub is_persons: bool,
    /// Whether the operator created or verified the client.
    pub is_vouched: bool,
}

impl<'a> Claim<'a> {
    /// The claim of a client to which a user consents.
    pub fn of_person(scope: &'a Scope, client: &Client) -> Self {
        Self { scope, is_persons: true, is_vouched: client.is_vouched() }
    }

    /// The claim of a client that acts for itself.
    pub fn of_client(scope: &'a Scope, client: &Client) -> Self {
        Self { is_persons: false, ..Self::of_person(scope, client) }
    }

    /// The claim of a token at this moment.
    fn of_token(token: &'a TokenInUse) -> Self {
        Self {
            scope: &token.record.scope,
            is_persons: token.basis.grant.user_id.is_some(),
            is_vouched: token.basis.application.as_ref().is_some_and(Application::is_vouched),
        }
    }
}

/// Whether a token with this claim may be for a named API: the scope holds one of the API's own, or the
/// platform scope where the API is first-party. An API that registered no scopes cannot distinguish tokens, so
/// its name alone opens everything there: never for a first-party API, and elsewhere only for clients that the
/// operator created or verified, in the name of a user (ours).
pub fn opens(registered: &RegisteredApi, claim: Claim<'_>) -> bool {
    let api = &registered.api;
    let holds_platform = api.is_first_party && claim.scope.holds(PLATFORM_SCOPE);
    let opens_by_name = registered.scopes.is_empty() && !api.is_first_party && claim.is_persons && claim.is_vouched;
    registered.has_scope_of(claim.scope) || holds_platform || opens_by_name
}

/// Whether a token is for this API (`docs/decisions/0028-who-may-introspect.md`): user and studio tokens only
/// for first-party APIs; OAuth and personal tokens also for the APIs whose scopes they hold.
pub fn is_for(token: &TokenInUse, registered: &RegisteredApi) -> bool {
    let (record, api) = (&token.record, &registered.api);
    // Resources and tiers belong to the platform: they count for first-party APIs.
    let is_listed = api.is_first_party && record.access_list.is_some();
    match record.kind {
        // A generator is for one endpoint of this server; no API needs to know it.
        TokenKind::Generator => false,
        TokenKind::User | TokenKind::Studio | TokenKind::Fileset => api.is_first_party,
        // A token that names its APIs is for them alone (RFC 8707 §2), as far as its scope opens them.
        TokenKind::OAuth if !record.audience.is_empty() => {
            record.audience.contains(&api.identifier) && (is_listed || opens(registered, Claim::of_token(token)))
        }
        TokenKind::Personal if is_listed => true,
        TokenKind::OAuth if api.is_first_party && record.scope.holds(PLATFORM_SCOPE) => true,
        TokenKind::Personal | TokenKind::OAuth => registered.has_scope_of(&record.scope),
    }
}

/// Whether a token is for the platform itself, and not only for the scopes of another API. A token that names
/// APIs qualifies if all of them are the platform: this server, its `/v3`, or a first-party API. A token that
/// was exchanged for a single API stays there (RFC 8693 §2.1).
///
/// # Errors
/// When the store fails.
pub fn is_for_platform(
    db: &mut Database,
    token_settings: &TokenSettings,
    token: &TokenInUse,
) -> Result<bool, StoreError> {
    let record = &token.record;
    match record.kind {
        TokenKind::OAuth if !record.scope.holds(PLATFORM_SCOPE) => Ok(false),
        TokenKind::OAuth if token.basis.grant.kind == GrantKind::TokenExchange => Ok(false),
        TokenKind::OAuth => {
            let mut foreign =
                record.audience.iter().filter(|identifier| !token_settings.is_own_name(identifier)).peekable();
            if foreign.peek().is_none() {
                return Ok(true);
            }
            let directory = apis::directory(db)?;
            let is_ours = |identifier: &str| {
                let found = directory.find_by_identifier(identifier).filter(|found| found.is_active);
                found.is_some_and(|found| found.api.is_first_party)
            };
            Ok(foreign.all(is_ours))
        }
        TokenKind::Personal => Ok(record.access_list.is_some()),
        TokenKind::User | TokenKind::Studio | TokenKind::Fileset => Ok(true),
        TokenKind::Generator => Ok(false),
    }
}
