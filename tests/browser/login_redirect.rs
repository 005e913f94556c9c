//! The login redirect: an app's page sends a person to log in and gets a token in its address.

use serde_json::json;

use crate::harness::{Browser, Gatepost, Site};

/// An app of one page that has nothing but the three lines of `login.js`, and shows the token it got.
fn app_of_three_lines(server: &Gatepost) -> Site {
    let body = format!(
        "<script src='{}'></script>
         <body><script>const start = (token) => {{
             const shown = document.createElement('output');
             shown.textContent = token;
             document.body.append(shown);
         }};</script>
         <script>Gatepost.ready.then((token) => token ? start(token) : Gatepost.logIn());</script>
         <p id=referrer></p><script>document.getElementById('referrer').textContent = document.referrer;</script>",
        server.at("/login.js")
    );
    Site::that_says(&body)
}

/// Every address that Back or Forward could lead to.
async fn history(browser: &Browser) -> String {
    browser.devtools("Page.getNavigationHistory", json!({})).await["entries"].to_string()
}

#[actix_web::test]
async fn a_person_continues_to_an_app_on_this_device_with_a_token_that_works() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    let app = Site::that_says("<p>Welcome</p>");
    let address = app.at("127.0.0.1", "/in?view=2");
    browser.open(&server.at(&format!("/logIn?referer={address}"))).await;
    browser.arrive_at_heading("Log in").await;
    browser.give_password().await;
    browser.arrive_at_heading("Continue to this address?").await;
    let page = browser.text("main").await;
    let expected = [&address, "You are logged in as alice", "See your user name", "It works for"];
    assert!(expected.iter().all(|part| page.contains(part)), "{page}");
    browser.follow_to("button[value=allow]").await;
    browser.arrive(&address).await;
    let visit = app.visits().pop().expect("because the browser is there");
    let token = visit.parameter("token").expect("because the person continued");
    assert_eq!(visit.target, format!("/in?view=2&token={token}"));
    assert_eq!(server.try_token(&token), 200);
    assert_eq!((browser.evaluate("document.referrer").await, visit.referer), (json!(""), None));
    browser.leave(&[]).await;
}

#[actix_web::test]
async fn with_login_js_the_token_leaves_the_address_bar_and_the_history() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    let app = app_of_three_lines(&server);
    let page = app.at("127.0.0.1", "/notes?page=7#top");
    browser.open(&page).await;
    browser.give_password().await;
    browser.follow_to("button[value=allow]").await;
    let token = browser.text("output").await;
    assert_eq!(server.try_token(&token), 200);
    assert_eq!(browser.address().await.as_str(), page);
    assert_eq!(browser.text("#referrer").await, "");
    let arrived = app.visits().pop().expect("because the browser is there");
    assert_eq!(arrived.parameter("token").as_deref(), Some(token.as_str()), "the default delivery is the query");
    let entries = history(&browser).await;
    assert!(entries.contains("/notes") && !entries.contains(&token), "{entries}");
    // A reload keeps the person logged in, for this tab.
    browser.reload().await;
    assert_eq!(browser.text("output").await, token);
    browser.leave(&[]).await;
}

#[actix_web::test]
async fn a_token_behind_the_hash_never_reaches_the_apps_server() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    let app = app_of_three_lines(&server);
    let registered = ["--login-return-url", "http://127.0.0.1/notes", "--login-delivery", "fragment"];
    server.create_client("Field Notes", &registered);
    browser.open(&app.at("127.0.0.1", "/notes#/route?x=1")).await;
    browser.give_password().await;
    browser.arrive_at_heading("Continue to this address?").await;
    assert!(browser.text(".plate").await.contains("Field Notes"));
    browser.follow_to("button[value=allow]").await;
    let token = browser.text("output").await;
    assert_eq!(server.try_token(&token), 200);
    assert_eq!(browser.address().await.as_str(), app.at("127.0.0.1", "/notes#/route?x=1"), "its route is back");
    assert!(!history(&browser).await.contains(&token));
    let visits = app.visits();
    assert_eq!(visits.len(), 2);
    assert!(visits.iter().all(|visit| visit.target == "/notes" && visit.referer.is_none()), "{visits:?}");
    browser.leave(&[]).await;
}

