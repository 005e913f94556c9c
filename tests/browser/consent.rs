//! Allowing an app, from its link to its tokens.

use crate::harness::{App, Browser, Gatepost, STATE};

/// What the app learned from the person's last return.
fn last_answer(app: &App, name: &str) -> Option<String> {
    app.answers().last().expect("because somebody came back").parameter(name)
}

/// Log in on the way, allow, come again and cancel.
async fn allow_then_cancel(server: &Gatepost, browser: Browser) {
    let app = App::grateful(server);
    browser.open(&app.link()).await;
    browser.arrive_at_heading("Log in").await;
    let asking = browser.text(".asking").await;
    assert!(asking.contains("Field Notes") && asking.contains(&app.host()), "{asking}");
    browser.give_password().await;

    browser.arrive_at_heading("Allow this app?").await;
    let page = browser.text("main").await;
    let expected = ["Field Notes", &app.host(), "Made by\nalice", "You are logged in as alice", "runs on your device"];
    assert!(expected.iter().all(|part| page.contains(part)), "{page}");
    browser.follow_to("button[value=allow]").await;
    browser.arrive(&app.redirect_uri()).await;
    assert_eq!(last_answer(&app, "state").as_deref(), Some(STATE));
    assert_eq!(last_answer(&app, "iss"), Some(server.at("")));
    let code = last_answer(&app, "code").expect("because the person allowed it");
    let (status, tokens) = app.redeem(server, &code);
    let token = tokens["access_token"].as_str().unwrap_or_default();
    assert_eq!((status, server.try_token(token)), (200, 200), "{tokens}");

    // Any program on this device could come with this client_id: the person is asked each time.
    browser.open(&app.link()).await;
    browser.arrive_at_heading("Allow this app?").await;
    browser.follow_to("button[value=deny]").await;
    browser.arrive(&app.redirect_uri()).await;
    assert_eq!(last_answer(&app, "error").as_deref(), Some("access_denied"));
    assert_eq!((last_answer(&app, "state").as_deref(), last_answer(&app, "code")), (Some(STATE), None));
    assert_eq!(last_answer(&app, "iss"), Some(server.at("")));
    // Nobody tells the app what was in our address bar.
    assert!(app.answers().iter().all(|visit| visit.referer.is_none()), "{:?}", app.answers());
    browser.leave(&[]).await;
}

#[actix_web::test]
async fn a_person_allows_an_app_and_is_asked_again_the_next_time() {
    let server = Gatepost::start();
    allow_then_cancel(&server, Browser::start().await).await;
}

#[actix_web::test]
async fn allowing_an_app_needs_no_scripts() {
    let server = Gatepost::start();
    let browser = Browser::start().await.without_scripts().await;
    browser.open(&server.at("/login")).await;
    assert_eq!(browser.count("button[data-show][hidden]").await, 1, "the page's script ran");
    allow_then_cancel(&server, browser).await;
}

#[actix_web::test]
async fn a_person_who_cancels_at_the_password_goes_back_to_the_app() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    let app = App::grateful(&server);
    browser.open(&app.link()).await;
    browser.follow("Cancel").await;
    browser.arrive(&app.redirect_uri()).await;
    assert_eq!(last_answer(&app, "error").as_deref(), Some("access_denied"));
    assert_eq!(last_answer(&app, "state").as_deref(), Some(STATE));
    browser.leave(&[]).await;
}

#[actix_web::test]
async fn consent_for_an_https_address_is_remembered() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    // Nobody answers at that host: the address bar is what this test reads.
    let client = server.create_client("Far Away", &["--redirect-uri", "https://app.example/callback"]);
    let client_id = client["client_id"].as_str().expect("because every client has one");
    let request = server.at(&format!("/oauth/authorize?response_type=code&client_id={client_id}&state=1"));
    browser.log_in(&server).await;
    browser.open(&request).await;
    browser.follow("Allow").await;
    let first = browser.arrive("https://app.example/callback?code=").await;
    browser.head_for(&request).await;
    let second = browser.arrive("https://app.example/callback?code=").await;
    assert_ne!(first, second);
    // The same with the password on the way: the log-in form's own redirects lead to the app.
    browser.log_out(&server).await;
    browser.open(&request).await;
    browser.give_password().await;
    browser.arrive("https://app.example/callback?code=").await;
    browser.leave(&[]).await;
}
