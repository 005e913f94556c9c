//! The first platform's wire table, request by request, as its Python client sends them
//! (`docs/compatibility/ellipsis.md`): who logs in, who it is, what lies in the drive, who others are.

use actix_web::http::Method;
use gatepost::domain::id::Id;
use gatepost::domain::user::User;
use serde_json::{Value, json};

use crate::harness::http::Answer;
use crate::harness::{self, PASSWORD, Server, execute};

/// The query in which the client adds the token that the header carries too.
const ROOT: &str = "type=%5B%22folder%22%2C+%22raster%22%2C+%22vector%22%2C+%22file%22%5D";

async fn log_in(server: &Server, body: Value) -> Answer {
    server.nobody().post("/v3/account/login", &body).await
}

async fn without_password(server: &Server, username: &str) {
    let id = server.person(username).await.id.number();
    let sql = format!("UPDATE users SET password_digest = NULL WHERE id = {id}");
    server.write(move |tx| execute(tx, &sql)).await;
}

#[actix_web::test]
async fn a_password_gives_a_user_token_for_a_day() {
    let server = harness::spawn().await;
    server.person("alice").await;
    for login in ["alice", "ALICE", "alice@people.example"] {
        let body = log_in(&server, json!({ "username": login, "password": PASSWORD })).await.success();
        assert_eq!((body["validFor"].as_i64(), &body["expires"]), (Some(86_400), &json!("2026-11-22T12:00:00.000Z")));
        let token = body["token"].as_str().expect("because the platform's client reads it");
        assert!(token.starts_with("gpu_"), "{token}");
        assert_eq!(server.account_status(token).await, 200, "{login}");
    }
    let answer = log_in(&server, json!({ "username": "alice", "password": PASSWORD })).await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let token = answer.member("token");
    server.advance(86_399);
    assert_eq!(server.account_status(&token).await, 200);
    server.advance(1);
    assert_eq!(server.account_status(&token).await, 401);
}

#[actix_web::test]
async fn a_life_of_a_second_to_sixty_days_can_be_asked_for() {
    let server = harness::spawn().await;
    server.person("alice").await;
    let asked = |valid_for: Value| json!({ "username": "alice", "password": PASSWORD, "validFor": valid_for });
    for seconds in [1, 3_600, 5_184_000] {
        let body = log_in(&server, asked(json!(seconds))).await.success();
        assert_eq!(body["validFor"], json!(seconds));
    }
    for (written, seconds) in [("1e+05", 100_000), ("3600.0", 3_600), ("36E2", 3_600)] {
        let body = asked(json!("?")).to_string().replace("\"?\"", written);
        let headers = [("content-type", "application/json")];
        let answer = server.http.send(Method::POST, "/v3/account/login", &headers, body).await;
        assert_eq!(answer.success()["validFor"], json!(seconds), "{written} is a whole number (RFC 8259 §6)");
    }
    let short = log_in(&server, asked(json!(1))).await.member("token");
    assert_eq!(server.account_status(&short).await, 200);
    server.advance(1);
    assert_eq!(server.account_status(&short).await, 401);
    for wrong in [json!(0), json!(-1), json!(5_184_001), json!(1.5), json!("3600"), json!([60]), json!(true)] {
        let message = log_in(&server, asked(wrong.clone())).await.refusal(400);
        assert!(message.contains("validFor"), "{wrong}: {message}");
    }
    assert_eq!(log_in(&server, asked(Value::Null)).await.success()["validFor"], 86_400, "null counts as absent");
}

#[actix_web::test]
async fn the_three_failures_of_a_login_say_what_the_clients_match() {
    let server = harness::spawn().await;
    let alice = server.person("alice").await;
    without_password(&server, "google").await;
    let wrong = "Invalid username or password.";
    for (username, password, message) in [
        ("alice", "not the password", wrong),
        ("nobody", PASSWORD, wrong),
        ("alice", "", wrong),
        ("google", PASSWORD, "No password configured."),
        ("google@people.example", "anything else", "No password configured."),
    ] {
        let answer = log_in(&server, json!({ "username": username, "password": password })).await;
        assert_eq!(answer.refusal(400), message, "{username}");
        assert_eq!(answer.header("www-authenticate"), None);
    }
    server.disable(&alice, true).await;
    let answer = log_in(&server, json!({ "username": "alice", "password": PASSWORD })).await;
    assert_eq!(answer.refusal(400), wrong, "a disabled account looks like a wrong password");
    for (body, named) in [(json!({ "password": PASSWORD }), "username"), (json!({ "username": "alice" }), "password")] {
        assert!(log_in(&server, body).await.refusal(400).contains(named), "{named}");
    }
}

