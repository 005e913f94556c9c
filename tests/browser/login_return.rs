//! Coming back by login.js to where one was, and a developer's way from the refusal to an app that works.

use serde_json::json;

use crate::harness::{Browser, Gatepost, Site};

/// An app with routes in its path: it names the one address that it registered.
fn app_with_routes(server: &Gatepost) -> Site {
    let body = format!(
        "<script src='{}' data-return-url='/notes'></script>
         <body><script>const start = (token) => {{
             const shown = document.createElement('output');
             shown.textContent = token;
             document.body.append(shown);
         }};</script>
         <script>Gatepost.ready.then((token) => token ? start(token) : Gatepost.logIn());</script>",
        server.at("/login.js")
    );
    Site::that_says(&body)
}

/// For all three deliveries: the app has one registered address, and its person is back where they were.
#[actix_web::test]
async fn an_app_with_routes_in_its_path_registers_one_address_and_its_person_is_back_at_the_route() {
    for delivery in ["query", "fragment", "code"] {
        let (server, browser) = (Gatepost::start(), Browser::start().await);
        let app = app_with_routes(&server);
        let registered = ["--login-return-url", "http://127.0.0.1/notes", "--login-delivery", delivery];
        server.create_client("Field Notes", &registered);
        let route = app.at("127.0.0.1", "/notes/7?page=2#top");
        browser.open(&route).await;
        browser.give_password().await;
        browser.arrive_at_heading("Continue to this address?").await;
        assert!(browser.text(".plate").await.contains("Field Notes"), "{delivery}");
        browser.follow_to("button[value=allow]").await;
        browser.arrive(&route).await;
        let token = browser.text("output").await;
        assert_eq!((server.try_token(&token), browser.address().await.as_str()), (200, route.as_str()), "{delivery}");
        let entries = browser.devtools("Page.getNavigationHistory", json!({})).await["entries"].to_string();
        assert!(!entries.contains(&token) && !entries.contains("login_code"), "{delivery}: {entries}");
        browser.leave(&[]).await;
    }
}

/// A refusal is no reason to leave the page: the next log-in would begin at once, round and round.
#[actix_web::test]
async fn an_app_with_routes_whose_person_cancels_stays_where_they_came_back() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    let app = app_with_routes(&server);
    server.create_client("Field Notes", &["--login-return-url", "http://127.0.0.1/notes"]);
    browser.open(&app.at("127.0.0.1", "/notes/7")).await;
    browser.give_password().await;
    browser.arrive_at_heading("Continue to this address?").await;
    browser.follow_to("button[value=deny]").await;
    browser.arrive(&app.at("127.0.0.1", "/notes")).await;
    assert_eq!(browser.evaluate("Gatepost.error").await, json!("access_denied"));
    assert_eq!(browser.count("output").await, 0);
    browser.leave(&[]).await;
}

#[actix_web::test]
async fn the_form_shows_the_address_that_comes_back_while_it_is_typed() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    browser.log_in(&server).await;
    browser.open(&server.at("/developer/apps/new")).await;
    assert_eq!(browser.count("input[name=login_delivery]:checked").await, 0);
    browser.fill("#login_return_urls", "=https://maps.example/a/?b=1").await;
    for (way, expected) in [
        ("query", "https://maps.example/a/?b=1&token=TOKEN"),
        ("fragment", "https://maps.example/a/?b=1#token=TOKEN&state=STATE"),
        ("code", "https://maps.example/a/?b=1#login_code=CODE&state=STATE"),
    ] {
        browser.until(&format!("document.querySelector('[data-comes-back={way}]').textContent === '{expected}'")).await;
    }
    browser.leave(&[]).await;
}

#[actix_web::test]
async fn a_developer_gets_from_the_refusal_to_an_app_that_works() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    browser.log_in(&server).await;
    let path = "/logIn?referer=https://app.example/";
    browser.open(&server.at(path)).await;
    browser.arrive_at_heading("This app cannot receive a log-in").await;
    browser.click_words("Register a new app").await;
    browser.arrive_at_heading("Register an app").await;
    browser.fill("#client_name", "Field Notes").await;
    browser.click("input[name=login_delivery][value=query]").await;
    browser.click_words("Register app").await;
    browser.arrive_at_heading("Field Notes").await;
    browser.open(&server.at(path)).await;
    browser.arrive_at_heading("Continue to this address?").await;
    browser.leave(&["400 (Bad Request)"]).await;
}
