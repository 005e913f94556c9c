//! The token model: what is made, what it opens, when it was seen. Every door asks here.

pub mod allowed_app_log;
pub mod audience;
pub mod check;
pub mod find_by_secret;
pub mod idempotency;
pub mod issue;
pub mod jwt;
pub mod last_use;
pub mod leak;
pub mod new_personal_token;
pub mod own_addresses;
pub mod pace;
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
use last_use::LastUse;
use pace::Pace;

/// What is needed to make tokens and to judge them.
#[derive(Debug)]
pub struct TokenSettings {
    /// How long things live.
    pub lifetimes: Lifetimes,
    /// The operator's limits on tokens that people make.
    pub limits: new_personal_token::Limits,
    /// The name of this server, by which a token may be meant for the platform itself (RFC 8707).
    pub issuer: String,
    /// What successors' secrets are derived from.
    pub keys: BaseKeys,
    /// When tokens were seen, before it is written down.
    pub last_use: LastUse,
    /// How often devices poll.
    pub pace: Pace,
    /// What the operator lets strangers' applications do.
    pub self_registration: SelfRegistrationPolicy,
    /// Private-use schemes without a dot that native programs may have (the setting `private_use_schemes`).
    pub private_schemes: Vec<String>,
}

impl TokenSettings {
    /// The platform's own names among the identifiers of APIs.
    pub fn own_names(&self) -> [String; 2] {
        own_names(&self.issuer)
    }

    /// Whether an identifier, as it was granted, is one of them.
    pub fn is_own_name(&self, identifier: &str) -> bool {
        identifier.strip_prefix(self.issuer.as_str()).is_some_and(|rest| rest.is_empty() || rest == "/v3")
    }
}
