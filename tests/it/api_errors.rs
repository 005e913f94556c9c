//! What the first platform's programs are told when something is wrong: always JSON with a `message`, from
//! any web page; and what the tokens of apps are shielded from (`docs/compatibility/ellipsis.md`).

use actix_web::http::Method;
use gatepost::domain::client::ClientType;
use gatepost::domain::registration::Draft;
use serde_json::{Value, json};

use crate::harness::application::basic;
use crate::harness::http::{Answer, encode};
use crate::harness::token_holders::ACCESS_TOKENS;
use crate::harness::{self, PASSWORD, Server, confidential};

const TOKEN: &str = "/v3/oauth/token";

async fn send(server: &Server, method: Method, path: &str, token: &str, body: impl Into<Vec<u8>>) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    server.http.send(method, path, &headers, body).await
}

/// Every address of the API that reads a body.
fn with_bodies() -> [(Method, &'static str); 7] {
    [
        (Method::POST, "/v3/account"),
        (Method::POST, "/v3/account/login"),
        (Method::PATCH, "/v3/account/profile"),
        (Method::PUT, "/v3/account/username"),
        (Method::POST, "/v3/account/security/password/update"),
        (Method::POST, ACCESS_TOKENS),
        (Method::POST, TOKEN),
    ]
}

#[actix_web::test]
async fn a_body_that_is_no_object_is_told_so_in_json() {
    let server = harness::spawn().await;
    server.person("alice").await;
    let token = server.log_in("alice").await.token().to_owned();
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    for (method, path) in with_bodies() {
        for body in ["[]", "[{}]", "\"text\"", "7", "null", "true", "{", "{\"a\":}", "{\"username\":\"a\"}x", &deep] {
            let answer = send(&server, method.clone(), path, &token, body).await;
            answer.refusal(400);
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{method} {path}");
        }
        for bytes in [&b"{\"username\":\"\xff\xfe\"}"[..], b"\x00\x01"] {
            send(&server, method.clone(), path, &token, bytes).await.refusal(400);
        }
    }
    assert_eq!(server.account_status(&token).await, 200);
}

#[actix_web::test]
async fn nul_characters_are_refused_wherever_a_text_goes() {
    let server = harness::spawn().await;
    server.person("alice").await;
    let token = server.log_in("alice").await.token().to_owned();
    for (method, path, field) in [
        (Method::POST, "/v3/account", "username"),
        (Method::POST, "/v3/account/login", "username"),
        (Method::POST, "/v3/account/login", "password"),
        (Method::PATCH, "/v3/account/profile", "about"),
        (Method::PUT, "/v3/account/username", "username"),
        (Method::POST, "/v3/account/security/password/update", "newPassword"),
        (Method::POST, ACCESS_TOKENS, "description"),
        (Method::POST, TOKEN, "code"),
    ] {
        let list = json!([{ "pathId": "map", "accessTier": "view" }]);
        let mut body = json!({
            "username": "dave", "password": PASSWORD, "email": "dave@people.example", "oldPassword": PASSWORD,
            "newPassword": "another horse battery", "description": "d", "accessList": list,
        });
        if path == TOKEN {
            body = json!({ "grant_type": "authorization_code" });
        }
        body[field] = json!("a\u{0}b");
        send(&server, method, path, &token, body.to_string()).await.refusal(400);
    }
    let path = json!({ "description": "d", "accessList": [{ "pathId": "a\u{0}b", "accessTier": "view" }] });
    send(&server, Method::POST, ACCESS_TOKENS, &token, path.to_string()).await.refusal(400);
    for query in ["/v3/user?username=a%00b", "/v3/account?token=%00", "/v3/user/%00"] {
        let answer = server.http.get(query).await;
        assert!((400..=404).contains(&answer.status), "{query}: {}", answer.status);
        answer.refusal(answer.status);
    }
}

#[actix_web::test]
async fn a_body_may_have_64_kibibytes_and_not_one_more() {
    let server = harness::spawn().await;
    server.person("alice").await;
    let token = server.log_in("alice").await.token().to_owned();
    for (method, path) in with_bodies().into_iter().filter(|(_, path)| !path.ends_with("/profile")) {
        let padded = |length: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(length - 8));
        let within = send(&server, method.clone(), path, &token, padded(65_536)).await;
        let missing = if path == TOKEN { 401 } else { 400 };
        assert_eq!(within.status, missing, "{method} {path}: it was read, and something else is missing");
        let over = send(&server, method.clone(), path, &token, padded(65_537)).await;
        over.refusal(413);
    }
    let over = server.http.post(TOKEN, &[], &[("code", &"x".repeat(65_536))]).await;
    over.refusal(413);
}

