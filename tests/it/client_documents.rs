//! Clients whose `client_id` is the address of their own description (client ID metadata documents).

use std::sync::Arc;

use gatepost::background_jobs;
use gatepost::domain::client::Client;
use gatepost::domain::secret::Secret;
use serde_json::{Value, json};

use crate::harness::application::{Application, Request};
use crate::harness::browser::Browser;
use crate::harness::client_documents::ClientDocuments;
use crate::harness::client_keys::{Key, merge};
use crate::harness::http::parameter;
use crate::harness::{self, Server, public};

const URL: &str = "https://app.example/oauth/client.json";

async fn server_and_documents() -> (Server, Arc<ClientDocuments>) {
    server_with(&[]).await
}

async fn server_with(settings: &[(&str, &str)]) -> (Server, Arc<ClientDocuments>) {
    let scope = [("self_registered_scope", "tiles:read")];
    let settings: Vec<(&str, &str)> = scope.iter().chain(settings).copied().collect();
    let server = harness::spawn_with(&settings).await;
    server.api("https://tiles.example", &["tiles:read: See your map tiles"], false).await;
    let documents = ClientDocuments::of(&server);
    (server, documents)
}

fn document(others: &Value) -> Value {
    let mut document = json!({ "client_id": URL, "client_name": "Trip planner",
        "redirect_uris": ["https://app.example/callback", "http://localhost/callback"] });
    merge(&mut document, others);
    document
}

/// An authorization request in the name of a document.
async fn request(server: &Server, client_id: &str) -> (Application, Request) {
    let pattern = server.application(public()).await;
    let client = Client { client_id: client_id.to_owned(), ..pattern.client.clone() };
    let app = Application::new(server.http.clone(), client, None::<Secret>);
    let request = app.request().with("redirect_uri", "https://app.example/callback");
    (app, request)
}

async fn status_of(browser: &mut Browser, request: &Request) -> u16 {
    let page = browser.open(&request.path()).await;
    assert_eq!(page.away, None, "nothing is sent away before the client is known");
    page.status
}

#[actix_web::test]
async fn a_document_is_read_once_shown_by_its_host_and_gives_tokens() {
    let (server, documents) = server_and_documents().await;
    documents.put(URL, &document(&json!({})), Some("max-age=600"));
    let mut alice = server.signed_in("alice").await;
    let (app, request) = request(&server, URL).await;
    let page = alice.open(&request.path()).await;
    let text = page.text();
    let (host, name) = (text.find("app.example"), text.find("Trip planner"));
    assert!(host.is_some() && host < name, "the host stands above the claimed name: {text}");
    assert!(text.contains("Not verified") && text.contains("See your map tiles"), "{text}");
    let granted = request.granted(alice.submit(page.form_with("Allow")).await.away());
    let tokens = app.exchange(&granted).await.expect("because this is its first use");
    assert_eq!(tokens.scope, "tiles:read");
    assert!(app.refresh(tokens.refresh()).await.is_ok());
    assert!(parameter(alice.open(&request.path()).await.away(), "code").is_some(), "what was allowed is remembered");
    assert_eq!(documents.reads(), 1, "a document that is fresh is not read again");
    // The person finds it among their apps, and removes it.
    let apps = alice.open("/account/apps").await;
    assert!(apps.text().contains("app.example"), "{}", apps.text());
    let form = apps.forms().into_iter().find(|form| form.has_button("Remove Trip planner"));
    let apps = alice.submit(form.expect("because the app is listed")).await;
    assert!(apps.text().contains("No apps yet"), "{}", apps.text());
}

#[actix_web::test]
async fn nothing_is_read_for_somebody_who_is_not_signed_in() {
    let (server, documents) = server_and_documents().await;
    documents.put(URL, &document(&json!({})), None);
    server.person("alice").await;
    let (_, request) = request(&server, URL).await;
    let answer = server.http.get(&request.path()).await;
    assert!(answer.status == 303 && answer.location().is_some_and(|to| to.starts_with("/login?next=")));
    assert_eq!(documents.reads(), 0);
    let mut alice = server.browser();
    let page = alice.open(&request.path()).await;
    let page = alice.log_in_at(&page, "alice", harness::PASSWORD).await;
    assert!(page.text().contains("Trip planner"), "{}", page.text());
    assert_eq!(documents.reads(), 1);
}

