//! The second platform's endpoint, where a generator makes tokens: all four parameters, each at its edges,
//! every pair, and who may call it (`docs/compatibility/spatial-studio.md#creating-a-token`).

use actix_web::http::Method;
use gatepost::domain::id::Id;
use gatepost::domain::token::{GeneratorToken, Token};
use gatepost::domain::user::Role;
use serde_json::{Value, json};

use crate::harness::http::{Answer, encode};
use crate::harness::token_holders::{MINT, STUDIO_SESSION, TILES, mint_path};
use crate::harness::{self, Server};

const STREAMING: (&str, &str) = ("read_only", "dataset_streaming");
const PAIRS: [(&str, &str, bool); 8] = [
    ("read_only", "all", true),
    ("read_write", "all", true),
    ("read_only", "dataset_streaming", true),
    ("read_write", "dataset_streaming", false),
    ("read_only", "dataset_streaming_refreshing", false),
    ("read_write", "dataset_streaming_refreshing", true),
    ("read_only", "embedded_published_project", true),
    ("read_write", "embedded_published_project", false),
];

async fn generator(server: &Server, role: Role) -> String {
    server.person_with("alice", role).await;
    let mut browser = server.browser();
    browser.sign_in("alice").await;
    browser.generator().await
}

async fn create_token(server: &Server, generator: &str, path: &str) -> Answer {
    server.program(generator).post(path, &Value::Null).await
}

async fn is_valid(server: &Server, token: &Value) -> bool {
    let token = token.as_str().expect("because it was just made");
    server.program(token).get("/v3/validate").await.success()["valid"] == json!(true)
}

#[actix_web::test]
async fn five_of_the_eight_pairs_make_a_token_that_says_what_it_is() {
    let server = harness::spawn().await;
    let api = server.api(TILES, &[], true).await;
    let generator = generator(&server, Role::Author).await;
    for (action, resource_type, is_valid) in PAIRS {
        let answer = create_token(&server, &generator, &mint_path("test123", "-1", (action, resource_type))).await;
        if !is_valid {
            let message = answer.refusal(400);
            assert_eq!(answer.json()["error"], "invalid_request");
            for (action, resource_type, _) in PAIRS.iter().filter(|(_, _, is_valid)| *is_valid) {
                assert!(message.contains(&format!("{action}/{resource_type}")), "it lists what is allowed: {message}");
            }
            continue;
        }
        let made = answer.success();
        assert_eq!((&made["name"], &made["action"]), (&json!("test123"), &json!(action)));
        assert_eq!((&made["resourceType"], &made["validTime"]), (&json!(resource_type), &json!(-1)));
        assert_eq!((&made["createdAt"], &made["expiresAt"]), (&json!("2026-11-21T12:00:00.000Z"), &Value::Null));
        assert_eq!(made["id"].as_str().map(str::len), Some(36));
        let token = made["token"].as_str().expect("because the platform's programs read it");
        assert!(token.starts_with("gps_"), "{token}");
        let said = api.introspect(token).await;
        assert_eq!((&said["token_kind"], &said["username"]), (&json!("studio"), &json!("alice")));
        assert_eq!((&said["action"], &said["resource_type"]), (&json!(action), &json!(resource_type)));
        assert_eq!(said.get("exp"), None, "no null members: {said}");
    }
    assert!(!api.is_active(&generator).await, "a generator is nobody's business");
}

#[actix_web::test]
async fn valid_time_is_whole_minutes_from_minus_one_to_9999() {
    let server = harness::spawn().await;
    let generator = generator(&server, Role::Author).await;
    for (sent, expires) in [
        ("-1", Value::Null),
        ("0", json!("2026-11-21T12:00:00.000Z")),
        ("1", json!("2026-11-21T12:01:00.000Z")),
        ("9999", json!("2026-11-28T10:39:00.000Z")),
    ] {
        let made = create_token(&server, &generator, &mint_path("n", sent, STREAMING)).await.success();
        assert_eq!((&made["validTime"].to_string(), &made["expiresAt"]), (&sent.to_owned(), &expires));
        assert_eq!(is_valid(&server, &made["token"]).await, sent != "0", "{sent}");
    }
    for wrong in [
        "-2", "10000", "1.5", "abc", "", "+1", " 1", "1 ", "-", "--1", "0x1", "1e3", "１", "99999999999999999999",
        "-9223372036854775809", "null",
    ] {
        let answer = create_token(&server, &generator, &mint_path("n", wrong, STREAMING)).await;
        let message = answer.refusal(400);
        assert!(message.contains("validTime"), "{wrong}: {message}");
        assert_eq!(answer.json()["error_description"], json!(message));
    }
    let short = create_token(&server, &generator, &mint_path("n", "1", STREAMING)).await.success();
    server.advance(59);
    assert!(is_valid(&server, &short["token"]).await);
    server.advance(1);
    assert!(!is_valid(&server, &short["token"]).await);
}

