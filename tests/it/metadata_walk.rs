//! The metadata is true: each value that it names is called and works, each that it does not name is
//! refused where that can be asked, and a member without a way to call it fails this test.

mod clients;
mod people;

use std::sync::Arc;

use gatepost::domain::client::GrantType;
use gatepost::domain::registration::Draft;
use serde_json::Value;

use crate::harness::application::{Application, Tokens};
use crate::harness::browser::Browser;
use crate::harness::client_documents::ClientDocuments;
use crate::harness::token_holders::TILES;
use crate::harness::{self, Server, confidential, random_word};

/// All that an application of a test may ask for.
pub const ALL_SCOPES: &str = "projects openid profile email offline_access tiles:read";

/// A server where everything that can be offered is.
pub struct Walk {
    pub server: Server,
    pub documents: Arc<ClientDocuments>,
    pub alice: Browser,
    pub app: Application,
    pub found: Value,
}

impl Walk {
    pub async fn begin() -> Self {
        let settings = [("dynamic_registration", "open"), ("self_registered_scope", "openid tiles:read")];
        let server = harness::spawn_with(&settings).await;
        server.api(TILES, &["tiles:read: See map tiles"], true).await;
        let documents = ClientDocuments::of(&server);
        let alice = server.signed_in("alice").await;
        let app = server.application(whole()).await;
        let found = server.http.get("/.well-known/oauth-authorization-server").await.json();
        Self { server, documents, alice, app, found }
    }

    /// The values of a list; an empty one would be nothing to call.
    pub fn list(&self, name: &str) -> Vec<String> {
        let values = self.found[name].as_array().unwrap_or_else(|| panic!("{name} is no list"));
        assert!(!values.is_empty(), "{name} is empty");
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{name} holds no texts")).to_owned();
        values.iter().map(text).collect()
    }

    /// Tokens of the application for a scope, by a person who allows it.
    pub async fn tokens(&mut self, scope: &str) -> Tokens {
        let app = self.app.clone();
        self.tokens_of(&app, scope).await
    }

    pub async fn tokens_of(&mut self, app: &Application, scope: &str) -> Tokens {
        let granted = app.request().with("scope", scope).approve(&mut self.alice).await;
        app.exchange(&granted).await.expect("because it is the code's first use")
    }
}

/// A draft of an application that may do everything.
pub fn whole() -> Draft {
    let grant_types = GrantType::NAMES.iter().map(|name| name.parse().expect("because it is a name")).collect();
    Draft { scope: Some(ALL_SCOPES.to_owned()), grant_types, ..confidential() }
}

/// What a value that is not named must be: no value that anybody named.
fn unnamed() -> String {
    format!("unnamed-{}", random_word(6))
}

#[actix_web::test]
async fn everything_that_it_names_works_and_what_it_does_not_name_is_refused() {
    let mut walk = Walk::begin().await;
    let names: Vec<String> = walk.found.as_object().expect("because it is an object").keys().cloned().collect();
    for name in &names {
        let is_called = call_address(&mut walk, name).await
            || people::call(&mut walk, name).await
            || clients::call(&mut walk, name).await;
        assert!(is_called, "{name} is new in the metadata: add a way to call what it names");
    }
    assert!(names.len() > 30, "{names:?}");
}

/// Addresses: each is where the harness calls it, and answers there as its standard says.
async fn call_address(walk: &mut Walk, name: &str) -> bool {
    let (path, server) = (walk.found[name].as_str().unwrap_or_default().to_owned(), &walk.server);
    let here = path.strip_prefix(server.issuer()).unwrap_or("elsewhere").to_owned();
    match name {
        "issuer" => {
            let tokens = walk.tokens("openid").await;
            let claims = harness::jwt::verified(&walk.server, tokens.id_token()).await.claims;
            assert_eq!(claims["iss"], path.as_str());
        }
        "authorization_endpoint" | "token_endpoint" => {
            assert!(["/oauth/authorize", "/oauth/token"].contains(&here.as_str()), "{here}");
            let tokens = walk.tokens("projects").await;
            assert!(walk.app.is_active(&tokens.access_token).await);
        }
        "revocation_endpoint" => {
            let tokens = walk.tokens("projects").await;
            assert_eq!(walk.app.post(&here, &[("token", &tokens.access_token)]).await.status, 200);
            assert!(!walk.app.is_active(&tokens.access_token).await);
        }
        "introspection_endpoint" => {
            let tokens = walk.tokens("projects").await;
            let answer = walk.app.post(&here, &[("token", &tokens.access_token)]).await;
            assert_eq!(answer.json()["active"], true);
        }
        "device_authorization_endpoint" => {
            assert_eq!(here, "/oauth/device");
            let device = walk.app.device().await;
            walk.alice.decide_device(&device.user_code, "allow").await;
            assert_eq!(walk.app.poll(&device.device_code).await.status, 200);
        }
        "userinfo_endpoint" => {
            let tokens = walk.tokens("openid").await;
            let answer = walk.server.http.get_with_token(&here, &tokens.access_token).await;
            assert!(answer.json()["sub"].is_string());
        }
        "jwks_uri" => {
            let keys = server.http.get(&here).await.json();
            assert!(keys["keys"].as_array().is_some_and(|keys| keys.len() >= 2), "{keys}");
        }
        "end_session_endpoint" => {
            let mut bob = server.signed_in("bob").await;
            let page = bob.open(&format!("{here}?client_id={}", walk.app.client_id())).await;
            assert!(page.status == 200 && !page.forms().is_empty(), "{}", page.text());
        }
        "service_documentation" => {
            let page = walk.alice.open(&here).await;
            assert_eq!(page.status, 200);
        }
        _ => return false,
    }
    true
}
