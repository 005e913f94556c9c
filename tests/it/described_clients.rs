//! Clients that wrote themselves down, later: what they change, what becomes of their documents, and how an
//! operator stops them.

use std::sync::Arc;

use actix_web::http::Method;
use gatepost::background_jobs;
use gatepost::domain::client::Client;
use gatepost::domain::secret::Secret;
use serde_json::{Value, json};

use crate::harness::application::{Application, Request};
use crate::harness::client_documents::ClientDocuments;
use crate::harness::client_keys::{Key, merge};
use crate::harness::http::parameter;
use crate::harness::{self, Server, public};
use crate::signing_keys::run;

const URL: &str = "https://app.example/oauth/client.json";
const CALLBACK: &str = "https://app.example/callback";

async fn server_with(settings: &[(&str, &str)]) -> (Server, Arc<ClientDocuments>) {
    let usual = [("self_registered_scope", "tiles:read"), ("dynamic_registration", "open")];
    let settings: Vec<(&str, &str)> = usual.iter().chain(settings).copied().collect();
    let server = harness::spawn_with(&settings).await;
    server.api("https://tiles.example", &["tiles:read: See your map tiles"], false).await;
    let documents = ClientDocuments::of(&server);
    documents.put(URL, &document(&json!({})), Some("max-age=60"));
    (server, documents)
}

fn document(others: &Value) -> Value {
    let mut document = json!({ "client_id": URL, "client_name": "Trip planner", "redirect_uris": [CALLBACK] });
    merge(&mut document, others);
    document
}

async fn named(server: &Server, client_id: &str) -> (Application, Request) {
    let pattern = server.application(public()).await;
    let client = Client { client_id: client_id.to_owned(), ..pattern.client.clone() };
    let app = Application::new(server.http.clone(), client, None::<Secret>);
    let request = app.request().with("redirect_uri", CALLBACK);
    (app, request)
}

