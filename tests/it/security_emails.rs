//! Letters about the safety of an account: always sent, each with time, place, device and a way out.

use actix_web::http::Method;
use serde_json::json;

use crate::harness::browser::Browser;
use crate::harness::mailbox::{ReceivedEmail, spawn_with_mail};
use crate::harness::pages::returns_to;
use crate::harness::{PASSWORD, Server, confidential};

const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/604.1";

/// One letter about safety: it has all that every one must have.
fn check(messages: Vec<ReceivedEmail>, subject: &str) -> ReceivedEmail {
    let mut about: Vec<ReceivedEmail> = messages.into_iter().filter(|message| message.subject == subject).collect();
    assert_eq!(about.len(), 1, "{subject}: {about:?}");
    let message = about.remove(0);
    for part in ["It happened at 21 Nov 2026", "from the address 127.0.0.1", "This was not me", "/not-me?key=", "by "] {
        assert!(message.whole.contains(part), "{subject} lacks '{part}': {}", message.whole);
    }
    message
}

async fn log_in_with(server: &Server, username: &str, user_agent: &str) -> Browser {
    let mut browser = server.browser();
    browser.headers.push(("user-agent".to_owned(), user_agent.to_owned()));
    browser.sign_in(username).await;
    browser
}

#[actix_web::test]
async fn a_new_device_is_told_but_not_the_first_one_and_none_twice() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    server.person("alice").await;
    log_in_with(&server, "alice", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0").await;
    assert!(mailbox.take(&server).await.is_empty(), "the first sign-in is no news");
    log_in_with(&server, "alice", "Mozilla/5.0 (X11; Linux x86_64) Firefox/141.0").await;
    assert!(mailbox.take(&server).await.is_empty(), "an update makes no new device");
    log_in_with(&server, "alice", IPHONE).await;
    let message = check(mailbox.take(&server).await, "A new device logged in");
    assert!(message.to == "alice@people.example" && message.whole.contains("by Safari on iPhone"), "{}", message.whole);
    log_in_with(&server, "alice", IPHONE).await;
    assert!(mailbox.take(&server).await.is_empty());
    server.advance(90 * 86_400);
    let cleaned = gatepost::background_jobs::clean(&server.app.store, server.now().plus(2 * 86_400)).await;
    assert!(cleaned.is_ok());
    log_in_with(&server, "alice", IPHONE).await;
    let subjects: Vec<String> = mailbox.take(&server).await.into_iter().map(|message| message.subject).collect();
    assert_eq!(subjects, ["A new device logged in"], "after 90 days nobody is familiar, and nobody is the first");
}

#[actix_web::test]
async fn a_program_with_the_password_is_a_device_too_and_another_network_is_new() {
    let (server, mailbox) = spawn_with_mail(&[("trusted_proxies", "127.0.0.1")]).await;
    server.signed_in("alice").await;
    let body = json!({ "username": "alice", "password": PASSWORD }).to_string();
    let from = |address: &'static str| {
        [("content-type", "application/json"), ("user-agent", "python-requests/2.32"), ("x-forwarded-for", address)]
    };
    for (address, is_told) in [("192.0.2.7", true), ("192.0.2.200", false), ("198.51.100.1", true)] {
        let headers = from(address);
        let answer = server.http.send(Method::POST, "/v3/account/login", &headers, body.clone()).await;
        assert_eq!(answer.status, 200);
        assert_eq!(mailbox.take(&server).await.len(), usize::from(is_told), "{address}");
    }
}

