//! Applications that register themselves (RFC 7591) and look after their registration (RFC 7592).

use actix_web::http::Method;
use gatepost::background_jobs;
use gatepost::oauth::dynamic_registration::issue_initial_token;
use serde_json::{Value, json};

use crate::harness::application::Application;
use crate::harness::client_keys::Key;
use crate::harness::http::Answer;
use crate::harness::{self, Server};

const PATH: &str = "/oauth/register";

async fn open_server() -> Server {
    let settings = [("dynamic_registration", "open"), ("self_registered_scope", "tiles:read openid")];
    let server = harness::spawn_with(&settings).await;
    server.api("https://tiles.example", &["tiles:read: See your map tiles", "tiles:write: Change them"], false).await;
    server
}

async fn send(server: &Server, method: Method, path: &str, token: Option<&str>, body: &Value) -> Answer {
    let authorization = token.map(|token| format!("Bearer {token}"));
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(authorization.as_deref().map(|authorization| ("authorization", authorization)));
    let body = if body.is_null() { String::new() } else { body.to_string() };
    server.http.send(method, path, &headers, body).await
}

async fn register(server: &Server, body: &Value) -> Answer {
    send(server, Method::POST, PATH, None, body).await
}

async fn registered(server: &Server, body: &Value) -> Value {
    let answer = register(server, body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer.json()
}

fn text<'a>(body: &'a Value, name: &str) -> &'a str {
    body[name].as_str().unwrap_or_else(|| panic!("no {name} in {body}"))
}

/// A native program as it registers: Claude Code's body has no `scope`.
fn native() -> Value {
    json!({ "client_name": "Command line", "redirect_uris": ["http://localhost/callback"],
        "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
        "token_endpoint_auth_method": "none" })
}

/// The registered client, as an application of the harness.
async fn application(server: &Server, registered: &Value) -> Application {
    let id = text(registered, "client_id").to_owned();
    let client = server.read(move |db| gatepost::store::clients::find_by_client_id(db, &id)).await;
    let secret = registered["client_secret"].as_str().map(gatepost::domain::secret::Secret::new);
    Application::new(server.http.clone(), client.as_deref().cloned().expect("because it was just registered"), secret)
}

#[actix_web::test]
async fn a_native_program_registers_and_logs_somebody_in_on_a_free_port() {
    let server = open_server().await;
    let found = registered(&server, &native()).await;
    assert_eq!(found["token_endpoint_auth_method"], "none");
    assert_eq!(found["scope"], "tiles:read openid", "the operator's scope, of what exists");
    assert_eq!(found["redirect_uris"], json!(["http://localhost/callback"]));
    assert_eq!(found["grant_types"], json!(["authorization_code", "refresh_token"]));
    assert!(found.get("client_secret").is_none());
    assert!(found.as_object().expect("because it is one").values().all(|value| !value.is_null()));
    let uri = format!("{}/oauth/register/{}", server.issuer(), text(&found, "client_id"));
    assert_eq!(text(&found, "registration_client_uri"), uri);
    let app = application(&server, &found).await;
    let mut alice = server.signed_in("alice").await;
    let request = app.request().with("redirect_uri", "http://localhost:49152/callback");
    let page = alice.open(&request.path()).await;
    assert!(page.text().contains("it registered itself") && page.text().contains("Not verified"), "{}", page.text());
    let granted = request.approve(&mut alice).await;
    let tokens = app.exchange(&granted).await.expect("because this is its first use");
    assert_eq!(tokens.scope, "tiles:read openid");
    assert!(app.refresh(tokens.refresh()).await.is_ok());
    // PKCE is required of whoever has no secret.
    let bare = app.request_with(harness::application::Pkce::Absent);
    let page = alice.open(&bare.path()).await;
    assert!(page.away.is_none() && page.status == 400, "a stranger's wrong request does not bounce");
}

