//! What the server offers (RFC 8414 §2): only what works, and no `null`.

use serde::Serialize;

use super::openid;
use crate::domain::authentication;
use crate::domain::client::GrantType;
use crate::domain::response_mode::ResponseMode;
use crate::domain::scope::Scope;
use crate::domain::signing_key::SigningAlgorithm;

/// The metadata document.
#[derive(Debug, Serialize)]
pub struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    revocation_endpoint: String,
    introspection_endpoint: String,
    pushed_authorization_request_endpoint: String,
    require_pushed_authorization_requests: bool,
    device_authorization_endpoint: String,
    scopes_supported: Vec<String>,
    response_types_supported: [&'static str; 1],
    response_modes_supported: &'static [&'static str],
    grant_types_supported: &'static [&'static str],
    token_endpoint_auth_methods_supported: [&'static str; 3],
    revocation_endpoint_auth_methods_supported: [&'static str; 3],
    introspection_endpoint_auth_methods_supported: [&'static str; 2],
    code_challenge_methods_supported: [&'static str; 1],
    authorization_response_iss_parameter_supported: bool,
    prompt_values_supported: Vec<&'static str>,
    service_documentation: String,
    // OpenID Connect Discovery §3, RP-Initiated Logout §2.1: in the same document, so that whoever reads
    // either finds all of it.
    userinfo_endpoint: String,
    end_session_endpoint: String,
    jwks_uri: String,
    subject_types_supported: [&'static str; 1],
    id_token_signing_alg_values_supported: &'static [&'static str],
    acr_values_supported: [&'static str; 1],
    claims_supported: [&'static str; 14],
    claims_parameter_supported: bool,
    request_parameter_supported: bool,
    request_uri_parameter_supported: bool,
}

impl Metadata {
    /// The document of the server whose issuer is `issuer`, with the scopes that exist.
    pub fn new(issuer: &str, scopes: &Scope) -> Self {
        let at = |path: &str| format!("{issuer}{path}");
        Self {
            issuer: issuer.to_owned(),
            authorization_endpoint: at("/oauth/authorize"),
            token_endpoint: at("/oauth/token"),
            revocation_endpoint: at("/oauth/revoke"),
            introspection_endpoint: at("/oauth/introspect"),
            pushed_authorization_request_endpoint: at("/oauth/par"),
            require_pushed_authorization_requests: false,
            device_authorization_endpoint: at("/oauth/device"),
            scopes_supported: scopes.tokens().map(str::to_owned).collect(),
            response_types_supported: ["code"],
            response_modes_supported: ResponseMode::NAMES,
            grant_types_supported: GrantType::NAMES,
            token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post", "none"],
            revocation_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post", "none"],
            introspection_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post"],
            code_challenge_methods_supported: ["S256"],
            authorization_response_iss_parameter_supported: true,
            prompt_values_supported: vec!["none", "login", "consent", "select_account"],
            service_documentation: at("/developer"),
            userinfo_endpoint: at("/oauth/userinfo"),
            end_session_endpoint: at("/oauth/logout"),
            jwks_uri: at("/oauth/jwks"),
            subject_types_supported: ["public"],
            id_token_signing_alg_values_supported: SigningAlgorithm::NAMES,
            acr_values_supported: [authentication::CLASSES[0]],
            claims_supported: openid::claims::NAMES,
            claims_parameter_supported: false,
            request_parameter_supported: false,
            request_uri_parameter_supported: false,
        }
    }

    /// The same, where people may sign up (Initiating User Registration 1.0 §3).
    pub fn with_sign_up(mut self, is_open: bool) -> Self {
        self.prompt_values_supported.extend(is_open.then_some("create"));
        self
    }
}
