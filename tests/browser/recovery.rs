//! Getting back in: a forgotten password, an account that was deleted, and one that somebody else was in.

use crate::harness::{App, Browser, Gatepost, PASSWORD, with_and_without_scripts};

const NEW: &str = "eight herons over water";
const MAILBOX: &str = "alice@mail.example";

/// Logs in with the new password.
async fn come_back(server: &Gatepost, browser: &Browser) {
    browser.open(&server.at("/login")).await;
    browser.identify("alice", NEW).await;
    browser.arrive(&server.at("/account")).await;
}

#[actix_web::test]
async fn a_forgotten_password_is_set_anew_and_the_person_continues_at_the_app_that_sent_them() {
    with_and_without_scripts(async |browser| {
        let server = Gatepost::start();
        let app = App::grateful(&server);
        browser.open(&app.link()).await;
        browser.follow("Forgot your password?").await;
        browser.arrive_at_heading("Forgot your password?").await;
        browser.send(&[("username", MAILBOX)], "Send the link").await;
        browser.arrive_at_heading("Look into your mailbox").await;
        let link = server.at(&server.email(MAILBOX, "Set a new password").await.link_with("/reset/finish?"));
        for _ in 0..2 {
            browser.open(&link).await;
            browser.arrive_at_heading("Set a new password").await;
        }
        browser.send(&[("password", "password")], "Set password").await;
        browser.find("[role=alert]").await;
        browser.send(&[("password", NEW)], "Set password").await;
        browser.arrive_at_heading("Allow this app?").await;
        browser.follow("Allow").await;
        browser.arrive_at_heading("Thank you").await;
        server.email(MAILBOX, "A new password was set").await;
        browser.open(&link).await;
        browser.arrive_at_heading("This link is over").await;
        browser.log_out(&server).await;
        come_back(&server, &browser).await;
        browser.leave(&["400 (Bad Request)", "404 (Not Found)"]).await;
    })
    .await;
}

#[actix_web::test]
async fn a_deleted_account_is_kept_by_the_link_of_its_letter() {
    with_and_without_scripts(async |browser| {
        let server = Gatepost::start();
        browser.log_in(&server).await;
        browser.follow("Delete your account").await;
        browser.arrive_at_heading("Delete your account").await;
        browser.send(&[("confirm", "bob"), ("password", PASSWORD)], "Delete account").await;
        browser.find("[role=alert]").await;
        browser.send(&[("confirm", "alice"), ("password", PASSWORD)], "Delete account").await;
        browser.arrive_at_heading("Your account is closed").await;
        browser.open(&server.at("/account")).await;
        browser.arrive_at_heading("Log in").await;
        let link = server.at(&server.email(MAILBOX, "Your account will be deleted").await.link_with("/keep?"));
        browser.open(&link).await;
        browser.arrive_at_heading("Keep your account?").await;
        browser.follow("Keep my account").await;
        browser.arrive_at_heading("Your account stays").await;
        browser.log_in(&server).await;
        browser.leave(&["400 (Bad Request)"]).await;
    })
    .await;
}

#[actix_web::test]
async fn this_was_not_me_ends_everything_and_a_letter_leads_back_in() {
    with_and_without_scripts(async |browser| {
        let server = Gatepost::start();
        let app = App::grateful(&server);
        browser.open(&app.link()).await;
        browser.give_password().await;
        browser.follow("Allow").await;
        browser.arrive_at_heading("Thank you").await;
        let (token, elsewhere) = (app.last_token(&server), server.log_in_elsewhere());
        browser.open(&server.at("/account")).await;
        browser.follow("This was not me").await;
        browser.arrive_at_heading("Was this not you?").await;
        browser.follow("End everything").await;
        browser.arrive_at_heading("Everything was ended").await;
        assert_eq!((server.try_token(&token), server.is_logged_in(&elsewhere)), (401, false));
        let message = server.email(MAILBOX, "Set a new password to get back in").await;
        browser.open(&server.at("/login")).await;
        browser.give_password().await;
        browser.find("[role=alert]").await; // the old password works no more
        browser.open(&server.at(&message.link_with("/reset/finish?"))).await;
        browser.fill("#password", NEW).await;
        browser.submit().await;
        browser.arrive_at_heading("Your account").await;
        browser.leave(&["400 (Bad Request)"]).await;
    })
    .await;
}

#[actix_web::test]
async fn the_link_of_a_letter_takes_the_account_back_from_whoever_changed_its_address() {
    with_and_without_scripts(async |browser| {
        let server = Gatepost::start();
        browser.log_in(&server).await;
        browser.open(&server.at("/account/profile")).await;
        browser.send(&[("email", "thief@evil.example"), ("password", PASSWORD)], "Change address").await;
        browser.find("#code").await;
        let message = server.email(MAILBOX, "Your e-mail address is about to change").await;
        let stolen = server.email("thief@evil.example", "Confirm your new e-mail address").await;
        browser.open(&server.at(&stolen.link_with("/verify?"))).await;
        browser.send(&[("password", PASSWORD)], "Confirm address").await;
        browser.arrive_at_heading("Your account").await;
        browser.forget_cookies().await; // from here on it is the owner, somewhere else
        browser.open(&server.at(&message.link_with("/not-me?"))).await;
        browser.arrive_at_heading("Was this not you?").await;
        assert!(browser.text("main").await.contains(&format!("{MAILBOX} becomes its e-mail address again")));
        browser.follow("End everything").await;
        browser.arrive_at_heading("Set a new password").await;
        browser.send(&[("password", NEW)], "Set password").await;
        browser.arrive_at_heading("Your account").await;
        assert!(browser.text("dl").await.contains(&format!("{MAILBOX} Confirmed")));
        browser.leave(&[]).await;
    })
    .await;
}
