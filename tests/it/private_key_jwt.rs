//! Clients that sign (RFC 7523): each rule of the assertion, at each endpoint that asks who the client is.

use gatepost::background_jobs;
use gatepost::domain::client::{ClientType, GrantType};
use gatepost::domain::registration::Draft;
use gatepost::oauth::clients::{self, By};
use gatepost::outcome::{Error, transact};
use gatepost::store::Database;
use serde_json::{Value, json};

use crate::harness::application::{Application, basic};
use crate::harness::client_keys::{Key, merge};
use crate::harness::http::Answer;
use crate::harness::{self, Server, confidential, random_word};

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn keyed(jwks: String) -> Draft {
    Draft { jwks: Some(jwks), ..confidential() }
}

fn claims(server: &Server, app: &Application, others: &Value) -> Value {
    let id = app.client_id();
    let (now, jti) = (server.now().seconds(), random_word(22));
    let mut claims = json!({ "iss": id, "sub": id, "aud": server.issuer(), "exp": now + 60, "iat": now, "jti": jti });
    merge(&mut claims, others);
    claims
}

fn signed(key: &Key, server: &Server, app: &Application, others: &Value) -> String {
    key.sign(&json!({ "alg": key.alg(), "typ": "JWT" }), &claims(server, app, others))
}

async fn ask(server: &Server, path: &str, assertion: &str, others: &[(&str, &str)]) -> Answer {
    let pair = [("client_assertion_type", TYPE), ("client_assertion", assertion)];
    let form: Vec<(&str, &str)> = pair.into_iter().chain(others.iter().copied()).collect();
    server.http.post(path, &[], &form).await
}

/// Whether introspection of nothing answers: then the client was believed.
async fn is_believed(server: &Server, assertion: &str) -> bool {
    let answer = ask(server, "/oauth/introspect", assertion, &[("token", "nothing")]).await;
    if answer.status != 200 {
        assert_eq!(answer.error(), (401, "invalid_client".to_owned()));
    }
    answer.status == 200
}

#[actix_web::test]
async fn a_signature_of_each_kind_exchanges_a_code_and_opens_every_endpoint() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    for key in [Key::es256(), Key::eddsa(), Key::rs256(), Key::ps256()] {
        let registered = Some(key.alg().to_owned());
        let draft = Draft { token_endpoint_auth_signing_alg: registered, ..keyed(key.set(None)) };
        let app = server.application(draft).await;
        let granted = app.code(&mut alice).await;
        let form = app.exchange_form(&granted);
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (&**name, &**value)).collect();
        let assertion = signed(&key, &server, &app, &json!({}));
        let answer = ask(&server, "/oauth/token", &assertion, &form).await;
        assert_eq!(answer.status, 200, "{}: {}", key.alg(), answer.text());
        let token = answer.json()["access_token"].as_str().expect("because it was issued").to_owned();
        let assertion = signed(&key, &server, &app, &json!({}));
        let known = ask(&server, "/oauth/introspect", &assertion, &[("token", &token)]).await;
        assert_eq!(known.json()["active"], true);
        let assertion = signed(&key, &server, &app, &json!({}));
        assert_eq!(ask(&server, "/oauth/revoke", &assertion, &[("token", &token)]).await.status, 200);
        let assertion = signed(&key, &server, &app, &json!({}));
        let ended = ask(&server, "/oauth/introspect", &assertion, &[("token", &token)]).await;
        assert_eq!(ended.json(), json!({ "active": false }));
    }
}

#[actix_web::test]
async fn an_assertion_works_once_on_any_endpoint() {
    let server = harness::spawn().await;
    let key = Key::es256();
    let app = server.application(keyed(key.set(None))).await;
    let assertion = signed(&key, &server, &app, &json!({}));
    assert!(is_believed(&server, &assertion).await);
    assert!(!is_believed(&server, &assertion).await, "a replay");
    let answer = ask(&server, "/oauth/revoke", &assertion, &[("token", "x")]).await;
    assert_eq!(answer.error(), (401, "invalid_client".to_owned()), "a replay elsewhere");
    // Another statement with the same number is a replay too; the number of another client is not.
    let jti = json!({ "jti": "number-7" });
    assert!(is_believed(&server, &signed(&key, &server, &app, &jti)).await);
    server.advance(1);
    assert!(!is_believed(&server, &signed(&key, &server, &app, &jti)).await);
    let other_key = Key::eddsa();
    let other = server.application(keyed(other_key.set(None))).await;
    assert!(is_believed(&server, &signed(&other_key, &server, &other, &jti)).await);
}