#[actix_web::test]
async fn a_secret_or_keys_come_with_the_method_that_was_asked() {
    let server = open_server().await;
    let with = |method: Value| {
        let mut body = native();
        body["redirect_uris"] = json!(["https://app.example/cb"]);
        body["token_endpoint_auth_method"] = method;
        body
    };
    for (method, stored) in [
        (json!("client_secret_post"), "client_secret_post"),
        (json!("client_secret_basic"), "client_secret_basic"),
        (Value::Null, "client_secret_basic"),
    ] {
        let found = registered(&server, &with(method)).await;
        assert_eq!(found["token_endpoint_auth_method"], stored);
        assert_eq!(found["client_secret_expires_at"], 0);
        let app = application(&server, &found).await;
        assert_eq!(app.introspect("nothing").await, json!({ "active": false }), "the secret works");
    }
    let key = Key::es256();
    let mut body = with(json!("private_key_jwt"));
    body["jwks"] = json!({ "keys": [key.public()] });
    let found = registered(&server, &body).await;
    assert_eq!((&found["jwks"]["keys"][0], found.get("client_secret")), (&key.public(), None));
    body["jwks"] = json!({ "keys": [key.private()] });
    assert_eq!(register(&server, &body).await.error(), (400, "invalid_client_metadata".to_owned()));
}

#[actix_web::test]
async fn random_members_are_ignored_and_only_what_was_stored_comes_back() {
    let server = open_server().await;
    let usual = registered(&server, &native()).await;
    let usual: Vec<&String> = usual.as_object().expect("because it is one").keys().collect();
    for round in 0..20 {
        let mut body = native();
        for index in 0..round {
            let value =
                [json!(null), json!(7), json!({ "a": [1] }), json!("\u{1f600}"), json!(true)][index % 5].clone();
            body[harness::random_word(9)] = value;
        }
        body["resource"] = json!(["https://mcp.example"]);
        body["client_uri"] = json!("https://app.example");
        body["scope"] = json!("projects tiles:write unknown");
        let found = registered(&server, &body).await;
        assert_eq!(found.as_object().expect("because it is one").keys().collect::<Vec<_>>(), usual);
        assert_eq!(found["scope"], "tiles:read openid", "never more than the operator said, never nothing");
    }
}

#[actix_web::test]
async fn what_cannot_be_registered_is_refused_by_its_code() {
    let server = open_server().await;
    let refused = |name: &'static str, value: Value| {
        let mut body = native();
        body[name] = value;
        let server = &server;
        async move { register(server, &body).await.error() }
    };
    let uri = (400, "invalid_redirect_uri".to_owned());
    for wrong in [
        "http://app.example/cb", "javascript:alert(1)", "https://app.example/cb#x", "https://*.app.example/cb",
        "http://127.0.0.1.evil.example/cb", "myapp://cb", "/cb", "",
    ] {
        assert_eq!(refused("redirect_uris", json!([wrong])).await, uri, "{wrong}");
    }
    assert_eq!(refused("redirect_uris", Value::Null).await, uri);
    let many: Vec<String> = (0..101).map(|index| format!("https://app.example/{index}")).collect();
    assert_eq!(refused("redirect_uris", json!(many)).await, uri);
    let metadata = (400, "invalid_client_metadata".to_owned());
    assert_eq!(refused("client_name", json!("\u{202e}evil")).await, metadata);
    assert_eq!(refused("client_name", json!("x".repeat(101))).await, metadata);
    assert_eq!(refused("token_endpoint_auth_method", json!("tls_client_auth")).await, metadata);
    assert_eq!(refused("grant_types", json!(["client_credentials"])).await, metadata);
    assert_eq!(refused("application_type", json!("toaster")).await, metadata);
    for body in ["", "[]", "7", "{", "null"] {
        let answer = server.http.send(Method::POST, PATH, &[("content-type", "application/json")], body).await;
        assert_eq!(answer.error(), metadata, "{body}");
    }
    let large = json!({ "client_name": "x".repeat(70_000) });
    assert_eq!(register(&server, &large).await.status, 413);
    assert_eq!(server.count("self_registrations").await, 0);
}

