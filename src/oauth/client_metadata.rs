//! The metadata of a client (RFC 7591 §2), from a registration request or a client document. Lenient: unknown
//! members and `null` are ignored, and a missing member gets a default.

use serde_json::{Map, Value};

use super::Refusal;
use super::problem::Problem;
use crate::domain::client::{ClientType, GrantType};
use crate::domain::jose::algorithm::Algorithm;
use crate::domain::json::{self, InvalidJson};
use crate::domain::redirect_uri::{RedirectUri, host_of};
use crate::domain::registration::{Draft, FieldProblem};
use crate::domain::scope::Scope;
use crate::domain::self_registration::{ApplicationType, AuthMethod};
use crate::domain::signing_key::SigningAlgorithm;

/// The grant types of self-registered applications. The others act without a person at our consent page.
const GRANTS: [GrantType; 2] = [GrantType::AuthorizationCode, GrantType::RefreshToken];

/// The members of one JSON object that describes a client.
#[derive(Clone, Debug)]
pub struct ClientMetadata(Map<String, Value>);

/// A description whose members were read.
#[derive(Clone, Debug)]
pub struct DescribedClient {
    /// The application, not validated yet.
    pub draft: Draft,
    pub auth_method: AuthMethod,
    pub application_type: ApplicationType,
}

const fn invalid(cause: &'static str) -> Refusal {
    Refusal { problem: Problem::InvalidClientMetadata, cause }
}

impl ClientMetadata {
    /// Parses a JSON object.
    ///
    /// # Errors
    /// [`Problem::InvalidClientMetadata`] when the body is no JSON object, or repeats a member.
    pub fn parse(body: &[u8]) -> Result<Self, Refusal> {
        match json::parse(body) {
            Ok(Value::Object(members)) => Ok(Self(members)),
            Ok(_) | Err(InvalidJson::Malformed) => Err(invalid("the description is no JSON object")),
            Err(InvalidJson::Repeated) => Err(invalid("a member of the description is there more than once")),
        }
    }

