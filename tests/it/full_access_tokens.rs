//! A token that opens the settings of an account is given only to whom the account's own pages would let through:
//! with a young proof, and with all that they have.

use serde_json::json;

use crate::harness::http::parameter;
use crate::harness::mailbox::spawn_with_mail;
use crate::harness::pages::{log_in_path, returns_to};
use crate::harness::{self, PASSWORD, Server};

const LOOPBACK: &str = "/login?application=true";
const CONFIRM: &str = "Confirm that it is you";
const RETURN_URL: &str = "https://app.example/in";

async fn is_full_access(server: &Server, token: &str) -> bool {
    server.program(token).get(harness::token_holders::ACCESS_TOKENS).await.status == 200
}

#[actix_web::test]
async fn a_program_on_this_device_gets_one_after_a_young_proof_only() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let open_page = alice.open(LOOPBACK).await;
    assert!(open_page.asks_to_continue());
    server.advance(901);
    let page = alice.press_continue(&open_page).await;
    assert_eq!(page.heading(), CONFIRM, "a page that lay open is no way around it");
    let page = alice.open(LOOPBACK).await;
    assert_eq!(page.heading(), CONFIRM);
    let page = alice.submit(page.form_with("Go on").fill("password", PASSWORD)).await;
    assert!(page.asks_to_continue(), "{}", page.text());
    let page = alice.press_continue(&page).await;
    let token = parameter(page.away(), "token").expect("because she allowed it");
    assert!(is_full_access(&server, &token).await);
}

#[actix_web::test]
async fn a_remembered_browser_and_a_session_from_before_show_the_second_factor_for_one() {
    let server = harness::spawn().await;
    let app = server.application(returns_to(&[RETURN_URL])).await.client.id;
    server.write(move |tx| gatepost::store::clients::set_first_party(tx, app, true)).await;
    let mut old = server.signed_in("alice").await;
    let mut alice = server.browser();
    alice.sign_in("alice").await;
    let page = alice.open(&log_in_path(RETURN_URL)).await;
    alice.press_continue(&page).await;
    let (authenticator, _) = alice.set_up_app(&server).await;
    server.advance(30);
    let mut first = server.browser();
    let page = first.first_step("/login", "alice").await;
    let code = authenticator.code(server.now(), 0);
    first.submit(page.form_with("Log in").choose("remember", "yes").fill("code", &code)).await;
    let mut remembered = server.browser();
    remembered.put_cookie("gatepost-remembered", &first.cookies()["gatepost-remembered"]);
    remembered.sign_in("alice").await;
    for path in [LOOPBACK.to_owned(), log_in_path(RETURN_URL)] {
        for browser in [&mut old, &mut remembered] {
            let page = browser.open(&path).await;
            assert_eq!(page.heading(), CONFIRM, "{path}");
            assert!(page.forms().iter().any(|form| form.value("code").is_some()), "{path}: a code is asked for");
        }
    }
    server.advance(30);
    let page = old.open(&log_in_path(RETURN_URL)).await;
    let page = old.submit(page.form_with("Go on").fill("code", &authenticator.code(server.now(), 0))).await;
    assert!(parameter(page.away(), "token").is_some(), "then she goes on to the app that she allowed before");
}

#[actix_web::test]
async fn whoever_held_one_before_the_first_second_factor_logs_in_again() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let by_password = server.log_in("alice").await;
    let page = alice.open(LOOPBACK).await;
    let here = parameter(alice.press_continue(&page).await.away(), "token").expect("because she allowed it");
    let (authenticator, _) = alice.set_up_app(&server).await;
    assert_eq!(server.account_status(by_password.token()).await, 401);
    assert_eq!(server.account_status(&here).await, 200, "what this very browser gave goes on");
    server.advance(30);
    let login = json!({ "username": "alice", "password": PASSWORD, "code": authenticator.code(server.now(), 0) });
    let token = server.nobody().post("/v3/account/login", &login).await.member("token");
    alice.set_up_app(&server).await;
    assert_eq!(server.account_status(&token).await, 200, "another app in the place of the first changes nothing");
}

#[actix_web::test]
async fn a_remembered_browser_shows_the_second_factor_before_the_address_changes() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let mut old = server.signed_in("alice").await;
    let mut alice = server.browser();
    alice.sign_in("alice").await;
    alice.set_up_app(&server).await;
    mailbox.take(&server).await;
    let page = old.open("/account/profile").await;
    let form = page.form_with("Change address").fill("email", "thief@evil.example").fill("password", PASSWORD);
    assert_eq!(old.submit(form).await.heading(), CONFIRM);
    assert!(mailbox.take(&server).await.is_empty(), "nothing was asked of the new address");
}
