//! Requests that cross others: what was read before a write is judged again inside it, and what changes
//! nothing never waits for the writer.

use std::future::Future;
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Duration;

use actix_web::http::Method;
use futures_util::future::{join, join_all};
use gatepost::domain::id::Id;
use gatepost::domain::token::{LoginCode, Token};
use gatepost::domain::user::User;
use gatepost::store::users;
use serde_json::{Value, json};

use crate::harness::application::allow;
use crate::harness::devices::on_a_device;
use crate::harness::http::parameter;
use crate::harness::pages::log_in_path;
use crate::harness::token_holders::{ACCESS_TOKENS, STUDIO_SESSION, mint_path};
use crate::harness::{self, PASSWORD, Server, confidential, execute};

const STREAMING: (&str, &str) = ("read_only", "dataset_streaming");
const REMOTE: &str = "/v3/account/security/remoteSession";

/// Sends a request that reaches its write while another one holds the person, changes something, and
/// commits first.
async fn crossed<T>(server: &Server, person: &User, change: String, request: impl Future<Output = T>) -> T {
    let ((started, begun), (go, wait)) = (mpsc::channel(), mpsc::channel::<()>());
    let (wait, id) = (Mutex::new(wait), person.id);
    let held = server.app.store.write(move |tx| {
        users::lock(tx, id)?;
        started.send(()).expect("because the test waits for it");
        let told = wait.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(Duration::from_secs(20));
        assert!(told.is_err(), "the other end only lets go");
        execute(tx, &change)
    });
    let (changed, answer) = join(held, async {
        while begun.try_recv().is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let mut request = std::pin::pin!(request);
        let early = tokio::time::timeout(Duration::from_millis(300), &mut request).await;
        drop(go);
        match early {
            Ok(answer) => answer,
            Err(_waits) => request.await,
        }
    })
    .await;
    assert!(changed.is_ok(), "{changed:?}");
    answer
}

/// Runs requests while the writer is held; none of them may need it.
async fn while_the_writer_is_busy<T>(server: &Server, requests: impl Future<Output = T>) -> T {
    let ((started, begun), (go, wait)) = (mpsc::channel(), mpsc::channel::<()>());
    let wait = Mutex::new(wait);
    let held = server.app.store.write(move |_| {
        started.send(()).expect("because the test waits for it");
        let told = wait.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(Duration::from_secs(40));
        assert!(told.is_err(), "the other end only lets go");
        Ok(())
    });
    let (_, answers) = join(held, async {
        while begun.try_recv().is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let answers = tokio::time::timeout(Duration::from_secs(20), requests).await;
        drop(go);
        answers.expect("because none of these requests needs the writer")
    })
    .await;
    answers
}

fn end_of(token: &str) -> String {
    let digits = gatepost::domain::token_record::BearerToken::parse(token).expect("because it is one of ours");
    let id = digits.id().number();
    format!("UPDATE grants SET revoked_at = 1 WHERE id = (SELECT grant_id FROM tokens WHERE id = {id})")
}

#[actix_web::test]
async fn a_token_that_ends_meanwhile_makes_and_changes_nothing() {
    let server = harness::spawn().await;
    let person = server.person("alice").await;
    let draft = json!({ "description": "d", "accessList": [{ "pathId": "map", "accessTier": "view" }] });
    let (name, about) = (json!({ "username": "other" }), json!({ "about": "x" }));
    for (method, path, body) in [
        (Method::POST, ACCESS_TOKENS, &draft),
        (Method::PUT, "/v3/account/username", &name),
        (Method::PATCH, "/v3/account/profile", &about),
        (Method::DELETE, "/v3/account", &Value::Null),
    ] {
        let program = server.log_in("alice").await;
        let request = program.send(method.clone(), path, &[], body);
        let answer = crossed(&server, &person, end_of(program.token()), request).await;
        assert_eq!(answer.status, 401, "{method} {path}: {}", answer.text());
    }
    let account = server.log_in("alice").await.get("/v3/account").await.success();
    assert_eq!((&account["username"], &account["profile"]["about"]), (&json!("alice"), &Value::Null));
    assert_eq!(server.count("tokens WHERE kind = 'personal'").await, 0);
}

