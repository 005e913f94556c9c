//! The token model: issuing tokens, judging them at every use, revoking them, noting their last use. All
//! endpoints use it.

pub mod allowed_app_log;
pub mod audience;
pub mod check;
pub mod device_polls;
pub mod find_by_secret;
pub mod idempotency;
pub mod issue;
pub mod jwt;
pub mod last_use;
pub mod leak;
pub mod new_personal_token;
pub mod own_addresses;
pub mod personal_tokens;
pub mod request;
pub mod resources;
pub mod revoke;
pub mod session_recheck;
pub mod studio;

use crate::domain::api_identifier::own_names;
use crate::domain::base_key::BaseKeys;
use crate::domain::lifetimes::Lifetimes;
use crate::domain::self_registration::SelfRegistrationPolicy;

/// The settings by which tokens are issued and validated. State that changes while the server runs is in
/// [`last_use`] and [`device_polls`].
#[derive(Debug)]
pub struct TokenSettings {
    pub lifetimes: Lifetimes,
    /// The operator's limits on tokens that users create.
    pub limits: new_personal_token::Limits,
    /// The issuer (`public_url`): a token whose audience is this name is for the platform itself (RFC 8707).
    pub issuer: String,
    /// The base keys, from which other keys and derived secrets come.
    pub keys: BaseKeys,
    /// What the operator allows self-registered clients to do.
    pub self_registration: SelfRegistrationPolicy,
    /// Private-use URI schemes without a dot that native clients may use (the setting `private_use_schemes`).
    pub private_schemes: Vec<String>,
}

impl TokenSettings {
    /// Returns the API identifiers that mean the platform itself.
    pub fn own_names(&self) -> [String; 2] {
        own_names(&self.issuer)
    }

    /// Whether a granted API identifier is one of the platform's own names.
    pub fn is_own_name(&self, identifier: &str) -> bool {
        identifier.strip_prefix(self.issuer.as_str()).is_some_and(|rest| rest.is_empty() || rest == "/v3")
    }
}
