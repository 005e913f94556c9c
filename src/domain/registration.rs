//! The rules for applications: one validation for the console, client registration and the commands.

use super::client::{ClientType, GrantType, LoginDelivery};
use super::deception::{is_mixed, is_stacked, is_unseen};
use super::keys_url::KeysUrl;
use super::login_return_url::{self, LoginReturnUrl};
use super::redirect_uri::{InvalidRedirectUri, RedirectKind, RedirectUri};
use super::scope::Scope;
use super::signing_key::SigningAlgorithm;
use super::space_separated::SpaceSeparated;

/// The maximum number of redirect URIs, and of login return URLs, of one application.
const MAX_ADDRESSES: usize = 100;
/// The maximum length of a name, in characters.
const MAX_NAME: usize = 100;

/// The settings of an application before validation.
#[derive(Clone, Debug)]
pub struct Draft {
    pub name: String,
    /// Whether it can keep a secret.
    pub client_type: ClientType,
    pub redirect_uris: Vec<String>,
    pub login_return_urls: Vec<String>,
    /// How the login redirect returns the token.
    pub login_delivery: LoginDelivery,
    /// The lifetime of login tokens in seconds; the server's default when absent.
    pub login_token_lifetime: Option<i64>,
    /// The grant types: at least one, unless the client only authenticates (the credentials of an API).
    pub grant_types: Vec<GrantType>,
    /// The scope; `projects` when absent.
    pub scope: Option<String>,
    /// Whether a code challenge is required; for a public client it always is.
    pub require_pkce: bool,
    /// Whether code challenges with the method `plain` are accepted; never for a public client.
    pub allow_plain_pkce: bool,
    pub post_logout_redirect_uris: Vec<String>,
    pub id_token_signed_response_alg: SigningAlgorithm,
    /// Whether ID tokens contain the claims of the granted scopes.
    pub id_token_claims: bool,
    /// The public keys that it authenticates with, as a JSON Web Key Set; then it has no secret.
    pub jwks: Option<String>,
    /// Whether every token request must contain a DPoP proof (RFC 9449 §5.2).
    pub dpop_bound_access_tokens: bool,
    /// The URL where it publishes its keys, in place of `jwks`.
    pub jwks_uri: Option<String>,
    /// The algorithm that signs userinfo; plain JSON when absent.
    pub userinfo_signed_response_alg: Option<SigningAlgorithm>,
    /// Query parameters in which a login return URL may differ from the registered one.
    pub login_varying_parameters: Vec<String>,
    /// The algorithm that signs its client assertions.
    pub token_endpoint_auth_signing_alg: Option<String>,
}

/// The operator's rules for all registrations.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The maximum lifetime of a login token, in seconds.
    pub longest_login_token: i64,
    /// Private-use schemes without a dot that native applications may use.
    pub private_schemes: Vec<String>,
    /// Whether the login redirect may return to http URLs of a private network.
    pub allow_insecure_http: bool,
}

impl Rules {
    /// Returns the rules for self-registered applications. They cannot set the lifetime of their login tokens, so a
    /// lifetime that the operator set is no reason to refuse an update by the application.
    pub fn for_self_registered(&self) -> Self {
        Self { longest_login_token: i64::MAX, ..self.clone() }
    }
}

/// An application whose settings are all validated.
#[derive(Clone, Debug)]
pub struct Registration {
    pub(crate) name: String,
    pub(crate) client_type: ClientType,
    pub(crate) redirect_uris: SpaceSeparated,
    pub(crate) login_return_urls: SpaceSeparated,
    pub(crate) login_delivery: LoginDelivery,
    pub(crate) login_token_lifetime: Option<i64>,
    pub(crate) grant_types: SpaceSeparated,
    pub(crate) scope: Scope,
    pub(crate) require_pkce: bool,
    pub(crate) allow_plain_pkce: bool,
    pub(crate) post_logout_redirect_uris: SpaceSeparated,
    pub(crate) id_token_signed_response_alg: SigningAlgorithm,
    pub(crate) id_token_claims: bool,
    pub(crate) jwks: Option<String>,
    pub(crate) dpop_bound_access_tokens: bool,
    pub(crate) jwks_uri: Option<String>,
    pub(crate) userinfo_signed_response_alg: Option<SigningAlgorithm>,
    pub(crate) login_varying_parameters: SpaceSeparated,
    pub(crate) token_endpoint_auth_signing_alg: Option<String>,
}

/// A setting that is refused, with advice for the developer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldProblem {
    /// The name of the setting in forms and in RFC 7591.
    pub field: &'static str,
    /// A sentence for the developer.
    pub message: String,
}

