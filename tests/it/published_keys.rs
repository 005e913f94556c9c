//! Clients that publish their keys at an address of their own (`jwks_uri`, RFC 7591 §2): read when they
//! are needed, kept as their headers say, read once more when a key is new.

use std::sync::Arc;

use gatepost::domain::registration::{Draft, Rules};
use serde_json::{Value, json};

use crate::harness::application::Application;
use crate::harness::client_documents::ClientDocuments;
use crate::harness::client_keys::Key;
use crate::harness::{self, Server, confidential, public, random_word};

const KEYS: &str = "https://app.example/keys.json";
const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

struct House {
    server: Server,
    documents: Arc<ClientDocuments>,
    app: Application,
}

fn published() -> Draft {
    Draft { jwks_uri: Some(KEYS.to_owned()), ..confidential() }
}

async fn begin() -> House {
    let server = harness::spawn().await;
    let documents = ClientDocuments::of(&server);
    let app = server.application(published()).await;
    House { server, documents, app }
}

impl House {
    fn publish(&self, keys: &[(&Key, &str)], cache_control: Option<&str>) {
        let named = |(key, kid): &(&Key, &str)| {
            let mut public = key.public();
            public["kid"] = json!(kid);
            public
        };
        let keys: Vec<Value> = keys.iter().map(named).collect();
        self.documents.put(KEYS, &json!({ "keys": keys }), cache_control);
    }

    /// Whether a statement that this key signed is believed.
    async fn believes(&self, (key, kid): (&Key, &str)) -> bool {
        let (id, now) = (self.app.client_id(), self.server.now().seconds());
        let aud = self.server.issuer();
        let claims = json!({ "iss": id, "sub": id, "aud": aud, "exp": now + 60, "jti": random_word(22) });
        let assertion = key.sign(&json!({ "alg": key.alg(), "typ": "JWT", "kid": kid }), &claims);
        let form = [("client_assertion_type", TYPE), ("client_assertion", &assertion), ("token", "nothing")];
        let answer = self.server.http.post("/oauth/introspect", &[], &form).await;
        if answer.status != 200 {
            assert_eq!(answer.error(), (401, "invalid_client".to_owned()));
        }
        answer.status == 200
    }
}

#[actix_web::test]
async fn keys_are_read_when_a_client_signs_and_kept_as_their_headers_say() {
    let house = begin().await;
    let key = Key::es256();
    house.publish(&[(&key, "a")], Some("max-age=600"));
    assert_eq!(house.app.client.authentication_method(), "private_key_jwt");
    for _ in 0..3 {
        assert!(house.believes((&key, "a")).await);
    }
    assert_eq!(house.documents.reads(), 1, "kept for ten minutes");
    house.server.advance(599);
    assert!(house.believes((&key, "a")).await);
    assert_eq!(house.documents.reads(), 1);
    house.server.advance(1);
    assert!(house.believes((&key, "a")).await);
    assert_eq!(house.documents.reads(), 2);
}

#[actix_web::test]
async fn a_key_that_is_new_is_looked_for_once_and_one_that_was_taken_back_ends() {
    let house = begin().await;
    let (old, new, foreign) = (Key::es256(), Key::eddsa(), Key::es256());
    house.publish(&[(&old, "old")], Some("max-age=86400"));
    assert!(house.believes((&old, "old")).await);
    house.publish(&[(&new, "new")], Some("max-age=86400"));
    assert!(!house.believes((&new, "new")).await, "not within half a minute of the last read");
    assert_eq!(house.documents.reads(), 1);
    house.server.advance(30);
    assert!(house.believes((&new, "new")).await);
    assert_eq!(house.documents.reads(), 2);
    assert!(!house.believes((&old, "old")).await, "its owner took it back");
    house.server.advance(30);
    for _ in 0..5 {
        assert!(!house.believes((&foreign, "new")).await, "the name of a key is not the key");
    }
    assert_eq!(house.documents.reads(), 3, "nobody makes us read at their pace");
    assert!(house.believes((&new, "new")).await);
}

#[actix_web::test]
async fn a_host_out_of_reach_does_not_switch_its_client_off_for_a_day() {
    let house = begin().await;
    let key = Key::es256();
    house.publish(&[(&key, "a")], Some("max-age=60"));
    assert!(house.believes((&key, "a")).await);
    house.documents.take(KEYS, false);
    house.server.advance(61);
    assert!(house.believes((&key, "a")).await, "what was read still counts");
    house.server.advance(86_400);
    assert!(!house.believes((&key, "a")).await, "its owner may have taken it back since");
    house.publish(&[(&key, "a")], None);
    house.server.advance(30);
    assert!(house.believes((&key, "a")).await);
    house.documents.take(KEYS, true);
    house.server.advance(400);
    assert!(!house.believes((&key, "a")).await, "there is no document any more");
}