#[actix_web::test]
async fn a_stale_document_is_read_again_and_what_it_says_now_counts() {
    let (server, documents) = server_and_documents().await;
    documents.put(URL, &document(&json!({})), Some("max-age=60"));
    let mut alice = server.signed_in("alice").await;
    let (_, request) = request(&server, URL).await;
    assert_eq!(status_of(&mut alice, &request).await, 200);
    documents.put(URL, &document(&json!({ "redirect_uris": ["https://app.example/new"] })), Some("max-age=60"));
    server.advance(59);
    assert_eq!(status_of(&mut alice, &request).await, 200);
    server.advance(1);
    assert_eq!(status_of(&mut alice, &request).await, 400, "the old address is no longer registered");
    assert_eq!(status_of(&mut alice, &request.with("redirect_uri", "https://app.example/new")).await, 200);
    assert_eq!(documents.reads(), 2);
}

#[actix_web::test]
async fn a_document_that_breaks_a_rule_lets_nobody_in() {
    let (server, documents) = server_and_documents().await;
    let mut alice = server.signed_in("alice").await;
    let (_, request) = request(&server, URL).await;
    let secret = Key::es256().private();
    let wrong = [
        json!({ "client_id": null }),
        json!({ "client_id": "https://app.example/oauth/client.json?x" }),
        json!({ "client_id": "https://other.example/oauth/client.json" }),
        json!({ "client_name": null }),
        json!({ "client_name": "\u{202e}evil" }),
        json!({ "redirect_uris": null }),
        json!({ "redirect_uris": [] }),
        json!({ "redirect_uris": ["http://app.example/callback"] }),
        json!({ "redirect_uris": ["javascript:alert(1)"] }),
        json!({ "client_secret": "x" }),
        json!({ "client_secret_expires_at": 0 }),
        json!({ "token_endpoint_auth_method": "client_secret_basic" }),
        json!({ "token_endpoint_auth_method": "client_secret_post" }),
        json!({ "token_endpoint_auth_method": "private_key_jwt" }),
        json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [secret] } }),
    ];
    let bodies = wrong.iter().map(|wrong| document(wrong).to_string());
    for body in bodies.chain(["".to_owned(), "[]".to_owned(), "{".to_owned(), "\"x\"".to_owned()]) {
        documents.put_bytes(URL, body.clone().into_bytes(), None);
        assert_eq!(status_of(&mut alice, &request).await, 400, "{body}");
        server.advance(901); // past what is remembered of failures, and the limits
    }
    assert_eq!(server.count("self_registrations").await, 0);
    documents.put(URL, &document(&json!({})), None);
    assert_eq!(status_of(&mut alice, &request).await, 200);
}

#[actix_web::test]
async fn a_document_out_of_reach_is_asked_for_again_after_half_a_minute() {
    let (server, documents) = server_and_documents().await;
    let mut alice = server.signed_in("alice").await;
    let (_, request) = request(&server, URL).await;
    assert_eq!(status_of(&mut alice, &request).await, 400);
    documents.put(URL, &document(&json!({})), None);
    assert_eq!(status_of(&mut alice, &request).await, 400);
    assert_eq!(documents.reads(), 1);
    server.advance(30);
    assert_eq!(status_of(&mut alice, &request).await, 200);
}

#[actix_web::test]
async fn ten_tabs_read_a_document_once() {
    let (server, documents) = server_and_documents().await;
    documents.put(URL, &document(&json!({})), None);
    let alice = server.signed_in("alice").await;
    let (_, request) = request(&server, URL).await;
    let path = request.path();
    let tabs = (0..10).map(|_| {
        let mut tab = alice.clone();
        let path = &path;
        async move { tab.open(path).await.status }
    });
    let statuses = futures_util::future::join_all(tabs).await;
    assert_eq!((statuses, documents.reads()), (vec![200; 10], 1));
}

#[actix_web::test]
async fn one_network_has_thirty_documents_read_in_a_quarter_of_an_hour() {
    let (server, documents) = server_and_documents().await;
    let mut alice = server.signed_in("alice").await;
    for index in 0..31 {
        let url = format!("https://app{index}.example/client.json");
        let (_, request) = request(&server, &url).await;
        assert_eq!(status_of(&mut alice, &request).await, if index < 30 { 400 } else { 503 }, "{index}");
    }
    assert_eq!(documents.reads(), 30);
}