#[actix_web::test]
async fn each_change_that_matters_is_told() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let mut alice = server.signed_in("alice").await;
    let page = alice.open("/account/tokens/new?name=backup&resource=map").await;
    let form = page.form_with("Make the token");
    alice.submit(form).await;
    let message = check(mailbox.take(&server).await, "A token was made");
    assert!(message.whole.contains("The personal token \"backup\""), "{}", message.whole);

    let page = alice.open("/developer/apps/new").await;
    let form = page.form_with("Register app").fill("client_name", "Map studio");
    let page = alice.submit(form.fill("redirect_uris", "https://app.example/callback")).await;
    check(mailbox.take(&server).await, "A client secret was made");
    alice.submit(page.form_with("Make a new secret")).await;
    check(mailbox.take(&server).await, "A client secret was made");

    let page = alice.open("/account/security/password").await;
    let form = page.form_with("Change password").fill("current_password", PASSWORD);
    alice.submit(form.fill("new_password", "another horse battery")).await;
    check(mailbox.take(&server).await, "Your password was changed");

    let mut nobody = server.browser();
    let page = nobody.open("/reset").await;
    nobody.submit(page.form_with("Send the link").fill("username", "alice")).await;
    let page = nobody.open(&mailbox.take_one(&server).await.link()).await;
    nobody.submit(page.form_with("Set password").fill("password", PASSWORD)).await;
    check(mailbox.take(&server).await, "A new password was set");
}

#[actix_web::test]
async fn an_app_with_a_sensitive_scope_is_told_once() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let mut alice = server.signed_in("alice").await;
    let app = server.application(confidential()).await;
    let page = alice.open(&app.request().path()).await;
    alice.submit(page.decision("allow")).await;
    let message = check(mailbox.take(&server).await, "An app was allowed");
    assert!(message.whole.contains("The app \"Map studio\""), "{}", message.whole);
    alice.open(&app.request().path()).await.away();
    assert!(mailbox.take(&server).await.is_empty(), "what is remembered is no news");
    let returning = server.application(returns_to(&["https://app.example/in"])).await;
    alice.come_back_to("https://app.example/in").await;
    check(mailbox.take(&server).await, "An app was allowed");
    alice.come_back_to("https://app.example/in").await;
    assert!(mailbox.take(&server).await.is_empty());
    drop(returning);
}

#[actix_web::test]
async fn an_app_that_only_asks_who_it_is_causes_no_letter() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let mut alice = server.signed_in("alice").await;
    let scope = Some("openid profile".to_owned());
    let app = server.application(gatepost::domain::registration::Draft { scope, ..confidential() }).await;
    let page = alice.open(&app.request().path()).await;
    alice.submit(page.decision("allow")).await;
    assert!(mailbox.take(&server).await.is_empty());
}

#[actix_web::test]
async fn a_program_that_makes_many_tokens_fills_no_mailbox() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    server.person("alice").await;
    let alice = server.log_in("alice").await;
    mailbox.take(&server).await;
    for _ in 0..22 {
        alice.make_token(json!([{ "pathId": "map", "accessTier": "view" }])).await;
    }
    let messages = mailbox.take(&server).await;
    assert_eq!(messages.len(), 20);
    assert!(messages.iter().any(|message| message.whole.contains("no more letters about them come until tomorrow")));
}

/// Whom an address was never proven to be cannot be told by it.
#[actix_web::test]
async fn an_unproven_address_gets_no_letter_about_safety() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let body = json!({ "username": "carol", "password": PASSWORD, "email": "stranger@people.example" });
    server.nobody().post("/v3/account", &body).await.success();
    mailbox.take(&server).await;
    log_in_with(&server, "carol", "curl/8").await;
    log_in_with(&server, "carol", IPHONE).await;
    assert!(mailbox.take(&server).await.is_empty());
}

/// A mail server that is down holds nothing up and loses nothing.
#[actix_web::test]
async fn a_letter_waits_for_a_mail_server_that_is_down() {
    let down = crate::harness::mailbox::nobody_listens();
    let url = format!("smtp://{down}");
    let server = crate::harness::spawn_with(&[("mail.url", &url), ("mail.from", "gate@people.example")]).await;
    let mut alice = server.signed_in("alice").await;
    let page = alice.open("/account/security/password").await;
    let form = page.form_with("Change password").fill("current_password", PASSWORD);
    assert_eq!(alice.submit(form.fill("new_password", "another horse battery")).await.status, 200);
    assert_eq!(server.deliver().await, 0);
    assert_eq!(server.count("outbox").await, 1, "it is tried again");
}