#[actix_web::test]
async fn guessing_is_slowed_down_for_one_name_and_the_wait_is_told() {
    let server = harness::spawn().await;
    server.person("alice").await;
    server.person("bob").await;
    let guess = json!({ "username": "Alice", "password": "not the password" });
    for _ in 0..10 {
        log_in(&server, guess.clone()).await.refusal(400);
    }
    let right = json!({ "username": "alice", "password": PASSWORD });
    let answer = log_in(&server, right.clone()).await;
    answer.refusal(429);
    let wait: u32 = answer
        .header("retry-after")
        .and_then(|text| text.parse().ok())
        .expect("because the platform's client reads it");
    assert_eq!(log_in(&server, json!({ "username": "bob", "password": PASSWORD })).await.status, 200);
    server.advance(wait);
    assert_eq!(log_in(&server, right).await.status, 200);
}

#[actix_web::test]
async fn get_info_sends_the_token_twice_and_gets_the_account() {
    let server = harness::spawn().await;
    let alice = server.person("alice").await;
    let program = server.log_in("alice").await;
    let account = program.get(&format!("/v3/account?token={}", program.token())).await.success();
    assert_eq!(
        account,
        json!({
            "id": alice.id.uuid(),
            "username": "alice",
            "email": "alice@people.example",
            "unvalidatedEmail": null,
            "hasPassword": true,
            "disabled": false,
            "registrationDate": "2026-11-21T12:00:00.000Z",
            "profile": { "about": null, "homepage": null, "picture": null, "allowContact": true },
            "deleteDate": null,
        })
    );
}

#[actix_web::test]
async fn equal_tokens_in_header_and_query_pass_and_unequal_ones_do_not() {
    let server = harness::spawn().await;
    server.person("alice").await;
    let (first, second) = (server.log_in("alice").await, server.log_in("alice").await);
    let (mine, other) = (first.token().to_owned(), second.token());
    let ask = async |header: Option<String>, query: String| {
        let headers: Vec<(&str, &str)> = header.iter().map(|header| ("authorization", header.as_str())).collect();
        server.http.send(Method::GET, &format!("/v3/account{query}"), &headers, "").await.status
    };
    for (header, query, status) in [
        (Some(format!("Bearer {mine}")), format!("?token={mine}"), 200),
        (Some(format!("Bearer {mine}")), format!("?token=Bearer+{mine}"), 200),
        (Some(format!("Bearer {mine}")), format!("?mapId=7&token=bearer%20{mine}"), 200),
        (Some(format!("bearer {mine}")), String::new(), 200),
        (None, format!("?token={mine}"), 200),
        (None, format!("?token=Bearer+{mine}"), 200),
        (Some(format!("Bearer {mine}")), "?token=".to_owned(), 200),
        (Some(format!("Bearer {mine}")), format!("?token={other}"), 400),
        (Some("Bearer x".to_owned()), format!("?token={mine}"), 400),
        (Some("Basic eDp5".to_owned()), format!("?token={mine}"), 200),
        (None, "?token=Bearer".to_owned(), 401),
    ] {
        assert_eq!(ask(header.clone(), query.clone()).await, status, "{header:?} {query}");
    }
}

#[actix_web::test]
async fn a_token_in_the_query_counts_for_reading_only() {
    let server = harness::spawn().await;
    server.person("alice").await;
    let program = server.log_in("alice").await;
    let query = format!("?token={}", program.token());
    let body = json!({ "description": "d", "accessList": [{ "pathId": "map", "accessTier": "view" }] });
    for (method, path) in [
        (Method::POST, "/v3/account/security/accessToken"),
        (Method::PATCH, "/v3/account/profile"),
        (Method::PUT, "/v3/account/username"),
        (Method::DELETE, "/v3/account"),
    ] {
        let answer = server.nobody().send(method.clone(), &format!("{path}{query}"), &[], &body).await;
        answer.refusal(401);
        let challenge = answer.header("www-authenticate").unwrap_or_default();
        let challenge = challenge.replacen("scope=\"projects\", ", "", 1);
        assert!(challenge.starts_with("Bearer resource_metadata="), "no code without a token: {method} {path}");
    }
    let answer = program.post(&format!("/v3/account/security/accessToken{query}"), &body).await;
    assert_eq!(answer.status, 200, "the header counts: {}", answer.text());
    let head = server.http.send(Method::HEAD, &format!("/v3/account{query}"), &[], "").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
}

#[actix_web::test]
async fn the_drive_is_elsewhere_and_its_lists_are_empty_and_whole() {
    let server = harness::spawn().await;
    server.person("alice").await;
    let program = server.log_in("alice").await;
    for root in ["myDrive", "sharedWithMe", "favorites", "trash"] {
        let list = program.get(&format!("/v3/account/root/{root}?{ROOT}&token={}", program.token())).await.success();
        assert_eq!(list["result"], json!([]), "{root}");
        assert_eq!(list.get("nextPageStart"), Some(&Value::Null), "the client fails without the key");
    }
    program.get("/v3/account/root/yours").await.refusal(404);
    server.nobody().get("/v3/account/root/myDrive").await.refusal(401);
}

