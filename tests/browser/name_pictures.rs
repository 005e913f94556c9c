//! Names that are as long as names may be, and names from before there were rules: no page breaks.

use serde_json::json;

use crate::harness::{Browser, Gatepost, PASSWORD};
use crate::pictures::fits_a_phone;

/// Names whose box lets something out, or sticks out of what it is in.
const SPILLED: &str = "[...document.querySelectorAll('bdi')].filter((name) => {
    const own = name.getBoundingClientRect(), around = name.parentElement.getBoundingClientRect();
    return getComputedStyle(name).overflow !== 'clip' || own.right > around.right + 1 || own.left < around.left - 1;
  }).map((name) => name.outerHTML.slice(0, 120))";

#[actix_web::test]
async fn the_longest_name_and_stacked_letters_break_no_page_of_a_phone() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    let (long, wide) = ("W".repeat(64), "W".repeat(100));
    server.create_user(&long);
    let addresses = ["--redirect-uri", "https://fieldnotes.example/callback"];
    let returns = ["--login-return-url", "https://fieldnotes.example/in"];
    let client = server.create_client(&wide, &[addresses, returns].concat());
    let id = client["client_id"].as_str().expect("because it was made").to_owned();
    // Its owner has the long name, too.
    server.execute(&format!("UPDATE clients SET owner_id = (SELECT id FROM users WHERE username = '{long}')"));
    browser.open(&server.at("/login")).await;
    browser.identify(&long, PASSWORD).await;
    browser.arrive(&server.at("/account")).await;
    // A token for a resource whose id has nowhere to break, either.
    browser.open(&server.at("/account/tokens/new")).await;
    browser.fill("#name", &wide).await;
    browser.fill("#resource", &"W".repeat(200)).await;
    browser.follow("Make the token").await;
    browser.arrive_at_heading("Your new token").await;
    fits_a_phone(&browser, "names-token-made").await;
    let session = server.start_remote_session();
    let consent = format!(
        "/oauth/authorize?response_type=code&client_id={id}&redirect_uri=https://fieldnotes.example/callback&state=1"
    );
    let (remote, own, log) =
        (format!("/login?session={session}"), format!("/developer/apps/{id}"), format!("/developer/apps/{id}/log"));
    let pages = [
        ("consent", consent.as_str()),
        ("continue", "/logIn?referer=https://fieldnotes.example/in"),
        ("account", "/account"),
        ("profile", "/account/profile"),
        ("security", "/account/security"),
        ("password", "/account/security/password"),
        ("sessions", "/account/sessions"),
        ("apps", "/account/apps"),
        ("tokens", "/account/tokens"),
        ("log", "/account/log"),
        ("delete", "/account/delete"),
        ("not-me", "/account/not-me"),
        ("developer", "/developer"),
        ("app", &own),
        ("app-log", &log),
        ("device", "/device"),
        ("remote-session", &remote),
        ("log-out", "/logout"),
    ];
    let stacked = format!("W{}", "\u{301}".repeat(41)).repeat(3);
    for (kind, name) in [("long", &wide), ("stacked", &stacked)] {
        server.execute(&format!("UPDATE clients SET name = '{name}'"));
        for (page, path) in pages {
            browser.open(&server.at(path)).await;
            fits_a_phone(&browser, &format!("names-{kind}-{page}")).await;
            assert_eq!(browser.evaluate(SPILLED).await, json!([]), "{kind} {page}");
        }
    }
    browser.open(&server.at(&consent)).await;
    browser.click_words("Allow").await;
    browser.arrive("https://fieldnotes.example/").await;
    for (page, path) in [("apps", "/account/apps"), ("sessions", "/account/sessions")] {
        browser.open(&server.at(path)).await;
        fits_a_phone(&browser, &format!("names-held-{page}")).await;
    }
    browser.leave(&[]).await;
}
