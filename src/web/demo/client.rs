//! An HTTP client of Gatepost: metadata, token endpoint, introspection and revocation. The sample app and the
//! sample API both use it, and they have no other access to the server.

use std::cell::OnceCell;
use std::time::Duration;

use awc::SendClientRequest;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::form_urlencoded::Serializer;

use crate::domain::secret::{Secret, sha256_base64url};

/// The time limit of one call.
const PATIENCE: Duration = Duration::from_secs(10);
/// The maximum size of a response body, in bytes.
const MAX_BYTES: usize = 65_536;

/// Why a call failed, in words for the person who tries the demo.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The server did not answer. Holds the URL and the error.
    #[error("{0} does not answer ({1}).")]
    Unreachable(String, String),
    /// The response does not have the expected form. Holds the URL.
    #[error("{0} gave an answer that cannot be read.")]
    Unreadable(String),
    /// The metadata name another issuer (RFC 8414 §3.3).
    #[error("The metadata of {0} name another issuer.")]
    AnotherIssuer(String),
}

/// The credentials of a registered client.
#[derive(Clone, Debug)]
pub struct Credentials {
    pub client_id: String,
    pub client_secret: Secret,
}

/// The metadata of the authorization server (RFC 8414 §2). A client is configured with the issuer only.
#[derive(Clone, Debug, Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    introspection_endpoint: String,
    revocation_endpoint: String,
}

/// A successful response of the token endpoint (RFC 6749 §5.1).
#[derive(Deserialize)]
pub struct Tokens {
    pub access_token: String,
    /// When a refresh response has none, the old refresh token stays valid (RFC 6749 §6).
    pub refresh_token: Option<String>,
}

/// The introspection response (RFC 7662 §2.2).
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Introspection {
    pub active: bool,
    /// The scopes of the token, separated by spaces.
    #[serde(default)]
    pub scope: String,
    /// The user name of the person who authorized the token.
    pub username: Option<String>,
    /// The client that the token was issued to.
    pub client_id: Option<String>,
    /// The kind of the token, such as `oauth` or `user`.
    pub token_kind: Option<String>,
    /// When the token expires, in seconds since 1970.
    pub exp: Option<i64>,
}

/// An HTTP response as text, to be shown and parsed.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The URL that was called.
    pub url: String,
    pub status: u16,
    pub body: String,
}

impl Answer {
    /// Returns whether the status is a success.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Parses the JSON body of a successful response.
    ///
    /// # Errors
    /// [`CallError::Unreadable`] when the body is not such JSON or the status is not a success.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        let read = if self.is_success() { serde_json::from_str(&self.body).ok() } else { None };
        read.ok_or_else(|| CallError::Unreadable(self.url.clone()))
    }
}

/// One client with its credentials. It belongs to one worker thread, because its HTTP client does.
pub struct Asking {
    http: awc::Client,
    issuer: String,
    credentials: Credentials,
    metadata: OnceCell<Metadata>,
}

impl Asking {
    /// Returns a client of the server whose issuer is `issuer`.
    pub fn new(issuer: &str, credentials: Credentials) -> Self {
        // A redirect of the token endpoint would send secrets to another address.
        let http = awc::Client::builder().timeout(PATIENCE).disable_redirects().finish();
        Self { http, issuer: issuer.to_owned(), credentials, metadata: OnceCell::new() }
    }

    /// Returns the issuer that this client calls.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Returns the `client_id` of this client.
    pub fn client_id(&self) -> &str {
        &self.credentials.client_id
    }

    /// Returns the metadata, which are fetched once.
    async fn metadata(&self) -> Result<&Metadata, CallError> {
        if let Some(known) = self.metadata.get() {
            return Ok(known);
        }
        let url = format!("{}/.well-known/oauth-authorization-server", self.issuer);
        let found: Metadata = answer(url.clone(), self.http.get(&url).send()).await?.read()?;
        if found.issuer != self.issuer {
            return Err(CallError::AnotherIssuer(self.issuer.clone()));
        }
        Ok(self.metadata.get_or_init(|| found))
    }

