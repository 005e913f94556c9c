//! What a person's program changes about the account (`docs/compatibility/ellipsis.md#the-account`): the profile, the
//! name, the password, the account itself; and how a program makes a new one.

use actix_web::http::Method;
use serde_json::{Value, json};

use crate::harness::http::Answer;
use crate::harness::token_holders::{ACCESS_TOKENS, Program};
use crate::harness::{self, PASSWORD, Server, confidential};

const UPDATE: &str = "/v3/account/security/password/update";
const NEW: &str = "another horse battery";

async fn alice(server: &Server) -> Program {
    server.person("alice").await;
    server.log_in("alice").await
}

async fn patch(program: &Program, body: &Value) -> Answer {
    program.send(Method::PATCH, "/v3/account/profile", &[], body).await
}

async fn rename(program: &Program, name: &str) -> Answer {
    program.send(Method::PUT, "/v3/account/username", &[], &json!({ "username": name })).await
}

#[actix_web::test]
async fn the_profile_keeps_what_is_absent_and_forgets_what_is_null() {
    let server = harness::spawn().await;
    let program = alice(&server).await;
    let profile = async || program.get("/v3/account").await.success()["profile"].clone();
    assert_eq!(profile().await["allowContact"], json!(true), "as the platform has it");
    let mut whole = json!({ "about": "I map 日本", "homepage": "https://alice.example/é", "allowContact": false });
    whole["picture"] = json!("QUJD");
    patch(&program, &whole).await.success();
    assert_eq!(profile().await, whole);
    patch(&program, &json!({ "about": null })).await.success();
    patch(&program, &Value::Null).await.success();
    let mut kept = whole;
    kept["about"] = Value::Null;
    assert_eq!(profile().await, kept);
    patch(&program, &json!({ "unknown": { "a": [1] } })).await.success();
    assert_eq!(profile().await, kept);
    patch(&program, &json!({ "picture": "REVG" })).await.success();
    assert_eq!(profile().await["picture"], json!("REVG"));
    patch(&program, &json!({ "picture": null })).await.success();
    assert_eq!(profile().await["picture"], Value::Null);
}

#[actix_web::test]
async fn the_profile_is_judged_at_its_edges() {
    let server = harness::spawn().await;
    let program = alice(&server).await;
    let homepage = |length: usize| format!("https://a.example/{}", "é".repeat(length - 18));
    for right in [
        json!({ "about": "語".repeat(1_500) }),
        json!({ "homepage": homepage(255) }),
        json!({ "picture": "QUJD".repeat(100_000) }),
        json!({ "allowContact": false }),
    ] {
        patch(&program, &right).await.success();
    }
    for wrong in [
        json!({ "about": "語".repeat(1_501) }),
        json!({ "about": 7 }),
        json!({ "homepage": homepage(256) }),
        json!({ "homepage": "javascript:alert(1)" }),
        json!({ "picture": "<svg onload=alert(1)>" }),
        json!({ "allowContact": "true" }),
    ] {
        let message = patch(&program, &wrong).await.refusal(400);
        let field = wrong.as_object().and_then(|members| members.keys().next()).expect("because it has one");
        assert!(message.contains(field.as_str()), "{field}: {message}");
    }
    patch(&program, &json!({ "picture": "A".repeat(524_288) })).await.refusal(413);
}

#[actix_web::test]
async fn a_name_changes_unless_it_is_taken_or_no_name() {
    let server = harness::spawn().await;
    let program = alice(&server).await;
    server.person("bob").await;
    for taken in ["bob", "BOB", " bob ", "ｂｏｂ"] {
        rename(&program, taken).await.refusal(400);
    }
    for invalid in ["", "  ", "a b", "a@b", "\u{430}lice", "a\u{202e}b", &"語".repeat(65)] {
        rename(&program, invalid).await.refusal(400);
    }
    program.send(Method::PUT, "/v3/account/username", &[], &json!({})).await.refusal(400);
    assert_eq!(program.get("/v3/account").await.success()["username"], "alice");
    for (name, shown) in [("Alice", "Alice"), ("René", "René"), (&"語".repeat(64), "語".repeat(64).as_str())] {
        rename(&program, name).await.success();
        assert_eq!(program.get("/v3/account").await.success()["username"], shown);
    }
    rename(&program, "carol").await.success();
    server.log_in("carol").await;
    let old = json!({ "username": "alice", "password": PASSWORD });
    server.nobody().post("/v3/account/login", &old).await.refusal(400);
}

