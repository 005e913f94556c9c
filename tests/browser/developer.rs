//! The developer console: an app's first minutes.

use serde_json::{Value, json};

use crate::harness::{Browser, Gatepost};

/// The Control key with V: paste.
const PASTE: &str = "\u{E009}v";

/// What the token endpoint says to an app with this secret and a made-up code.
fn refusal_for(server: &Gatepost, client_id: &str, secret: &str) -> (u16, Value) {
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", client_id),
        ("client_secret", secret),
        ("code", "made-up"),
        ("redirect_uri", "https://notes.example/callback"),
    ];
    let (status, answer) = server.post_form("/oauth/token", &form);
    (status, answer["error"].clone())
}

#[actix_web::test]
async fn a_developer_registers_an_app_and_copies_the_secret_that_is_shown_once() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    browser.log_in(&server).await;
    browser.follow("Developer").await;
    browser.follow("Register an app").await;
    browser.fill("#client_name", "Field Notes").await;
    browser.fill("#redirect_uris", "https://notes.example/callback").await;
    browser.follow("Register app").await;
    browser.arrive_at_heading("Field Notes").await;
    let secret = browser.text("[data-secret]").await;
    browser.click("button[data-copy=new-secret]").await;
    browser.until("document.querySelector('[data-copy=new-secret]').textContent === 'Copied'").await;
    browser.find("#confirm").await.send_keys(PASTE).await.expect("because the field takes keys");
    assert_eq!(browser.evaluate("document.getElementById('confirm').value").await, json!(secret));

    let client_id = browser.text("#client-id").await;
    assert_eq!(refusal_for(&server, &client_id, &secret), (400, json!("invalid_grant")));
    let wrong = format!("{secret}x");
    assert_eq!(refusal_for(&server, &client_id, &wrong), (401, json!("invalid_client")));

    browser.open(&server.at("/developer")).await;
    browser.follow("Field Notes").await;
    browser.arrive(&server.at(&format!("/developer/apps/{client_id}"))).await;
    let page = browser.text("main").await;
    assert!(!page.contains(&secret) && page.contains(&secret[secret.len() - 4..]), "{page}");
    assert_eq!(browser.count("[data-secret]").await, 0);
    browser.leave(&[]).await;
}

#[actix_web::test]
async fn reloading_the_page_of_a_new_app_registers_no_second_one() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    browser.log_in(&server).await;
    browser.open(&server.at("/developer/apps/new")).await;
    browser.fill("#client_name", "Field Notes").await;
    browser.follow("Register app").await;
    browser.arrive_at_heading("Field Notes").await;
    let secret = browser.text("[data-secret]").await;
    browser.reload().await;
    assert_eq!(server.count_clients(), 1);
    assert!(!browser.text("main").await.contains(&secret));
    browser.leave(&[]).await;
}

#[actix_web::test]
async fn reloading_the_page_of_a_new_secret_ends_no_secret_that_was_just_shown() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    let client = server.create_client("Field Notes", &["--redirect-uri", "https://notes.example/callback"]);
    let client_id = client["client_id"].as_str().expect("because every client has one");
    browser.log_in(&server).await;
    browser.open(&server.at(&format!("/developer/apps/{client_id}"))).await;
    browser.click("input[name=keep_old_for][value='0']").await;
    browser.follow("Make a new secret").await;
    let secret = browser.text("[data-secret]").await;
    browser.reload().await;
    assert_eq!(refusal_for(&server, client_id, &secret), (400, json!("invalid_grant")));
    assert!(!browser.text("main").await.contains(&secret));
    browser.leave(&[]).await;
}
