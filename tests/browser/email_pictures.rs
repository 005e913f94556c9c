//! Pictures of the pages that letters lead to, and of the first page of a new server; how pictures are taken stands
//! in `pictures`.

use crate::harness::{Browser, Gatepost, Home, PASSWORD};
use crate::pictures::portray;

const LONG_MAILBOX: &str = "kartographisches-feldnotizverzeichnis-ohne-leerzeichen@mail.example";

#[actix_web::test]
async fn the_pages_behind_letters_to_a_new_person_fit_every_window() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    server.invite(LONG_MAILBOX);
    let message = server.email(LONG_MAILBOX, "You are invited").await;
    browser.open(&server.at(&message.link_with("/invitation?"))).await;
    portray(&browser, "invitation").await;
    browser.send(&[("username", "alice"), ("password", "password")], "Create account").await;
    browser.find("[role=alert]").await;
    portray(&browser, "invitation-error").await;
    browser.open(&server.at("/register")).await;
    let fields = [("username", "carol"), ("email", "carol@mail.example"), ("password", PASSWORD)];
    browser.send(&fields, "Create account").await;
    browser.arrive_at_heading("Your account").await;
    portray(&browser, "account-new").await;
    let message = server.email("carol@mail.example", "Confirm your e-mail address").await;
    browser.open(&server.at(&message.link_with("/verify?"))).await;
    portray(&browser, "verify").await;
    browser.send(&[("password", "a guess")], "Confirm address").await;
    browser.find("[role=alert]").await;
    portray(&browser, "verify-error").await;
    browser.click("details summary").await;
    browser.send(&[("new_password", "password")], "Set password and confirm").await;
    browser.find("[role=alert]").await;
    portray(&browser, "verify-new-password").await;
    browser.leave(&["400 (Bad Request)", "400 (Bad Request)", "400 (Bad Request)"]).await;
}

#[actix_web::test]
async fn the_pages_behind_letters_of_warning_fit_every_window() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    browser.log_in(&server).await;
    browser.open(&server.at("/account/profile")).await;
    browser.send(&[("email", LONG_MAILBOX), ("password", PASSWORD)], "Change address").await;
    let message = server.email(LONG_MAILBOX, "Confirm your new e-mail address").await;
    browser.open(&server.at(&message.link_with("/verify?"))).await;
    portray(&browser, "verify-change").await;
    browser.send(&[("password", PASSWORD)], "Confirm address").await;
    browser.arrive_at_heading("Your account").await;
    let of_change = server.email("alice@mail.example", "Your e-mail address was changed").await;
    browser.open(&server.at("/account/delete")).await;
    browser.send(&[("confirm", "alice"), ("password", PASSWORD)], "Delete account").await;
    browser.arrive_at_heading("Your account is closed").await;
    let message = server.email(LONG_MAILBOX, "Your account will be deleted").await;
    browser.open(&server.at(&message.link_with("/keep?"))).await;
    portray(&browser, "keep-by-letter").await;
    let message = of_change.link_with("/not-me?");
    browser.open(&server.at(&message)).await;
    portray(&browser, "not-me-by-letter").await;
    browser.follow("End everything").await;
    browser.arrive_at_heading("Set a new password").await;
    portray(&browser, "reset-after-not-me").await;
    browser.open(&server.at(&message)).await;
    portray(&browser, "not-me-over").await;
    browser.leave(&["404 (Not Found)"]).await;
}

#[actix_web::test]
async fn the_first_page_of_a_new_server_fits_every_window() {
    let (server, browser) = (Home::new().serve(&["serve"]), Browser::start().await);
    let link = server.announced("set up the first administrator within an hour:");
    browser.open(&link).await;
    portray(&browser, "set-up").await;
    browser
        .send(
            &[("username", "ro ot"), ("email", "root@mail.example"), ("password", "password")],
            "Create administrator",
        )
        .await;
    browser.find("[role=alert]").await;
    portray(&browser, "set-up-error").await;
    browser.send(&[("username", "root"), ("password", PASSWORD)], "Create administrator").await;
    browser.arrive_at_heading("Your account").await;
    browser.open(&link).await;
    portray(&browser, "set-up-over").await;
    browser.leave(&["400 (Bad Request)", "404 (Not Found)"]).await;
}
