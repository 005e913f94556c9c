//! Remote sessions: a program without a browser waits, its person approves it in theirs with the password,
//! and the program gets its token once (`docs/decisions/0039-remote-sessions.md`).

use actix_web::http::Method;
use serde_json::{Value, json};

use crate::harness::browser::Browser;
use crate::harness::html::Page;
use crate::harness::http::Answer;
use crate::harness::token_holders::ACCESS_TOKENS;
use crate::harness::{self, PASSWORD, Server};

const START: &str = "/v3/account/security/remoteSession";
const HEADING: &str = "Log a program in?";

async fn start_from(server: &Server, address: &str) -> Answer {
    let headers = [("x-forwarded-for", address), ("user-agent", "Mozilla/5.0 QGIS/34408/Windows 11")];
    server.nobody().send(Method::POST, START, &headers, &json!({})).await
}

async fn exercise_from(server: &Server, address: &str, id: &str) -> Answer {
    let headers = [("x-forwarded-for", address)];
    server.nobody().send(Method::POST, &format!("{START}/{id}/exercise"), &headers, &json!({})).await
}

async fn start(server: &Server) -> String {
    server.nobody().post(START, &json!({})).await.member("id")
}

async fn exercise(server: &Server, id: &str) -> Answer {
    server.nobody().post(&format!("{START}/{id}/exercise"), &json!({})).await
}

async fn open(browser: &mut Browser, id: &str) -> Page {
    browser.open(&format!("/login?session={id}")).await
}

async fn approve(browser: &mut Browser, id: &str) -> Page {
    let page = open(browser, id).await;
    assert_eq!(page.heading(), HEADING, "{}", page.text());
    browser.submit(page.decision("allow").fill("password", PASSWORD)).await
}

#[actix_web::test]
async fn a_program_waits_is_approved_and_gets_a_whole_token_once() {
    let server = harness::spawn().await;
    let id = start(&server).await;
    assert!(id.len() == 36 && id.as_bytes()[14] == b'4', "a random UUID: {id}");
    for _ in 0..3 {
        let answer = exercise(&server, &id).await;
        assert_eq!(answer.refusal(428), "Not yet authorized.");
        assert_eq!(answer.header("access-control-allow-credentials"), None);
    }
    let mut alice = server.signed_in("alice").await;
    let page = approve(&mut alice, &id).await;
    assert_eq!((page.status, page.heading().as_str()), (200, "The program is logged in"));
    let body = exercise(&server, &id.to_uppercase()).await;
    let token = body.member("token");
    let program = server.program(&token);
    let account = program.get("/v3/account").await.success();
    assert_eq!((&account["username"], &account["email"]), (&json!("alice"), &json!("alice@people.example")));
    program.get(ACCESS_TOKENS).await.success();
    exercise(&server, &id).await.refusal(410);
    assert_eq!(open(&mut alice, &id).await.status, 404, "the link works once");
    server.advance(86_400);
    assert_eq!(server.account_status(&token).await, 401, "a day, as with a password");
}

#[actix_web::test]
async fn who_is_signed_out_logs_in_first_and_then_still_proves_it() {
    let server = harness::spawn().await;
    server.person("alice").await;
    let id = start(&server).await;
    let mut browser = server.browser();
    let page = open(&mut browser, &id).await;
    assert_eq!(page.heading(), "Log in");
    let page = browser.log_in_at(&page, "alice", PASSWORD).await;
    assert_eq!(page.heading(), HEADING);
    exercise(&server, &id).await.refusal(428);
    browser.submit(page.decision("allow").fill("password", PASSWORD)).await;
    exercise(&server, &id).await.success();
}

