//! Pictures of the pages for tokens, and their fit; how pictures are taken stands in `pictures`.

use crate::harness::{Browser, Gatepost, PASSWORD};
use crate::pictures::portray;

const STREAMING: &str = "read_only/dataset_streaming";
/// A resource of the platform that has a long id.
const LONG_ID: &str = "0f8fad5b-d9cb-469f-a165-70867728950e-und-noch-ein-langes-stueck-ohne-Leerzeichen-7c9e6679";

/// Makes a token by the form, and takes no picture.
async fn make(server: &Gatepost, browser: &Browser, (name, kind): (&str, &str), resource: &str) {
    browser.open(&server.at(&format!("/account/tokens/new?kind={kind}"))).await;
    browser.fill("#name", name).await;
    if kind == "resources" || kind == "fileset" {
        browser.fill("#resource", resource).await;
    }
    browser.follow("Make the token").await;
    browser.arrive_at_heading("Your new token").await;
}

#[actix_web::test]
async fn the_list_of_tokens_fits_every_window() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    browser.log_in(&server).await;
    browser.open(&server.at("/account/tokens")).await;
    portray(&browser, "tokens-none").await;
    make(&server, &browser, ("Field station", "resources"), "42").await;
    portray(&browser, "token-made").await;
    browser.open(&server.at("/account/tokens")).await;
    portray(&browser, "tokens-one").await;
    make(
        &server,
        &browser,
        ("Kartographisches-Feldnotizverzeichnis-ohne-Leerzeichen-der-Landesvermessung", "resources"),
        LONG_ID,
    )
    .await;
    portray(&browser, "token-made-long").await;
    make(&server, &browser, ("Tiles on the website", STREAMING), "").await;
    make(&server, &browser, ("Lake depths", "fileset"), "lake-depths").await;
    for number in 1..=4 {
        let ids = (0..9).map(|id| (number * 100 + id).to_string()).collect::<Vec<_>>().join("\n");
        make(&server, &browser, (&format!("Nightly export {number}"), "resources"), &ids).await;
    }
    browser.open(&server.at("/account/tokens")).await;
    browser.click("main > details summary").await;
    browser.click("section details summary").await;
    portray(&browser, "tokens-many").await;
    browser.follow("Show it").await;
    browser.find("[data-secret]").await;
    portray(&browser, "tokens-generator").await;
    browser.leave(&[]).await;
}

#[actix_web::test]
async fn the_form_for_a_token_fits_every_window() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    server.create_api(
        "https://tiles.example",
        "Tiles of the survey",
        &["tiles:read: See your tiles", "tiles:write: Change your tiles"],
    );
    browser.log_in(&server).await;
    for (name, query) in [
        ("new-token", ""),
        ("new-token-prefilled", "?name=Field+station&resource=42%0A43&expires_in=days&days=12"),
        ("new-token-fileset", "?kind=fileset"),
        ("new-token-api", "?scope=tiles:read"),
        ("new-token-studio", "?kind=read_only/dataset_streaming"),
    ] {
        browser.open(&server.at(&format!("/account/tokens/new{query}"))).await;
        portray(&browser, name).await;
    }
    browser.open(&server.at("/account/tokens/new?expires_in=days&days=many")).await;
    browser.evaluate("document.querySelectorAll('[required]').forEach((field) => { field.required = false; })").await;
    browser.follow("Make the token").await;
    browser.find("[role=alert]").await;
    portray(&browser, "new-token-error").await;
    browser.leave(&["400 (Bad Request)"]).await;
}

#[actix_web::test]
async fn the_page_for_a_program_that_waits_fits_every_window() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    browser.log_in(&server).await;
    let session = server.start_remote_session();
    browser.open(&server.at(&format!("/login?session={session}"))).await;
    portray(&browser, "remote-session").await;
    browser.fill("#password", "guess").await;
    browser.follow("Allow").await;
    browser.find("[role=alert]").await;
    portray(&browser, "remote-session-error").await;
    // The Enter key allows, because the program was started from here.
    browser.fill("#password", PASSWORD).await;
    browser.submit().await;
    browser.arrive_at_heading("The program is logged in").await;
    portray(&browser, "remote-session-done").await;
    browser.leave(&["400 (Bad Request)"]).await;
}
