//! What the operator says of an application, and what its secrets open, ends when it becomes another one.

use std::sync::Arc;

use actix_web::http::Method;
use gatepost::domain::registration::Draft;
use gatepost::oauth::clients::By;
use serde_json::{Value, json};

use crate::harness::application::{Application, basic};
use crate::harness::client_documents::ClientDocuments;
use crate::harness::client_keys::{Key, merge};
use crate::harness::{self, Server, confidential, public};
use crate::signing_keys::{attempt, run};

const DOCUMENT: &str = "https://app.example/oauth/client.json";
const CALLBACK: &str = "https://app.example/callback";

/// An application that describes itself: by a registration, or by a document.
struct Described<'a> {
    server: &'a Server,
    documents: Arc<ClientDocuments>,
    client_id: String,
    token: Option<String>,
    name: &'static str,
}

async fn open_server() -> Server {
    let server =
        harness::spawn_with(&[("dynamic_registration", "open"), ("self_registered_scope", "tiles:read")]).await;
    server.api("https://tiles.example", &["tiles:read: See your map tiles"], false).await;
    server
}

fn usual(name: &str) -> Value {
    json!({ "client_name": name, "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "private_key_jwt",
        "jwks_uri": "https://app.example/keys" })
}

impl<'a> Described<'a> {
    async fn registered(server: &'a Server) -> Self {
        let headers = [("content-type", "application/json")];
        let answer =
            server.http.send(Method::POST, "/oauth/register", &headers, usual("Trip planner").to_string()).await.json();
        let text = |name: &str| answer[name].as_str().expect("because it was registered").to_owned();
        let (client_id, token) = (text("client_id"), Some(text("registration_access_token")));
        Self { server, documents: ClientDocuments::of(server), client_id, token, name: "Trip planner" }
    }

    async fn read(server: &'a Server) -> Self {
        let made = Self {
            server,
            documents: ClientDocuments::of(server),
            client_id: DOCUMENT.to_owned(),
            token: None,
            name: "Route finder",
        };
        made.say(&json!({})).await;
        made
    }

    /// Describes itself anew, changed by members.
    async fn say(&self, others: &Value) -> u16 {
        let mut said = usual(self.name);
        said["client_id"] = json!(self.client_id);
        merge(&mut said, others);
        if let Some(token) = &self.token {
            let headers = [("content-type", "application/json"), ("authorization", &*format!("Bearer {token}"))];
            let path = format!("/oauth/register/{}", self.client_id);
            return self.server.http.send(Method::PUT, &path, &headers, said.to_string()).await.status;
        }
        self.documents.put(DOCUMENT, &said, Some("max-age=60"));
        // Not so often that the pace of reading decides.
        self.server.advance(3_600);
        let pattern = self.server.application(public()).await.client;
        let client = gatepost::domain::client::Client { client_id: self.client_id.clone(), ..pattern };
        let app = Application::new(self.server.http.clone(), client, None::<gatepost::domain::secret::Secret>);
        let reader = harness::random_word(8);
        let path = app.request().with("redirect_uri", CALLBACK).path();
        self.server.signed_in(&reader).await.open(&path).await.status
    }

    fn vouch(&self) {
        run(self.server, &["client", "update", &self.client_id, "--verified", "--first-party"]);
    }

    /// Whether the operator's words still count; both or none.
    async fn is_vouched(&self) -> bool {
        let (id, both) = (&self.client_id, "verified_at IS NOT NULL AND is_first_party");
        let all = self.server.count(&format!("clients WHERE client_id = '{id}' AND {both}")).await;
        let none = format!("clients WHERE client_id = '{id}' AND verified_at IS NULL AND NOT is_first_party");
        assert_eq!(self.server.count(&none).await + all, 1, "both are there, or none is");
        // The operator sees the same.
        let shown = run(self.server, &["client", "show", &self.client_id]);
        let shown: Value = serde_json::from_slice(&shown).expect("because it is JSON");
        assert_eq!((&shown["verified"], &shown["first_party"]), (&json!(all == 1), &json!(all == 1)), "{shown}");
        all == 1
    }
}

