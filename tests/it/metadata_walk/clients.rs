//! What the metadata says of clients: how they prove themselves, which grants they use, how they register.

use gatepost::domain::registration::Draft;
use serde_json::{Value, json};

use super::{Walk, unnamed, whole};
use crate::harness::application::{Application, basic};
use crate::harness::client_keys::Key;
use crate::harness::http::{Answer, encode};
use crate::harness::{Server, public, random_word};

const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// Whether this file knows the member; then its values were called.
pub async fn call(walk: &mut Walk, name: &str) -> bool {
    match name {
        "grant_types_supported" => grants(walk).await,
        "token_endpoint_auth_methods_supported" => methods(walk, name, "/oauth/token").await,
        "revocation_endpoint_auth_methods_supported" => methods(walk, name, "/oauth/revoke").await,
        "introspection_endpoint_auth_methods_supported" => methods(walk, name, "/oauth/introspect").await,
        "token_endpoint_auth_signing_alg_values_supported" => signatures(walk, name, "/oauth/token").await,
        "revocation_endpoint_auth_signing_alg_values_supported" => signatures(walk, name, "/oauth/revoke").await,
        "introspection_endpoint_auth_signing_alg_values_supported" => {
            signatures(walk, name, "/oauth/introspect").await;
        }
        "dpop_signing_alg_values_supported" => proofs(walk, name).await,
        "pushed_authorization_request_endpoint" => {
            let redirect_uri = walk.app.redirect_uri();
            let form = [("response_type", "code"), ("redirect_uri", redirect_uri.as_str()), ("prompt", "consent")];
            let answer = walk.app.post("/oauth/par", &form).await;
            assert_eq!(answer.status, 201, "{}", answer.text());
            let request_uri = answer.json()["request_uri"].as_str().unwrap_or_default().to_owned();
            let query = encode(&[("client_id", walk.app.client_id()), ("request_uri", &request_uri)]);
            let page = walk.alice.open(&format!("/oauth/authorize?{query}")).await;
            assert_eq!(page.decision("allow").action.path(), "/oauth/authorize", "{}", page.text());
        }
        "require_pushed_authorization_requests" => {
            assert_eq!(walk.found[name], false);
            walk.app.clone().tokens(&mut walk.alice).await;
        }
        "registration_endpoint" => {
            assert_eq!(walk.found[name], walk.server.url("/oauth/register"));
            let body = json!({ "redirect_uris": ["https://new.example/callback"] }).to_string();
            let json_type = [("content-type", "application/json")];
            let answer = walk.server.http.send(actix_web::http::Method::POST, "/oauth/register", &json_type, body);
            assert_eq!(answer.await.status, 201);
        }
        "client_id_metadata_document_supported" => {
            assert_eq!(walk.found[name], true);
            let url = "https://described.example/client.json";
            let document = json!({ "client_id": url, "client_name": "Described",
                "redirect_uris": ["https://described.example/callback"] });
            walk.documents.put(url, &document, None);
            let request = walk.app.request().with("client_id", url).with("scope", "tiles:read");
            let request = request.with("redirect_uri", "https://described.example/callback");
            let page = walk.alice.open(&request.path()).await;
            assert!(page.status == 200 && page.text().contains("described.example"), "{}", page.text());
        }
        _ => return false,
    }
    true
}

fn succeeded(answer: &Answer, what: &str) -> String {
    assert_eq!(answer.status, 200, "{what}: {}", answer.text());
    answer.json()["access_token"].as_str().unwrap_or_default().to_owned()
}

async fn grants(walk: &mut Walk) {
    let app = walk.app.clone();
    for grant in walk.list("grant_types_supported") {
        match grant.as_str() {
            "authorization_code" => drop(app.tokens(&mut walk.alice).await),
            "refresh_token" => {
                let tokens = app.tokens(&mut walk.alice).await;
                app.refresh(tokens.refresh()).await.expect("because it is the token's first use");
            }
            "client_credentials" => {
                let form = [("grant_type", "client_credentials"), ("scope", "tiles:read")];
                succeeded(&app.post("/oauth/token", &form).await, &grant);
            }
            DEVICE => {
                let device = app.device().await;
                walk.alice.decide_device(&device.user_code, "allow").await;
                succeeded(&app.poll(&device.device_code).await, &grant);
            }
            EXCHANGE => {
                let subject = walk.server.log_in("alice").await.token().to_owned();
                let form = [
                    ("grant_type", EXCHANGE),
                    ("subject_token", subject.as_str()),
                    ("subject_token_type", ACCESS_TOKEN),
                    ("audience", crate::harness::token_holders::TILES),
                    ("scope", "tiles:read"),
                ];
                succeeded(&app.post("/oauth/token", &form).await, &grant);
            }
            other => panic!("{other} is new: add a way to use it"),
        }
    }
    for other in ["password", "implicit", &unnamed()] {
        let answer = app.post("/oauth/token", &[("grant_type", other)]).await;
        assert_eq!(answer.error(), (400, "unsupported_grant_type".to_owned()), "{other}");
    }
}

/// What an endpoint is asked, so that its answer shows whether the client was believed.
fn question(path: &str) -> Vec<(&'static str, &'static str)> {
    match path {
        "/oauth/token" => vec![("grant_type", "refresh_token"), ("refresh_token", "nothing")],
        _ => vec![("token", "nothing")],
    }
}