#[actix_web::test]
async fn unknown_addresses_and_wrong_methods_are_json_too() {
    let server = harness::spawn().await;
    for path in ["/v3/nothing", "/v3/account/", "/v3/account/security", "/v3/oauth", "/v3/user/a/b", "/v3//account"] {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            server.http.send(method, path, &[], "").await.refusal(404);
        }
    }
    for (method, path, allowed) in [
        (Method::POST, "/v3", "GET, HEAD"),
        (Method::POST, "/v3/", "GET, HEAD"),
        (Method::PUT, "/v3/account", "GET, HEAD, POST, DELETE"),
        (Method::GET, "/v3/account/login", "POST"),
        (Method::POST, "/v3/account/profile", "PATCH"),
        (Method::POST, "/v3/account/username", "PUT"),
        (Method::POST, "/v3/account/root/myDrive", "GET, HEAD"),
        (Method::PUT, ACCESS_TOKENS, "GET, HEAD, POST"),
        (Method::GET, "/v3/account/security/accessToken/7", "DELETE"),
        (Method::GET, "/v3/account/security/remoteSession", "POST"),
        (Method::DELETE, "/v3/validate", "GET, HEAD, POST"),
        (Method::POST, "/v3/user", "GET, HEAD"),
        (Method::GET, TOKEN, "POST"),
    ] {
        let answer = server.http.send(method.clone(), path, &[], "").await;
        answer.refusal(405);
        assert_eq!(answer.header("allow"), Some(allowed), "{method} {path}");
    }
}

#[actix_web::test]
async fn any_web_page_reads_every_answer_and_its_preflight_passes() {
    let server = harness::spawn().await;
    let origin = ("origin", "https://map.example");
    for (method, path, status) in [
        (Method::GET, "/v3", 200),
        (Method::POST, "/v3/account/login", 400),
        (Method::GET, "/v3/account", 401),
        (Method::DELETE, "/v3/account/security/accessToken/7", 401),
        (Method::GET, "/v3/nothing", 404),
        (Method::PUT, "/v3/account", 405),
        (Method::POST, TOKEN, 400),
        (Method::GET, "/spatialstudio/oauth/v1/user/token", 405),
        (Method::POST, "/spatialstudio/oauth/v1/user/token", 401),
        (Method::GET, "/spatialstudio/oauth/v1/nothing", 404),
        (Method::POST, "/credentials/revoke", 202),
    ] {
        let answer = server.http.send(method.clone(), path, &[origin], "").await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{method} {path}");
        assert_eq!(answer.header("access-control-allow-credentials"), None, "{method} {path}");
    }
    for (method, path) in [
        ("GET", "/v3/account"),
        ("PATCH", "/v3/account/profile"),
        ("PUT", "/v3/account/username"),
        ("DELETE", "/v3/account/security/accessToken/7"),
        ("POST", ACCESS_TOKENS),
        ("POST", "/spatialstudio/oauth/v1/user/token"),
    ] {
        let preflight = [
            origin,
            ("access-control-request-method", method),
            ("access-control-request-headers", "authorization,content-type,idempotency-key"),
        ];
        let answer = server.http.send(Method::OPTIONS, path, &preflight, "").await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some("*")), "{method} {path}");
        let methods = answer.header("access-control-allow-methods").unwrap_or_default();
        assert!(methods.contains(method), "{method} {path}: {methods}");
        let allowed = answer.header("access-control-allow-headers").unwrap_or_default().to_ascii_lowercase();
        for header in ["authorization", "content-type", "idempotency-key"] {
            assert!(allowed.contains(header), "{path}: {allowed}");
        }
    }
}