#[actix_web::test]
async fn a_deleted_account_is_gone_at_once_with_every_token_and_its_address_is_free() {
    let server = harness::spawn().await;
    let (mut browser, held) = server.one_of_each("alice").await;
    let fresh = server.log_in("alice").await;
    patch(&fresh, &json!({ "picture": "QUJD" })).await.success();
    fresh.delete("/v3/account").await.success();
    for (kind, token) in held.each().into_iter().chain([("fresh", fresh.token())]) {
        let valid = server.program(token).get("/v3/validate").await.success();
        assert_eq!(valid["valid"], json!(false), "{kind}");
        assert_eq!(server.account_status(token).await, 401, "{kind}");
    }
    assert_eq!(server.count("user_pictures").await, 1, "it goes when the account is erased");
    assert_eq!(browser.open("/account").await.heading(), "Log in", "the session is over");
    let login = json!({ "username": "alice", "password": PASSWORD });
    let message = server.nobody().post("/v3/account/login", &login).await.refusal(400);
    assert_eq!(message, "Invalid username or password.");
    assert_eq!(server.nobody().get("/v3/user?username=alice").await.success()["result"], json!([]));
    let again = json!({ "username": "alice", "password": PASSWORD, "email": "alice@people.example" });
    let message = server.nobody().post("/v3/account", &again).await.refusal(400);
    assert_eq!(message, "This user name is taken.", "it is held for whoever left");
    let other = json!({ "username": "alice2", "password": PASSWORD, "email": "alice@people.example" });
    server.nobody().post("/v3/account", &other).await.success();
    server.log_in("alice2").await;
}

#[actix_web::test]
async fn deleting_needs_a_log_in_of_the_last_fifteen_minutes() {
    let server = harness::spawn().await;
    let program = alice(&server).await;
    server.advance(901);
    assert!(program.delete("/v3/account").await.refusal(403).contains("15 minutes"));
    assert_eq!(server.account_status(program.token()).await, 200);
    let fresh = server.log_in("alice").await;
    server.advance(900);
    fresh.delete("/v3/account").await.success();
}

/// `docs/decisions/0007-login-redirect.md`, rule 5: in every case. A token may be younger than the sign-in.
#[actix_web::test]
async fn a_token_is_no_younger_than_the_sign_in_behind_it() {
    let server = harness::spawn().await;
    let mut browser = server.signed_in("alice").await;
    server.advance(890);
    let page = browser.open("/login?application=true").await;
    let location = browser.submit(page.decision("allow")).await.away().to_owned();
    let token = harness::http::parameter(&location, "token").expect("because she agreed");
    let program = server.program(&token);
    program.get(ACCESS_TOKENS).await.success();
    server.advance(20);
    program.delete("/v3/account").await.refusal(403);
    assert_eq!(server.account_status(&token).await, 200);
}

#[actix_web::test]
async fn a_new_password_ends_what_programs_hold_and_leaves_what_she_made_herself() {
    let server = harness::spawn().await;
    let (mut browser, held) = server.one_of_each("alice").await;
    let refreshing = server.application(confidential()).await;
    let tokens = refreshing.tokens(&mut browser).await;
    let program = server.log_in("alice").await;
    program.post(UPDATE, &json!({ "oldPassword": PASSWORD, "newPassword": NEW })).await.success();
    assert_eq!(server.account_status(program.token()).await, 200, "the token that asked goes on");
    for (kind, token) in held.each() {
        let stays = ["personal", "studio", "generator", "fileset"].contains(&kind);
        let valid = server.program(token).get("/v3/validate").await.success();
        assert_eq!(valid["valid"], json!(stays), "{kind}");
    }
    assert_eq!(refreshing.refresh(tokens.refresh()).await.unwrap_err(), (400, "invalid_grant".to_owned()));
    assert_eq!(browser.open("/account").await.heading(), "Log in", "other sessions are over");
    let login = |password: &str| json!({ "username": "alice", "password": password });
    server.nobody().post("/v3/account/login", &login(PASSWORD)).await.refusal(400);
    server.nobody().post("/v3/account/login", &login(NEW)).await.success();
}

#[actix_web::test]
async fn a_password_is_changed_with_the_old_one_and_for_a_good_one_only() {
    let server = harness::spawn().await;
    let program = alice(&server).await;
    let update =
        async |old: &str, new: &str| program.post(UPDATE, &json!({ "oldPassword": old, "newPassword": new })).await;
    update("not the password", NEW).await.refusal(403);
    for weak in ["", "short", "password", "alice", &"p".repeat(1_025)] {
        update(PASSWORD, weak).await.refusal(400);
    }
    for body in [json!({ "newPassword": NEW }), json!({ "oldPassword": PASSWORD }), json!({})] {
        program.post(UPDATE, &body).await.refusal(400);
    }
    assert_eq!(server.account_status(program.token()).await, 200, "nothing was changed");
    update(PASSWORD, &"語".repeat(8)).await.success();
}