#[actix_web::test]
async fn the_page_says_who_waits_and_from_where() {
    let server = harness::spawn_with(&[("trusted_proxies", "127.0.0.1")]).await;
    let mut alice = server.signed_in("alice").await;
    for (address, is_elsewhere) in [("203.0.113.7", true), ("192.0.2.200", false)] {
        let id = start_from(&server, address).await.member("id");
        server.advance(120);
        alice.headers = vec![("x-forwarded-for".to_owned(), "192.0.2.1".to_owned())];
        let page = open(&mut alice, &id).await;
        assert_eq!(page.status, 200, "{}", page.text());
        for shown in [address, "2 minutes ago", "alice"] {
            assert!(page.text().contains(shown), "{shown}: {}", page.text());
        }
        assert_eq!(page.text().contains("runs somewhere else"), is_elsewhere, "{}", page.text());
        let form = page.form_with("Cancel");
        assert!(form.has_button("Allow") && form.value("password") == Some(""), "{}", page.html);
        assert!(!page.html.contains("gpu_"));
    }
}

#[actix_web::test]
async fn without_the_right_password_nothing_is_approved() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let id = start(&server).await;
    for wrong in ["", "not the password"] {
        let page = open(&mut alice, &id).await;
        let page = alice.submit(page.decision("allow").fill("password", wrong)).await;
        assert_eq!((page.status, page.heading().as_str()), (400, HEADING), "{wrong}");
        assert!(page.alert().contains("password"), "{}", page.alert());
        exercise(&server, &id).await.refusal(428);
    }
    for _ in 0..10 {
        let page = open(&mut alice, &id).await;
        alice.submit(page.decision("allow").fill("password", "not the password")).await;
    }
    let page = open(&mut alice, &id).await;
    let page = alice.submit(page.decision("allow").fill("password", PASSWORD)).await;
    assert_ne!(page.status, 200, "guessing is slowed down here too");
    exercise(&server, &id).await.refusal(428);
}

#[actix_web::test]
async fn a_foreign_page_approves_nothing() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let id = start(&server).await;
    let form = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("sec-fetch-site", "cross-site"),
        ("origin", "https://evil.example"),
    ];
    let body = harness::http::encode(&[("decision", "allow"), ("password", PASSWORD)]);
    let answer = alice.bare(Method::POST, &format!("/login?session={id}"), &form, &body).await;
    assert_eq!(answer.status, 403, "{}", answer.text());
    exercise(&server, &id).await.refusal(428);
}

#[actix_web::test]
async fn cancel_ends_the_waiting() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let id = start(&server).await;
    let page = open(&mut alice, &id).await;
    let page = alice.submit(page.decision("deny")).await;
    assert_eq!(page.status, 200, "{}", page.text());
    exercise(&server, &id).await.refusal(410);
    assert_eq!(open(&mut alice, &id).await.status, 404);
}

#[actix_web::test]
async fn only_who_started_it_gets_the_token() {
    let server = harness::spawn_with(&[("trusted_proxies", "127.0.0.1")]).await;
    let mut alice = server.signed_in("alice").await;
    for (started, near, far) in
        [("192.0.2.1", "192.0.2.254", "192.0.3.1"), ("2001:db8:1:2::3", "2001:db8:1:ffff::9", "2001:db8:2:2::3")]
    {
        let id = start_from(&server, started).await.member("id");
        exercise_from(&server, far, &id).await.refusal(410);
        exercise_from(&server, near, &id).await.refusal(428);
        approve(&mut alice, &id).await;
        exercise_from(&server, far, &id).await.refusal(410);
        let token = exercise_from(&server, near, &id).await.member("token");
        assert_eq!(server.account_status(&token).await, 200);
    }
    let spoofed = harness::spawn().await;
    let id = start_from(&spoofed, "192.0.2.1").await.member("id");
    exercise_from(&spoofed, "203.0.113.1", &id).await.refusal(428);
}

#[actix_web::test]
async fn it_waits_ten_minutes_approved_or_not() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let (waiting, approved) = (start(&server).await, start(&server).await);
    server.advance(599);
    approve(&mut alice, &approved).await;
    exercise(&server, &waiting).await.refusal(428);
    server.advance(1);
    exercise(&server, &waiting).await.refusal(410);
    exercise(&server, &approved).await.refusal(410);
    assert_eq!(open(&mut alice, &waiting).await.status, 404);
}