#[actix_web::test]
async fn parallel_uses_of_one_assertion_have_one_winner() {
    let server = harness::spawn().await;
    let key = Key::es256();
    let app = server.application(keyed(key.set(None))).await;
    let assertion = signed(&key, &server, &app, &json!({}));
    let tries = (0..20).map(|_| is_believed(&server, &assertion));
    let winners = futures_util::future::join_all(tries).await.into_iter().filter(|won| *won).count();
    assert_eq!(winners, 1);
}

#[actix_web::test]
async fn each_claim_that_is_wrong_or_missing_is_refused() {
    let server = harness::spawn().await;
    let key = Key::es256();
    let app = server.application(keyed(key.set(None))).await;
    let now = server.now().seconds();
    for fine in [
        json!({}),
        json!({ "iat": null }),
        json!({ "iat": now + 60, "nbf": now + 60 }),
        json!({ "exp": now + 3_660 }),
        json!({ "aud": server.url("/oauth/token") }),
        json!({ "aud": [server.issuer()] }),
        json!({ "aud": [server.url("/oauth/token")] }),
    ] {
        assert!(is_believed(&server, &signed(&key, &server, &app, &fine)).await, "{fine}");
    }
    for wrong in [
        json!({ "iss": "other" }),
        json!({ "sub": "other" }),
        json!({ "iss": null }),
        json!({ "sub": null }),
        json!({ "aud": null }),
        json!({ "aud": "https://other.example" }),
        json!({ "aud": format!("{}/", server.issuer()) }),
        json!({ "aud": [] }),
        json!({ "aud": server.url("/oauth/introspect") }),
        json!({ "aud": server.url("/v3/oauth/token") }),
        json!({ "aud": ["https://evil-as.example", server.issuer()] }),
        json!({ "aud": [server.issuer(), "https://evil-as.example"] }),
        json!({ "aud": [server.issuer(), server.url("/oauth/token")] }),
        json!({ "aud": [server.issuer(), server.issuer()] }),
        json!({ "aud": [[server.issuer()]] }),
        json!({ "aud": { "0": server.issuer() } }),
        json!({ "exp": null }),
        json!({ "exp": now }),
        json!({ "exp": now + 3_661 }),
        json!({ "exp": "soon" }),
        json!({ "iat": now + 61 }),
        json!({ "nbf": now + 61 }),
        json!({ "jti": null }),
        json!({ "jti": "" }),
        json!({ "jti": "x".repeat(257) }),
        json!({ "jti": 7 }),
    ] {
        assert!(!is_believed(&server, &signed(&key, &server, &app, &wrong)).await, "{wrong}");
    }
}

/// CVE-2025-27370: what a client signed for another server as well is refused by every endpoint that takes it.
#[actix_web::test]
async fn an_assertion_for_another_server_too_is_refused_by_every_endpoint() {
    let server = harness::spawn().await;
    let key = Key::es256();
    let scopes = ["jobs: Run jobs"];
    server.api("https://jobs.example", &scopes, false).await;
    let grant_types = [GrantType::ClientCredentials, GrantType::DeviceCode, GrantType::AuthorizationCode].to_vec();
    let app = server.application(Draft { scope: Some("jobs".to_owned()), grant_types, ..keyed(key.set(None)) }).await;
    for (path, form) in [
        ("/oauth/token", vec![("grant_type", "client_credentials")]),
        ("/v3/oauth/token", vec![("grant_type", "client_credentials")]),
        ("/oauth/introspect", vec![("token", "x")]),
        ("/oauth/revoke", vec![("token", "x")]),
        ("/oauth/par", vec![("response_type", "code"), ("redirect_uri", "https://app.example/callback")]),
        ("/oauth/device", vec![]),
    ] {
        for aud in [json!(["https://evil-as.example", server.issuer()]), json!(server.url(path))] {
            if aud == json!(server.url("/oauth/token")) {
                continue;
            }
            let assertion = signed(&key, &server, &app, &json!({ "aud": aud.clone() }));
            let answer = ask(&server, path, &assertion, &form).await;
            assert_eq!(answer.error(), (401, "invalid_client".to_owned()), "{path}: {aud}");
        }
        let assertion = signed(&key, &server, &app, &json!({ "aud": [server.issuer()] }));
        let answer = ask(&server, path, &assertion, &form).await;
        assert!((200..300).contains(&answer.status), "{path}: {}", answer.text());
    }
}

