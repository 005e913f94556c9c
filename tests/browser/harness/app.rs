//! An app on this device that logs people in by an authorization code with PKCE.

use serde_json::Value;
use url::form_urlencoded::Serializer;

use super::gatepost::Gatepost;
use super::site::{Answer, Site, Visit};

/// RFC 7636, appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// The S256 challenge of that verifier.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// A state with characters that addresses treat in their own way.
pub const STATE: &str = "a b+c&d=é#f";

/// The app: `/start` sends a person to log in, `/callback` is where they come back.
pub struct App {
    site: Site,
    /// Its name at the server.
    pub client_id: String,
}

impl App {
    /// Registers the app, which has no secret, and starts it. `callback` says what it does with those who come back.
    pub fn start(server: &Gatepost, callback: impl Fn(&Visit) -> Answer + Send + Sync + 'static) -> Self {
        // A loopback address matches with any port (RFC 8252 §7.3).
        let client = server.create_client("Field Notes", &["--public", "--redirect-uri", "http://127.0.0.1/callback"]);
        let client_id = client["client_id"].as_str().expect("because every client has one").to_owned();
        let (endpoint, asking) = (server.at("/oauth/authorize"), client_id.clone());
        let site = Site::start(move |visit| match visit.path() {
            "/start" => {
                let redirect_uri = format!("{}/callback", visit.origin);
                Answer::SeeOther(format!("{endpoint}?{}", request(&asking, &redirect_uri)))
            }
            "/callback" => callback(visit),
            _ => Answer::Page("<h1>Field Notes</h1>".to_owned()),
        });
        Self { site, client_id }
    }

    /// The app with a page that says thanks to those who come back.
    pub fn grateful(server: &Gatepost) -> Self {
        Self::start(server, |_| Answer::Page("<h1>Thank you</h1>".to_owned()))
    }

    /// The link that a person clicks to log in.
    pub fn link(&self) -> String {
        self.site.at("127.0.0.1", "/start")
    }

    /// The server's address that the link leads to, with one more parameter.
    pub fn link_with(&self, server: &Gatepost, parameter: &str) -> String {
        let request = request(&self.client_id, &self.redirect_uri());
        server.at(&format!("/oauth/authorize?{request}&{parameter}"))
    }

    /// Host and port, as a person reads them.
    pub fn host(&self) -> String {
        self.link().trim_start_matches("http://").trim_end_matches("/start").to_owned()
    }

    /// The redirect URI that it sends.
    pub fn redirect_uri(&self) -> String {
        self.site.at("127.0.0.1", "/callback")
    }

    /// Those who came back.
    pub fn answers(&self) -> Vec<Visit> {
        self.site.visits().into_iter().filter(|visit| visit.path() == "/callback").collect()
    }

    /// An access token for the one who came back last.
    pub fn last_token(&self, server: &Gatepost) -> String {
        let code = self.answers().last().and_then(|visit| visit.parameter("code"));
        let (_, tokens) = self.redeem(server, &code.expect("because the person allowed it"));
        tokens["access_token"].as_str().unwrap_or_else(|| panic!("no token in {tokens}")).to_owned()
    }

    /// Swaps a code for tokens (RFC 6749 §4.1.3).
    pub fn redeem(&self, server: &Gatepost, code: &str) -> (u16, Value) {
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", self.client_id.as_str()),
            ("redirect_uri", &self.redirect_uri()),
            ("code", code),
            ("code_verifier", VERIFIER),
        ];
        server.post_form("/oauth/token", &form)
    }
}

fn request(client_id: &str, redirect_uri: &str) -> String {
    let parameters = [
        ("response_type", "code"),
        ("client_id", client_id),
        ("redirect_uri", redirect_uri),
        ("scope", "projects"),
        ("state", STATE),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    Serializer::new(String::new()).extend_pairs(parameters).finish()
}