fn is_believed(path: &str, answer: &Answer) -> bool {
    match (path, answer.status) {
        (_, 401) => false,
        ("/oauth/token", 400) => answer.error().1 == "invalid_grant",
        (_, status) => status == 200,
    }
}

fn assertion(server: &Server, app: &Application, key: &Key, alg: &str) -> String {
    let (id, now) = (app.client_id(), server.now().seconds());
    let claims = json!({ "iss": id, "sub": id, "aud": server.issuer(), "exp": now + 60, "jti": random_word(22) });
    key.sign(&json!({ "alg": alg, "typ": "JWT" }), &claims)
}

async fn ask(walk: &Walk, path: &str, headers: &[(&str, &str)], credentials: &[(&str, &str)]) -> Answer {
    let form: Vec<(&str, &str)> = question(path).into_iter().chain(credentials.iter().copied()).collect();
    walk.server.http.post(path, headers, &form).await
}

async fn methods(walk: &mut Walk, name: &str, path: &str) {
    let named = walk.list(name);
    let keyed = Key::es256();
    let signing = walk.server.application(Draft { jwks: Some(keyed.set(None)), ..whole() }).await;
    let open = walk.server.application(public()).await;
    let signed = assertion(&walk.server, &signing, &keyed, "ES256");
    for method in ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"] {
        let (id, secret) = (walk.app.client_id(), walk.app.secret());
        let answer = match method {
            "client_secret_basic" => ask(walk, path, &[("authorization", &basic(id, secret))], &[]).await,
            "client_secret_post" => ask(walk, path, &[], &[("client_id", id), ("client_secret", secret)]).await,
            "none" => ask(walk, path, &[], &[("client_id", open.client_id())]).await,
            _ => {
                let credentials = [("client_assertion_type", ASSERTION), ("client_assertion", signed.as_str())];
                ask(walk, path, &[], &credentials).await
            }
        };
        let is_named = named.iter().any(|other| other == method);
        assert_eq!(is_believed(path, &answer), is_named, "{method} at {path}: {}", answer.text());
    }
    let known = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"];
    let new: Vec<&String> = named.iter().filter(|method| !known.contains(&method.as_str())).collect();
    assert!(new.is_empty(), "{new:?} are new at {path}: add a way to use them");
}

/// A key that signs by an algorithm of this name.
fn key_for(alg: &str) -> Key {
    match alg {
        "ES256" => Key::es256(),
        "EdDSA" | "Ed25519" => Key::eddsa(),
        "RS256" => Key::rs256(),
        "PS256" => Key::ps256(),
        other => panic!("{other} is new: add a key that signs so"),
    }
}

async fn signatures(walk: &mut Walk, name: &str, path: &str) {
    for alg in walk.list(name) {
        let key = key_for(&alg);
        let token_endpoint_auth_signing_alg = Some(alg.clone());
        let draft = Draft { jwks: Some(key.set(None)), token_endpoint_auth_signing_alg, ..whole() };
        let app = walk.server.application(draft).await;
        let signed = assertion(&walk.server, &app, &key, &alg);
        let credentials = [("client_assertion_type", ASSERTION), ("client_assertion", signed.as_str())];
        let answer = ask(walk, path, &[], &credentials).await;
        assert!(is_believed(path, &answer), "{alg} at {path}: {}", answer.text());
    }
    let key = Key::es256();
    let app = walk.server.application(Draft { jwks: Some(key.set(None)), ..whole() }).await;
    for other in ["none", "HS256", "ES512", &unnamed()] {
        let signed = assertion(&walk.server, &app, &key, other);
        let credentials = [("client_assertion_type", ASSERTION), ("client_assertion", signed.as_str())];
        let answer = ask(walk, path, &[], &credentials).await;
        assert!(!is_believed(path, &answer), "{other} at {path}: {}", answer.text());
    }
}

async fn proofs(walk: &mut Walk, name: &str) {
    let url = walk.server.url("/oauth/token");
    let form = [("grant_type", "client_credentials"), ("scope", "tiles:read")];
    let credentials = basic(walk.app.client_id(), walk.app.secret());
    let mut nonce = Value::Null;
    let named = walk.list(name);
    let others = ["none".to_owned(), "HS256".to_owned(), unnamed()];
    for alg in named.iter().chain(&others) {
        let is_named = named.contains(alg);
        let key = if is_named { key_for(alg) } else { Key::es256() };
        // The first proof learns the nonce.
        for round in 0..2 {
            let header = json!({ "typ": "dpop+jwt", "alg": alg, "jwk": key.public() });
            let claims = json!({ "jti": random_word(22), "htm": "POST", "htu": url, "nonce": nonce,
                "iat": walk.server.now().seconds() });
            let proof = key.sign(&header, &claims);
            let headers = [("authorization", credentials.as_str()), ("dpop", proof.as_str())];
            let answer = walk.server.http.post("/oauth/token", &headers, &form).await;
            if let Some(next) = answer.header("dpop-nonce") {
                nonce = json!(next);
            }
            match (round, is_named) {
                (0, _) => {}
                (_, true) => assert_eq!(answer.json()["token_type"], "DPoP", "{alg}: {}", answer.text()),
                (_, false) => assert_eq!(answer.error().1, "invalid_dpop_proof", "{alg}"),
            }
        }
    }
}