    /// Sets a member that is absent: for a default other than the one of RFC 7591.
    pub fn or(mut self, name: &str, value: &str) -> Self {
        if !self.has(name) {
            self.0.insert(name.to_owned(), Value::from(value));
        }
        self
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// Returns a member that is a string; an absent or empty one is `None`.
    ///
    /// # Errors
    /// [`Problem::InvalidClientMetadata`] when it has another type.
    pub fn text(&self, name: &'static str) -> Result<Option<&str>, Refusal> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if !text.contains('\0') => {
                Ok(Some(text.as_str()).filter(|text| !text.is_empty()))
            }
            Some(_) => Err(invalid("a member has another type than RFC 7591 gives it")),
        }
    }

    fn texts(&self, name: &'static str) -> Result<Option<Vec<String>>, Refusal> {
        let wrong = || invalid("a member has another type than RFC 7591 gives it");
        let Some(value) = self.get(name) else { return Ok(None) };
        let texts = value.as_array().ok_or_else(wrong)?.iter();
        texts.map(|text| text.as_str().map(str::to_owned).ok_or_else(wrong)).collect::<Result<_, _>>().map(Some)
    }

    /// Whether the member is present and not `null`.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Returns the application that is described. Its scope is limited to `most`.
    ///
    /// # Errors
    /// [`Problem::InvalidRedirectUri`] or [`Problem::InvalidClientMetadata`] when a member is not valid; [`Draft::validate`]
    /// finds more.
    pub fn to_registration(&self, most: &Scope) -> Result<DescribedClient, Refusal> {
        let auth_method = self.auth_method()?;
        let application_type = self.text("application_type")?.map(str::parse).transpose();
        let application_type = application_type.map_err(|_unknown| invalid("the application_type is unknown"))?;
        let redirect_uris = self.texts("redirect_uris")?.unwrap_or_default();
        if redirect_uris.is_empty() {
            return Err(Refusal { problem: Problem::InvalidRedirectUri, cause: "there is no redirect_uri" });
        }
        let client_type = match auth_method {
            AuthMethod::None => ClientType::Public,
            _ => ClientType::Confidential,
        };
        self.check_subject_type()?;
        let (jwks, jwks_uri) = self.keys(auth_method)?;
        let draft = Draft {
            grant_types: self.grant_types()?,
            scope: Some(self.scope(most)?.to_string()),
            jwks,
            jwks_uri,
            userinfo_signed_response_alg: self.userinfo_algorithm()?,
            token_endpoint_auth_signing_alg: self.assertion_algorithm(auth_method)?,
            dpop_bound_access_tokens: self.flag("dpop_bound_access_tokens")?,
            post_logout_redirect_uris: self.texts("post_logout_redirect_uris")?.unwrap_or_default(),
            id_token_signed_response_alg: self.id_token_algorithm()?,
            ..Draft::new(self.name(&redirect_uris)?, client_type)
        };
        let draft = Draft { redirect_uris, ..draft };
        Ok(DescribedClient { draft, auth_method, application_type: application_type.unwrap_or(ApplicationType::Web) })
    }

    /// The default is `client_secret_basic` (RFC 7591 §2).
    fn auth_method(&self) -> Result<AuthMethod, Refusal> {
        let named = self.text("token_endpoint_auth_method")?.unwrap_or("client_secret_basic");
        named.parse().map_err(|_unknown| invalid("the token_endpoint_auth_method is not supported"))
    }

    /// The default is `RS256` (OpenID Connect Registration §2).
    fn id_token_algorithm(&self) -> Result<SigningAlgorithm, Refusal> {
        let named = self.text("id_token_signed_response_alg")?.unwrap_or(SigningAlgorithm::Rs256.as_str());
        named.parse().map_err(|_unknown| invalid("the id_token_signed_response_alg is not supported"))
    }

    fn flag(&self, name: &'static str) -> Result<bool, Refusal> {
        match self.get(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(invalid("a member has another type than RFC 7591 gives it")),
        }
    }

    /// Leaves out grant types that self-registered applications may not use; the answer lists the others (§2).
    fn grant_types(&self) -> Result<Vec<GrantType>, Refusal> {
        let responses = self.texts("response_types")?.unwrap_or_default();
        if !responses.is_empty() && !responses.iter().any(|response| response == "code") {
            return Err(invalid("none of the response_types is code"));
        }
        let Some(asked) = self.texts("grant_types")?.filter(|asked| !asked.is_empty()) else {
            return Ok(GRANTS.to_vec());
        };
        let granted: Vec<GrantType> =
            GRANTS.into_iter().filter(|grant| asked.iter().any(|asked| asked == grant.as_str())).collect();
        if granted.contains(&GrantType::AuthorizationCode) {
            Ok(granted)
        } else {
            Err(invalid("none of the grant_types is authorization_code"))
        }
    }

    /// Returns the requested part of the scope that it may have; all of that when no part is left, never an empty
    /// scope.
    fn scope(&self, most: &Scope) -> Result<Scope, Refusal> {
        let Some(asked) = self.text("scope")? else { return Ok(most.clone()) };
        let asked: Scope = asked.parse().map_err(|_unreadable| invalid("the scope cannot be read"))?;
        let granted = asked.intersection(most);
        Ok(if granted.is_empty() { most.clone() } else { granted })
    }

    /// Returns the keys, or the URL of the keys; a description may not have both (RFC 7591 §2). They are kept only
    /// for a client that authenticates with them.
    fn keys(&self, auth_method: AuthMethod) -> Result<(Option<String>, Option<String>), Refusal> {
        match (self.get("jwks"), self.text("jwks_uri")?) {
            (Some(_), Some(_)) => Err(invalid("jwks and jwks_uri exclude each other")),
            _ if auth_method != AuthMethod::PrivateKeyJwt => Ok((None, None)),
            (None, None) => Err(invalid("private_key_jwt needs jwks or jwks_uri")),
            (jwks, jwks_uri) => Ok((jwks.map(Value::to_string), jwks_uri.map(str::to_owned))),
        }
    }

    /// Without an algorithm, userinfo is plain JSON (OpenID Connect Registration §2).
    fn userinfo_algorithm(&self) -> Result<Option<SigningAlgorithm>, Refusal> {
        let named = self.text("userinfo_signed_response_alg")?.map(str::parse).transpose();
        named.map_err(|_unknown| invalid("the userinfo_signed_response_alg is not supported"))
    }

    /// Kept only for a client that authenticates with `private_key_jwt` (OpenID Connect Registration §2).
    fn assertion_algorithm(&self, auth_method: AuthMethod) -> Result<Option<String>, Refusal> {
        let named = self.text("token_endpoint_auth_signing_alg")?.filter(|_| auth_method == AuthMethod::PrivateKeyJwt);
        match named.map(str::parse::<Algorithm>) {
            Some(Err(_)) => Err(invalid("the token_endpoint_auth_signing_alg is not supported")),
            _ => Ok(named.map(str::to_owned)),
        }
    }

    /// Every client gets the same subject for a person (`public`), so a `sector_identifier_uri` has no effect
    /// (OpenID Connect Core §8).
    fn check_subject_type(&self) -> Result<(), Refusal> {
        match self.text("subject_type")? {
            None | Some("public") => Ok(()),
            Some(_) => Err(invalid("the subject_type is not public")),
        }
    }

    /// Returns the claimed name, or a name with the host of the first redirect URI.
    fn name(&self, redirect_uris: &[String]) -> Result<String, Refusal> {
        if let Some(name) = self.text("client_name")? {
            return Ok(name.to_owned());
        }
        let first = redirect_uris.iter().find_map(|uri| uri.parse::<RedirectUri>().ok());
        Ok(first.map_or_else(|| "App without a name".to_owned(), |uri| format!("App at {}", host_of(&uri.url()))))
    }
}

