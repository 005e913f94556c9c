//! Logging in and out.

use serde_json::json;

use crate::harness::{Browser, ENTER, Gatepost, PASSWORD, TAB};

#[actix_web::test]
async fn a_person_logs_in_by_keyboard_and_lands_where_they_were_going() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    browser.open(&server.at("/account/apps")).await;
    assert_eq!(browser.address().await.path(), "/login");
    // The focus waits in the first field, Tab leads to the second.
    browser.press(&format!("alice{TAB}{PASSWORD}{ENTER}")).await;
    browser.arrive(&server.at("/account/apps")).await;
    assert_eq!(browser.text("h1").await, "Apps");
    browser.leave(&[]).await;
}

#[actix_web::test]
async fn a_wrong_password_keeps_the_name_and_moves_the_focus_to_the_reason() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    browser.open(&server.at("/login?next=/account/sessions")).await;
    browser.identify("alice", "wrong").await;
    browser.until("document.activeElement.getAttribute('role') === 'alert'").await;
    assert_eq!(browser.text("[role=alert]").await, "The user name or the password is wrong.");
    assert_eq!(browser.evaluate("document.getElementById('username').value").await, json!("alice"));
    assert_eq!(browser.evaluate("document.getElementById('password').value").await, json!(""));
    browser.fill("#password", PASSWORD).await;
    browser.submit().await;
    browser.arrive(&server.at("/account/sessions")).await;
    browser.leave(&["400 (Bad Request)"]).await;
}

#[actix_web::test]
async fn after_logging_out_the_back_button_shows_nothing_private() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    browser.log_in(&server).await;
    assert!(browser.text("main").await.contains("alice@mail.example"));
    browser.follow("Sessions").await;
    browser.arrive_at_heading("Sessions").await;
    browser.follow_to(".site a[href$='/logout']").await;
    browser.arrive_at_heading("Log out?").await;
    browser.follow("Log out").await;
    browser.arrive_at_heading("You are logged out").await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        browser.back().await;
        let page = browser.text("body").await;
        assert!(!page.contains("alice"), "Back shows {page}");
        seen.push(browser.address().await.path().to_owned());
    }
    assert!(seen.contains(&"/login".to_owned()), "Back went to {seen:?}");
    browser.leave(&[]).await;
}