/// A registration, changed by members.
async fn put(server: &Server, registered: &Value, others: &Value) -> Value {
    let mut body = json!({ "client_id": registered["client_id"], "client_name": "Trip planner",
        "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none" });
    merge(&mut body, others);
    let path = format!("/oauth/register/{}", registered["client_id"].as_str().unwrap_or_default());
    let token = registered["registration_access_token"].as_str().unwrap_or_default();
    let headers = [("content-type", "application/json"), ("authorization", &*format!("Bearer {token}"))];
    let answer = server.http.send(Method::PUT, &path, &headers, body.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

async fn registered(server: &Server, others: &Value) -> Value {
    let mut body = json!({ "client_name": "Trip planner", "redirect_uris": [CALLBACK],
        "token_endpoint_auth_method": "none" });
    merge(&mut body, others);
    let headers = [("content-type", "application/json")];
    let answer = server.http.send(Method::POST, "/oauth/register", &headers, body.to_string()).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

#[actix_web::test]
async fn a_consent_does_not_follow_a_client_to_another_address() {
    let (server, documents) = server_with(&[]).await;
    let mut alice = server.signed_in("alice").await;
    let made = registered(&server, &json!({})).await;
    let client_id = made["client_id"].as_str().expect("because it was registered").to_owned();
    for client_id in [URL, &client_id] {
        let (_, request) = named(&server, client_id).await;
        request.approve(&mut alice).await;
        server.advance(60);
        let again = alice.open(&request.path()).await;
        assert!(parameter(again.away(), "code").is_some(), "what was allowed is remembered");
        let moved = json!({ "redirect_uris": [CALLBACK, "https://evil.example/callback"] });
        documents.put(URL, &document(&moved), Some("max-age=60"));
        if client_id != URL {
            put(&server, &made, &moved).await;
        }
        server.advance(60);
        let page = alice.open(&request.with("redirect_uri", "https://evil.example/callback").path()).await;
        assert_eq!((page.away.clone(), page.heading().as_str()), (None, "Allow this app?"));
    }
}

#[actix_web::test]
async fn a_new_name_alone_asks_nobody_again_and_what_the_operator_set_stays() {
    let (server, _) = server_with(&[]).await;
    let made = registered(&server, &json!({})).await;
    let client_id = made["client_id"].as_str().expect("because it was registered").to_owned();
    let (_, request) = named(&server, &client_id).await;
    let mut alice = server.signed_in("alice").await;
    request.approve(&mut alice).await;
    let update = ["client", "update", &client_id, "--login-return-url", "https://app.example/in/"];
    run(&server, &update);
    put(&server, &made, &json!({ "client_name": "Route planner" })).await;
    assert!(parameter(alice.open(&request.path()).await.away(), "code").is_some());
    let kept = server.count("clients WHERE name = 'Route planner' AND login_return_urls <> ''").await;
    assert_eq!(kept, 1);
}

#[actix_web::test]
async fn a_registration_says_how_it_logs_out_and_how_its_id_tokens_are_signed() {
    let (server, _) = server_with(&[]).await;
    let said = json!({ "post_logout_redirect_uris": ["https://app.example/out"],
        "id_token_signed_response_alg": "ES256" });
    let made = registered(&server, &said).await;
    for name in ["post_logout_redirect_uris", "id_token_signed_response_alg"] {
        assert_eq!(made[name], said[name]);
    }
    let changed = put(&server, &made, &json!({})).await;
    assert_eq!(changed["post_logout_redirect_uris"], json!([]), "what is left out is no longer said");
    assert_eq!(changed["id_token_signed_response_alg"], "RS256");
}

#[actix_web::test]
async fn keys_of_a_document_count_until_it_was_to_be_read_a_day_ago() {
    let (server, documents) = server_with(&[]).await;
    let key = Key::es256();
    let keyed = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [key.public()] } });
    documents.put(URL, &document(&keyed), Some("max-age=60"));
    let mut alice = server.signed_in("alice").await;
    let (_, request) = named(&server, URL).await;
    request.approve(&mut alice).await;
    let ask = |jti: &'static str| {
        let now = server.now().seconds();
        let claims = json!({ "iss": URL, "sub": URL, "aud": server.issuer(), "exp": now + 60, "jti": jti });
        let assertion = key.sign(&json!({ "alg": "ES256" }), &claims);
        let (server, of_type) = (&server, "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
        async move {
            let form = [("token", "x"), ("client_assertion_type", of_type), ("client_assertion", &*assertion)];
            server.http.post("/oauth/revoke", &[], &form).await
        }
    };
    server.advance(60 + 86_399);
    assert_eq!(ask("1").await.status, 200);
    server.advance(1);
    let refused = ask("2").await;
    assert_eq!(refused.error(), (401, "invalid_client".to_owned()));
    assert!(refused.text().contains("old-client-keys"), "{}", refused.text());
    alice = server.signed_in("bob").await;
    alice.open(&request.path()).await;
    assert_eq!(ask("3").await.status, 200, "it was read again");
}

#[actix_web::test]
async fn a_document_out_of_reach_counts_for_a_day_and_one_that_is_gone_does_not() {
    let (server, documents) = server_with(&[]).await;
    let mut alice = server.signed_in("alice").await;
    let (_, request) = named(&server, URL).await;
    assert_eq!(alice.open(&request.path()).await.status, 200);
    documents.take(URL, false);
    server.advance(60);
    for _ in 0..2 {
        assert_eq!(alice.open(&request.path()).await.status, 200);
    }
    assert_eq!(documents.reads(), 2, "a failure is remembered for half a minute");
    server.advance(86_400);
    let mut bob = server.signed_in("bob").await;
    assert_eq!(bob.open(&request.path()).await.status, 400, "a day is enough");
    documents.put(URL, &document(&json!({})), Some("max-age=60"));
    server.advance(30);
    assert_eq!(bob.open(&request.path()).await.status, 200);
    documents.take(URL, true);
    server.advance(60);
    assert_eq!(bob.open(&request.path()).await.status, 400, "its author took it away");
}

