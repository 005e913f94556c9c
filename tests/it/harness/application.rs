//! The client's side of the protocol: it asks for a code, exchanges it, refreshes, introspects, revokes.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use gatepost::domain::client::Client;
use gatepost::domain::secret::Secret;
use serde_json::Value;

use super::browser::Browser;
use super::html::Page;
use super::http::{Answer, Http, encode, parameter};
use super::{Server, random_word};

/// One application that is registered at the server.
#[derive(Clone)]
pub struct Application {
    /// As the server keeps it.
    pub client: Client,
    secret: Option<Secret>,
    http: Http,
}

/// How a request proves that its code will come back to who began (RFC 7636).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pkce {
    S256,
    Plain,
    Absent,
}

/// An authorization request, before it is sent.
#[derive(Clone, Debug)]
pub struct Request {
    parameters: Vec<(String, String)>,
    verifier: Option<String>,
}

/// A code that came back, with what belongs to it.
#[derive(Clone, Debug)]
pub struct Granted {
    pub code: String,
    pub verifier: Option<String>,
    /// The whole redirect.
    pub location: String,
}

/// A successful token answer.
#[derive(Clone, Debug)]
pub struct Tokens {
    pub access_token: String,
    pub refresh_token: Option<String>,
    pub scope: String,
    pub expires_in: i64,
    pub id_token: Option<String>,
}

impl Tokens {
    fn parse(answer: &Answer) -> Self {
        let body = answer.json();
        assert_eq!(body["token_type"], "Bearer");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "because RFC 6749 §5.1 demands it");
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        Self {
            access_token: text("access_token").expect("because RFC 6749 §5.1 requires it"),
            refresh_token: text("refresh_token"),
            scope: text("scope").unwrap_or_default(),
            expires_in: body["expires_in"].as_i64().expect("because our answers always say how long"),
            id_token: text("id_token"),
        }
    }

    /// The refresh token, which this application gets.
    pub fn refresh(&self) -> &str {
        self.refresh_token.as_deref().expect("because the application registered the refresh grant")
    }
}

impl Tokens {
    /// The ID token, which `openid` asked for.
    pub fn id_token(&self) -> &str {
        self.id_token.as_deref().expect("because openid was asked for and allowed")
    }
}