#[actix_web::test]
async fn a_generator_that_is_replaced_meanwhile_mints_nothing() {
    let server = harness::spawn().await;
    let person = server.person("alice").await;
    let mut browser = server.browser();
    browser.sign_in("alice").await;
    let generator = browser.generator().await;
    let program = server.program(&generator);
    let path = mint_path("embed", "-1", STREAMING);
    let answer = crossed(&server, &person, end_of(&generator), program.post(&path, &Value::Null)).await;
    answer.refusal(401);
    assert_eq!(server.count("tokens WHERE kind = 'studio'").await, 0);
}

#[actix_web::test]
async fn a_role_that_is_lowered_meanwhile_counts() {
    let server = harness::spawn().await;
    let person = server.person("alice").await;
    let program = server.log_in("alice").await;
    let draft = json!({ "description": "d", "accessList": [{ "pathId": "map", "accessTier": "edit" }] });
    let lowered = format!("UPDATE users SET role = 'consumer' WHERE id = {}", person.id.number());
    crossed(&server, &person, lowered, program.post(ACCESS_TOKENS, &draft)).await.refusal(403);
}

#[actix_web::test]
async fn a_session_that_ends_meanwhile_makes_no_token() {
    let server = harness::spawn().await;
    let person = server.person("alice").await;
    let mut browser = server.browser();
    browser.sign_in("alice").await;
    let ended = "UPDATE sessions SET ended_at = 1".to_owned();
    let body = json!({ "name": "n", "fileset": "f", "validTime": 1 });
    let path = format!("{STUDIO_SESSION}/filesettoken");
    crossed(&server, &person, ended.clone(), browser.script(Method::POST, &path, &body)).await.refusal(401);
    browser.sign_in("alice").await;
    let form = browser.open("/account/tokens/new").await.form_with("Make the token");
    let form = form.fill("name", "d").fill("resource", "42");
    let page = crossed(&server, &person, ended, browser.submit(form)).await;
    assert!(page.status != 200 || !page.html.contains("gpp_"), "{}", page.text());
    assert_eq!(server.count("tokens WHERE kind IN ('personal', 'fileset')").await, 0);
}

/// The page judges the password before its transaction, which must look again.
#[actix_web::test]
async fn a_password_that_changes_meanwhile_approves_no_remote_session_and_confirms_nothing() {
    let server = harness::spawn().await;
    let person = server.person("alice").await;
    let mut browser = server.browser();
    browser.sign_in("alice").await;
    let id = server.nobody().post(REMOTE, &json!({})).await.member("id");
    let form = browser.open(&format!("/login?session={id}")).await.decision("allow").fill("password", PASSWORD);
    let changed = format!("UPDATE users SET password_digest = 'x' WHERE id = {}", person.id.number());
    let page = crossed(&server, &person, changed, browser.submit(form)).await;
    assert_eq!(page.status, 400, "{}", page.text());
    server.nobody().post(&format!("{REMOTE}/{id}/exercise"), &json!({})).await.refusal(428);
}

#[actix_web::test]
async fn what_changes_nothing_is_answered_while_the_writer_is_busy() {
    let server = harness::spawn_with(&[("trusted_proxies", "127.0.0.1")]).await;
    let (mut browser, held) = server.one_of_each("alice").await;
    let waiting = server.nobody().post(REMOTE, &json!({})).await.member("id");
    let whole = server.program(&held.whole);
    let code = Token::<LoginCode>::from_entropy(Id::from_number(7), &[7; 32]);
    let swap = json!({ "login_code": code.expose(), "code_verifier": "x".repeat(43) }).to_string();
    for _ in 0..20 {
        let from = [("x-forwarded-for", "203.0.113.1")];
        server.nobody().send(Method::POST, REMOTE, &from, &json!({})).await.success();
    }
    let requests = async {
        let nobody = server.nobody();
        let noise = json!({ "credentials": ["noise", held.fileset.replace("gpf_", "gps_"), &held.whole[..60]] });
        assert_eq!(nobody.post("/credentials/revoke", &noise).await.status, 202);
        nobody.post(&format!("{REMOTE}/{waiting}/exercise"), &json!({})).await.refusal(428);
        nobody.post(&format!("{REMOTE}/{}/exercise", Id::<User>::from_number(7).uuid()), &json!({})).await.refusal(410);
        let from = [("x-forwarded-for", "203.0.113.2")];
        nobody.send(Method::POST, REMOTE, &from, &json!({})).await.refusal(429);
        let headers = [("content-type", "application/json"), ("origin", "https://app.example")];
        server.http.send(Method::POST, "/login/code", &headers, swap).await.refusal(400);
        whole.delete(&format!("{ACCESS_TOKENS}/{}", Id::<User>::from_number(7).uuid())).await.refusal(404);
        let unknown = format!("{STUDIO_SESSION}/token/{}", Id::<User>::from_number(7).uuid());
        browser.script(Method::DELETE, &unknown, &Value::Null).await.refusal(404);
        assert_eq!(browser.generator().await, held.generator);
        assert_eq!(browser.open("/account/tokens").await.status, 200);
    };
    while_the_writer_is_busy(&server, requests).await;
}