#[actix_web::test]
async fn a_stranger_cannot_use_up_the_budget_of_a_known_document() {
    let (server, documents) = server_with(&[]).await;
    let mut alice = server.signed_in("alice").await;
    let (_, request) = named(&server, URL).await;
    assert_eq!(alice.open(&request.path()).await.status, 200);
    for index in 0..30 {
        let (_, noise) = named(&server, &format!("https://app.example/{index}.json")).await;
        alice.open(&noise.path()).await;
    }
    let (_, noise) = named(&server, "https://app.example/more.json").await;
    assert_eq!(alice.open(&noise.path()).await.status, 503);
    documents.put(URL, &document(&json!({ "client_name": "Route planner" })), Some("max-age=60"));
    server.advance(60);
    let page = alice.open(&request.path()).await;
    assert!(page.text().contains("Route planner"), "{}", page.text());
}

#[actix_web::test]
async fn a_document_that_the_operator_deleted_or_suspended_stays_out_after_cleaning() {
    for column in ["deleted_at", "disabled_at"] {
        let (server, _) = server_with(&[]).await;
        let mut alice = server.signed_in("alice").await;
        let (_, request) = named(&server, URL).await;
        assert_eq!(alice.open(&request.path()).await.status, 200);
        let sql = format!("UPDATE clients SET {column} = 1 WHERE client_id = '{URL}'");
        server.write(move |tx| harness::execute(tx, &sql)).await;
        server.advance(86_401);
        background_jobs::clean(&server.app.store, server.now()).await.expect("because nothing holds on to it");
        let mut bob = server.signed_in("bob").await;
        assert_eq!(bob.open(&request.path()).await.status, 400, "{column}");
    }
}

#[actix_web::test]
async fn switching_documents_off_stops_those_that_were_read() {
    let (server, _) = server_with(&[]).await;
    let mut alice = server.signed_in("alice").await;
    let (app, request) = named(&server, URL).await;
    let granted = request.approve(&mut alice).await;
    let tokens = app.exchange(&granted).await.expect("because this is its first use");
    let server = server.restart(&[("cimd", "allowlist"), ("cimd_hosts", "other.example")]).await;
    let app = Application::new(server.http.clone(), app.client.clone(), None::<Secret>);
    assert_eq!(app.refresh(tokens.refresh()).await.expect_err("because its host is off the list").1, "invalid_client");
}

#[actix_web::test]
async fn the_command_suspends_an_application_and_undoes_it_without_loss() {
    let server = harness::spawn().await;
    let app = server.application(public()).await;
    let mut alice = server.signed_in("alice").await;
    let tokens = app.tokens(&mut alice).await;
    run(&server, &["client", "disable", app.client_id()]);
    assert_eq!(crate::signing_keys::gatepost(&server, &["client", "show", app.client_id()])["disabled"], true);
    assert_eq!(app.refresh(tokens.refresh()).await.expect_err("because it is suspended").1, "invalid_client");
    run(&server, &["client", "enable", app.client_id()]);
    assert!(app.refresh(tokens.refresh()).await.is_ok());
}

#[actix_web::test]
async fn a_silent_request_of_a_stale_document_is_answered_without_a_page() {
    let (server, documents) = server_with(&[]).await;
    let mut alice = server.signed_in("alice").await;
    let (_, request) = named(&server, URL).await;
    assert_eq!(alice.open(&request.path()).await.status, 200);
    server.advance(60);
    let answer = server.browser().open(&request.with("prompt", "none").path()).await;
    assert_eq!(parameter(answer.away(), "error").as_deref(), Some("login_required"));
    assert_eq!(documents.reads(), 1, "nothing is read for nobody");
}
