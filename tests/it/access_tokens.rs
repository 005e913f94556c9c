//! The first platform's personal tokens: made, listed page by page, ended, made once though asked twice
//! (`docs/compatibility/ellipsis.md#access-tokens`; `docs/decisions/0032-idempotency-keys.md`).

use actix_web::http::Method;
use serde_json::{Value, json};

use crate::harness::http::Answer;
use crate::harness::token_holders::{ACCESS_TOKENS, Program};
use crate::harness::{self, Server};

/// What the Python client sends.
fn draft(description: &str) -> Value {
    let list = json!([{ "pathId": "46e1e919-8b73-42a3-a575-25c6d45fd93b", "access": { "accessTier": "view" } }]);
    json!({ "description": description, "validFor": 60, "accessList": list, "scope": "all" })
}

async fn alice(server: &Server) -> Program {
    server.person("alice").await;
    server.log_in("alice").await
}

async fn works(server: &Server, token: &str) -> bool {
    server.program(token).get("/v3/validate").await.success()["valid"] == json!(true)
}

#[actix_web::test]
async fn a_token_is_made_shown_once_listed_and_ended_with_exactly_200() {
    let server = harness::spawn().await;
    let program = alice(&server).await;
    let made = program.post(ACCESS_TOKENS, &draft("wfs for desk")).await.success();
    let (id, token) = (made["id"].as_str().unwrap_or_default(), made["token"].as_str().unwrap_or_default());
    assert!(token.starts_with("gpp_"), "{made}");
    assert_eq!((id.len(), &made["expiryDate"]), (36, &json!("2026-11-21T12:01:00.000Z")));
    let query = format!("{ACCESS_TOKENS}?token={}", program.token());
    let list = program.get(&query).await;
    assert!(!list.text().contains(token), "the secret is shown once");
    let entry = json!({
        "id": id,
        "description": "wfs for desk",
        "scope": "all",
        "creationDate": "2026-11-21T12:00:00.000Z",
        "expiryDate": "2026-11-21T12:01:00.000Z",
        "lastUsed": null,
        "accessList": [{ "pathId": "46e1e919-8b73-42a3-a575-25c6d45fd93b", "access": { "accessTier": "view" } }],
    });
    assert_eq!(list.success(), json!({ "result": [entry], "nextPageStart": null }));
    assert!(works(&server, token).await);
    program.delete(&format!("{ACCESS_TOKENS}/{id}")).await.success();
    assert!(!works(&server, token).await, "within the same second");
    assert_eq!(program.get(&query).await.success()["result"], json!([]));
    program.delete(&format!("{ACCESS_TOKENS}/{id}")).await.refusal(404);
}

#[actix_web::test]
async fn without_valid_for_it_lives_for_ever_and_what_has_expired_is_not_listed() {
    let server = harness::spawn().await;
    let program = alice(&server).await;
    let lasting = program.make_token(json!([{ "pathId": "map", "access": { "accessTier": "view" } }])).await;
    assert_eq!(lasting["expiryDate"], Value::Null);
    program.post(ACCESS_TOKENS, &draft("short")).await.success();
    server.advance(60);
    let list = program.get(ACCESS_TOKENS).await.success();
    let names: Vec<&Value> =
        list["result"].as_array().into_iter().flatten().map(|token| &token["description"]).collect();
    assert_eq!(names, ["wfs for desk"]);
    server.advance(86_000);
    assert!(works(&server, lasting["token"].as_str().unwrap_or_default()).await);
}

#[actix_web::test]
async fn pages_follow_each_other_until_there_is_none() {
    let server = harness::spawn().await;
    let program = alice(&server).await;
    for number in 0..31 {
        program.post(ACCESS_TOKENS, &draft(&number.to_string())).await.success();
    }
    for (size, expected) in [("", &[30, 1][..]), ("pageSize=30", &[30, 1]), ("pageSize=10", &[10, 10, 10, 1])] {
        let (mut start, mut sizes, mut seen) = (String::new(), Vec::new(), Vec::new());
        loop {
            let page = program.get(&format!("{ACCESS_TOKENS}?{size}{start}&token={}", program.token())).await.success();
            let result = page["result"].as_array().expect("because it is a list").clone();
            sizes.push(result.len());
            seen.extend(result.iter().filter_map(|token| token["description"].as_str()?.parse::<u32>().ok()));
            match page["nextPageStart"].as_str() {
                Some(next) => start = format!("&pageStart={next}"),
                None => break,
            }
            assert!(sizes.len() < 10, "the pages do not end");
        }
        assert_eq!(sizes, expected, "{size}");
        assert_eq!(seen, (0..31).rev().collect::<Vec<_>>(), "newest first, each once");
    }
    for wrong in ["pageSize=0", "pageSize=31", "pageSize=-1", "pageSize=x", "pageStart=yesterday"] {
        program.get(&format!("{ACCESS_TOKENS}?{wrong}")).await.refusal(400);
    }
    let exactly = program.get(&format!("{ACCESS_TOKENS}?pageSize=1")).await.success();
    assert!(exactly["nextPageStart"].is_string());
}

