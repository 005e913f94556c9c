//! Passkeys in a real browser, with an authenticator that Chromium pretends to have: adding one, logging in by the
//! button and by what the browser fills in, the second step, and a passkey that is gone.

use serde_json::{Value, json};

use crate::harness::{Browser, Gatepost, PASSWORD, code};
use crate::pictures::portray;

const OWN: &str = "/account/security/passkeys";

/// Gives the browser an authenticator inside the machine; its person is always there. Answers its name.
async fn plug_in(browser: &Browser) -> String {
    browser.devtools("WebAuthn.enable", json!({ "enableUI": false })).await;
    let options = json!({
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": true, "hasUserVerification": true,
        "isUserVerified": true, "automaticPresenceSimulation": true,
    });
    let answer = browser.devtools("WebAuthn.addVirtualAuthenticator", json!({ "options": options })).await;
    answer["authenticatorId"].as_str().expect("because it was just made").to_owned()
}

/// The passkeys that the authenticator holds.
async fn held(browser: &Browser, authenticator: &str) -> Vec<Value> {
    let answer = browser.devtools("WebAuthn.getCredentials", json!({ "authenticatorId": authenticator })).await;
    answer["credentials"].as_array().cloned().unwrap_or_default()
}

/// Whether the person touches the authenticator as soon as they are asked.
async fn be_there(browser: &Browser, authenticator: &str, is_there: bool) {
    let how = json!({ "authenticatorId": authenticator, "enabled": is_there });
    browser.devtools("WebAuthn.setAutomaticPresenceSimulation", how).await;
}

/// Whether the authenticator knows the person by finger or PIN.
async fn be_known(browser: &Browser, authenticator: &str, is_known: bool) {
    let how = json!({ "authenticatorId": authenticator, "isUserVerified": is_known });
    browser.devtools("WebAuthn.setUserVerified", how).await;
}

/// Logs in and adds a passkey by the page.
async fn with_passkey(server: &Gatepost, browser: &Browser) -> String {
    let authenticator = plug_in(browser).await;
    browser.log_in(server).await;
    browser.open(&server.at(OWN)).await;
    browser.follow("Add a passkey").await;
    browser.arrive_at_heading("Add a passkey").await;
    browser.fill("#name", "This laptop").await;
    browser.follow("Add passkey").await;
    browser.arrive(&server.at(&format!("{OWN}?done=added"))).await;
    authenticator
}

#[actix_web::test]
async fn a_passkey_is_added_and_logs_its_person_in_by_what_the_browser_fills_in() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    let authenticator = with_passkey(&server, &browser).await;
    assert!(browser.text("main").await.contains("This laptop"));
    let held = held(&browser, &authenticator).await;
    assert_eq!((held.len(), &held[0]["rpId"], &held[0]["userName"]), (1, &json!("localhost"), &json!("alice")));
    browser.log_out(&server).await;
    // The browser offers the passkey among the names; Chromium's own choice is the only one here.
    browser.open(&server.at("/login?next=/account/apps")).await;
    browser.arrive(&server.at("/account/apps")).await;
    browser.leave(&[]).await;
}

#[actix_web::test]
async fn the_button_asks_for_a_passkey_and_a_refusal_leaves_the_page_as_it_was() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    let authenticator = with_passkey(&server, &browser).await;
    browser.log_out(&server).await;
    be_there(&browser, &authenticator, false).await;
    be_known(&browser, &authenticator, false).await;
    browser.open(&server.at("/login?next=/account/sessions")).await;
    browser.fill("#username", "alice").await;
    be_there(&browser, &authenticator, true).await;
    browser.click_words("Log in with a passkey").await;
    browser.read("form.passkey [role=alert]", "No passkey was used").await;
    assert_eq!(browser.evaluate("document.getElementById('username').value").await, json!("alice"));
    be_known(&browser, &authenticator, true).await;
    browser.follow("Log in with a passkey").await;
    browser.arrive(&server.at("/account/sessions")).await;
    browser.leave(&[]).await;
}