#[actix_web::test]
async fn with_delivery_by_code_no_token_is_ever_in_an_address() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    let app = app_of_three_lines(&server);
    let registered = ["--login-return-url", "http://127.0.0.1/notes", "--login-delivery", "code"];
    server.create_client("Field Notes", &registered);
    let page = app.at("127.0.0.1", "/notes");
    let route = format!("{page}#/route");
    browser.open(&route).await;
    browser.give_password().await;
    browser.arrive_at_heading("Continue to this address?").await;
    browser.follow_to("button[value=allow]").await;
    let token = browser.text("output").await;
    assert_eq!((server.try_token(&token), browser.address().await.as_str()), (200, route.as_str()));
    let entries = history(&browser).await;
    assert!(!entries.contains(&token) && !entries.contains("login_code"), "{entries}");
    assert!(app.visits().iter().all(|visit| visit.target == "/notes"), "the code stays behind the #");
    // A code that somebody else planted is not swapped.
    browser.evaluate("sessionStorage.clear()").await;
    browser.open(&format!("{page}#login_code=planted&state=guessed")).await;
    browser.reload().await;
    assert_eq!(browser.evaluate("[Gatepost.error, Gatepost.token()]").await, json!(["state_mismatch", null]));
    browser.leave(&["did not ask for the token"]).await;
}

#[actix_web::test]
async fn a_token_that_the_page_did_not_ask_for_is_refused() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    let app = app_of_three_lines(&server);
    let page = app.at("127.0.0.1", "/notes");
    browser.open(&page).await;
    browser.arrive_at_heading("Log in").await;
    // The page has asked: a foreign answer comes with another state.
    browser.open(&format!("{page}?token=planted&state=guessed")).await;
    assert_eq!(browser.evaluate("[Gatepost.error, Gatepost.token()]").await, json!(["state_mismatch", null]));
    assert_eq!((browser.address().await.as_str(), browser.count("output").await), (page.as_str(), 0));
    // Nor is it taken by a tab that has asked for nothing.
    browser.evaluate("sessionStorage.clear()").await;
    browser.open(&format!("{page}#token=planted&state=")).await;
    browser.reload().await;
    assert_eq!(browser.count("output").await, 0);
    browser.leave(&["did not ask for the token", "did not ask for the token"]).await;
}

#[actix_web::test]
async fn only_a_persons_own_navigation_gets_a_token_without_a_click() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    server.create_client("Far Away", &["--login-return-url", "https://app.example/in"]);
    let link = server.at("/logIn?referer=https://app.example/in");
    browser.open(&link).await;
    browser.give_password().await;
    // Nobody answers at that host: the address bar is what this test reads.
    browser.follow_to("button[value=allow]").await;
    let token = token_at_app_example(&browser).await;
    assert_eq!(server.try_token(&token), 200);

    let given = server.count_tokens();
    for host in ["localhost", "127.0.0.1"] {
        browser.open(&prying_site(&link).at(host, "/")).await;
        browser.until("document.title === 'tried everything'").await;
        browser.enter_frame().await;
        assert_eq!(browser.evaluate("location.protocol").await, json!("chrome-error:"), "the page was framed");
        browser.leave_frame().await;
        assert_eq!(server.count_tokens(), given, "{host} had a token made");
    }
    let refused: Vec<String> = browser.console().await;
    let framing = refused.iter().filter(|line| line.contains("frame-ancestors")).count();
    assert!(framing >= 2, "{refused:#?}");

    browser.head_for(&link).await;
    let newer = token_at_app_example(&browser).await;
    assert!(newer != token && server.try_token(&newer) == 200, "a link of the person's own gets one");
    browser.leave(&[]).await;
}

async fn token_at_app_example(browser: &Browser) -> String {
    let address = browser.arrive("https://app.example/in?token=").await;
    address.query_pairs().next().expect("because it begins so").1.into_owned()
}

/// A page that asks for the link with the person's cookie in every way but a navigation of theirs.
fn prying_site(link: &str) -> Site {
    Site::that_says(&format!(
        "<iframe src='{link}'></iframe>
         <script>
         const ended = (element) => new Promise((done) => {{ element.onload = element.onerror = done; }});
         const picture = Object.assign(new Image(), {{ src: '{link}' }});
         const script = Object.assign(document.createElement('script'), {{ src: '{link}' }});
         document.head.append(script);
         const attempts = [
           fetch('{link}', {{ mode: 'no-cors', credentials: 'include' }}),
           fetch('{link}', {{ credentials: 'include' }}),
           ended(picture), ended(script), new Promise((done) => addEventListener('load', done)),
         ];
         Promise.allSettled(attempts).then(() => {{ document.title = 'tried everything'; }});
         </script>"
    ))
}

#[actix_web::test]
async fn a_return_address_that_nobody_registered_gets_nothing() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    browser.log_in(&server).await;
    browser.open(&server.at("/logIn?referer=https://stranger.example/in")).await;
    browser.arrive_at_heading("This app cannot receive a log-in").await;
    assert!(browser.text("main").await.contains("https://stranger.example/in"));
    assert_eq!(browser.count("button").await, 0);
    browser.leave(&["400 (Bad Request)"]).await;
}