    /// Returns the authorization request URL (RFC 6749 §4.1.1) with the S256 challenge of `code_verifier`
    /// (RFC 7636 §4.3).
    ///
    /// # Errors
    /// When the metadata cannot be fetched.
    pub async fn authorization_url(
        &self,
        redirect_uri: &str,
        state: &str,
        code_verifier: &str,
    ) -> Result<String, CallError> {
        let endpoint = &self.metadata().await?.authorization_endpoint;
        let challenge = sha256_base64url(code_verifier.as_bytes());
        let pairs = [
            ("response_type", "code"),
            ("client_id", self.client_id()),
            ("redirect_uri", redirect_uri),
            ("scope", "projects"),
            ("state", state),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        Ok(format!("{endpoint}?{}", Serializer::new(String::new()).extend_pairs(pairs).finish()))
    }

    /// Returns the URL of the login redirect, to which the app sends a person's browser.
    pub fn login_redirect_url(&self, return_url: &str, state: &str) -> String {
        let pairs = [("referer", return_url), ("state", state)];
        format!("{}/logIn?{}", self.issuer, Serializer::new(String::new()).extend_pairs(pairs).finish())
    }

    /// Calls the token endpoint (RFC 6749 §4.1.3, §6).
    ///
    /// # Errors
    /// When the server does not answer. An error response is not an `Err`.
    pub async fn token(&self, form: &[(&str, &str)]) -> Result<Answer, CallError> {
        self.post(&self.metadata().await?.token_endpoint, form).await
    }

    /// Introspects a token (RFC 7662 §2.1).
    ///
    /// # Errors
    /// When the server does not answer. An error response is not an `Err`.
    pub async fn introspect(&self, token: &str) -> Result<Answer, CallError> {
        self.post(&self.metadata().await?.introspection_endpoint, &[("token", token)]).await
    }

    /// Revokes a token (RFC 7009 §2.1).
    ///
    /// # Errors
    /// When the server does not answer. An error response is not an `Err`.
    pub async fn revoke(&self, token: &str) -> Result<Answer, CallError> {
        self.post(&self.metadata().await?.revocation_endpoint, &[("token", token)]).await
    }

    /// Calls an API with a bearer token (RFC 6750 §2.1).
    ///
    /// # Errors
    /// When the API does not answer. An error response is not an `Err`.
    pub async fn call(&self, url: &str, token: &str) -> Result<Answer, CallError> {
        answer(url.to_owned(), self.http.get(url).bearer_auth(token).send()).await
    }

    /// Posts a form with the client's credentials (RFC 6749 §2.3.1). Credentials of Gatepost are letters and
    /// digits, which form encoding does not change.
    async fn post(&self, url: &str, form: &[(&str, &str)]) -> Result<Answer, CallError> {
        let request = self.http.post(url).basic_auth(self.client_id(), self.credentials.client_secret.expose());
        answer(url.to_owned(), request.send_form(&form)).await
    }
}

async fn answer(url: String, sent: SendClientRequest) -> Result<Answer, CallError> {
    let answered = sent.await.map_err(|error| CallError::Unreachable(url.clone(), error.to_string()));
    let mut response = answered?;
    let body = response.body().limit(MAX_BYTES).await;
    let body = body.map_err(|error| CallError::Unreachable(url.clone(), error.to_string()))?;
    let body = String::from_utf8_lossy(&body).into_owned();
    Ok(Answer { url, status: response.status().as_u16(), body })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, body: &str) -> Answer {
        Answer { url: "http://127.0.0.1:1/".to_owned(), status, body: body.to_owned() }
    }

    #[test]
    fn only_a_success_is_read() {
        let active = r#"{"active":true}"#;
        assert!(answered(200, active).read::<Introspection>().is_ok_and(|found| found.active));
        assert!(answered(401, active).read::<Introspection>().is_err());
        assert!(answered(200, "{}").read::<Introspection>().is_err());
    }

    #[test]
    fn the_return_url_and_state_of_the_login_redirect_are_encoded() {
        let credentials = Credentials { client_id: "app".to_owned(), client_secret: Secret::new("secret") };
        let asking = Asking::new("http://localhost:8080", credentials);
        assert_eq!(
            asking.login_redirect_url("http://127.0.0.1:8090/signed-in", "a&b"),
            "http://localhost:8080/logIn?referer=http%3A%2F%2F127.0.0.1%3A8090%2Fsigned-in&state=a%26b"
        );
    }
}