#[actix_web::test]
async fn an_app_that_describes_itself_as_another_loses_the_operators_word() {
    let server = open_server().await;
    let (one, other) = (Key::es256(), Key::es256());
    for described in [Described::registered(&server).await, Described::read(&server).await] {
        let by_keys = |key: &Key| json!({ "jwks_uri": null, "jwks": { "keys": [key.public()] } });
        for (before, after) in [
            (json!({}), json!({ "client_name": format!("{} of your bank", described.name) })),
            (json!({}), json!({ "redirect_uris": [CALLBACK, "https://evil.example/cb"] })),
            (json!({}), json!({ "post_logout_redirect_uris": ["https://evil.example/out"] })),
            (json!({}), json!({ "jwks_uri": "https://evil.example/keys" })),
            (json!({}), by_keys(&one)),
            (by_keys(&one), by_keys(&other)),
            (json!({}), json!({ "token_endpoint_auth_method": "none", "jwks_uri": null })),
        ] {
            described.say(&before).await;
            described.vouch();
            described.say(&before).await;
            assert!(described.is_vouched().await, "the same description again: {before}");
            described.say(&after).await;
            assert!(!described.is_vouched().await, "{} {after}", described.client_id);
        }
        described.say(&json!({ "redirect_uris": [CALLBACK, "https://app.example/other"] })).await;
        described.vouch();
        described.say(&json!({})).await;
        assert!(described.is_vouched().await, "an address less is no other app");
    }
}

#[actix_web::test]
async fn once_an_app_has_keys_its_secrets_open_nothing_and_no_new_one_is_made() {
    let server = harness::spawn().await;
    let alice = server.person("alice").await.id;
    let key = Key::es256();
    let jwks = json!({ "keys": [key.public()] }).to_string();
    for by in ["console", "command", "before the rule"] {
        let app = server.register(By::Owner(alice), Draft { name: format!("Atlas {by}"), ..confidential() }).await;
        let status = async || {
            let credentials = basic(app.client_id(), app.secret());
            server.http.post("/oauth/introspect", &[("authorization", &credentials)], &[("token", "x")]).await.status
        };
        assert_eq!(status().await, 200);
        let id = app.client.id.number();
        let mut browser = server.browser();
        browser.sign_in("alice").await;
        let own = format!("/developer/apps/{}", app.client_id());
        match by {
            "console" => {
                let page = browser.open(&own).await;
                browser.submit(page.form_with("Save changes").fill("jwks", &jwks)).await;
            }
            "command" => {
                run(&server, &["client", "update", app.client_id(), "--jwks-uri", "https://app.example/keys"]);
            }
            _ => {
                let sql = format!("UPDATE clients SET jwks = '{jwks}' WHERE id = {id}");
                server.write(move |tx| harness::execute(tx, &sql)).await;
            }
        }
        assert_eq!(status().await, 401, "{by}");
        let page = browser.open(&own).await;
        assert!(!page.text().contains("Make a new secret"), "{by}: {}", page.text());
        let form = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
        let answer = browser.bare(Method::POST, &format!("{own}/secrets/new"), &form, "keep_old_for=0").await;
        assert_eq!(answer.status, 404, "{by}");
        assert!(attempt(&server, &["client", "rotate-secret", app.client_id()]).is_err(), "{by}");
        let ended = server.count(&format!("client_secrets WHERE client_key = {id} AND expires_at IS NOT NULL")).await;
        assert_eq!(ended, i64::from(by != "before the rule"), "{by}");
        // The command's clock is the system's, which the server's is not.
        if by == "console" {
            let sql = format!("UPDATE clients SET jwks = NULL, jwks_uri = NULL WHERE id = {id}");
            server.write(move |tx| harness::execute(tx, &sql)).await;
            assert_eq!(status().await, 401, "{by}: a secret that ended stays ended");
        }
    }
}
