//! The second platform's door for browsers: a person's own studio tokens, fileset tokens and generator, by
//! the session and by nothing else (`docs/compatibility/spatial-studio.md#the-sessions-addresses`).

use actix_web::http::Method;
use serde_json::{Value, json};

use crate::harness::browser::Browser;
use crate::harness::token_holders::{STUDIO_SESSION, TILES, mint_path};
use crate::harness::{self, Server};

const STREAMING: (&str, &str) = ("read_only", "dataset_streaming");

/// Every address behind the door, with a body that it would take.
fn addresses() -> [(Method, String, Value); 5] {
    let fileset = json!({ "name": "n", "fileset": "f-7", "validTime": 1 });
    [
        (Method::GET, format!("{STUDIO_SESSION}/token"), Value::Null),
        (Method::DELETE, format!("{STUDIO_SESSION}/token/7"), Value::Null),
        (Method::POST, format!("{STUDIO_SESSION}/filesettoken"), fileset),
        (Method::GET, format!("{STUDIO_SESSION}/generatortoken"), Value::Null),
        (Method::POST, format!("{STUDIO_SESSION}/generatortoken/regenerate"), Value::Null),
    ]
}

async fn list(browser: &mut Browser) -> Vec<Value> {
    let list = browser.script(Method::GET, &format!("{STUDIO_SESSION}/token"), &Value::Null).await;
    list.success().as_array().expect("because it is a list").clone()
}

async fn end(browser: &mut Browser, id: &Value) -> u16 {
    let path = format!("{STUDIO_SESSION}/token/{}", id.as_str().unwrap_or_default());
    browser.script(Method::DELETE, &path, &Value::Null).await.status
}

async fn regenerate(browser: &mut Browser) -> harness::http::Answer {
    let path = format!("{STUDIO_SESSION}/generatortoken/regenerate");
    browser.script(Method::POST, &path, &Value::Null).await
}

async fn is_valid(server: &Server, token: &str) -> bool {
    server.program(token).get("/v3/validate").await.success()["valid"] == json!(true)
}

#[actix_web::test]
async fn who_is_signed_out_gets_json_and_not_a_page() {
    let server = harness::spawn().await;
    server.person("alice").await;
    for (method, path, body) in addresses() {
        let answer = server.browser().script(method.clone(), &path, &body).await;
        let message = answer.refusal(401);
        assert!(message.contains("/spatialstudio/oauth/v1"), "{method} {path}: {message}");
        assert_eq!(answer.header("www-authenticate"), None, "no bearer token would help");
    }
}

#[actix_web::test]
async fn a_database_that_fails_is_told_in_json() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    server.write(|tx| harness::execute(tx, "ALTER TABLE sessions RENAME TO sessions_gone")).await;
    for (method, path, body) in addresses() {
        let answer = alice.script(method.clone(), &path, &body).await;
        assert!(!answer.refusal(503).is_empty(), "{method} {path}");
    }
}

#[actix_web::test]
async fn a_fileset_token_needs_a_fresh_sign_in_and_is_made_once_for_one_key() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let path = format!("{STUDIO_SESSION}/filesettoken");
    let body = json!({ "name": "n", "fileset": "tiles-7", "validTime": 1 }).to_string();
    let headers = [("sec-fetch-site", "same-origin"), ("content-type", "application/json"), ("idempotency-key", "k")];
    let first = alice.bare(Method::POST, &path, &headers, &body).await.success();
    let again = alice.bare(Method::POST, &path, &headers, &body).await.success();
    assert_eq!(first, again);
    assert_eq!((&first["name"], &first["fileset"]), (&json!("n"), &json!("tiles-7")));
    assert_eq!((first["id"].as_str().map(str::len), list(&mut alice).await.len()), (Some(36), 1));
    server.advance(901);
    alice.bare(Method::POST, &path, &headers, &body).await.refusal(403);
}

/// A second generator beside one that cannot be read would leave the first alive and out of sight.
#[actix_web::test]
async fn a_generator_that_cannot_be_opened_is_a_failure_and_not_a_second_one() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    alice.generator().await;
    let spoiled = "UPDATE tokens SET token_encrypted = '9:AAAA:AAAA' WHERE kind = 'generator'";
    server.write(move |tx| harness::execute(tx, spoiled)).await;
    let path = format!("{STUDIO_SESSION}/generatortoken");
    alice.script(Method::GET, &path, &Value::Null).await.refusal(503);
    assert_eq!(alice.open("/account/tokens").await.status, 503);
    assert_eq!(server.count("tokens WHERE kind = 'generator'").await, 1);
}