#[actix_web::test]
async fn a_name_has_1_to_128_characters_of_any_alphabet() {
    let server = harness::spawn().await;
    let generator = generator(&server, Role::Author).await;
    let long = |count: usize| ["x", "é", "語", "😀"].map(|letter| letter.repeat(count));
    for name in long(1).into_iter().chain(long(128)).chain(["a b & c=d\"</p>".to_owned(), "+".to_owned()]) {
        let made = create_token(&server, &generator, &mint_path(&name, "1", STREAMING)).await.success();
        assert_eq!(made["name"], json!(name));
    }
    for name in long(129).into_iter().chain([String::new(), "a\u{0}b".to_owned()]) {
        create_token(&server, &generator, &mint_path(&name, "1", STREAMING)).await.refusal(400);
    }
    let bytes = format!("{MINT}?name=%ff&validTime=1&action=read_only&resourceType=dataset_streaming");
    create_token(&server, &generator, &bytes).await.refusal(400);
    let [first, second] = [
        create_token(&server, &generator, &mint_path("same", "1", STREAMING)).await.success(),
        create_token(&server, &generator, &mint_path("same", "1", STREAMING)).await.success(),
    ];
    assert!(first["id"] != second["id"] && first["token"] != second["token"], "ids identify, names do not");
}

#[actix_web::test]
async fn all_four_parameters_are_needed_once_and_spelled_exactly() {
    let server = harness::spawn().await;
    let generator = generator(&server, Role::Author).await;
    let whole = [("name", "n"), ("validTime", "1"), ("action", "read_only"), ("resourceType", "all")];
    let path = |pairs: &[(&str, &str)]| format!("{MINT}?{}", encode(pairs));
    create_token(&server, &generator, &path(&whole)).await.success();
    for (position, (name, value)) in whole.into_iter().enumerate() {
        let missing: Vec<_> = whole.into_iter().filter(|(other, _)| *other != name).collect();
        let message = create_token(&server, &generator, &path(&missing)).await.refusal(400);
        assert!(message.contains(name), "{message}");
        let repeated: Vec<_> = whole.into_iter().chain([(name, value)]).collect();
        create_token(&server, &generator, &path(&repeated)).await.refusal(400);
        let mut other_case = whole.to_vec();
        let name = name.to_uppercase();
        other_case[position].0 = &name;
        create_token(&server, &generator, &path(&other_case)).await.refusal(400);
    }
    for (name, wrong) in [
        ("action", "READ_ONLY"),
        ("action", "read"),
        ("action", "read_only "),
        ("action", "write_only"),
        ("resourceType", "ALL"),
        ("resourceType", "dataset"),
        ("resourceType", "fileset"),
        ("resourceType", "embedded_published_project,all"),
    ] {
        let pairs = whole.map(|(other, value)| (other, if other == name { wrong } else { value }));
        let message = create_token(&server, &generator, &path(&pairs)).await.refusal(400);
        let allowed = if name == "action" { "read_only" } else { "dataset_streaming_refreshing" };
        assert!(message.contains(name) && message.contains(allowed), "{message}");
    }
    create_token(&server, &generator, MINT).await.refusal(400);
    let in_body = json!({ "name": "n", "validTime": 1, "action": "read_only", "resourceType": "all" });
    server.program(&generator).post(MINT, &in_body).await.refusal(400);
    let surplus: Vec<_> = whole.into_iter().chain([("project", "7")]).collect();
    create_token(&server, &generator, &path(&surplus)).await.success();
}

#[actix_web::test]
async fn only_post_makes_tokens_and_other_addresses_are_json() {
    let server = harness::spawn().await;
    let generator = generator(&server, Role::Author).await;
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let program = server.program(&generator);
        let answer = program.send(method, &mint_path("n", "1", STREAMING), &[], &Value::Null).await;
        answer.refusal(405);
        assert_eq!(answer.header("allow"), Some("POST"));
    }
    for path in ["/spatialstudio/oauth/v1/user", "/spatialstudio/oauth/v1/", "/spatialstudio/oauth/v1/user/token/7"] {
        server.program(&generator).get(path).await.refusal(404);
    }
}

