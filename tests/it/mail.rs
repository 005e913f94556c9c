//! Letters: written with what causes them, sealed until they are sent, sent later when the mail server is
//! down, by one of several nodes.

use std::time::Duration;

use serde_json::json;

use crate::harness::mailbox::{Mailbox, PostOffice, nobody_listens, spawn_with_mail};
use crate::harness::{self, Server};

const RESET: &str = "/v3/account/security/password/reset";

async fn ask(server: &Server, email: &str) {
    server.nobody().post(RESET, &json!({ "email": email })).await.success();
}

#[actix_web::test]
async fn a_letter_says_who_asked_and_what_to_do_if_that_was_somebody_else() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let mut browser = server.browser();
    browser
        .headers
        .push(("user-agent".to_owned(), "Mozilla/5.0 (X11; Linux) Firefox/140.0 http://evil.test".to_owned()));
    let page = browser.open("/reset").await;
    browser.submit(page.form_with("Send the link").fill("username", "root")).await;
    let message = mailbox.take_one(&server).await;
    assert_eq!((message.to.as_str(), message.subject.as_str()), ("root@people.example", "Set a new password"));
    for part in [
        "21 Nov 2026, 12:00 UTC", "127.0.0.1", "Firefox on Linux", "If it was not you",
        "Auto-Submitted: auto-generated",
    ] {
        assert!(message.whole.contains(part), "{part}: {}", message.whole);
    }
    assert!(message.whole.contains("text/plain") && message.whole.contains("text/html"));
    assert!(!message.whole.contains("evil.test"), "a program does not speak for itself");
    assert!(message.link().starts_with("/reset/finish?key="));
}

#[actix_web::test]
async fn a_link_begins_with_the_configured_address_whatever_the_request_says() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let headers = [("x-forwarded-host", "evil.test"), ("forwarded", "host=evil.test")];
    let body = json!({ "email": "root@people.example" });
    let method = actix_web::http::Method::POST;
    server.nobody().send(method, RESET, &headers, &body).await.success();
    let message = mailbox.take_one(&server).await;
    assert!(
        message.whole.contains(&format!("{}/reset/finish", server.issuer())) && !message.whole.contains("evil.test")
    );
}

#[actix_web::test]
async fn a_letter_waits_sealed_and_is_gone_once_it_was_sent() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    ask(&server, "root@people.example").await;
    assert_eq!(server.count("outbox").await, 1);
    let bytes = server.sqlite_file().map(|file| {
        let wal = format!("{}-wal", file.display());
        let mut bytes = std::fs::read(file).expect("because the server made it");
        bytes.extend(std::fs::read(wal).expect("because the server made it"));
        bytes
    });
    let message = mailbox.take_one(&server).await;
    assert_eq!(server.count("outbox").await, 0);
    assert_eq!(server.count("mailed_links").await, 1);
    let key = message.key();
    let holds = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    for bytes in bytes.iter() {
        assert!(!holds(bytes, &key) && !holds(bytes, "Set a new password"), "the letter lies open in the database");
    }
    assert!(mailbox.take(&server).await.is_empty(), "a letter goes once");
}

#[actix_web::test]
async fn a_mail_server_that_is_down_loses_nothing() {
    let address = nobody_listens();
    let server = harness::spawn_with(&[("mail.url", &format!("smtp://{address}"))]).await;
    server.person("alice").await;
    ask(&server, "alice@people.example").await;
    assert_eq!(server.deliver().await, 0);
    assert_eq!(server.count("outbox WHERE attempts = 1").await, 1);
    let office = PostOffice::open(address);
    assert_eq!(server.deliver().await, 0, "it is not time yet");
    server.advance(60);
    assert_eq!(server.deliver().await, 1);
    let message = office.messages.recv_timeout(Duration::from_secs(10)).expect("because it was sent");
    assert_eq!(message.to, "alice@people.example");
    let page = server.browser().open(&message.link()).await;
    assert_eq!(page.heading(), "Set a new password");
    assert_eq!(server.count("outbox").await, 0);
}

#[actix_web::test]
async fn a_letter_that_cannot_be_sent_for_three_days_is_given_up() {
    let server = harness::spawn_with(&[("mail.url", &format!("smtp://{}", nobody_listens()))]).await;
    server.person("alice").await;
    ask(&server, "alice@people.example").await;
    server.advance(3 * 86_400 - 1);
    server.deliver().await;
    assert_eq!(server.count("outbox").await, 1);
    server.advance(3_600);
    server.deliver().await;
    assert_eq!(server.count("outbox").await, 0);
}

#[actix_web::test]
async fn several_nodes_send_one_letter_once() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    ask(&server, "root@people.example").await;
    let sent = futures_util::future::join_all((0..5).map(|_| server.deliver())).await;
    assert_eq!(sent.iter().sum::<usize>(), 1, "{sent:?}");
    assert_eq!(mailbox.take(&server).await.len(), 1);
}

#[actix_web::test]
async fn mail_is_off_where_the_log_would_open_links_and_everybody_is_told() {
    let settings = [("public_url", "https://id.example"), ("registration", "open")];
    let server = harness::spawn_with(&settings).await;
    server.person("alice").await;
    let message = server.nobody().post(RESET, &json!({ "email": "alice@people.example" })).await.refusal(403);
    assert!(message.contains("sends no letters"), "{message}");
    let page = server.browser().open("/reset").await;
    assert_eq!((page.status, page.heading().as_str()), (403, "No letters from here"));
    let alice = server.log_in("alice").await;
    alice.post("/v3/user/invite", &json!({ "email": "bob@people.example" })).await.refusal(403);
    let body = json!({ "email": "new@people.example", "password": harness::PASSWORD });
    alice.post("/v3/account/security/email/update", &body).await.refusal(403);
    let sign_up = json!({ "username": "carol", "password": harness::PASSWORD, "email": "carol@people.example" });
    server.nobody().post("/v3/account", &sign_up).await.success();
    assert_eq!((server.count("outbox").await, server.count("mailed_links").await), (0, 0));
}

#[actix_web::test]
async fn by_default_letters_go_to_the_log_of_a_loopback_server() {
    let server = harness::spawn().await;
    server.person("alice").await;
    ask(&server, "alice@people.example").await;
    assert_eq!(server.deliver().await, 1);
    assert_eq!(server.count("outbox").await, 0);
}

#[actix_web::test]
async fn a_folder_that_is_gone_keeps_the_letter() {
    let mailbox = Mailbox::make();
    let missing = format!("{}/missing", mailbox.url());
    let server = harness::spawn_with(&[("mail.url", &missing)]).await;
    server.person("alice").await;
    ask(&server, "alice@people.example").await;
    assert_eq!((server.deliver().await, server.count("outbox").await), (0, 1));
}