#[actix_web::test]
async fn an_address_that_is_not_plain_https_is_an_unknown_client_and_never_read() {
    let (server, documents) = server_and_documents().await;
    let mut alice = server.signed_in("alice").await;
    for url in [
        "http://app.example/oauth/client.json", "https://app.example", "https://127.0.0.1/client.json",
        "https://[::1]/client.json", "https://localhost/client.json", "https://app.example/../client.json",
        "https://app.example/%2e%2e/client.json", "https://me@app.example/client.json",
        "https://app.example/client.json#x", "https://app.example\\@evil.example/client.json",
    ] {
        documents.put(url, &document(&json!({ "client_id": url })), None);
        let (_, request) = request(&server, url).await;
        assert_eq!(status_of(&mut alice, &request).await, 400, "{url}");
    }
    assert_eq!(documents.reads(), 0);
}

#[actix_web::test]
async fn the_operator_reads_nobodys_documents_or_those_of_some_hosts() {
    let metadata = "/.well-known/oauth-authorization-server";
    let (server, _) = server_and_documents().await;
    assert_eq!(server.http.get(metadata).await.json()["client_id_metadata_document_supported"], true);
    for (settings, status) in [
        (&[("cimd", "off")][..], 400),
        (&[("cimd", "allowlist"), ("cimd_hosts", "other.example")], 400),
        (&[("cimd", "allowlist"), ("cimd_hosts", "other.example, app.example")], 200),
    ] {
        let (server, documents) = server_with(settings).await;
        documents.put(URL, &document(&json!({})), None);
        let mut alice = server.signed_in("alice").await;
        let (_, request) = request(&server, URL).await;
        assert_eq!(status_of(&mut alice, &request).await, status, "{settings:?}");
        assert_eq!(documents.reads(), usize::from(status == 200));
        let supported = server.http.get(metadata).await.json().get("client_id_metadata_document_supported").cloned();
        assert_eq!(supported.is_none(), settings[0].1 == "off");
    }
}

#[actix_web::test]
async fn a_document_with_keys_signs_at_the_token_endpoint() {
    let (server, documents) = server_and_documents().await;
    let key = Key::es256();
    let keyed = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [key.public()] } });
    documents.put(URL, &document(&keyed), None);
    let mut alice = server.signed_in("alice").await;
    let (app, request) = request(&server, URL).await;
    let granted = request.approve(&mut alice).await;
    assert_eq!(app.exchange(&granted).await.expect_err("because it did not sign").1, "invalid_client");
    let now = server.now().seconds();
    let claims = json!({ "iss": URL, "sub": URL, "aud": server.issuer(), "exp": now + 60, "jti": "1" });
    let assertion = key.sign(&json!({ "alg": "ES256" }), &claims);
    let mut form = app.exchange_form(&granted);
    let of_type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer".to_owned();
    form.extend([("client_assertion_type".to_owned(), of_type), ("client_assertion".to_owned(), assertion)]);
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(server.http.post("/oauth/token", &[], &form).await.status, 200);
}

#[actix_web::test]
async fn a_client_that_the_operator_ended_does_not_come_back_by_its_document() {
    let (server, documents) = server_and_documents().await;
    documents.put(URL, &document(&json!({})), None);
    let mut alice = server.signed_in("alice").await;
    let (app, request) = request(&server, URL).await;
    let granted = request.approve(&mut alice).await;
    app.exchange(&granted).await.expect("because this is its first use");
    let sql = format!("UPDATE clients SET disabled_at = 1 WHERE client_id = '{URL}'");
    server.write(move |tx| harness::execute(tx, &sql)).await;
    server.advance(301);
    assert_eq!(status_of(&mut alice, &request).await, 400);
    assert_eq!(documents.reads(), 2, "it was read again, and stays out");
}

#[actix_web::test]
async fn a_document_that_nobody_allowed_is_forgotten_after_a_day() {
    let (server, documents) = server_and_documents().await;
    documents.put(URL, &document(&json!({})), None);
    let mut alice = server.signed_in("alice").await;
    let (_, request) = request(&server, URL).await;
    assert_eq!(status_of(&mut alice, &request).await, 200);
    server.advance(86_401);
    background_jobs::clean(&server.app.store, server.now()).await.expect("because nothing holds on to it");
    assert_eq!(server.count("self_registrations").await, 0);
    assert_eq!(server.count(&format!("clients WHERE client_id = '{URL}'")).await, 0);
}
