//! The login redirect's `code` delivery: the address bar carries a code that only the app's own page can
//! swap, once, in a minute, with the verifier (`docs/decisions/0007-login-redirect.md`, rule 4).

use actix_web::http::Method;
use gatepost::domain::client::LoginDelivery;
use gatepost::domain::id::Id;
use gatepost::domain::registration::Draft;
use gatepost::domain::token::{LoginCode, Token};
use serde_json::{Value, json};

use crate::harness::application::{Application, s256};
use crate::harness::browser::Browser;
use crate::harness::http::Answer;
use crate::harness::pages::{RETURN_URL, in_fragment, log_in_path_with, returns_to};
use crate::harness::{self, Server, random_word};

const ORIGIN: &str = "https://app.example";

async fn app(server: &Server) -> Application {
    server.application(Draft { login_delivery: LoginDelivery::Code, ..returns_to(&[RETURN_URL]) }).await
}

/// A code and the verifier that belongs to it.
async fn code(browser: &mut Browser) -> (String, String) {
    let verifier = random_word(64);
    let path = log_in_path_with(RETURN_URL, &[("code_challenge", &s256(&verifier)), ("state", "s t&1")]);
    let page = browser.open(&path).await;
    let page = if page.away.is_some() { page } else { browser.press_continue(&page).await };
    assert_eq!((page.status, page.header("referrer-policy")), (303, Some("no-referrer")));
    let location = page.away();
    assert!(location.starts_with("https://app.example/in#"), "nothing reaches the app's server: {location}");
    assert_eq!(in_fragment(location, "state").as_deref(), Some("s t&1"));
    assert_eq!(in_fragment(location, "token"), None, "{location}");
    (in_fragment(location, "login_code").expect("because the person agreed"), verifier)
}

async fn swap_from(server: &Server, origin: Option<&str>, (code, verifier): (&str, &str)) -> Answer {
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(origin.map(|origin| ("origin", origin)));
    let body = json!({ "login_code": code, "code_verifier": verifier }).to_string();
    server.http.send(Method::POST, "/login/code", &headers, body).await
}

async fn swap(server: &Server, (code, verifier): &(String, String)) -> Answer {
    swap_from(server, Some(ORIGIN), (code, verifier)).await
}

#[actix_web::test]
async fn the_apps_page_swaps_the_code_for_a_token_that_works() {
    let server = harness::spawn().await;
    let app = app(&server).await;
    let api = server.api("https://tiles.example", &[], true).await;
    let mut alice = server.signed_in("alice").await;
    let granted = code(&mut alice).await;
    assert!(granted.0.starts_with("gpl_"), "{}", granted.0);
    assert_eq!(server.account_status(&granted.0).await, 401, "a code is no token");
    server.advance(59);
    let answer = swap(&server, &granted).await;
    let body = answer.success();
    assert_eq!(
        (body["expires_in"].as_i64(), answer.header("cache-control")),
        (Some(86_341), Some("no-store")),
        "as long as its grant"
    );
    let token = body["token"].as_str().expect("because it is the first swap");
    let account = server.program(token).get("/v3/account").await.success();
    assert_eq!((&account["username"], &account["client_id"]), (&json!("alice"), &json!(app.client_id())));
    assert_eq!(account.get("email"), None, "it is shielded like every token of the login redirect");
    assert_eq!(api.introspect(token).await["token_kind"], "user");
    let sessions = alice.open("/account/sessions").await;
    assert!(sessions.text().contains("Map studio"), "{}", sessions.text());
    server.advance(86_340);
    assert_eq!(server.account_status(token).await, 200);
    server.advance(1);
    assert_eq!(server.account_status(token).await, 401);
}

#[actix_web::test]
async fn another_challenge_than_the_page_was_shown_with_is_shown_again() {
    let server = harness::spawn().await;
    app(&server).await;
    let mut alice = server.signed_in("alice").await;
    let page = alice.open(&log_in_path_with(RETURN_URL, &[("code_challenge", &s256("mine"))])).await;
    let mut form = page.decision("allow");
    let other = server.url(&log_in_path_with(RETURN_URL, &[("code_challenge", &s256("of a thief"))]));
    form.action = other.parse().expect("because it is an address");
    let page = alice.submit(form).await;
    assert!(page.asks_to_continue() && page.text().contains("changed"), "{}", page.text());
    assert_eq!(server.count("login_codes").await, 0);
}

#[actix_web::test]
async fn later_returns_are_automatic_and_each_brings_a_code_of_its_own() {
    let server = harness::spawn().await;
    app(&server).await;
    let mut alice = server.signed_in("alice").await;
    let first = code(&mut alice).await;
    let token = swap(&server, &first).await.member("token");
    let second = code(&mut alice).await;
    assert_ne!(first.0, second.0);
    let newer = swap(&server, &second).await.member("token");
    assert_eq!(server.account_status(&token).await, 200, "they live side by side");
    assert_eq!(server.account_status(&newer).await, 200);
    assert_eq!(server.count("tokens WHERE revoked_at IS NULL").await, 2);
}