/// Maps a draft's problems to a public answer and its cause: RFC 7591 §3.2.2 has two codes.
pub fn problem_of(problems: &[FieldProblem]) -> (Problem, &'static str) {
    match problems.first().map(|problem| problem.field) {
        Some("redirect_uris") => (Problem::InvalidRedirectUri, "a redirect_uri cannot be taken"),
        Some("post_logout_redirect_uris") => {
            (Problem::InvalidClientMetadata, "a post_logout_redirect_uri cannot be taken")
        }
        Some("jwks") => (Problem::InvalidClientMetadata, "the jwks cannot be taken"),
        Some("jwks_uri") => (Problem::InvalidClientMetadata, "the jwks_uri cannot be taken"),
        Some("client_name") => (Problem::InvalidClientMetadata, "the client_name cannot be taken"),
        _ => (Problem::InvalidClientMetadata, "a member cannot be taken"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn registration_of(others: Value) -> Result<DescribedClient, &'static str> {
        let mut members = json!({ "redirect_uris": ["http://127.0.0.1/cb"], "token_endpoint_auth_method": "none" });
        for (name, value) in others.as_object().expect("because it is one") {
            members[name.as_str()] = value.clone();
        }
        let metadata = ClientMetadata::parse(members.to_string().as_bytes()).expect("because it is an object");
        let most: Scope = "openid tiles".parse().expect("because it is a scope");
        metadata.to_registration(&most).map_err(|refusal| refusal.problem.code())
    }

    #[test]
    fn what_is_missing_null_or_unknown_is_forgiven() {
        let described = registration_of(json!({ "scope": null, "client_name": null, "resource": 7, "contacts": {} }));
        let DescribedClient { draft, application_type, .. } = described.expect("because it is forgiven");
        assert_eq!((draft.name.as_str(), draft.scope.as_deref()), ("App at 127.0.0.1", Some("openid tiles")));
        assert_eq!((draft.grant_types, application_type), (GRANTS.to_vec(), ApplicationType::Web));
        let scope = |scope: &str| registration_of(json!({ "scope": scope })).map(|described| described.draft.scope);
        assert_eq!(scope("projects tiles"), Ok(Some("tiles".to_owned())));
        assert_eq!(scope("projects"), Ok(Some("openid tiles".to_owned())), "never the empty set");
        let grants = json!({ "grant_types": ["client_credentials", "authorization_code", "implicit"] });
        assert_eq!(
            registration_of(grants).expect("because one is left").draft.grant_types,
            [GrantType::AuthorizationCode]
        );
    }

    #[test]
    fn what_cannot_work_is_refused_by_its_code() {
        let refused = |others: Value| registration_of(others).err();
        assert_eq!(refused(json!({ "redirect_uris": [] })), Some("invalid_redirect_uri"));
        assert_eq!(refused(json!({ "redirect_uris": null })), Some("invalid_redirect_uri"));
        for others in [
            json!({ "redirect_uris": "https://app.example/cb" }),
            json!({ "redirect_uris": [7] }),
            json!({ "client_name": 7 }),
            json!({ "scope": ["a"] }),
            json!({ "scope": "\"" }),
            json!({ "token_endpoint_auth_method": "tls_client_auth" }),
            json!({ "token_endpoint_auth_method": "private_key_jwt" }),
            json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://a.example/", "jwks": {} }),
            json!({ "application_type": "toaster" }),
            json!({ "grant_types": ["client_credentials"] }),
            json!({ "grant_types": ["refresh_token"] }),
            json!({ "response_types": ["token"] }),
            json!({ "dpop_bound_access_tokens": "yes" }),
            json!({ "post_logout_redirect_uris": "https://app.example/out" }),
            json!({ "id_token_signed_response_alg": "none" }),
            json!({ "id_token_signed_response_alg": "HS256" }),
            json!({ "userinfo_signed_response_alg": "HS256" }),
            json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [] },
                "token_endpoint_auth_signing_alg": "HS256" }),
            json!({ "jwks_uri": "https://a.example/", "jwks": { "keys": [] } }),
            json!({ "subject_type": "pairwise" }),
        ] {
            assert_eq!(refused(others.clone()), Some("invalid_client_metadata"), "{others}");
        }
    }
}
