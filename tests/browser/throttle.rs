//! What a person sees who guesses too often.

use serde_json::json;

use crate::harness::{Gatepost, PASSWORD, with_and_without_scripts};

#[actix_web::test]
async fn too_many_wrong_passwords_are_told_in_the_page_with_the_name_kept() {
    with_and_without_scripts(async |browser| {
        let server = Gatepost::start_with(&[("rate_limits.account_from_network", "3")]);
        browser.open(&server.at("/login?next=/account/apps")).await;
        for _ in 0..3 {
            browser.send(&[("username", "alice"), ("password", "wrong")], "Log in").await;
            browser.read("[role=alert]", "The user name or the password is wrong.").await;
        }
        browser.send(&[("password", PASSWORD)], "Log in").await;
        browser.read("[role=alert]", "Too many tries. Wait 15 minutes, then try again.").await;
        assert_eq!(browser.status().await, 429, "the right one is not judged any more");
        assert_eq!(browser.evaluate("document.getElementById('username').value").await, json!("alice"));
        browser.open(&server.at("/account")).await;
        browser.arrive_at_heading("Log in").await;
        let bad = "400 (Bad Request)";
        browser.leave(&[bad, bad, bad, "429 (Too Many Requests)"]).await;
    })
    .await;
}

#[actix_web::test]
async fn too_many_wrong_codes_are_told_in_the_page_and_the_right_one_is_not_judged() {
    with_and_without_scripts(async |browser| {
        let server = Gatepost::start();
        browser.log_in(&server).await;
        let factors = browser.set_up_app(&server).await;
        browser.log_out(&server).await;
        browser.open(&server.at("/login")).await;
        browser.give_password().await;
        browser.arrive_at_heading("One more step").await;
        let wrong = [("code", "0000 0000 0000")];
        // A log-in that saw a few is over; the next ones go on counting.
        let mut heard = String::new();
        for _ in 0..20 {
            browser.send(&wrong, "Log in").await;
            heard = browser.text("[role=alert]").await;
            if heard.starts_with("Too many") {
                break;
            }
            if browser.text("h1").await == "Log in" {
                assert!(heard.contains("a code was wrong too often"), "{heard}");
                browser.give_password().await;
                browser.arrive_at_heading("One more step").await;
            }
        }
        assert_eq!(heard, "Too many wrong codes. Wait 15 minutes, then try again.");
        assert_eq!(browser.status().await, 429);
        browser.send(&[("code", &factors.recovery_codes[0])], "Log in").await;
        browser.read("[role=alert]", "Too many wrong codes. Wait").await;
        assert_eq!(browser.status().await, 429, "the right one is not judged any more");
    })
    .await;
}
