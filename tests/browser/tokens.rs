//! Tokens that a person makes for programs of their own: from the form to the last request that is refused.

use serde_json::json;

use crate::harness::{Answer, Browser, Gatepost, Nginx, Site};

/// Fills the form in for one resource and one day, and answers the secret.
async fn make_token(browser: &Browser) -> String {
    browser.fill("#name", "Field station").await;
    browser.fill("#resource", "42").await;
    browser.click("input[name=expires_in][value='86400']").await;
    browser.follow("Make the token").await;
    browser.arrive_at_heading("Your new token").await;
    browser.text("[data-secret]").await
}

/// Make a token for one resource and one day, use it, see its use, revoke it, see it fail.
async fn live_a_tokens_life(server: &Gatepost, browser: Browser) {
    let api = Site::start(|_| Answer::Page("the station's map".to_owned()));
    server.create_own_api("https://maps.example.com", "Maps");
    let nginx = Nginx::before(server, &api);
    browser.log_in(server).await;
    browser.follow("Tokens").await;
    browser.arrive_at_heading("Tokens").await;
    browser.follow("Make a token").await;
    browser.arrive_at_heading("Make a token").await;
    let token = make_token(&browser).await;
    let page = browser.text("main").await;
    assert!(page.contains("On 42: see it") && page.contains("It ends in 24 hours"), "{page}");

    assert_eq!(nginx.fetch_with("GET", "/v3/path/42", &token).await, 200);
    assert_eq!(nginx.fetch_with("POST", "/v3/path/42", &token).await, 403);
    let told = api.visits().pop().expect("because one request got through");
    assert_eq!((told.header("x-auth-username"), told.header("x-auth-kind")), ("alice".into(), "personal".into()));
    assert!(told.header("x-auth-access").contains("\"pathId\":\"42\""), "{told:?}");

    browser.follow("I saved it").await;
    browser.arrive_at_heading("Tokens").await;
    // Uses are gathered and written once a second.
    for _ in 0..50 {
        if browser.text(".rows").await.contains("a moment ago from 127.0.0.1") {
            break;
        }
        actix_web::rt::time::sleep(std::time::Duration::from_millis(100)).await;
        browser.reload().await;
    }
    let row = browser.text(".rows > li").await;
    let last_four = format!("gpp_…{}", &token[token.len() - 4..]);
    for part in ["Field station", &last_four, "On 42: see it", "in 24 hours", "a moment ago from 127.0.0.1"] {
        assert!(row.contains(part), "no {part} in {row}");
    }
    assert!(!browser.text("main").await.contains(&token));
    browser.follow_to(".rows .end").await;
    browser.read("[role=status]", "The token is revoked.").await;
    assert!(browser.text(".rows").await.contains("No tokens."));
    assert_eq!(nginx.fetch_with("GET", "/v3/path/42", &token).await, 401);
    browser.leave(&[]).await;
}

#[actix_web::test]
async fn a_token_for_one_resource_and_one_day_lives_and_ends_behind_nginx() {
    let server = Gatepost::start();
    live_a_tokens_life(&server, Browser::start().await).await;
}

#[actix_web::test]
async fn a_tokens_life_behind_nginx_needs_no_scripts() {
    let server = Gatepost::start();
    live_a_tokens_life(&server, Browser::start().await.without_scripts().await).await;
}

#[actix_web::test]
async fn the_form_for_a_token_shows_what_belongs_to_the_choice() {
    let (server, browser) = (Gatepost::start(), Browser::start().await.without_scripts().await);
    browser.log_in(&server).await;
    browser.open(&server.at("/account/tokens/new?resource=42&expires_in=days&days=12")).await;
    let seen = "['resource', 'tier', 'expires_in', 'days', 'studio_expires_in']
        .filter((id) => document.getElementById(id).getClientRects().length > 0)";
    assert_eq!(browser.evaluate(seen).await, json!(["resource", "tier", "expires_in", "days"]));
    for (kind, expected) in [
        ("fileset", json!(["resource", "expires_in", "days"])),
        ("read_only/dataset_streaming", json!(["studio_expires_in"])),
        ("read_write/all", json!(["studio_expires_in"])),
    ] {
        browser.click(&format!("input[value='{kind}']")).await;
        assert_eq!(browser.evaluate(seen).await, expected, "{kind}");
    }
    browser.leave(&[]).await;
}

#[actix_web::test]
async fn the_secret_of_a_token_and_the_line_to_try_it_are_copied_and_shown_once() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    browser.log_in(&server).await;
    browser.open(&server.at("/account/tokens/new")).await;
    let token = make_token(&browser).await;
    for source in ["new-token", "try-it"] {
        browser.click(&format!("button[data-copy={source}]")).await;
        browser.until(&format!("document.querySelector('[data-copy={source}]').textContent === 'Copied'")).await;
    }
    let line = browser.text("#try-it").await;
    assert!(line.starts_with("curl ") && line.contains(&token), "{line}");
    // What the page promises that the line answers.
    assert_eq!(server.validate(&token)["valid"], json!(true));
    browser.reload().await;
    browser.arrive_at_heading("Tokens").await;
    assert_eq!(browser.count(".rows > li > form").await, 1, "the reload made a second token");
    assert!(!browser.text("main").await.contains(&token));
    browser.back().await;
    assert!(!browser.text("body").await.contains(&token), "Back shows the secret");
    browser.leave(&[]).await;
}
