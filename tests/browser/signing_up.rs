//! Making an account: by the form, confirmed by the link or by the digits of the letter, and by an invitation.

use crate::harness::{App, Browser, Gatepost, digits, with_and_without_scripts};

const PASSWORD: &str = "seven herons over water";
const MAILBOX: &str = "carol@mail.example";

async fn sign_up(browser: &Browser) {
    let fields = [("username", "carol"), ("email", MAILBOX), ("password", PASSWORD)];
    browser.send(&fields, "Create account").await;
}

#[actix_web::test]
async fn a_person_signs_up_on_the_way_to_an_app_and_the_link_of_the_letter_leads_there_too() {
    with_and_without_scripts(async |browser| {
        let server = Gatepost::start();
        let app = App::grateful(&server);
        browser.open(&app.link()).await;
        browser.follow("Create one").await;
        browser.arrive_at_heading("Create an account").await;
        sign_up(&browser).await;
        browser.arrive_at_heading("Allow this app?").await;
        browser.follow("Allow").await;
        browser.arrive_at_heading("Thank you").await;
        let link = server.at(&server.email(MAILBOX, "Confirm your e-mail address").await.link_with("/verify?"));
        // Looking changes nothing: mail programs look at links.
        for _ in 0..2 {
            browser.open(&link).await;
            browser.arrive_at_heading("Confirm your e-mail address").await;
        }
        browser.open(&server.at("/account")).await;
        assert!(browser.text("main").await.contains("Not confirmed"));
        browser.open(&link).await;
        browser.send(&[("password", "a guess")], "Confirm address").await;
        browser.read("[role=alert]", "The password is wrong.").await;
        browser.send(&[("password", PASSWORD)], "Confirm address").await;
        browser.arrive_at_heading("Allow this app?").await;
        browser.open(&server.at("/account")).await;
        assert!(browser.text("dl").await.contains(&format!("{MAILBOX} Confirmed")));
        browser.open(&link).await;
        browser.arrive_at_heading("This link is over").await;
        browser.leave(&["400 (Bad Request)", "404 (Not Found)"]).await;
    })
    .await;
}

#[actix_web::test]
async fn the_browser_that_signed_up_confirms_the_address_by_six_digits() {
    with_and_without_scripts(async |browser| {
        let server = Gatepost::start();
        browser.open(&server.at("/register")).await;
        sign_up(&browser).await;
        browser.arrive_at_heading("Your account").await;
        let code = digits(&server.email(MAILBOX, "Confirm your e-mail address").await);
        let wrong = if code == "000 000" { "111 111" } else { "000 000" };
        browser.send(&[("code", wrong)], "Confirm address").await;
        browser.find("[role=alert]").await;
        browser.send(&[("code", &code)], "Confirm address").await;
        browser.read("[role=status]", "Your e-mail address is confirmed.").await;
        browser.leave(&["400 (Bad Request)"]).await;
    })
    .await;
}

#[actix_web::test]
async fn an_invitation_makes_an_account_once_where_nobody_else_may_sign_up() {
    with_and_without_scripts(async |browser| {
        let server = Gatepost::start_with(&[("registration", "invite")]);
        browser.open(&server.at("/login")).await;
        assert!(!browser.text("main").await.contains("No account yet?"));
        server.invite(MAILBOX);
        let link = server.at(&server.email(MAILBOX, "You are invited").await.link_with("/invitation?"));
        browser.open(&link).await;
        assert!(browser.text("main").await.contains(MAILBOX));
        browser.send(&[("username", "alice"), ("password", PASSWORD)], "Create account").await;
        browser.find("[role=alert]").await;
        browser.send(&[("username", "carol"), ("password", PASSWORD)], "Create account").await;
        browser.arrive_at_heading("Your account").await;
        assert!(browser.text("dl").await.contains(&format!("{MAILBOX} Confirmed")), "the link proved it");
        browser.open(&link).await;
        browser.arrive_at_heading("This link is over").await;
        browser.leave(&["400 (Bad Request)", "404 (Not Found)"]).await;
    })
    .await;
}
