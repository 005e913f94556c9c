//! What a person does with their account in a real browser, from signing up to leaving and coming back: with scripts,
//! and all of it again without.

use crate::harness::{Browser, Gatepost, with_and_without_scripts};

const PASSWORD: &str = "seven herons over water";
const NEW: &str = "eight herons over water";

/// Logs in with the password and one of the recovery codes.
async fn log_in(server: &Gatepost, browser: &Browser, password: &str, recovery_code: &str) {
    browser.open(&server.at("/login?next=/account/log")).await;
    browser.identify("carol", password).await;
    browser.arrive_at_heading("One more step").await;
    browser.fill("#code", recovery_code).await;
    browser.submit().await;
    browser.arrive(&server.at("/account/log")).await;
}

async fn sign_up_with_second_factor(server: &Gatepost, browser: &Browser) -> Vec<String> {
    browser.open(&server.at("/register?next=/account/security")).await;
    browser.fill("#username", "carol").await;
    browser.fill("#email", "carol@mail.example").await;
    browser.fill("#password", PASSWORD).await;
    browser.follow("Create account").await;
    browser.arrive(&server.at("/account/security")).await;
    // The second step comes after the address is confirmed.
    let message = server.email("carol@mail.example", "Confirm your e-mail address").await;
    browser.open(&server.at(&message.link_with("/verify?"))).await;
    browser.send(&[("password", PASSWORD)], "Confirm address").await;
    browser.arrive(&server.at("/account/security")).await;
    browser.set_up_app(server).await.recovery_codes
}

#[actix_web::test]
async fn a_person_signs_up_stays_safe_leaves_and_comes_back() {
    with_and_without_scripts(live_through).await;
}

async fn live_through(browser: Browser) {
    let server = Gatepost::start();
    let codes = sign_up_with_second_factor(&server, &browser).await;
    assert_eq!(codes.len(), 10);
    browser.log_out(&server).await;
    browser.open(&server.at("/login?next=/account/log")).await;
    browser.identify("carol", PASSWORD).await;
    browser.arrive_at_heading("One more step").await;
    browser.fill("#code", "000 000").await;
    browser.submit().await;
    browser.find("[role=alert]").await;
    browser.fill("#code", &codes[0]).await;
    browser.submit().await;
    browser.arrive(&server.at("/account/log")).await;
    assert!(browser.text("main").await.contains("An authenticator app was set up"), "{}", browser.text("main").await);
    browser.open(&server.at("/account/security/password")).await;
    browser.fill("#current_password", PASSWORD).await;
    browser.fill("#new_password", NEW).await;
    browser.follow("Change password").await;
    browser.arrive_at_heading("Your password is changed").await;
    browser.open(&server.at("/account/delete")).await;
    browser.fill("#confirm", "carol").await;
    browser.fill("#password", NEW).await;
    browser.follow("Delete account").await;
    browser.arrive_at_heading("Your account is closed").await;
    browser.open(&server.at("/login")).await;
    browser.identify("carol", NEW).await;
    browser.arrive_at_heading("Keep your account?").await;
    browser.follow("Keep my account").await;
    browser.arrive_at_heading("Your account stays").await;
    log_in(&server, &browser, NEW, &codes[1]).await;
    browser.leave(&["400 (Bad Request)"]).await;
}