#[actix_web::test]
async fn two_who_look_first_find_one_generator() {
    let server = harness::spawn().await;
    server.person("alice").await;
    let mut browsers = Vec::new();
    for _ in 0..8 {
        let mut browser = server.browser();
        browser.sign_in("alice").await;
        browsers.push(browser);
    }
    let found = join_all(browsers.iter_mut().map(|browser| browser.generator())).await;
    assert!(found.iter().all(|generator| *generator == found[0]), "{}", found.len());
    let path = format!("{STUDIO_SESSION}/generatortoken/regenerate");
    join_all(browsers.iter_mut().map(|browser| browser.script(Method::POST, &path, &Value::Null))).await;
    let living =
        "tokens JOIN grants ON grants.id = grant_id WHERE tokens.kind = 'generator' AND grants.revoked_at IS NULL";
    assert_eq!(server.count(living).await, 1);
}

#[actix_web::test]
async fn one_idempotency_key_sent_many_times_at_once_makes_one_token() {
    let server = harness::spawn().await;
    server.person("alice").await;
    let program = server.log_in("alice").await;
    let body = json!({ "description": "d", "accessList": [{ "pathId": "map", "accessTier": "view" }] });
    let headers = [("idempotency-key", "k")];
    let made = join_all((0..10).map(|_| program.send(Method::POST, ACCESS_TOKENS, &headers, &body))).await;
    let first = made[0].success();
    assert!(made.iter().all(|answer| answer.success() == first));
    assert_eq!(server.count("tokens WHERE kind = 'personal'").await, 1);
}

#[actix_web::test]
async fn a_session_that_ends_meanwhile_allows_nothing() {
    let server = harness::spawn().await;
    let person = server.person("alice").await;
    let (app, wall) = (server.application(confidential()).await, server.application(on_a_device()).await);
    let device = wall.device().await;
    let page_of = "UPDATE sessions SET ended_at = 1";
    let disabled = format!("UPDATE users SET disabled_at = 1 WHERE id = {}", person.id.number());
    for (change, undo) in
        [(page_of.to_owned(), "UPDATE sessions SET ended_at = NULL"), (disabled, "UPDATE users SET disabled_at = NULL")]
    {
        let mut browser = server.browser();
        browser.sign_in("alice").await;
        let request = app.request();
        let page = browser.open(&request.path()).await;
        let answer = crossed(&server, &person, change.clone(), allow(&mut browser, &page)).await;
        assert_eq!(parameter(answer.away(), "error").as_deref(), Some("login_required"), "{change}");
        server.write(move |tx| execute(tx, undo)).await;
        let page = browser.type_code(&device.user_code).await;
        let answer = crossed(&server, &person, change.clone(), browser.submit(page.decision("allow"))).await;
        assert_eq!(answer.heading(), "Log in", "{change}");
        server.write(move |tx| execute(tx, undo)).await;
        let page = browser.open(&log_in_path("http://127.0.0.1:9000/in")).await;
        assert!(page.asks_to_continue(), "{}", page.text());
        let answer = crossed(&server, &person, change.clone(), browser.press_continue(&page)).await;
        assert_eq!(answer.heading(), "Log in", "{change}");
        server.write(move |tx| execute(tx, undo)).await;
    }
    assert_eq!(server.count("grants").await, 0);
}