/// A program on the device outlives the browser session; a code that it has not swapped yet does not.
#[actix_web::test]
async fn a_code_for_a_program_on_the_device_dies_with_the_session_while_it_is_not_swapped() {
    let server = harness::spawn().await;
    let url = "http://127.0.0.1/in";
    server.application(Draft { login_delivery: LoginDelivery::Code, ..returns_to(&[url]) }).await;
    let mut alice = server.signed_in("alice").await;
    let verifier = random_word(64);
    let asked = log_in_path_with("http://127.0.0.1:49152/in", &[("code_challenge", &s256(&verifier))]);
    let page = alice.open(&asked).await;
    let location = alice.press_continue(&page).await.away().to_owned();
    let code = in_fragment(&location, "login_code").expect("because the delivery is by code");
    let page = alice.open("/logout").await;
    alice.submit(page.form_with("Log out")).await;
    swap_from(&server, Some("http://127.0.0.1:49152"), (&code, &verifier)).await.refusal(400);
    // Another one that was swapped before goes on.
    alice.sign_in("alice").await;
    let page = alice.open(&asked).await;
    let location = alice.press_continue(&page).await.away().to_owned();
    let code = in_fragment(&location, "login_code").expect("because the delivery is by code");
    let token = swap_from(&server, Some("http://127.0.0.1:49152"), (&code, &verifier)).await.member("token");
    let page = alice.open("/logout").await;
    alice.submit(page.form_with("Log out")).await;
    assert_eq!(server.account_status(&token).await, 200);
}

#[actix_web::test]
async fn a_code_that_was_never_swapped_takes_no_place_among_the_ten() {
    let server = harness::spawn().await;
    app(&server).await;
    let mut alice = server.signed_in("alice").await;
    let first = code(&mut alice).await;
    let token = swap(&server, &first).await.member("token");
    for _ in 0..10 {
        code(&mut alice).await;
    }
    assert_eq!(server.account_status(&token).await, 401, "each of them may still be swapped");
    let second = code(&mut alice).await;
    let token = swap(&server, &second).await.member("token");
    for _ in 0..11 {
        server.advance(60);
        code(&mut alice).await;
    }
    assert_eq!(server.account_status(&token).await, 200);
}

#[actix_web::test]
async fn nobody_else_swaps_it_and_their_tries_do_not_spoil_it() {
    let server = harness::spawn().await;
    app(&server).await;
    let granted = code(&mut server.signed_in("alice").await).await;
    let (code, verifier) = (granted.0.as_str(), granted.1.as_str());
    let parsed = Token::<LoginCode>::parse(code).expect("because it is one of ours");
    let forged = Token::<LoginCode>::from_entropy(parsed.id(), &[7; 32]);
    let unknown = Token::<LoginCode>::from_entropy(Id::from_number(7), &[7; 32]);
    let other = random_word(64);
    let mut said = Vec::new();
    for (what, origin, pair) in [
        ("another site", Some("https://evil.example"), (code, verifier)),
        ("another port", Some("https://app.example:8443"), (code, verifier)),
        ("another scheme", Some("http://app.example"), (code, verifier)),
        ("a site below", Some("https://x.app.example"), (code, verifier)),
        ("a sandboxed frame", Some("null"), (code, verifier)),
        ("no page at all", None, (code, verifier)),
        ("our own page", Some(server.issuer()), (code, verifier)),
        ("another verifier", Some(ORIGIN), (code, other.as_str())),
        ("the challenge as verifier", Some(ORIGIN), (code, &s256(verifier))),
        ("a short verifier", Some(ORIGIN), (code, "x")),
        ("the right row with a wrong secret", Some(ORIGIN), (forged.expose(), verifier)),
        ("no row", Some(ORIGIN), (unknown.expose(), verifier)),
        ("noise", Some(ORIGIN), ("gpl_noise", verifier)),
        ("truncated", Some(ORIGIN), (&code[..code.len() - 1], verifier)),
    ] {
        let answer = swap_from(&server, origin, pair).await;
        said.push(answer.refusal(400));
        assert!(!answer.text().contains("gpu_"), "{what}");
    }
    said.dedup();
    assert_eq!(said.len(), 1, "one answer for all: {said:?}");
    swap(&server, &granted).await.success();
}

#[actix_web::test]
async fn a_second_swap_ends_what_the_first_one_gave() {
    let server = harness::spawn().await;
    app(&server).await;
    let granted = code(&mut server.signed_in("alice").await).await;
    let token = swap(&server, &granted).await.member("token");
    assert_eq!(server.account_status(&token).await, 200);
    swap_from(&server, Some("https://evil.example"), (&granted.0, &granted.1)).await.refusal(400);
    assert_eq!(server.account_status(&token).await, 200, "a stranger's second try ends nothing");
    swap(&server, &granted).await.refusal(400);
    assert_eq!(server.account_status(&token).await, 401);
}

