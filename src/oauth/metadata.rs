//! The metadata of the server (RFC 8414 §2): it lists only what works, and contains no `null`.

use serde::Serialize;

use super::openid;
use crate::domain::authentication;
use crate::domain::client::GrantType;
use crate::domain::jose::algorithm::Algorithm;
use crate::domain::response_mode::ResponseMode;
use crate::domain::scope::Scope;
use crate::domain::signing_key::SigningAlgorithm;

const WITHOUT_NONE: [&str; 3] = ["client_secret_basic", "client_secret_post", "private_key_jwt"];
const WITH_NONE: [&str; 4] = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"];

/// The metadata document of this server.
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
    #[serde(skip_serializing_if = "Option::is_none")]
    registration_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id_metadata_document_supported: Option<bool>,
    scopes_supported: Vec<String>,
    response_types_supported: [&'static str; 1],
    response_modes_supported: &'static [&'static str],
    grant_types_supported: &'static [&'static str],
    token_endpoint_auth_methods_supported: [&'static str; 4],
    token_endpoint_auth_signing_alg_values_supported: &'static [&'static str],
    revocation_endpoint_auth_methods_supported: [&'static str; 4],
    revocation_endpoint_auth_signing_alg_values_supported: &'static [&'static str],
    introspection_endpoint_auth_methods_supported: [&'static str; 3],
    introspection_endpoint_auth_signing_alg_values_supported: &'static [&'static str],
    code_challenge_methods_supported: [&'static str; 1],
    dpop_signing_alg_values_supported: &'static [&'static str],
    authorization_response_iss_parameter_supported: bool,
    prompt_values_supported: Vec<&'static str>,
    service_documentation: String,
    // OpenID Connect Discovery §3, RP-Initiated Logout §2.1: in the same document, so that a reader of either finds
    // everything.
    userinfo_endpoint: String,
    end_session_endpoint: String,
    jwks_uri: String,
    subject_types_supported: [&'static str; 1],
    id_token_signing_alg_values_supported: &'static [&'static str],
    userinfo_signing_alg_values_supported: &'static [&'static str],
    acr_values_supported: [&'static str; 2],
    claims_supported: [&'static str; 14],
    claims_parameter_supported: bool,
    request_parameter_supported: bool,
    request_uri_parameter_supported: bool,
}

impl Metadata {
    /// Builds the document of the server whose issuer is `issuer`, with the scopes that exist.
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
            registration_endpoint: None,
            client_id_metadata_document_supported: None,
            scopes_supported: scopes.tokens().map(str::to_owned).collect(),
            response_types_supported: ["code"],
            response_modes_supported: ResponseMode::NAMES,
            grant_types_supported: GrantType::NAMES,
            token_endpoint_auth_methods_supported: WITH_NONE,
            token_endpoint_auth_signing_alg_values_supported: Algorithm::NAMES,
            revocation_endpoint_auth_methods_supported: WITH_NONE,
            revocation_endpoint_auth_signing_alg_values_supported: Algorithm::NAMES,
            introspection_endpoint_auth_methods_supported: WITHOUT_NONE,
            introspection_endpoint_auth_signing_alg_values_supported: Algorithm::NAMES,
            code_challenge_methods_supported: ["S256"],
            dpop_signing_alg_values_supported: Algorithm::NAMES,
            authorization_response_iss_parameter_supported: true,
            prompt_values_supported: vec!["none", "login", "consent", "select_account"],
            service_documentation: at("/developer"),
            userinfo_endpoint: at("/oauth/userinfo"),
            end_session_endpoint: at("/oauth/logout"),
            jwks_uri: at("/oauth/jwks"),
            subject_types_supported: ["public"],
            id_token_signing_alg_values_supported: SigningAlgorithm::NAMES,
            userinfo_signing_alg_values_supported: SigningAlgorithm::NAMES,
            acr_values_supported: authentication::CLASSES,
            claims_supported: openid::claims::NAMES,
            claims_parameter_supported: false,
            request_parameter_supported: false,
            request_uri_parameter_supported: false,
        }
    }

    /// Adds whether a `client_id` may be the URL of a client ID metadata document.
    pub fn with_client_documents(mut self, is_on: bool) -> Self {
        self.client_id_metadata_document_supported = is_on.then_some(true);
        self
    }

    /// Adds the registration endpoint if applications may register themselves (RFC 7591 §3).
    pub fn with_registration(mut self, is_on: bool) -> Self {
        self.registration_endpoint = is_on.then(|| format!("{}/oauth/register", self.issuer));
        self
    }

    /// Adds the prompt `create` if people may sign up (Initiating User Registration 1.0 §3).
    pub fn with_sign_up(mut self, is_open: bool) -> Self {
        self.prompt_values_supported.extend(is_open.then_some("create"));
        self
    }
}