/// `docs/compatibility/ellipsis.md#what-is-shielded`: it holds for user tokens of the login redirect as well.
#[actix_web::test]
async fn the_tokens_of_apps_are_shielded_from_the_accounts_security() {
    let server = harness::spawn().await;
    let (_, held) = server.one_of_each("alice").await;
    let list = json!([{ "pathId": "map", "accessTier": "view" }]);
    let body = json!({
        "username": "mallory", "oldPassword": PASSWORD, "newPassword": "another horse battery", "description": "d",
        "accessList": list,
    });
    for token in [&held.oauth, &held.redirected, &held.personal, &held.studio, &held.generator, &held.fileset] {
        for (method, path) in [
            (Method::POST, "/v3/account/security/password/update"),
            (Method::POST, ACCESS_TOKENS),
            (Method::GET, ACCESS_TOKENS),
            (Method::DELETE, "/v3/account/security/accessToken/7"),
            (Method::PUT, "/v3/account/username"),
            (Method::DELETE, "/v3/account"),
        ] {
            let answer = server.program(token).send(method.clone(), path, &[], &body).await;
            answer.refusal(403);
            assert_eq!(answer.json()["error"], "insufficient_scope", "{method} {path}");
            let challenge = answer.header("www-authenticate").unwrap_or_default();
            assert!(challenge.starts_with("Bearer error=\"insufficient_scope\""), "{method} {path}: {challenge}");
        }
    }
    for token in [&held.oauth, &held.redirected] {
        let program = server.program(token);
        assert_eq!(program.get("/v3/account").await.success()["username"], "alice");
        assert_eq!(program.get("/v3/account/root/myDrive").await.status, 200);
    }
    let account = server.program(&held.whole).get("/v3/account").await.success();
    assert_eq!(account["username"], "alice", "nothing happened");
}

#[actix_web::test]
async fn the_platforms_token_endpoint_takes_a_form_or_json_and_basic_or_the_body() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let public = server.application(Draft { client_type: ClientType::Public, ..harness::public() }).await;
    let mut alice = server.signed_in("alice").await;
    let header = basic(app.client_id(), app.secret());
    for (is_json, is_basic, app) in
        [(true, true, &app), (true, false, &app), (false, true, &app), (false, false, &app), (true, false, &public)]
    {
        let granted = app.code(&mut alice).await;
        let mut members = app.exchange_form(&granted);
        if !is_basic {
            members.push(("client_id".to_owned(), app.client_id().to_owned()));
            if !app.client.is_public() {
                members.push(("client_secret".to_owned(), app.secret().to_owned()));
            }
        }
        let mut headers = vec![];
        headers.extend(is_basic.then_some(("authorization", header.as_str())));
        let answer = if is_json {
            headers.push(("content-type", "application/json; charset=utf-8"));
            let object: serde_json::Map<String, Value> =
                members.into_iter().map(|(name, value)| (name, json!(value))).collect();
            server.http.send(Method::POST, TOKEN, &headers, Value::Object(object).to_string()).await
        } else {
            headers.push(("content-type", "application/x-www-form-urlencoded"));
            let pairs: Vec<(&str, &str)> = members.iter().map(|(name, value)| (&**name, &**value)).collect();
            server.http.send(Method::POST, TOKEN, &headers, encode(&pairs)).await
        };
        let body = answer.success();
        assert_eq!((&body["token_type"], &body["scope"]), (&json!("Bearer"), &json!("projects")));
        assert!(body["refresh_token"].is_string() && body["expires_in"] == 3_600, "{body}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(server.account_status(body["access_token"].as_str().unwrap_or_default()).await, 200);
    }
}

#[actix_web::test]
async fn its_errors_carry_the_rfcs_code_and_the_platforms_message() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let (right, wrong) = (basic(app.client_id(), app.secret()), basic(app.client_id(), "gpk_no"));
    for (authorization, body, status, error) in [
        (&right, json!({ "grant_type": "authorization_code", "code": "x" }), 400, "invalid_grant"),
        (&right, json!({ "grant_type": "refresh_token", "refresh_token": "x" }), 400, "invalid_grant"),
        (&right, json!({ "grant_type": "password", "username": "alice" }), 400, "unsupported_grant_type"),
        (&right, json!({}), 400, "invalid_request"),
        (&right, json!({ "grant_type": ["refresh_token"] }), 400, "invalid_request"),
        (&right, json!({ "grant_type": "refresh_token", "x": { "a": 1 } }), 400, "invalid_request"),
        (&wrong, json!({ "grant_type": "refresh_token", "refresh_token": "x" }), 401, "invalid_client"),
    ] {
        let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
        let answer = server.http.send(Method::POST, TOKEN, &headers, body.to_string()).await;
        let message = answer.refusal(status);
        let said = answer.json();
        assert_eq!((&said["error"], &said["error_description"]), (&json!(error), &json!(message)), "{body}");
    }
    let form = [("authorization", right.as_str()), ("content-type", "application/x-www-form-urlencoded")];
    let repeated = "grant_type=refresh_token&refresh_token=x&refresh_token=y";
    server.http.send(Method::POST, TOKEN, &form, repeated).await.refusal(400);
}