#[actix_web::test]
async fn a_code_lives_a_minute_and_dies_with_the_session() {
    let server = harness::spawn().await;
    app(&server).await;
    let mut alice = server.signed_in("alice").await;
    let late = code(&mut alice).await;
    server.advance(60);
    swap(&server, &late).await.refusal(400);
    let swapped = code(&mut alice).await;
    let token = swap(&server, &swapped).await.member("token");
    let last = code(&mut alice).await;
    let page = alice.open("/logout").await;
    alice.submit(page.form_with("Log out")).await;
    swap(&server, &last).await.refusal(400);
    assert_eq!(server.account_status(&token).await, 401);
    let person = server.person_named("alice").await;
    alice.sign_in("alice").await;
    let disabled = code(&mut alice).await;
    server.disable(&person, true).await;
    swap(&server, &disabled).await.refusal(400);
}

#[actix_web::test]
async fn without_a_challenge_the_apps_developer_is_told_and_nobody_is_sent_anywhere() {
    let server = harness::spawn().await;
    app(&server).await;
    let mut browsers = [server.browser(), server.signed_in("alice").await];
    let right = s256("v");
    for challenge in ["", &right[..42], &format!("{right}x"), &"+".repeat(43), &"é".repeat(43)] {
        for browser in &mut browsers {
            let page = browser.open(&log_in_path_with(RETURN_URL, &[("code_challenge", challenge)])).await;
            assert_eq!((page.status, page.away.as_deref()), (400, None), "{challenge}");
            assert!(page.text().contains("code_challenge"), "{}", page.text());
        }
    }
    let twice = [("code_challenge", right.as_str()), ("code_challenge", right.as_str())];
    let page = browsers[1].open(&log_in_path_with(RETURN_URL, &twice)).await;
    assert_eq!((page.status, page.away.as_deref()), (400, None));
    assert_eq!(server.count("tokens").await, 0);
}

#[actix_web::test]
async fn cancel_goes_back_in_the_fragment_without_a_code() {
    let server = harness::spawn().await;
    app(&server).await;
    let mut alice = server.signed_in("alice").await;
    let path = log_in_path_with(RETURN_URL, &[("code_challenge", &s256("v")), ("state", "s")]);
    let page = alice.open(&path).await;
    let page = alice.submit(page.decision("deny")).await;
    let location = page.away();
    assert_eq!(in_fragment(location, "error").as_deref(), Some("access_denied"));
    assert_eq!(in_fragment(location, "state").as_deref(), Some("s"));
    assert_eq!(in_fragment(location, "login_code"), None);
}

#[actix_web::test]
async fn the_swap_has_cors_for_one_origin_and_never_for_any() {
    let server = harness::spawn().await;
    app(&server).await;
    let granted = code(&mut server.signed_in("alice").await).await;
    for origin in [ORIGIN, "https://evil.example"] {
        let preflight = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "content-type"),
        ];
        let answer = server.http.send(Method::OPTIONS, "/login/code", &preflight, "").await;
        assert!((200..300).contains(&answer.status), "{}", answer.status);
        let allowed = Some(origin).filter(|origin| *origin == ORIGIN);
        assert_eq!(answer.header("access-control-allow-origin"), allowed, "only where an app swaps codes");
        assert_eq!(answer.header("access-control-allow-headers"), allowed.map(|_| "content-type"));
        assert_eq!(answer.header("access-control-allow-credentials"), None);
    }
    let foreign = swap_from(&server, Some("https://evil.example"), (&granted.0, &granted.1)).await;
    assert_eq!(foreign.header("access-control-allow-origin"), None);
    let mistaken = swap_from(&server, Some(ORIGIN), ("gpl_x", &granted.1)).await;
    assert_eq!((mistaken.status, mistaken.header("access-control-allow-origin")), (400, Some(ORIGIN)));
    foreign.refusal(400);
    let sandboxed = swap_from(&server, Some("null"), (&granted.0, &granted.1)).await;
    assert_eq!(sandboxed.header("access-control-allow-origin"), None);
    let answer = swap(&server, &granted).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("access-control-allow-origin"), Some(ORIGIN));
    assert_eq!((answer.header("vary"), answer.header("access-control-allow-credentials")), (Some("Origin"), None));
}

#[actix_web::test]
async fn a_swap_that_cannot_be_read_is_told_in_json() {
    let server = harness::spawn().await;
    let send = async |body: String| {
        let headers = [("content-type", "application/json"), ("origin", ORIGIN)];
        server.http.send(Method::POST, "/login/code", &headers, body).await
    };
    for body in [
        Value::Null.to_string(),
        "[]".to_owned(),
        "{".to_owned(),
        "{}".to_owned(),
        json!({ "login_code": "gpl_x" }).to_string(),
        json!({ "code_verifier": "x" }).to_string(),
        json!({ "login_code": 7, "code_verifier": [] }).to_string(),
    ] {
        send(body).await.refusal(400);
    }
    send(format!("{{\"login_code\":\"{}\"}}", "x".repeat(65_536))).await.refusal(413);
    server.http.get("/login/code").await.refusal(405);
}
