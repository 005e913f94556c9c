//! The metadata of our own API (RFC 9728 §2): which server issues its tokens, and how they are sent.

use serde::Serialize;

use crate::domain::api::BUILT_IN_SCOPES;
use crate::domain::jose::algorithm::Algorithm;

/// The path of our own API below the issuer.
pub const PATH: &str = "/v3";

/// The metadata document of our own API.
#[derive(Debug, Serialize)]
pub struct ProtectedResourceMetadata {
    resource: String,
    resource_name: &'static str,
    authorization_servers: [String; 1],
    scopes_supported: Vec<&'static str>,
    bearer_methods_supported: [&'static str; 1],
    dpop_signing_alg_values_supported: &'static [&'static str],
}

impl ProtectedResourceMetadata {
    /// Builds the document for the API of the server whose issuer is `issuer`. It names the platform's scopes:
    /// those of OpenID Connect and of other APIs give no access to this API.
    pub fn new(issuer: &str) -> Self {
        Self {
            resource: format!("{issuer}{PATH}"),
            resource_name: "Account API",
            authorization_servers: [issuer.to_owned()],
            scopes_supported: BUILT_IN_SCOPES.iter().map(|(name, _)| *name).collect(),
            bearer_methods_supported: ["header"],
            dpop_signing_alg_values_supported: Algorithm::NAMES,
        }
    }
}