#[actix_web::test]
async fn what_never_waited_is_over() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    for unknown in ["46e1e919-8b73-42a3-a575-25c6d45fd93b", "x", "%20", "%ff"] {
        let answer = exercise(&server, unknown).await;
        assert!([410, 404].contains(&answer.status), "{unknown}: {}", answer.text());
        answer.refusal(answer.status);
        let page = open(&mut alice, unknown).await;
        assert_eq!(page.away, None);
        assert!(page.status < 500, "{unknown}: {}", page.status);
    }
}

#[actix_web::test]
async fn a_person_who_is_disabled_meanwhile_gives_no_token() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let id = start(&server).await;
    approve(&mut alice, &id).await;
    let person = server.person_named("alice").await;
    server.disable(&person, true).await;
    exercise(&server, &id).await.refusal(410);
    assert_eq!(server.count("tokens").await, 0);
}

#[actix_web::test]
async fn what_waits_for_its_program_ends_with_a_new_password_and_with_the_account() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let (id, waiting) = (start(&server).await, start(&server).await);
    approve(&mut alice, &id).await;
    let body = json!({ "oldPassword": PASSWORD, "newPassword": "another horse battery" });
    let program = server.log_in("alice").await;
    program.post("/v3/account/security/password/update", &body).await.success();
    exercise(&server, &id).await.refusal(410);
    exercise(&server, &waiting).await.refusal(428);
    let mut bob = server.signed_in("bob").await;
    let id = start(&server).await;
    approve(&mut bob, &id).await;
    server.log_in("bob").await.delete("/v3/account").await.success();
    exercise(&server, &id).await.refusal(410);
    assert_eq!(server.count("remote_sessions WHERE approved_by IS NOT NULL").await, 0);
}

#[actix_web::test]
async fn its_token_lives_no_longer_than_the_operator_allows() {
    let server = harness::spawn_with(&[("lifetimes.user_token_max", "3600")]).await;
    let mut alice = server.signed_in("alice").await;
    let id = start(&server).await;
    approve(&mut alice, &id).await;
    let token = exercise(&server, &id).await.member("token");
    let login = json!({ "username": "alice", "password": PASSWORD });
    let login = server.nobody().post("/v3/account/login", &login).await.success();
    assert_eq!(login["validFor"], json!(3_600));
    server.advance(3_599);
    assert_eq!(server.account_status(&token).await, 200);
    server.advance(1);
    assert_eq!(server.account_status(&token).await, 401);
}

#[actix_web::test]
async fn one_address_cannot_fill_the_table() {
    let server = harness::spawn_with(&[("trusted_proxies", "127.0.0.1")]).await;
    for number in 0..20 {
        start_from(&server, &format!("2001:db8:1::{number:x}")).await.success();
    }
    let answer = start_from(&server, "2001:db8:1::ffff").await;
    answer.refusal(429);
    assert!(answer.header("retry-after").is_some());
    start_from(&server, "2001:db8:2::1").await.success();
    for _ in 0..20 {
        start_from(&server, "192.0.2.1").await.success();
    }
    start_from(&server, "192.0.2.1").await.refusal(429);
    server.advance(600);
    start_from(&server, "192.0.2.1").await.success();
}

#[actix_web::test]
async fn many_at_once_get_one_token() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let id = start(&server).await;
    approve(&mut alice, &id).await;
    let nobody = server.nobody();
    let (path, body) = (format!("{START}/{id}/exercise"), Value::Null);
    let asked = (0..20).map(|_| nobody.post(&path, &body));
    let answers = futures_util::future::join_all(asked).await;
    let given = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!((given, server.count("tokens").await), (1, 1));
    assert!(answers.iter().all(|answer| [200, 410].contains(&answer.status)));
}
