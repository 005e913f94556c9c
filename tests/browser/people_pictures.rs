//! Pictures of a person's own pages, and their fit; how pictures are taken stands in `pictures`.

use crate::harness::{Browser, Gatepost, PASSWORD};
use crate::pictures::portray;

#[actix_web::test]
async fn the_pages_about_a_person_fit_every_window() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    browser.log_in(&server).await;
    browser.open(&server.at("/account/profile")).await;
    portray(&browser, "profile").await;
    browser.fill("#homepage", "alice").await;
    browser.follow("Save profile").await;
    browser.find("[role=alert]").await;
    portray(&browser, "profile-error").await;
    browser.open(&server.at("/account/profile")).await;
    browser.fill("#email", "kartographisches-feldnotizverzeichnis-ohne-leerzeichen@mail.example").await;
    browser.fill("#password", PASSWORD).await;
    browser.follow("Change address").await;
    browser.find("#code").await;
    portray(&browser, "profile-waiting").await;
    browser.open(&server.at("/account")).await;
    portray(&browser, "account-waiting").await;
    browser.open(&server.at("/account/security/password")).await;
    portray(&browser, "password").await;
    browser.fill("#current_password", "a guess").await;
    browser.fill("#new_password", "another horse battery").await;
    browser.follow("Change password").await;
    browser.find("[role=alert]").await;
    portray(&browser, "password-error").await;
    browser.leave(&["400 (Bad Request)", "400 (Bad Request)"]).await;
}

#[actix_web::test]
async fn the_pages_for_leaving_fit_every_window() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    server.create_client("Field Notes", &["--redirect-uri", "https://fieldnotes.example/callback"]);
    browser.log_in(&server).await;
    browser.open(&server.at("/account/not-me")).await;
    portray(&browser, "not-me").await;
    browser.open(&server.at("/account/delete")).await;
    portray(&browser, "delete").await;
    browser.fill("#confirm", "alice").await;
    browser.fill("#password", PASSWORD).await;
    browser.follow("Delete account").await;
    browser.arrive_at_heading("Your account is closed").await;
    portray(&browser, "deleted").await;
    browser.open(&server.at("/login")).await;
    browser.identify("alice", PASSWORD).await;
    browser.arrive_at_heading("Keep your account?").await;
    portray(&browser, "keep").await;
    browser.follow("Keep my account").await;
    browser.arrive_at_heading("Your account stays").await;
    portray(&browser, "kept").await;
    browser.open(&server.at("/login")).await;
    browser.identify("alice", PASSWORD).await;
    browser.arrive(&server.at("/account")).await;
    browser.open(&server.at("/account/not-me")).await;
    browser.follow("End everything").await;
    browser.arrive_at_heading("Everything was ended").await;
    portray(&browser, "ended").await;
    browser.leave(&[]).await;
}