#[actix_web::test]
async fn no_token_opens_this_door() {
    let server = harness::spawn().await;
    let (_, held) = server.one_of_each("alice").await;
    for (kind, token) in held.each() {
        for (method, path, body) in addresses() {
            let with_query = format!("{path}?token={token}");
            let program = server.program(token);
            let answer = program.send(method.clone(), &path, &[("sec-fetch-site", "same-origin")], &body).await;
            assert_eq!(answer.status, 401, "{kind}: {method} {path}");
            let answer = program.send(method.clone(), &with_query, &[], &body).await;
            // `token=` on a page is dropped by a 303.
            assert!([401, 303].contains(&answer.status), "{kind}: {method} {path}: {}", answer.status);
        }
    }
}

#[actix_web::test]
async fn a_foreign_page_reads_nothing_and_changes_nothing() {
    let server = harness::spawn().await;
    let mut browser = server.signed_in("alice").await;
    let generator = browser.generator().await;
    for (method, path, body) in addresses() {
        let foreign = [
            ("sec-fetch-site", "cross-site"),
            ("origin", "https://evil.example"),
            ("content-type", "application/json"),
        ];
        let answer = browser.bare(method.clone(), &path, &foreign, &body.to_string()).await;
        assert_eq!(answer.header("access-control-allow-origin"), None, "{method} {path}");
        if method != Method::GET {
            assert_eq!(answer.status, 403, "{method} {path}: {}", answer.text());
        }
    }
    assert_eq!(browser.generator().await, generator, "it was not regenerated");
    let preflight = [("origin", "https://evil.example"), ("access-control-request-method", "GET")];
    let answer = browser.bare(Method::OPTIONS, &format!("{STUDIO_SESSION}/token"), &preflight, "").await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

#[actix_web::test]
async fn the_list_has_what_lives_without_a_secret() {
    let server = harness::spawn().await;
    let (mut browser, held) = server.one_of_each("alice").await;
    let made = server.program(&held.generator).post(&mint_path("名前", "1", STREAMING), &Value::Null).await;
    let made = made.success();
    let listed = list(&mut browser).await;
    let names: Vec<&Value> = listed.iter().map(|token| &token["name"]).collect();
    assert_eq!(names, ["名前", "embed", "tiles"], "newest first; no personal token, no generator");
    assert_eq!(
        listed[0],
        json!({
            "id": made["id"], "name": "名前", "action": "read_only", "resourceType": "dataset_streaming",
            "fileset": null, "createdAt": "2026-11-21T12:00:00.000Z", "expiresAt": "2026-11-21T12:01:00.000Z",
            "lastUsedAt": null,
        })
    );
    assert_eq!((&listed[2]["fileset"], &listed[2]["action"]), (&json!("tiles-7"), &Value::Null));
    let text = json!(listed).to_string();
    assert!(!text.contains("gps_") && !text.contains("gpf_") && !text.contains("\"token\""), "{text}");
    server.advance(60);
    assert_eq!(list(&mut browser).await.len(), 2, "what has expired is not listed");
    let mut bob = server.signed_in("bob").await;
    assert_eq!(list(&mut bob).await, [Value::Null; 0]);
}

#[actix_web::test]
async fn a_token_ends_at_once_and_only_for_its_owner() {
    let server = harness::spawn().await;
    let (mut alice, held) = server.one_of_each("alice").await;
    let mut bob = server.signed_in("bob").await;
    let listed = list(&mut alice).await;
    let personal = server.program(&held.whole).get(harness::token_holders::ACCESS_TOKENS).await.success();
    for id in listed.iter().map(|token| &token["id"]) {
        assert_eq!(end(&mut bob, id).await, 404);
    }
    for unknown in [&personal["result"][0]["id"], &json!("7"), &json!("46e1e919-8b73-42a3-a575-25c6d45fd93b")] {
        assert_eq!(end(&mut alice, unknown).await, 404, "{unknown}");
    }
    assert!(is_valid(&server, &held.studio).await && is_valid(&server, &held.fileset).await);
    for id in listed.iter().map(|token| &token["id"]) {
        assert_eq!(end(&mut alice, id).await, 200);
        assert_eq!(end(&mut alice, id).await, 404, "it is gone");
    }
    assert!(!is_valid(&server, &held.studio).await && !is_valid(&server, &held.fileset).await);
    assert!(is_valid(&server, &held.personal).await && is_valid(&server, &held.generator).await);
    assert_eq!(list(&mut alice).await, [Value::Null; 0]);
}

#[actix_web::test]
async fn each_person_has_one_generator_that_stays_until_it_is_replaced() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let first = alice.generator().await;
    assert!(first.starts_with("gpg_"), "{first}");
    assert_eq!(alice.generator().await, first);
    let mut elsewhere = server.browser();
    elsewhere.sign_in("alice").await;
    assert_eq!(elsewhere.generator().await, first, "it is the person's, not the browser's");
    assert_ne!(server.signed_in("bob").await.generator().await, first);
    let child = server.studio_token(&first, STREAMING).await;
    let second = regenerate(&mut alice).await.member("token");
    assert_ne!(first, second);
    assert!(!is_valid(&server, &first).await, "the old one ends at once");
    assert!(is_valid(&server, &second).await);
    assert!(is_valid(&server, &child).await, "what it made lives on");
    assert_eq!(alice.generator().await, second);
    server.advance(400 * 86_400);
    assert!(is_valid(&server, &second).await, "it has no end");
}

