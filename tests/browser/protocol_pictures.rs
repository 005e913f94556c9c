//! Pictures of the pages of devices, of several APIs, of logging out for an application, and of recovery; how
//! pictures are taken stands in `pictures`.

use crate::harness::{Browser, Gatepost};
use crate::pictures::portray;

const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

#[actix_web::test]
async fn the_pages_of_a_device_fit_every_window() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    server.create_api("https://tiles.example", "Tiles of the survey", &["tiles:read: See your tiles"]);
    let wall = server.create_client(
        "Map on the wall",
        &["--public", "--grant-type", DEVICE, "--grant-type", "refresh_token", "--scope", "projects tiles:read openid"],
    );
    let client_id = wall["client_id"].as_str().unwrap_or_default();
    let (status, started) =
        server.post_form("/oauth/device", &[("client_id", client_id), ("resource", "https://tiles.example")]);
    assert_eq!(status, 200, "{started}");
    browser.log_in(&server).await;
    browser.open(&server.at("/device")).await;
    portray(&browser, "device").await;
    browser.fill("#user_code", "BCDF-GHJK").await;
    browser.follow("Continue").await;
    browser.find("[role=alert]").await;
    portray(&browser, "device-error").await;
    browser.open(started["verification_uri_complete"].as_str().unwrap_or_default()).await;
    browser.follow("Continue").await;
    browser.arrive_at_heading("Log this device in?").await;
    portray(&browser, "device-decision").await;
    browser.follow("Allow").await;
    browser.arrive_at_heading("Your device is logged in").await;
    portray(&browser, "device-done").await;
    browser.leave(&["400 (Bad Request)"]).await;
}

#[actix_web::test]
async fn the_pages_for_apis_and_for_leaving_an_application_fit_every_window() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    server.create_api("https://tiles.example", "Tiles of the survey", &["tiles:read: See your tiles"]);
    server.create_api("https://lakes.example", "Lakes", &["lakes:write: Change the depths of your lakes"]);
    let client = server.create_client(
        "Field Notes",
        &[
            "--redirect-uri", "https://fieldnotes.example/callback", "--post-logout-redirect-uri",
            "https://fieldnotes.example/bye", "--scope", "openid email tiles:read lakes:write",
        ],
    );
    let client_id = client["client_id"].as_str().unwrap_or_default();
    browser.log_in(&server).await;
    let query = format!(
        "response_type=code&client_id={client_id}&state=x&resource=https://tiles.example&resource=https://lakes.example"
    );
    browser.open(&server.at(&format!("/oauth/authorize?{query}"))).await;
    portray(&browser, "consent-apis").await;
    let leave = format!("/oauth/logout?client_id={client_id}&post_logout_redirect_uri=https://fieldnotes.example/bye");
    browser.open(&server.at(&leave)).await;
    portray(&browser, "log-out-of-app").await;
    browser.leave(&[]).await;
}

#[actix_web::test]
async fn the_pages_of_recovery_fit_every_window() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    browser.open(&server.at("/reset")).await;
    portray(&browser, "reset").await;
    browser.fill("#username", "alice").await;
    browser.follow("Send the link").await;
    browser.arrive_at_heading("Look into your mailbox").await;
    portray(&browser, "reset-sent").await;
    browser.open(&server.at(&server.make_reset_link())).await;
    portray(&browser, "reset-finish").await;
    browser.open(&server.at("/reset/finish?key=00000000-0000-4000-8000-000000000000")).await;
    portray(&browser, "reset-over").await;
    browser.leave(&["404 (Not Found)"]).await;
}