#[actix_web::test]
async fn guessing_the_old_password_is_slowed_down_too() {
    let server = harness::spawn().await;
    let program = alice(&server).await;
    let guess = json!({ "oldPassword": "not the password", "newPassword": NEW });
    for _ in 0..10 {
        program.post(UPDATE, &guess).await.refusal(403);
    }
    let right = json!({ "oldPassword": PASSWORD, "newPassword": NEW });
    let answer = program.post(UPDATE, &right).await;
    answer.refusal(429);
    assert!(answer.header("retry-after").is_some());
}

async fn sign_up(server: &Server, username: &str, email: &str) -> Answer {
    let body = json!({ "username": username, "password": PASSWORD, "email": email });
    server.nobody().post("/v3/account", &body).await
}

#[actix_web::test]
async fn a_program_makes_an_account_and_its_address_is_not_proven() {
    let server = harness::spawn().await;
    server.person("first").await;
    let id = sign_up(&server, "carol", "carol@people.example").await.member("id");
    let account = server.log_in("carol").await.get("/v3/account").await.success();
    assert_eq!(account["id"], json!(id));
    assert_eq!((&account["email"], &account["unvalidatedEmail"]), (&Value::Null, &json!("carol@people.example")));
    for (username, email, named) in [
        ("carol", "x@people.example", "taken"),
        ("CAROL", "x@people.example", "taken"),
        ("dave", "no address", "e-mail"),
        ("d@ve", "x@people.example", "user name"),
    ] {
        let message = sign_up(&server, username, email).await.refusal(400);
        assert!(message.to_lowercase().contains(named), "{message}");
    }
    for missing in ["username", "email", "password"] {
        let mut body = json!({ "username": "dave", "password": PASSWORD, "email": "dave@people.example" });
        body[missing] = Value::Null;
        let message = server.nobody().post("/v3/account", &body).await.refusal(400);
        assert!(message.contains(missing), "{message}");
    }
    let weak = json!({ "username": "dave", "password": "password", "email": "dave@people.example" });
    server.nobody().post("/v3/account", &weak).await.refusal(400);
}

#[actix_web::test]
async fn an_address_that_somebody_has_is_not_told_and_not_taken() {
    let server = harness::spawn().await;
    server.person("first").await;
    sign_up(&server, "carol", "first@people.example").await.success();
    let mine = json!({ "username": "first@people.example", "password": PASSWORD });
    let token = server.nobody().post("/v3/account/login", &mine).await.member("token");
    let account = server.program(&token).get("/v3/account").await.success();
    assert_eq!(account["username"], "first", "the address still means who proved it");
}

#[actix_web::test]
async fn who_may_sign_up_is_the_operators_choice() {
    for (policy, status) in [("closed", 403), ("invite", 403), ("open", 200), ("people.example, x.example", 200)] {
        let server = harness::spawn_with(&[("registration", policy)]).await;
        server.person("first").await;
        let answer = sign_up(&server, "carol", "carol@People.example").await;
        assert_eq!(answer.status, status, "{policy}: {}", answer.text());
        if status == 403 {
            answer.refusal(403);
        }
        let elsewhere = sign_up(&server, "dave", "dave@people.example.evil.example").await;
        assert_eq!(elsewhere.status == 200, policy == "open", "{policy}: {}", elsewhere.text());
    }
    let empty = harness::spawn().await;
    sign_up(&empty, "carol", "carol@people.example").await.refusal(403);
}

/// Each account costs a hash, and a name that nobody else can have.
#[actix_web::test]
async fn an_address_makes_thirty_accounts_in_a_quarter_of_an_hour() {
    let server = harness::spawn_with(&[("trusted_proxies", "127.0.0.1")]).await;
    server.person("first").await;
    let from = async |address: &str, name: &str| {
        let body = json!({ "username": name, "password": PASSWORD, "email": "x@people.example" });
        server.nobody().send(Method::POST, "/v3/account", &[("x-forwarded-for", address)], &body).await
    };
    for number in 0..30 {
        from("192.0.2.1", &format!("n-{number}")).await.success();
    }
    let answer = from("192.0.2.200", "one-more").await;
    answer.refusal(429);
    assert!(answer.header("retry-after").is_some());
    let mut browser = server.browser();
    browser.headers.push(("x-forwarded-for".to_owned(), "192.0.2.2".to_owned()));
    let form = browser.open("/register").await.form_with("Create account");
    let form = form.fill("username", "carol").fill("email", "carol@people.example").fill("password", PASSWORD);
    assert_eq!(browser.submit(form).await.status, 429, "the page counts with the program");
    from("198.51.100.1", "elsewhere").await.success();
    server.advance(900);
    from("192.0.2.1", "later").await.success();
}
