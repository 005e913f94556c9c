//! `gatepost demo`: its sample app logs a person in by either way, and its sample API takes the token.

use crate::harness::{Browser, Home, Running, try_token};
use crate::pictures::portray;

/// The app that is on the page, its API, and everybody's password.
struct Demo {
    running: Running,
    app: String,
}

impl Demo {
    fn start() -> Self {
        let free = "127.0.0.1:0";
        let running = Home::new().serve(&["demo", "--listen", free, "--app-listen", free, "--api-listen", free]);
        let app = format!("{}/", running.announced("app"));
        Self { running, app }
    }

    /// From the app's button to the page that asks.
    async fn log_in(&self, browser: &Browser, button: &str) {
        browser.open(&self.app).await;
        browser.follow(button).await;
        browser.arrive_at_heading("Log in").await;
        assert!(browser.text(".asking").await.contains("Fieldnotes"));
        browser.identify("alice", &self.running.announced("password")).await;
    }

    /// What the API answers to the token that the app shows.
    async fn try_shown_token(&self, browser: &Browser) -> (String, u16) {
        let token = browser.text("dd > code").await;
        let status = self.try_token(&token);
        (token, status)
    }

    fn try_token(&self, token: &str) -> u16 {
        try_token(&format!("{}/notes", self.running.announced("api")), token)
    }
}

#[actix_web::test]
async fn the_sample_app_logs_a_person_in_by_code_calls_refreshes_and_logs_out() {
    let (demo, browser) = (Demo::start(), Browser::start().await);
    browser.open(&demo.app).await;
    portray(&browser, "demo").await;
    demo.log_in(&browser, "Log in with Gatepost (authorization code)").await;
    browser.follow("Allow").await;
    browser.arrive_at_heading("Hello, alice").await;
    assert_eq!(browser.address().await.as_str(), demo.app);
    assert!(browser.text("dl").await.contains("OAuth access token"));
    browser.follow("Call the sample API").await;
    let call = browser.read(".tries > li", "Call the sample API").await;
    assert!(call.contains("200") && call.contains("Two herons"), "{call}");
    portray(&browser, "demo-called").await;

    let (first, _) = demo.try_shown_token(&browser).await;
    browser.follow("Refresh").await;
    browser.read("[role=status]", "Here is a new token.").await;
    let (second, status) = demo.try_shown_token(&browser).await;
    assert_ne!(first, second);
    assert_eq!(status, 200);
    browser.follow("Log out").await;
    browser.read("[role=status]", "You are logged out of Fieldnotes").await;
    assert_eq!((demo.try_token(&first), demo.try_token(&second)), (401, 401));
    browser.leave(&[]).await;
}

#[actix_web::test]
async fn the_sample_app_logs_a_person_in_by_login_redirect_calls_and_logs_out() {
    let (demo, browser) = (Demo::start(), Browser::start().await);
    demo.log_in(&browser, "Log in with Gatepost (login redirect)").await;
    browser.arrive_at_heading("Continue to this address?").await;
    browser.follow_to("button[value=allow]").await;
    browser.arrive_at_heading("Hello, alice").await;
    assert_eq!(browser.address().await.as_str(), demo.app, "the token stays in the address bar");
    assert!(browser.text("dl").await.contains("User token"));
    browser.follow("Call the sample API").await;
    let call = browser.read(".tries > li", "Call the sample API").await;
    assert!(call.contains("200") && call.contains("Two herons"), "{call}");
    let (token, status) = demo.try_shown_token(&browser).await;
    assert_eq!(status, 200);
    browser.follow("Log out").await;
    browser.read("[role=status]", "You are logged out of Fieldnotes").await;
    assert_eq!(demo.try_token(&token), 401);
    browser.leave(&[]).await;
}

#[actix_web::test]
async fn the_sample_app_says_so_when_a_person_cancels() {
    let (demo, browser) = (Demo::start(), Browser::start().await);
    for button in ["Log in with Gatepost (authorization code)", "Log in with Gatepost (login redirect)"] {
        browser.open(&demo.app).await;
        browser.follow(button).await;
        browser.arrive_at_heading("Log in").await;
        browser.follow("Cancel").await;
        browser.arrive(&demo.app).await;
        browser.find("[role=alert]").await;
        assert_eq!(browser.count("dd > code").await, 0);
    }
    browser.leave(&[]).await;
}