/// `docs/decisions/0036-secrets-at-rest.md`: reading the generator needs a sign-in of the last 15 minutes, by
/// whatever address it would be read.
#[actix_web::test]
async fn the_generator_is_shown_for_fifteen_minutes_after_a_sign_in() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let path = format!("{STUDIO_SESSION}/generatortoken");
    server.advance(900);
    let generator = alice.generator().await;
    server.advance(1);
    let message = alice.script(Method::GET, &path, &Value::Null).await.refusal(403);
    assert!(message.contains("15 minutes"), "{message}");
    regenerate(&mut alice).await.refusal(403);
    assert!(is_valid(&server, &generator).await, "nothing was replaced");
    let mut again = server.browser();
    again.sign_in("alice").await;
    assert_eq!(again.generator().await, generator);
}

#[actix_web::test]
async fn a_fileset_token_is_for_one_fileset_and_keeps_the_minutes_of_the_others() {
    let server = harness::spawn().await;
    let api = server.api(TILES, &[], true).await;
    let mut alice = server.signed_in("alice").await;
    let path = format!("{STUDIO_SESSION}/filesettoken");
    for (minutes, expires) in [
        (-1, Value::Null),
        (0, json!("2026-11-21T12:00:00.000Z")),
        (1, json!("2026-11-21T12:01:00.000Z")),
        (9_999, json!("2026-11-28T10:39:00.000Z")),
    ] {
        let body = json!({ "name": "語".repeat(128), "fileset": "tiles-7", "validTime": minutes });
        let token = alice.script(Method::POST, &path, &body).await.member("token");
        assert!(token.starts_with("gpf_"), "{token}");
        assert_eq!(is_valid(&server, &token).await, minutes != 0, "{minutes}");
        if minutes != 0 {
            let said = api.introspect(&token).await;
            assert_eq!((&said["token_kind"], &said["resource"]), (&json!("fileset"), &json!("tiles-7")));
            assert_eq!(list(&mut alice).await[0]["expiresAt"], expires);
        }
    }
    for (name, wrong) in [
        ("name", json!("")),
        ("name", json!("語".repeat(129))),
        ("name", json!(7)),
        ("name", Value::Null),
        ("fileset", json!("")),
        ("fileset", json!("a/b")),
        ("fileset", json!("語".repeat(129))),
        ("fileset", Value::Null),
        ("validTime", json!(-2)),
        ("validTime", json!(10_000)),
        ("validTime", json!(1.5)),
        ("validTime", json!("abc")),
        ("validTime", Value::Null),
    ] {
        let mut body = json!({ "name": "n", "fileset": "f", "validTime": 1 });
        body[name] = wrong.clone();
        let answer = alice.script(Method::POST, &path, &body).await;
        assert_eq!(answer.status, 400, "{name} = {wrong}: {}", answer.text());
    }
}
