//! Which API a token is for: introspection and forward auth ask the same question.

use crate::domain::api::{Api, PLATFORM_SCOPE};
use crate::domain::token_in_use::TokenInUse;
use crate::domain::token_record::TokenKind;
use crate::store::{Database, StoreError, apis};

/// Whether a token is for this API (`standards.md`, Who may introspect): everybody's own tokens only
/// where the operator runs the API, OAuth and personal tokens where they hold one of its scopes.
///
/// # Errors
/// When the store fails.
pub fn is_for(db: &mut Database, token: &TokenInUse, api: &Api) -> Result<bool, StoreError> {
    match token.record.kind {
        // A generator is for one endpoint of ours; no API has to know it.
        TokenKind::Generator => Ok(false),
        TokenKind::User | TokenKind::Studio | TokenKind::Fileset => Ok(api.is_first_party),
        // A token that names its APIs is for them alone (RFC 8707 §2).
        TokenKind::OAuth if !token.record.audience.is_empty() => Ok(token.record.audience.contains(&api.identifier)),
        TokenKind::Personal | TokenKind::OAuth => {
            if api.is_first_party && is_for_platform(token) {
                return Ok(true);
            }
            let scopes = apis::list_scopes(db)?;
            Ok(scopes.iter().any(|scope| scope.api_id == api.id && token.record.scope.holds(&scope.name)))
        }
    }
}

/// Whether a token is for the platform itself, and not for some other API's scopes alone.
pub fn is_for_platform(token: &TokenInUse) -> bool {
    match token.record.kind {
        TokenKind::OAuth => token.record.scope.holds(PLATFORM_SCOPE) && token.record.audience.is_empty(),
        TokenKind::Personal => token.record.access_list.is_some(),
        TokenKind::User | TokenKind::Studio | TokenKind::Fileset => true,
        TokenKind::Generator => false,
    }
}