#[actix_web::test]
async fn nobody_sees_or_ends_the_tokens_of_others_or_of_another_kind() {
    let server = harness::spawn().await;
    let program = alice(&server).await;
    let made = program.post(ACCESS_TOKENS, &draft("hers")).await.success();
    server.person("bob").await;
    let bob = server.log_in("bob").await;
    assert_eq!(bob.get(ACCESS_TOKENS).await.success()["result"], json!([]));
    let path = format!("{ACCESS_TOKENS}/{}", made["id"].as_str().unwrap_or_default());
    bob.delete(&path).await.refusal(404);
    for unknown in ["46e1e919-8b73-42a3-a575-25c6d45fd93b", "x", "%ff"] {
        program.delete(&format!("{ACCESS_TOKENS}/{unknown}")).await.refusal(404);
    }
    assert!(works(&server, made["token"].as_str().unwrap_or_default()).await);
    let with_body = program.send(Method::DELETE, &path, &[], &json!({ "token": "x" })).await;
    assert_eq!(with_body.status, 200, "the R client sends a body: {}", with_body.text());
}

#[actix_web::test]
async fn each_field_is_judged_at_its_edge_in_characters() {
    let server = harness::spawn().await;
    let program = alice(&server).await;
    let made = async |change: &[(&str, Value)]| -> Answer {
        let mut body = draft("d");
        for (name, value) in change {
            body[name] = value.clone();
        }
        program.post(ACCESS_TOKENS, &body).await
    };
    for description in ["d".to_owned(), "é".repeat(100), "語".repeat(100)] {
        let body = made(&[("description", json!(description))]).await.success();
        assert_eq!(body["description"], json!(description));
    }
    for scope in [json!("all"), json!("語".repeat(20)), Value::Null] {
        made(&[("scope", scope)]).await.success();
    }
    for (name, wrong) in [
        ("description", json!("é".repeat(101))),
        ("description", json!(7)),
        ("description", Value::Null),
        ("scope", json!("語".repeat(21))),
        ("scope", json!(["all"])),
        ("validFor", json!(0)),
        ("validFor", json!(-60)),
        ("validFor", json!(1.5)),
        ("validFor", json!("60")),
        ("accessList", Value::Null),
        ("accessList", json!([])),
        ("accessList", json!({ "pathId": "map", "accessTier": "view" })),
    ] {
        let message = made(&[(name, wrong.clone())]).await.refusal(400);
        assert!(message.contains(name), "{name} = {wrong}: {message}");
    }
}

#[actix_web::test]
async fn the_operator_may_forbid_long_lives_and_endless_ones() {
    for (settings, allowed, forbidden) in [
        (&[("tokens.max_lifetime", "3600")][..], &[Some(1), Some(3_600)][..], &[Some(3_601), None][..]),
        (&[("tokens.allow_permanent", "false")], &[Some(1), Some(315_360_000)], &[None]),
    ] {
        let server = harness::spawn_with(settings).await;
        let program = alice(&server).await;
        let asked = |valid_for: &Option<i64>| {
            let mut body = draft("d");
            body["validFor"] = json!(valid_for);
            body
        };
        for life in allowed {
            program.post(ACCESS_TOKENS, &asked(life)).await.success();
        }
        for life in forbidden {
            program.post(ACCESS_TOKENS, &asked(life)).await.refusal(403);
        }
    }
}

#[actix_web::test]
async fn the_older_address_of_the_platform_is_the_same_door() {
    let server = harness::spawn().await;
    let program = alice(&server).await;
    let older = "/v3/account/security/personalAccessToken";
    let made = program.post(older, &draft("older")).await.success();
    assert_eq!(program.get(ACCESS_TOKENS).await.success(), program.get(older).await.success());
    program.delete(&format!("{older}/{}", made["id"].as_str().unwrap_or_default())).await.success();
}

async fn make(program: &Program, key: &str, body: &Value) -> Answer {
    program.send(Method::POST, ACCESS_TOKENS, &[("idempotency-key", key)], body).await
}

