//! Pages of another origin that send our forms in a logged-in person's name: on `localhost` the browser sends the
//! session's cookie along (a port makes no other site), on `127.0.0.1` it does not. Neither changes anything.

use serde_json::json;

use crate::harness::{Answer, App, Browser, Gatepost, PASSWORD, Site};

const HOSTS: [&str; 2] = ["localhost", "127.0.0.1"];

/// Visits a page that sends a form by itself, and reads the refusal.
async fn is_refused(browser: &Browser, server: &Gatepost, host: &str, (action, fields): (&str, &[(&str, &str)])) {
    let inputs: String =
        fields.iter().map(|(name, value)| format!("<input type=hidden name='{name}' value='{value}'>")).collect();
    let action = action.replace('&', "&amp;");
    let trap = Site::that_says(&format!(
        "<form method=post action='{action}'>{inputs}</form><script>document.forms[0].submit()</script>"
    ));
    browser.open(&trap.at(host, "/")).await;
    browser.arrive(&server.at("/")).await;
    browser.arrive_at_heading("Sent from somewhere else").await;
    assert_eq!(browser.status().await, json!(403), "{action} from {host}");
}

/// The form of the page that is open: where it goes, and the digest of what was shown.
async fn shown_form(browser: &Browser) -> (String, String) {
    let read = "[document.querySelector('form').action, document.querySelector('input[name=shown]').value]";
    serde_json::from_value(browser.evaluate(read).await).expect("because the page asks for a decision")
}

#[actix_web::test]
async fn a_form_of_another_origin_allows_no_app() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    let app = App::start(&server, |_| Answer::Page("<h1>Thank you</h1>".to_owned()));
    browser.log_in(&server).await;
    browser.open(&app.link()).await;
    let (action, shown) = shown_form(&browser).await;
    let form = [("decision", "allow"), ("shown", shown.as_str())];
    for host in HOSTS {
        is_refused(&browser, &server, host, (&action, &form)).await;
    }
    assert!(app.answers().is_empty(), "{:?}", app.answers());
    // The same form from our own page is taken: what was refused was where it came from.
    browser.open(&app.link()).await;
    assert_eq!(shown_form(&browser).await, (action, shown));
    browser.follow("Allow").await;
    browser.arrive(&app.redirect_uri()).await;
    browser.leave(&["403 (Forbidden)", "403 (Forbidden)"]).await;
}

#[actix_web::test]
async fn a_form_of_another_origin_continues_nowhere_with_a_token() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    let app = Site::that_says("<h1>Welcome</h1>");
    let link = server.at(&format!("/logIn?referer={}", app.at("127.0.0.1", "/in")));
    browser.log_in(&server).await;
    browser.open(&link).await;
    let (action, shown) = shown_form(&browser).await;
    for host in HOSTS {
        is_refused(&browser, &server, host, (&action, &[("decision", "allow"), ("shown", &shown)])).await;
    }
    assert!(app.visits().is_empty(), "{:?}", app.visits());
    browser.open(&link).await;
    browser.follow_to("button[value=allow]").await;
    browser.arrive_at_heading("Welcome").await;
    browser.leave(&["403 (Forbidden)", "403 (Forbidden)"]).await;
}

#[actix_web::test]
async fn a_form_of_another_origin_logs_nobody_out_or_in() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    server.create_user("mallory");
    browser.log_in(&server).await;
    for host in HOSTS {
        is_refused(&browser, &server, host, (&server.at("/logout"), &[])).await;
        let mallory = [("username", "mallory"), ("password", PASSWORD)];
        is_refused(&browser, &server, host, (&server.at("/login"), &mallory)).await;
        browser.open(&server.at("/account")).await;
        assert!(browser.text("main").await.contains("alice@mail.example"), "{host} changed who is logged in");
    }
    browser.leave(&["403 (Forbidden)"; 4]).await;
}

#[actix_web::test]
async fn a_form_of_another_origin_deletes_no_app() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    let client = server.create_client("Field Notes", &[]);
    let client_id = client["client_id"].as_str().expect("because every client has one");
    browser.log_in(&server).await;
    let app = server.at(&format!("/developer/apps/{client_id}"));
    for host in HOSTS {
        is_refused(&browser, &server, host, (&format!("{app}/delete"), &[("confirm", "Field Notes")])).await;
        is_refused(&browser, &server, host, (&format!("{app}/secrets/new"), &[("keep_old_for", "0")])).await;
    }
    browser.open(&app).await;
    assert_eq!(browser.text("h1").await, "Field Notes");
    let old_secret = client["client_secret"].as_str().unwrap_or_default();
    assert!(browser.text("main").await.contains(&old_secret[old_secret.len() - 4..]), "the secret was rolled");
    browser.fill("#confirm", "Field Notes").await;
    browser.follow("Delete app").await;
    browser.arrive_at_heading("Your apps").await;
    assert_eq!(server.count_clients(), 0);
    browser.leave(&["403 (Forbidden)"; 4]).await;
}