#[actix_web::test]
async fn nothing_but_a_living_generator_in_the_header_makes_tokens() {
    let server = harness::spawn().await;
    let (mut browser, held) = server.one_of_each("alice").await;
    let path = mint_path("n", "1", STREAMING);
    let answer = server.nobody().post(&path, &Value::Null).await;
    answer.refusal(401);
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    let in_query = format!("{path}&token={}", held.generator);
    server.nobody().post(&in_query, &Value::Null).await.refusal(401);
    let parsed = Token::<GeneratorToken>::parse(&held.generator).expect("because it is one of ours");
    let forged = Token::<GeneratorToken>::from_entropy(parsed.id(), &[7; 32]);
    let unknown = Token::<GeneratorToken>::from_entropy(Id::from_number(7), &[7; 32]);
    for (token, message) in [
        ("noise", "The token is malformed."),
        (&held.generator[..held.generator.len() - 1], "The token is malformed."),
        (forged.expose(), "The token is revoked or unknown."),
        (unknown.expose(), "The token is revoked or unknown."),
    ] {
        let answer = create_token(&server, token, &path).await;
        assert_eq!(answer.refusal(401), message);
        let challenge = answer.header("www-authenticate").unwrap_or_default();
        assert!(challenge.starts_with("Bearer error=\"invalid_token\""), "{challenge}");
    }
    for (kind, token) in held.each().into_iter().filter(|(kind, _)| *kind != "generator") {
        let answer = create_token(&server, token, &path).await;
        answer.refusal(403);
        assert_eq!(answer.json()["error"], "insufficient_scope", "{kind}");
    }
    browser.script(Method::POST, &format!("{STUDIO_SESSION}/generatortoken/regenerate"), &Value::Null).await.success();
    create_token(&server, &held.generator, &path).await.refusal(401);
    let alice = server.person_named("alice").await;
    let generator = browser.generator().await;
    server.disable(&alice, true).await;
    create_token(&server, &generator, &path).await.refusal(401);
    server.disable(&alice, false).await;
    create_token(&server, &generator, &path).await.success();
}

#[actix_web::test]
async fn a_consumer_may_make_no_token_that_writes() {
    let server = harness::spawn().await;
    let generator = generator(&server, Role::Consumer).await;
    for (action, resource_type, _) in PAIRS.iter().filter(|(_, _, is_valid)| *is_valid) {
        let answer = create_token(&server, &generator, &mint_path("n", "1", (action, resource_type))).await;
        let status = if *action == "read_write" { 403 } else { 200 };
        assert_eq!(answer.status, status, "{action} {resource_type}: {}", answer.text());
    }
}

#[actix_web::test]
async fn the_operators_limits_hold_here_too() {
    for (settings, allowed, forbidden) in [
        (&[("tokens.max_lifetime", "3600")][..], &["0", "1", "60"][..], &["61", "9999", "-1"][..]),
        (&[("tokens.allow_permanent", "false")], &["0", "9999"], &["-1"]),
    ] {
        let server = harness::spawn_with(settings).await;
        let generator = generator(&server, Role::Author).await;
        for minutes in allowed {
            create_token(&server, &generator, &mint_path("n", minutes, STREAMING)).await.success();
        }
        for minutes in forbidden {
            create_token(&server, &generator, &mint_path("n", minutes, STREAMING)).await.refusal(403);
        }
    }
}

/// The issue: nothing is lost when a create is answered twice.
#[actix_web::test]
async fn a_token_that_is_asked_twice_with_one_key_is_made_once() {
    let server = harness::spawn().await;
    let generator = generator(&server, Role::Author).await;
    let program = server.program(&generator);
    let ask = async |path: String| program.send(Method::POST, &path, &[("idempotency-key", "k")], &Value::Null).await;
    let first = ask(mint_path("n", "1", STREAMING)).await.success();
    let again = ask(mint_path("n", "1", STREAMING)).await.success();
    assert_eq!((&first["id"], &first["token"]), (&again["id"], &again["token"]));
    ask(mint_path("other", "1", STREAMING)).await.refusal(422);
}