#[actix_web::test]
async fn a_password_still_works_beside_the_passkey_that_the_browser_offers() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    let authenticator = with_passkey(&server, &browser).await;
    browser.log_out(&server).await;
    be_there(&browser, &authenticator, false).await;
    browser.open(&server.at("/login?next=/account/apps")).await;
    browser.identify("alice", PASSWORD).await;
    browser.arrive(&server.at("/account/apps")).await;
    browser.leave(&[]).await;
}

#[actix_web::test]
async fn a_passkey_that_was_removed_lets_nobody_in_and_the_browser_forgets_it() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    let authenticator = with_passkey(&server, &browser).await;
    let other = Browser::start().await;
    other.log_in(&server).await;
    other.open(&server.at(OWN)).await;
    other.follow("Remove the passkey This laptop").await;
    other.arrive(&server.at(&format!("{OWN}?done=removed"))).await;
    other.leave(&[]).await;
    browser.log_out(&server).await;
    browser.open(&server.at("/login")).await;
    browser.read("[role=alert]", "This passkey did not work").await;
    let held = held(&browser, &authenticator).await;
    assert_eq!(held.len(), 0, "the browser was told: {held:?}");
    browser.leave(&["400 (Bad Request)"]).await;
}

#[actix_web::test]
async fn a_passkey_finishes_the_second_step_after_a_password() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    let authenticator = with_passkey(&server, &browser).await;
    browser.open(&server.at("/account/security")).await;
    portray(&browser, "security-passkey").await;
    browser.open(&server.at("/account/security/totp")).await;
    portray(&browser, "totp").await;
    let secret = browser.secret_on_page().await;
    browser.fill("#code", &code(&secret)).await;
    browser.submit().await;
    browser.arrive_at_heading("Your recovery codes").await;
    portray(&browser, "recovery-codes").await;
    browser.open(&server.at("/account/security")).await;
    portray(&browser, "security").await;
    browser.log_out(&server).await;
    be_there(&browser, &authenticator, false).await;
    browser.open(&server.at("/login?next=/account/apps")).await;
    browser.find("form.passkey:not([hidden])").await;
    portray(&browser, "log-in-passkey").await;
    browser.give_password().await;
    browser.arrive_at_heading("One more step").await;
    portray(&browser, "second-step-passkey").await;
    be_there(&browser, &authenticator, true).await;
    browser.follow("Use a passkey").await;
    browser.arrive(&server.at("/account/apps")).await;
    browser.leave(&[]).await;
}

#[actix_web::test]
async fn without_scripts_the_log_in_page_is_as_it_was() {
    let (server, browser) = (Gatepost::start(), Browser::start().await.without_scripts().await);
    browser.open(&server.at("/login")).await;
    assert!(!browser.text("main").await.contains("passkey"));
    browser.give_password().await;
    browser.arrive(&server.at("/account")).await;
    browser.open(&server.at(&format!("{OWN}/new"))).await;
    assert!(browser.text("main").await.contains("This needs JavaScript"));
    browser.leave(&[]).await;
}

#[actix_web::test]
async fn the_pages_about_passkeys_fit_every_window() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    browser.log_in(&server).await;
    for (name, path) in [("passkeys-none", OWN), ("passkey-new", &format!("{OWN}/new"))] {
        browser.open(&server.at(path)).await;
        portray(&browser, name).await;
    }
    let authenticator = plug_in(&browser).await;
    for name in ["This laptop", "Kartographisches-Feldnotizverzeichnis-ohne-Leerzeichen-am-Bund"] {
        browser.open(&server.at(&format!("{OWN}/new"))).await;
        browser.fill("#name", name).await;
        browser.follow("Add passkey").await;
        browser.arrive(&server.at(&format!("{OWN}?done=added"))).await;
        let all = json!({ "authenticatorId": authenticator });
        browser.devtools("WebAuthn.clearCredentials", all).await; // else the next one is refused as the same device
    }
    portray(&browser, "passkeys").await;
    browser.click("details summary").await;
    portray(&browser, "passkeys-renaming").await;
    browser.leave(&[]).await;
}