#[actix_web::test]
async fn a_creation_that_is_asked_twice_makes_one_token_and_answers_it_again() {
    let server = harness::spawn().await;
    let program = alice(&server).await;
    let first = make(&program, "k-1", &draft("once")).await.success();
    let again = make(&program, "k-1", &draft("once")).await.success();
    assert_eq!(first, again, "the same token and id");
    let list = &draft("once")["accessList"];
    let reordered = format!("{{\"validFor\":60, \"scope\":\"all\", \"description\":\"once\", \"accessList\":{list}}}");
    let bearer = format!("Bearer {}", program.token());
    let headers = [("authorization", bearer.as_str()), ("idempotency-key", "k-1")];
    let answer = server.http.send(Method::POST, ACCESS_TOKENS, &headers, reordered).await;
    assert_eq!(answer.success(), first, "the order of members and spaces mean nothing in JSON");
    let after = server.log_in("alice").await;
    assert_eq!(make(&after, "k-1", &draft("once")).await.success(), first, "by another log-in of hers");
    assert!(works(&server, first["token"].as_str().unwrap_or_default()).await);
    assert_eq!(program.get(ACCESS_TOKENS).await.success()["result"].as_array().map(Vec::len), Some(1));
    make(&program, "k-1", &draft("another")).await.refusal(422);
    let other_key = make(&program, "k-2", &draft("once")).await.success();
    assert!(other_key["id"] != first["id"] && other_key["token"] != first["token"]);
}

#[actix_web::test]
async fn a_key_belongs_to_its_person_and_is_forgotten_after_a_day() {
    let server = harness::spawn().await;
    let program = alice(&server).await;
    server.person("bob").await;
    let mut lasting = draft("once");
    lasting["validFor"] = json!(200_000);
    let first = make(&program, "k", &lasting).await.success();
    let bobs = make(&server.log_in("bob").await, "k", &lasting).await.success();
    assert!(bobs["token"] != first["token"] && bobs["id"] != first["id"]);
    server.advance(86_399);
    assert_eq!(make(&program, "k", &lasting).await.success()["id"], first["id"]);
    server.advance(1);
    let program = server.log_in("alice").await;
    let later = make(&program, "k", &lasting).await.success();
    assert!(later["token"] != first["token"] && later["id"] != first["id"]);
    assert!(works(&server, later["token"].as_str().unwrap_or_default()).await);
}

#[actix_web::test]
async fn a_refused_creation_leaves_its_key_free() {
    let server = harness::spawn_with(&[("tokens.max_lifetime", "3600")]).await;
    let program = alice(&server).await;
    let mut body = draft("d");
    body["validFor"] = json!(3_601);
    make(&program, "k", &body).await.refusal(403);
    make(&program, "k", &draft("d")).await.success();
}

#[actix_web::test]
async fn what_has_ended_is_not_given_again_as_if_it_worked() {
    let server = harness::spawn().await;
    let program = alice(&server).await;
    let first = make(&program, "revoked", &draft("once")).await.success();
    program.delete(&format!("{ACCESS_TOKENS}/{}", first["id"].as_str().unwrap_or_default())).await.success();
    let message = make(&program, "revoked", &draft("once")).await.refusal(410);
    assert!(message.contains("another key"), "{message}");
    make(&program, "expired", &draft("once")).await.success();
    server.advance(60);
    make(&program, "expired", &draft("once")).await.refusal(410);
}

#[actix_web::test]
async fn a_key_that_cannot_be_read_is_refused() {
    let server = harness::spawn().await;
    let program = alice(&server).await;
    for key in ["", "é", &"k".repeat(256)] {
        make(&program, key, &draft("once")).await.refusal(400);
    }
    let twice = [("idempotency-key", "a"), ("idempotency-key", "b")];
    program.send(Method::POST, ACCESS_TOKENS, &twice, &draft("once")).await.refusal(400);
    assert_eq!(program.get(ACCESS_TOKENS).await.success()["result"], json!([]));
    make(&program, &"k".repeat(255), &draft("once")).await.success();
}

/// The base key may get a successor between two tries.
#[actix_web::test]
async fn a_repeat_is_answered_with_the_key_that_it_was_made_with() {
    let server = harness::spawn().await;
    let program = alice(&server).await;
    let token = program.token().to_owned();
    let first = make(&program, "k", &draft("once")).await.success();
    let file = server.app.config.secret_file.clone();
    let keys = std::fs::read_to_string(&file).expect("because the server made it");
    std::fs::write(&file, format!("{keys}2:{}\n", "ab".repeat(32))).expect("because it is the test's own");
    let server = server.restart(&[]).await;
    let again = make(&server.program(&token), "k", &draft("once")).await.success();
    assert_eq!(first, again);
}