impl Draft {
    /// Returns a draft with the defaults of the command line: both grant types, the scope `projects`, delivery by
    /// query.
    pub fn new(name: impl Into<String>, client_type: ClientType) -> Self {
        Self {
            name: name.into(),
            client_type,
            redirect_uris: Vec::new(),
            login_return_urls: Vec::new(),
            login_delivery: LoginDelivery::Query,
            login_token_lifetime: None,
            grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
            scope: None,
            require_pkce: client_type == ClientType::Public,
            allow_plain_pkce: false,
            post_logout_redirect_uris: Vec::new(),
            id_token_signed_response_alg: SigningAlgorithm::Rs256,
            // The ID tokens of confidential clients come from the token endpoint over TLS, and no other program sees
            // them.
            id_token_claims: client_type == ClientType::Confidential,
            jwks: None,
            dpop_bound_access_tokens: false,
            jwks_uri: None,
            userinfo_signed_response_alg: None,
            login_varying_parameters: Vec::new(),
            token_endpoint_auth_signing_alg: None,
        }
    }

    /// Validates every setting against the rules and the scopes that exist here.
    ///
    /// # Errors
    /// All problems, in the order of the settings.
    pub fn validate(self, known: &Scope, rules: &Rules) -> Result<Registration, Vec<FieldProblem>> {
        let (longest_login_token, private_schemes) = (rules.longest_login_token, rules.private_schemes.as_slice());
        let mut problems = Vec::new();
        let name = clean_name(&self.name, &mut problems);
        let redirect_uris =
            self.checked_redirect_uris("redirect_uris", (&self.redirect_uris, private_schemes), &mut problems);
        let after_logout = &self.post_logout_redirect_uris;
        let after_logout =
            self.checked_redirect_uris("post_logout_redirect_uris", (after_logout, private_schemes), &mut problems);
        let login_return_urls = self.checked_login_return_urls(rules, &mut problems);
        self.check_varying_parameters(&mut problems);
        let scope = checked_scope(self.scope.as_deref(), known, &mut problems);
        if self.login_token_lifetime.is_some_and(|seconds| !(1..=longest_login_token).contains(&seconds)) {
            let message = format!("A login token lives between 1 and {longest_login_token} seconds.");
            problems.push(FieldProblem { field: "login_token_lifetime", message });
        }
        if self.client_type == ClientType::Public && self.allow_plain_pkce {
            let message = "An application without a secret must use S256 challenges.".to_owned();
            problems.push(FieldProblem { field: "allow_plain_pkce", message });
        }
        if self.grant_types.is_empty() {
            let message = "An application needs one way at least to get tokens.".to_owned();
            problems.push(FieldProblem { field: "grant_types", message });
        }
        self.check_keys(&mut problems);
        let for_itself = self.grant_types.iter().find(|grant| grant.needs_secret());
        if let (ClientType::Public, Some(grant)) = (self.client_type, for_itself) {
            let message = format!("An application without a secret cannot use {}.", grant.as_str());
            problems.push(FieldProblem { field: "grant_types", message });
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let grant_types = self.grant_types.iter().map(|grant| grant.as_str()).collect();
        Ok(Registration {
            name,
            client_type: self.client_type,
            redirect_uris,
            login_return_urls,
            login_delivery: self.login_delivery,
            login_token_lifetime: self.login_token_lifetime,
            grant_types,
            scope,
            require_pkce: self.require_pkce || self.client_type == ClientType::Public,
            allow_plain_pkce: self.allow_plain_pkce,
            post_logout_redirect_uris: after_logout,
            id_token_signed_response_alg: self.id_token_signed_response_alg,
            id_token_claims: self.id_token_claims,
            jwks: self.jwks,
            dpop_bound_access_tokens: self.dpop_bound_access_tokens,
            jwks_uri: self.jwks_uri,
            userinfo_signed_response_alg: self.userinfo_signed_response_alg,
            login_varying_parameters: self.login_varying_parameters.iter().collect(),
            token_endpoint_auth_signing_alg: self.token_endpoint_auth_signing_alg,
        })
    }

    fn check_varying_parameters(&self, problems: &mut Vec<FieldProblem>) {
        let field = "login_varying_parameters";
        for name in too_many(&self.login_varying_parameters, field, problems) {
            if !login_return_url::may_vary(name) {
                let message = format!("{name}: write names of query parameters, such as page; ours cannot vary.");
                problems.push(FieldProblem { field, message });
            }
        }
    }

    fn check_keys(&self, problems: &mut Vec<FieldProblem>) {
        if self.client_type == ClientType::Public && (self.jwks.is_some() || self.jwks_uri.is_some()) {
            let message = "An application without a secret cannot keep a private key either.".to_owned();
            problems.push(FieldProblem { field: "jwks", message });
        }
        // RFC 7591 §2.
        if self.jwks.is_some() && self.jwks_uri.is_some() {
            let message = "Give the keys or the address of the keys, not both.".to_owned();
            problems.push(FieldProblem { field: "jwks_uri", message });
        }
        if let Some(Err(error)) = self.jwks_uri.as_deref().map(str::parse::<KeysUrl>) {
            problems.push(FieldProblem { field: "jwks_uri", message: format!("This is {error}.") });
        }
    }

    fn checked_redirect_uris(
        &self,
        field: &'static str,
        (addresses, private_schemes): (&[String], &[String]),
        problems: &mut Vec<FieldProblem>,
    ) -> SpaceSeparated {
        for text in too_many(addresses, field, problems) {
            match text.parse::<RedirectUri>() {
                Err(error) => problems.push(FieldProblem { field, message: format!("{text}: {error}.") }),
                Ok(uri) if uri.kind() == RedirectKind::PrivateUse && self.client_type == ClientType::Confidential => {
                    let message = format!("{text}: only an application without a secret may use its own scheme.");
                    problems.push(FieldProblem { field, message });
                }
                Ok(uri) if !uri.has_scheme_of(private_schemes) => {
                    problems.push(FieldProblem { field, message: format!("{text}: {}.", InvalidRedirectUri::Scheme) });
                }
                Ok(_) => {}
            }
        }
        addresses.iter().collect()
    }

    fn checked_login_return_urls(&self, rules: &Rules, problems: &mut Vec<FieldProblem>) -> SpaceSeparated {
        let field = "login_return_urls";
        let mut plain = Vec::new();
        for text in too_many(&self.login_return_urls, field, problems) {
            let read = text.parse::<LoginReturnUrl>();
            match read.and_then(|url| url.address().allowed_by(rules.allow_insecure_http).map(|_allowed| url)) {
                Ok(url) => plain.push(url.to_string()),
                Err(error) => problems.push(FieldProblem { field, message: format!("{text}: {error}.") }),
            }
        }
        plain.iter().collect()
    }
}

fn too_many<'a>(addresses: &'a [String], field: &'static str, problems: &mut Vec<FieldProblem>) -> &'a [String] {
    if addresses.len() > MAX_ADDRESSES {
        problems.push(FieldProblem { field, message: format!("At most {MAX_ADDRESSES} addresses.") });
    }
    &addresses[..addresses.len().min(MAX_ADDRESSES)]
}

/// Returns the name with single spaces. People read it beside the text of this server, so it contains no control
/// characters, and no invisible or direction-changing characters: it cannot imitate another app or reorder the page
/// (UTS 36 §3), and it contains no characters that extend beyond their line.
fn clean_name(name: &str, problems: &mut Vec<FieldProblem>) -> String {
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    let message = if name.is_empty() {
        Some("Give the application a name.".to_owned())
    } else if name.chars().count() > MAX_NAME {
        Some(format!("A name has at most {MAX_NAME} characters."))
    } else if name.chars().any(is_unseen) {
        Some("Leave out invisible characters.".to_owned())
    } else if !name.chars().any(char::is_alphanumeric) {
        Some("A name has a letter or a digit.".to_owned())
    } else if is_stacked(&name) {
        Some("A letter has at most two accents.".to_owned())
    } else if is_mixed(&name) {
        Some("Write each word in one alphabet.".to_owned())
    } else {
        None
    };
    problems.extend(message.map(|message| FieldProblem { field: "client_name", message }));
    name
}

fn checked_scope(asked: Option<&str>, known: &Scope, problems: &mut Vec<FieldProblem>) -> Scope {
    let asked = asked.unwrap_or("projects");
    match asked.parse::<Scope>() {
        Ok(scope) if scope.is_within(known) => scope,
        Ok(scope) => {
            let unknown: Vec<&str> = scope.tokens().filter(|token| !known.holds(token)).collect();
            let message = format!("Unknown scope: {}. Known here: {known}.", unknown.join(", "));
            problems.push(FieldProblem { field: "scope", message });
            Scope::default()
        }
        Err(error) => {
            problems.push(FieldProblem { field: "scope", message: format!("{error}.") });
            Scope::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules { longest_login_token: 86_400, private_schemes: Vec::new(), allow_insecure_http: false };

    fn known() -> Scope {
        "projects".parse().expect("because it is a scope")
    }

    #[test]
    fn defaults_are_those_of_the_command() {
        let app =
            Draft::new("Map  studio", ClientType::Public).validate(&known(), &RULES).expect("because it is valid");
        assert_eq!((app.name.as_str(), app.scope.as_str()), ("Map studio", "projects"));
        assert_eq!(app.grant_types.as_str(), "authorization_code refresh_token");
        assert!(app.require_pkce);
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let draft = Draft {
            redirect_uris: vec!["http://app.example/cb".into(), "com.example.app:/cb".into()],
            login_return_urls: vec!["https://*.app.example/".into()],
            scope: Some("everything".into()),
            ..Draft::new("\u{202e}evil", ClientType::Confidential)
        };
        let problems = draft.validate(&known(), &RULES).expect_err("because five things are wrong");
        let fields: Vec<&str> = problems.iter().map(|problem| problem.field).collect();
        assert_eq!(fields, ["client_name", "redirect_uris", "redirect_uris", "login_return_urls", "scope"]);
    }
}