#[actix_web::test]
async fn it_is_off_by_default_and_says_so() {
    let server = harness::spawn().await;
    for (method, path) in [
        (Method::POST, PATH),
        (Method::GET, "/oauth/register/x"),
        (Method::PUT, "/oauth/register/x"),
        (Method::DELETE, "/oauth/register/x"),
    ] {
        let answer = send(&server, method, path, None, &native()).await;
        assert_eq!(answer.error(), (403, "access_denied".to_owned()));
        assert!(answer.json()["error_description"].as_str().is_some_and(|words| words.contains("switched off")));
    }
    let metadata = server.http.get("/.well-known/oauth-authorization-server").await.json();
    assert!(metadata.get("registration_endpoint").is_none());
    let metadata = open_server().await.http.get("/.well-known/oauth-authorization-server").await.json();
    assert!(text(&metadata, "registration_endpoint").ends_with(PATH));
}

#[actix_web::test]
async fn with_a_token_only_its_holder_registers_until_it_expires() {
    let server = harness::spawn_with(&[("dynamic_registration", "token")]).await;
    let now = server.now();
    let token = server.write(move |tx| issue_initial_token(tx, now, 60)).await;
    assert_eq!(send(&server, Method::POST, PATH, Some(token.expose()), &native()).await.status, 201);
    let none = register(&server, &native()).await;
    assert_eq!((none.error(), none.header("www-authenticate")), ((401, "invalid_token".to_owned()), Some("Bearer")));
    let other = gatepost::domain::token::Token::<gatepost::domain::token::InitialAccessToken>::generate(token.id());
    for wrong in [other.expose(), "x"] {
        let answer = send(&server, Method::POST, PATH, Some(wrong), &native()).await;
        assert_eq!(answer.error(), (401, "invalid_token".to_owned()));
    }
    server.advance(60);
    let late = send(&server, Method::POST, PATH, Some(token.expose()), &native()).await;
    assert_eq!(late.error(), (401, "invalid_token".to_owned()));
    let digest = server.count(&format!("registration_tokens WHERE digest = '{}'", token.expose())).await;
    assert_eq!(digest, 0, "the token itself is not stored");
}

#[actix_web::test]
async fn a_client_reads_changes_and_ends_its_own_registration() {
    let server = open_server().await;
    let (found, other) = (registered(&server, &native()).await, registered(&server, &native()).await);
    let path = format!("{PATH}/{}", text(&found, "client_id"));
    let token = text(&found, "registration_access_token");
    let read = send(&server, Method::GET, &path, Some(token), &Value::Null).await;
    assert_eq!((read.status, read.json()), (200, found.clone()));
    for wrong in [None, Some(text(&other, "registration_access_token")), Some("x")] {
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let answer = send(&server, method, &path, wrong, &found).await;
            assert_eq!(answer.error(), (401, "invalid_token".to_owned()));
        }
    }
    let mut new = native();
    new["client_id"] = found["client_id"].clone();
    new["client_name"] = json!("New name");
    new["redirect_uris"] = json!(["https://app.example/cb"]);
    let changed = send(&server, Method::PUT, &path, Some(token), &new).await.json();
    assert_eq!((&changed["client_name"], &changed["redirect_uris"]), (&new["client_name"], &new["redirect_uris"]));
    assert_eq!(changed["registration_access_token"], found["registration_access_token"]);
    // From no secret to one, and back: the secret ends.
    new["token_endpoint_auth_method"] = json!("client_secret_basic");
    let confidential = send(&server, Method::PUT, &path, Some(token), &new).await.json();
    let app = application(&server, &confidential).await;
    assert_eq!(app.introspect("x").await, json!({ "active": false }));
    new["client_secret"] = confidential["client_secret"].clone();
    let same = send(&server, Method::PUT, &path, Some(token), &new).await;
    assert!(same.status == 200 && same.json().get("client_secret").is_none(), "it has one");
    for (name, wrong) in [
        ("client_secret", json!("x")),
        ("client_id", other["client_id"].clone()),
        ("client_id", Value::Null),
        ("client_name", json!(7)),
    ] {
        let mut body = new.clone();
        body[name] = wrong;
        let answer = send(&server, Method::PUT, &path, Some(token), &body).await;
        assert_eq!(answer.error(), (400, "invalid_client_metadata".to_owned()), "{name}");
    }
    new["token_endpoint_auth_method"] = json!("none");
    assert_eq!(send(&server, Method::PUT, &path, Some(token), &new).await.status, 200);
    let answer = app.post("/oauth/introspect", &[("token", "x")]).await;
    assert_eq!(answer.error(), (401, "invalid_client".to_owned()));
    let mut alice = server.signed_in("alice").await;
    let app = application(&server, &found).await;
    let tokens = app.tokens(&mut alice).await;
    let ended = send(&server, Method::DELETE, &path, Some(token), &Value::Null).await;
    assert_eq!((ended.status, ended.body.len()), (204, 0));
    assert_eq!(send(&server, Method::GET, &path, Some(token), &Value::Null).await.status, 401);
    assert!(app.refresh(tokens.refresh()).await.is_err());
    let other_path = format!("{PATH}/{}", text(&other, "client_id"));
    let own = send(&server, Method::GET, &other_path, Some(text(&other, "registration_access_token")), &Value::Null);
    assert_eq!(own.await.status, 200);
}