#[actix_web::test]
async fn what_is_no_key_set_opens_nothing_and_the_owner_reads_why() {
    let house = begin().await;
    let key = Key::es256();
    assert!(!house.believes((&key, "a")).await, "nothing is there");
    for (number, body) in [json!({}), json!({ "keys": [] }), json!({ "keys": [key.private()] })].iter().enumerate() {
        house.server.advance(30);
        house.documents.put(KEYS, body, None);
        assert!(!house.believes((&key, "a")).await, "{body}");
        assert_eq!(house.documents.reads(), number + 2);
    }
    house.server.flush_refusals().await;
    let cause = "refusals WHERE cause LIKE '%jwks_uri could not be read%' AND NOT is_client_authenticated";
    assert_eq!(house.server.count(cause).await, 4);
}

#[actix_web::test]
async fn keys_and_their_address_exclude_each_other_and_the_address_is_a_public_one() {
    let server = harness::spawn_with(&[("dynamic_registration", "open")]).await;
    let (jwks_uri, keys) = (KEYS, Key::es256());
    let set: Value = serde_json::from_str(&keys.set(None)).expect("because it is JSON");
    let body = |more: Value| {
        let mut body = json!({ "redirect_uris": ["https://app.example/callback"],
            "token_endpoint_auth_method": "private_key_jwt" });
        crate::harness::client_keys::merge(&mut body, &more);
        body.to_string()
    };
    let json_type = [("content-type", "application/json")];
    let register =
        |more: Value| server.http.send(actix_web::http::Method::POST, "/oauth/register", &json_type, body(more));
    let answer = register(json!({ "jwks_uri": jwks_uri, "userinfo_signed_response_alg": "ES256" })).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let registered = answer.json();
    assert_eq!((&registered["jwks_uri"], &registered["subject_type"]), (&json!(jwks_uri), &json!("public")));
    assert_eq!(registered["userinfo_signed_response_alg"], "ES256");
    assert!(registered.get("client_secret").is_none() && registered.get("jwks").is_none());
    for more in [
        json!({ "jwks_uri": jwks_uri, "jwks": set }),
        json!({ "jwks_uri": "http://app.example/keys" }),
        json!({ "jwks_uri": "https://127.0.0.1/keys" }),
        json!({ "jwks_uri": "https://localhost/keys" }),
        json!({ "jwks_uri": jwks_uri, "subject_type": "pairwise" }),
        json!({ "jwks_uri": jwks_uri, "userinfo_signed_response_alg": "HS256" }),
    ] {
        assert_eq!(register(more.clone()).await.error(), (400, "invalid_client_metadata".to_owned()), "{more}");
    }
    let draft = Draft { jwks_uri: Some(KEYS.to_owned()), ..public() };
    let rules = Rules { longest_login_token: 86_400, private_schemes: Vec::new(), allow_insecure_http: false };
    let refused = draft.validate(&"projects".parse().expect("because it is a scope"), &rules);
    assert!(refused.is_err(), "who can keep no secret can keep no key");
}

#[actix_web::test]
async fn the_owner_names_the_address_in_the_console() {
    let server = harness::spawn().await;
    let mut olga = server.signed_in("olga").await;
    let owner = server.person_named("olga").await;
    let app = server.register(gatepost::oauth::clients::By::Owner(owner.id), confidential()).await;
    let path = format!("/developer/apps/{}", app.client_id());
    let page = olga.open(&path).await;
    let page = olga.submit(page.form_with("Save changes").fill("jwks_uri", "http://app.example/keys")).await;
    assert!(page.status == 400 && page.alert().contains("https address"), "{}", page.text());
    let page = olga.submit(page.form_with("Save changes").fill("jwks_uri", KEYS)).await;
    assert_eq!(page.status, 200, "{}", page.text());
    let page = olga.open(&path).await;
    assert_eq!(page.form_with("Save changes").value("jwks_uri"), Some(KEYS));
    let both = page.form_with("Save changes").fill("jwks", &Key::es256().set(None));
    let page = olga.submit(both).await;
    assert!(page.status == 400 && page.alert().contains("not both"), "{}", page.text());
}