impl Request {
    /// The same request with this parameter instead of what it had; an empty value takes it out.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.parameters.retain(|(set, _)| set != name);
        if !value.is_empty() {
            self.parameters.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// The same request with one more parameter, even if it has one of the name.
    pub fn and(mut self, name: &str, value: &str) -> Self {
        self.parameters.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A parameter's value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(set, _)| set == name).map(|(_, value)| value.as_str())
    }

    /// The path with the query.
    pub fn path(&self) -> String {
        let pairs: Vec<(&str, &str)> = self.parameters.iter().map(|(name, value)| (&**name, &**value)).collect();
        format!("/oauth/authorize?{}", encode(&pairs))
    }

    /// Reads the code out of the redirect that answered this request.
    pub fn granted(&self, location: &str) -> Granted {
        let code = parameter(location, "code").unwrap_or_else(|| panic!("no code in {location}"));
        assert_eq!(parameter(location, "state").as_deref(), self.get("state"), "because the state comes back");
        Granted { code, verifier: self.verifier.clone(), location: location.to_owned() }
    }

    /// Opens the request and allows what it asks. The browser is logged in.
    pub async fn approve(&self, browser: &mut Browser) -> Granted {
        let page = browser.open(&self.path()).await;
        let page = if page.away.is_some() { page } else { allow(browser, &page).await };
        self.granted(page.away())
    }
}

/// Presses "Allow" on a consent page.
pub async fn allow(browser: &mut Browser, page: &Page) -> Page {
    browser.submit(page.form_with("Allow")).await
}

/// The S256 challenge of a verifier, computed apart from the server's own code.
pub fn s256(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

/// `Basic` credentials, form-coded as RFC 6749 §2.3.1 says.
pub fn basic(client_id: &str, secret: &str) -> String {
    let coded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", coded(client_id), coded(secret))))
}

impl Application {
    pub fn new(http: Http, client: Client, secret: Option<Secret>) -> Self {
        Self { client, secret, http }
    }

    /// The same application before a server that was restarted.
    pub fn at(self, server: &Server) -> Self {
        Self { http: server.http.clone(), ..self }
    }

    /// Its public name.
    pub fn client_id(&self) -> &str {
        &self.client.client_id
    }

    /// Its secret.
    pub fn secret(&self) -> &str {
        self.secret.as_ref().map(Secret::expose).expect("because the application is confidential")
    }

    /// The first redirect URI that it registered.
    pub fn redirect_uri(&self) -> String {
        self.client.redirect_uris.iter().next().expect("because a test registered one").to_owned()
    }

    /// An authorization request as most clients send it: with `redirect_uri`, `state` and S256.
    pub fn request(&self) -> Request {
        self.request_with(Pkce::S256)
    }

    /// An authorization request with another proof.
    pub fn request_with(&self, pkce: Pkce) -> Request {
        let verifier = random_word(64);
        let (redirect_uri, state, s256) = (self.redirect_uri(), random_word(16), s256(&verifier));
        let mut pairs = vec![
            ("response_type", "code"),
            ("client_id", self.client_id()),
            ("redirect_uri", &redirect_uri),
            ("state", &state),
        ];
        match pkce {
            Pkce::S256 => pairs.extend([("code_challenge", s256.as_str()), ("code_challenge_method", "S256")]),
            Pkce::Plain => pairs.extend([("code_challenge", verifier.as_str()), ("code_challenge_method", "plain")]),
            Pkce::Absent => {}
        }
        let parameters = pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Request { parameters, verifier: (pkce != Pkce::Absent).then_some(verifier) }
    }

    /// A code, by a browser that is logged in; it allows what is asked.
    pub async fn code(&self, browser: &mut Browser) -> Granted {
        self.request().approve(browser).await
    }

    /// Tokens, by a browser that is logged in.
    pub async fn tokens(&self, browser: &mut Browser) -> Tokens {
        let granted = self.code(browser).await;
        self.exchange(&granted).await.expect("because this is the code's first use")
    }

    /// A request to an endpoint that this application authenticates at: Basic, or its bare name.
    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        match &self.secret {
            Some(secret) => {
                let credentials = basic(self.client_id(), secret.expose());
                self.http.post(path, &[("authorization", &credentials)], form).await
            }
            None => {
                let named = [("client_id", self.client_id())];
                let form: Vec<(&str, &str)> = form.iter().copied().chain(named).collect();
                self.http.post(path, &[], &form).await
            }
        }
    }

    async fn token(&self, form: &[(&str, &str)]) -> Result<Tokens, (u16, String)> {
        let answer = self.post("/oauth/token", form).await;
        if answer.status == 200 { Ok(Tokens::parse(&answer)) } else { Err(answer.error()) }
    }

    /// The form that exchanges a code at the address that it came to.
    pub fn exchange_form(&self, granted: &Granted) -> Vec<(String, String)> {
        let verifier = granted.verifier.clone().map(|verifier| ("code_verifier", verifier));
        let address = granted.location.split(['?', '#']).next().unwrap_or_default().to_owned();
        let pairs = [
            ("grant_type", "authorization_code".to_owned()),
            ("code", granted.code.clone()),
            ("redirect_uri", address),
        ];
        pairs.into_iter().chain(verifier).map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Exchanges a code.
    pub async fn exchange(&self, granted: &Granted) -> Result<Tokens, (u16, String)> {
        let form = self.exchange_form(granted);
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (&**name, &**value)).collect();
        self.token(&form).await
    }

    /// Exchanges a code with other parameters than it began with; an empty value leaves one out.
    pub async fn exchange_with(&self, granted: &Granted, others: &[(&str, &str)]) -> Result<Tokens, (u16, String)> {
        let form = self.exchange_form(granted);
        let is_other = |name: &str| others.iter().any(|(other, _)| *other == name);
        let kept = form.iter().map(|(name, value)| (&**name, &**value)).filter(|(name, _)| !is_other(name));
        let others = others.iter().copied().filter(|(_, value)| !value.is_empty());
        let form: Vec<(&str, &str)> = kept.chain(others).collect();
        self.token(&form).await
    }

    /// Refreshes.
    pub async fn refresh(&self, refresh_token: &str) -> Result<Tokens, (u16, String)> {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", refresh_token)]).await
    }

    /// Refreshes for this scope.
    pub async fn refresh_for(&self, refresh_token: &str, scope: &str) -> Result<Tokens, (u16, String)> {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", refresh_token), ("scope", scope)]).await
    }

    /// What the server says of a token, as JSON.
    pub async fn introspect(&self, token: &str) -> Value {
        let answer = self.post("/oauth/introspect", &[("token", token)]).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// Whether the server says that a token works. The application may ask (it is confidential).
    pub async fn is_active(&self, token: &str) -> bool {
        self.introspect(token).await["active"].as_bool().expect("because RFC 7662 §2.2 requires it")
    }

    /// Revokes a token.
    pub async fn revoke(&self, token: &str) -> Answer {
        self.post("/oauth/revoke", &[("token", token)]).await
    }
}