#[actix_web::test]
async fn who_is_never_used_is_forgotten_after_a_day_and_nobodys_list_shows_either() {
    let server = open_server().await;
    let (used, unused) = (registered(&server, &native()).await, registered(&server, &native()).await);
    let app = application(&server, &used).await;
    let mut alice = server.signed_in("alice").await;
    app.tokens(&mut alice).await;
    assert!(!alice.open("/developer").await.text().contains("Command line"));
    server.advance(86_399);
    background_jobs::clean(&server.app.store, server.now()).await.expect("because nothing holds on to it");
    assert_eq!(server.count("self_registrations").await, 2);
    server.advance(2);
    background_jobs::clean(&server.app.store, server.now()).await.expect("because nothing holds on to it");
    let gone = format!("{PATH}/{}", text(&unused, "client_id"));
    let answer =
        send(&server, Method::GET, &gone, Some(text(&unused, "registration_access_token")), &Value::Null).await;
    assert_eq!(answer.status, 401);
    let kept = format!("{PATH}/{}", text(&used, "client_id"));
    let answer = send(&server, Method::GET, &kept, Some(text(&used, "registration_access_token")), &Value::Null).await;
    assert_eq!(answer.status, 200);
    assert_eq!(server.count("self_registrations").await, 1);
}

#[actix_web::test]
async fn one_network_registers_thirty_in_a_quarter_of_an_hour() {
    let server = open_server().await;
    for _ in 0..30 {
        registered(&server, &native()).await;
    }
    let answer = register(&server, &native()).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("900")));
    server.advance(900);
    registered(&server, &native()).await;
}

#[actix_web::test]
async fn browser_apps_may_register_themselves_too() {
    let server = open_server().await;
    let headers = [("content-type", "application/json"), ("origin", "https://spa.example")];
    let answer = server.http.send(Method::POST, PATH, &headers, native().to_string()).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (201, Some("*")));
}

#[actix_web::test]
async fn a_scheme_without_a_dot_must_be_on_the_operators_list() {
    let body = |scheme: &str| {
        let mut body = native();
        body["redirect_uris"] = json!([format!("{scheme}://callback/here")]);
        body
    };
    let usual = harness::spawn_with(&[("dynamic_registration", "open")]).await;
    let listed = [("dynamic_registration", "open"), ("private_use_schemes", "zed")];
    let own = harness::spawn_with(&listed).await;
    for (scheme, by_default, by_own) in [
        ("cursor", 201, 400),
        ("vscode", 201, 400),
        ("claude", 201, 400),
        ("zed", 400, 201),
        ("ftp", 400, 400),
        ("javascript", 400, 400),
        ("com.example.app", 201, 201),
    ] {
        let statuses = (register(&usual, &body(scheme)).await.status, register(&own, &body(scheme)).await.status);
        assert_eq!(statuses, (by_default, by_own), "{scheme}");
    }
}