/// OpenID Connect Registration §2; RFC 7517 §4.4.
#[actix_web::test]
async fn a_key_that_names_no_algorithm_signs_by_the_registered_one_and_else_not_by_rs256() {
    let server = harness::spawn().await;
    let (rs256, ps256) = (Key::rs256(), Key::ps256());
    let named = |key: &Key, alg: &str| {
        let mut public = key.public();
        public["alg"] = json!(alg);
        json!({ "keys": [public] }).to_string()
    };
    for (key, jwks, registered, is_taken) in [
        (&rs256, rs256.set(None), None, false),
        (&rs256, rs256.set(None), Some("RS256"), true),
        (&rs256, rs256.set(None), Some("PS256"), false),
        (&rs256, named(&rs256, "RS256"), None, true),
        (&rs256, named(&rs256, "RS256"), Some("PS256"), false),
        (&ps256, ps256.set(None), None, true),
        (&ps256, ps256.set(None), Some("RS256"), false),
        (&ps256, named(&ps256, "PS256"), Some("PS256"), true),
    ] {
        let draft = Draft { token_endpoint_auth_signing_alg: registered.map(str::to_owned), ..keyed(jwks.clone()) };
        let app = server.application(draft).await;
        let is_believed = is_believed(&server, &signed(key, &server, &app, &json!({}))).await;
        assert_eq!(is_believed, is_taken, "{} by {jwks}, registered {registered:?}", key.alg());
    }
}

#[actix_web::test]
async fn another_key_another_algorithm_and_no_signature_are_refused() {
    let server = harness::spawn().await;
    let (key, other) = (Key::es256(), Key::es256());
    let app = server.application(keyed(key.set(Some("one")))).await;
    let claims = |jti: &str| claims(&server, &app, &json!({ "jti": jti }));
    let header = json!({ "alg": "ES256", "kid": "one" });
    assert!(is_believed(&server, &key.sign(&header, &claims("a"))).await);
    assert!(!is_believed(&server, &other.sign(&header, &claims("b"))).await, "a stranger's key");
    assert!(!is_believed(&server, &key.sign(&json!({ "alg": "ES256", "kid": "two" }), &claims("c"))).await);
    for alg in ["none", "HS256", "RS256", "ES384"] {
        assert!(!is_believed(&server, &key.sign(&json!({ "alg": alg }), &claims("d"))).await, "{alg}");
    }
    let crit = json!({ "alg": "ES256", "crit": ["x"], "x": 1 });
    assert!(!is_believed(&server, &key.sign(&crit, &claims("e"))).await);
    let proof = json!({ "alg": "ES256", "typ": "dpop+jwt" });
    assert!(!is_believed(&server, &key.sign(&proof, &claims("f"))).await, "a statement of another kind");
    let fine = key.sign(&header, &claims("g"));
    let (body, _) = fine.rsplit_once('.').expect("because it has three parts");
    for broken in [format!("{body}."), body.to_owned(), "x".to_owned(), "x".repeat(9_000)] {
        assert!(!is_believed(&server, &broken).await, "{broken}");
    }
    assert!(is_believed(&server, &fine).await, "what was refused used nothing up");
    // An embedded key is no registered one.
    let embedded = json!({ "alg": "ES256", "jwk": other.public() });
    assert!(!is_believed(&server, &other.sign(&embedded, &claims("h"))).await);
}

#[actix_web::test]
async fn a_request_authenticates_in_one_way_only() {
    let server = harness::spawn().await;
    let key = Key::es256();
    let app = server.application(keyed(key.set(None))).await;
    let with_secret = server.application(confidential()).await;
    let assertion = || signed(&key, &server, &app, &json!({}));
    let refused = (400, "invalid_request".to_owned());
    let token = ("token", "x");
    let in_body = ask(&server, "/oauth/revoke", &assertion(), &[token, ("client_secret", with_secret.secret())]).await;
    assert_eq!(in_body.error(), refused);
    let credentials = basic(app.client_id(), with_secret.secret());
    let assertion_in_form = assertion();
    let form = [("client_assertion_type", TYPE), ("client_assertion", &assertion_in_form), token];
    let in_header = server.http.post("/oauth/revoke", &[("authorization", &credentials)], &form).await;
    assert_eq!(in_header.error(), refused);
    for alone in [("client_assertion", assertion_in_form.as_str()), ("client_assertion_type", TYPE)] {
        let form = [alone, token, ("client_id", app.client_id())];
        assert_eq!(server.http.post("/oauth/revoke", &[], &form).await.error(), refused, "{}", alone.0);
    }
    let saml = [("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"), form[1], token];
    let invalid = (401, "invalid_client".to_owned());
    assert_eq!(server.http.post("/oauth/revoke", &[], &saml).await.error(), invalid);
    let named = [token, ("client_id", with_secret.client_id())];
    assert_eq!(ask(&server, "/oauth/revoke", &assertion(), &named).await.error(), invalid, "another client_id");
    let named = [token, ("client_id", app.client_id())];
    assert_eq!(ask(&server, "/oauth/revoke", &assertion(), &named).await.status, 200, "its own client_id");
}