#[actix_web::test]
async fn anybody_finds_a_person_by_the_exact_name_and_learns_no_address() {
    let server = harness::spawn().await;
    let bob = server.person("bob").await;
    server.person("bobby").await;
    let nobody = server.nobody();
    let shown = json!({ "id": bob.id.uuid(), "username": "bob" });
    for name in ["bob", "BOB"] {
        let found = nobody.get(&format!("/v3/user?username={name}&fuzzySearch=true")).await.success();
        assert_eq!(found, json!({ "result": [shown], "nextPageStart": null }), "a fuzzy search is an exact one");
    }
    for name in ["bo", "bob%25", "_ob", "bob%40people.example"] {
        let found = nobody.get(&format!("/v3/user?username={name}&fuzzySearch=true")).await.success();
        assert_eq!(found["result"], json!([]), "{name}");
    }
    assert_eq!(nobody.get(&format!("/v3/user/{}", bob.id.uuid())).await.success(), shown);
    for unknown in ["46e1e919-8b73-42a3-a575-25c6d45fd93b", "bob", "%ff", "7"] {
        nobody.get(&format!("/v3/user/{unknown}")).await.refusal(404);
    }
    nobody.get("/v3/user").await.refusal(400);
    server.disable(&bob, true).await;
    nobody.get(&format!("/v3/user/{}", bob.id.uuid())).await.refusal(404);
    assert_eq!(nobody.get("/v3/user?username=bob").await.success()["result"], json!([]));
}

#[actix_web::test]
async fn a_signed_in_program_searches_by_the_beginning_of_a_name() {
    let server = harness::spawn().await;
    for name in ["bob", "bobby", "bo_b", "alice"] {
        server.person(name).await;
    }
    let program = server.log_in("alice").await;
    let names = async |query: &str| -> Vec<String> {
        let found = program.get(&format!("/v3/user?{query}")).await.success();
        let found = found["result"].as_array().expect("because it is a list").clone();
        assert!(found.iter().all(|person| person.as_object().is_some_and(|members| members.len() == 2)), "{found:?}");
        found.iter().filter_map(|person| person["username"].as_str().map(str::to_owned)).collect()
    };
    assert_eq!(names("username=bob").await, ["bob", "bobby"]);
    assert_eq!(names("username=bob&fuzzySearch=false").await, ["bob"]);
    assert_eq!(names("username=bo_").await, ["bo_b"], "a sign of the pattern is a letter");
    assert_eq!(names("username=%25").await, [""; 0]);
}

#[actix_web::test]
async fn names_cannot_be_tried_by_the_thousand() {
    let server = harness::spawn().await;
    let nobody = server.nobody();
    for _ in 0..100 {
        nobody.get("/v3/user?username=bob").await.success();
    }
    let answer = nobody.get("/v3/user?username=bob").await;
    answer.refusal(429);
    assert!(answer.header("retry-after").is_some());
    server.advance(900);
    nobody.get("/v3/user?username=bob").await.success();
    let unknown = Id::<User>::from_number(7).uuid();
    nobody.get(&format!("/v3/user/{unknown}")).await.refusal(404);
}

#[actix_web::test]
async fn validate_knows_every_kind_and_never_answers_401() {
    let server = harness::spawn().await;
    let (_, held) = server.one_of_each("alice").await;
    let refresh = "gpr_noise";
    let valid = async |token: &str| -> [bool; 3] {
        let program = server.program(token);
        let by_header = [program.get("/v3/validate").await, program.post("/v3/validate", &json!({})).await];
        let by_query = server.nobody().get(&format!("/v3/validate?token={token}")).await;
        let [get, post] = by_header.map(|answer| answer.success()["valid"] == json!(true));
        [get, post, by_query.success()["valid"] == json!(true)]
    };
    for (kind, token) in held.each() {
        assert_eq!(valid(token).await, [true; 3], "{kind}");
        assert_eq!(valid(&token[..token.len() - 1]).await, [false; 3], "{kind}, truncated");
    }
    for noise in ["x", refresh, "%C3%A9"] {
        assert_eq!(valid(noise).await, [false; 3], "{noise}");
    }
    assert_eq!(server.nobody().get("/v3/validate").await.success(), json!({ "valid": false }));
    let alice = server.person_named("alice").await;
    server.disable(&alice, true).await;
    for (kind, token) in held.each() {
        assert_eq!(valid(token).await, [false; 3], "{kind} of a disabled person");
    }
}