#[actix_web::test]
async fn a_client_with_keys_has_no_secret_and_does_not_pass_by_its_bare_name() {
    let server = harness::spawn().await;
    let key = Key::es256();
    let app = server.application(keyed(key.set(None))).await;
    assert_eq!(server.count("client_secrets").await, 0);
    let named = [("token", "x"), ("client_id", app.client_id())];
    let invalid = (401, "invalid_client".to_owned());
    assert_eq!(server.http.post("/oauth/revoke", &[], &named).await.error(), invalid);
    // And who has only a secret cannot sign.
    let with_secret = server.application(confidential()).await;
    assert!(!is_believed(&server, &signed(&key, &server, &with_secret, &json!({}))).await);
    server.suspend(&app, true).await;
    assert!(!is_believed(&server, &signed(&key, &server, &app, &json!({}))).await, "suspended");
}

#[actix_web::test]
async fn ten_wrong_assertions_with_the_right_code_burn_it() {
    let server = harness::spawn().await;
    let (key, other) = (Key::es256(), Key::es256());
    let app = server.application(keyed(key.set(None))).await;
    let mut alice = server.signed_in("alice").await;
    let granted = app.code(&mut alice).await;
    let form = app.exchange_form(&granted);
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (&**name, &**value)).collect();
    for _ in 0..10 {
        let assertion = signed(&other, &server, &app, &json!({}));
        assert_eq!(ask(&server, "/oauth/token", &assertion, &form).await.error().1, "invalid_client");
    }
    let assertion = signed(&key, &server, &app, &json!({}));
    assert_eq!(ask(&server, "/oauth/token", &assertion, &form).await.error(), (400, "invalid_grant".to_owned()));
}

#[actix_web::test]
async fn keys_that_hold_secrets_or_fit_nothing_are_not_registered() {
    let server = harness::spawn().await;
    let key = Key::es256();
    let owner = server.person("owner").await;
    let private = json!({ "keys": [key.private()] }).to_string();
    let shared = json!({ "keys": [{ "kty": "oct", "k": "AAAA" }] }).to_string();
    let wrong = [private, shared, json!({ "keys": [] }).to_string(), key.public().to_string(), "x".to_owned()];
    for (jwks, client_type) in
        wrong.into_iter().map(|jwks| (jwks, ClientType::Confidential)).chain([(key.set(None), ClientType::Public)])
    {
        let draft = Draft { jwks: Some(jwks.clone()), client_type, ..keyed(String::new()) };
        let (now, rules) = (server.now(), server.app.config.registration_rules());
        let by = By::Owner(owner.id);
        let register = move |tx: &mut Database| clients::register(tx, now, &rules, (by, draft.clone()), None);
        let made = transact(&server.app.store, register);
        let Err(Error::Refused(problems)) = made.await else { panic!("{jwks} was taken") };
        assert_eq!(problems.iter().map(|problem| problem.field).collect::<Vec<_>>(), ["jwks"], "{jwks}");
    }
}

#[actix_web::test]
async fn used_statements_are_forgotten_when_they_have_expired() {
    let server = harness::spawn().await;
    let key = Key::es256();
    let app = server.application(keyed(key.set(None))).await;
    assert!(is_believed(&server, &signed(&key, &server, &app, &json!({}))).await);
    background_jobs::clean(&server.app.store, server.now()).await.expect("because nothing holds on to it");
    assert_eq!(server.count("used_proofs").await, 1);
    server.advance(61);
    background_jobs::clean(&server.app.store, server.now()).await.expect("because nothing holds on to it");
    assert_eq!(server.count("used_proofs").await, 0);
}

#[actix_web::test]
async fn the_console_takes_keys_and_shows_what_is_wrong_with_them() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let owner = server.person_named("alice").await;
    let app = server.register(By::Owner(owner.id), confidential()).await;
    let path = format!("/developer/apps/{}", app.client_id());
    let key = Key::es256();
    let page = alice.open(&path).await;
    let wrong = page.form_with("Save changes").fill("jwks", &json!({ "keys": [key.private()] }).to_string());
    let page = alice.submit(wrong).await;
    assert!(page.text().contains("private or shared key"), "{}", page.text());
    let page = alice.submit(page.form_with("Save changes").fill("jwks", &key.set(None))).await;
    assert!(page.text().contains("Saved."), "{}", page.text());
    assert!(is_believed(&server, &signed(&key, &server, &app, &json!({}))).await);
}
