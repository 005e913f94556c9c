//! The life of the token that the login redirect gives: how long, what replaces it, what ends it.

use actix_web::http::Method;
use gatepost::domain::registration::Draft;

use crate::harness;
use crate::harness::http::parameter;
use crate::harness::pages::{RETURN_URL, log_in_path, returns_to};

fn token_in(location: &str) -> String {
    parameter(location, "token").unwrap_or_else(|| panic!("no token in {location}"))
}

#[actix_web::test]
async fn it_lives_a_day_and_then_says_that_it_has_expired() {
    let server = harness::spawn().await;
    let api = server.api("https://tiles.example", &[], true).await;
    server.application(returns_to(&[RETURN_URL])).await;
    let mut alice = server.signed_in("alice").await;
    let token = token_in(&alice.come_back_to(RETURN_URL).await);
    let said = api.introspect(&token).await;
    assert_eq!((said["token_kind"].as_str(), said["username"].as_str()), (Some("user"), Some("alice")));
    assert_eq!(said["exp"].as_i64(), Some(server.now().plus(86_400).seconds()));
    server.advance(86_399);
    assert_eq!(server.account_status(&token).await, 200);
    server.advance(1);
    let answer = server.http.get_with_token("/v3/account", &token).await;
    assert_eq!(answer.error(), (401, "invalid_token".to_owned()));
    assert_eq!(answer.json()["error_description"], "The token has expired.");
    assert!(!api.is_active(&token).await);
}

#[actix_web::test]
async fn an_application_may_want_less_and_the_operator_caps_it() {
    let server = harness::spawn_with(&[("lifetimes.login_redirect_max", "1200")]).await;
    let short = Draft { login_token_lifetime: Some(600), ..returns_to(&["https://short.example/in"]) };
    server.application(short).await;
    server.application(returns_to(&[RETURN_URL])).await;
    let mut alice = server.signed_in("alice").await;
    for (url, words, life) in
        [("https://short.example/in", "It works for 10 minutes", 600), (RETURN_URL, "It works for 20 minutes", 1_200)]
    {
        let page = alice.open(&log_in_path(url)).await;
        assert!(page.text().contains(words), "{}", page.text());
        let token = token_in(alice.press_continue(&page).await.away());
        server.advance(life - 1);
        assert_eq!(server.account_status(&token).await, 200);
        server.advance(1);
        assert_eq!(server.account_status(&token).await, 401);
    }
}

#[actix_web::test]
async fn the_ten_newest_of_a_session_and_application_live_side_by_side() {
    let server = harness::spawn().await;
    server.application(returns_to(&[RETURN_URL, "https://app.example/other"])).await;
    server.application(returns_to(&["https://other.example/in"])).await;
    let mut laptop = server.signed_in("alice").await;
    let mut phone = server.browser();
    phone.sign_in("alice").await;
    let others = [
        token_in(&laptop.come_back_to("https://other.example/in").await),
        token_in(&laptop.come_back_to("http://127.0.0.1:9000/cb").await),
        token_in(&laptop.come_back_to("/login?application=true").await),
        token_in(&phone.come_back_to(RETURN_URL).await),
    ];
    let mut given = Vec::new();
    for number in 0..13 {
        let url = if number % 2 == 0 { RETURN_URL } else { "https://app.example/other" };
        given.push(token_in(&laptop.come_back_to(url).await));
        server.advance(1);
    }
    for (number, token) in given.iter().enumerate() {
        let expected = if number < 3 { 401 } else { 200 };
        assert_eq!(server.account_status(token).await, expected, "number {number}");
    }
    for other in &others {
        assert_eq!(server.account_status(other).await, 200);
    }
}

/// Programs of the device share their ten, whatever port each of them waits at: no page counts there.
#[actix_web::test]
async fn ten_programs_on_the_device_live_side_by_side_and_outlive_the_browser() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let mut given = Vec::new();
    for port in 0..11 {
        given.push(token_in(&alice.come_back_to(&format!("http://127.0.0.1:{}/cb", 49_152 + port)).await));
    }
    let python = token_in(&alice.come_back_to("/login?application=true").await);
    assert_eq!(server.account_status(&given[0]).await, 401);
    let page = alice.open(&log_in_path("http://127.0.0.1:9000/cb")).await;
    assert!(page.text().contains("also after you log out here"), "{}", page.text());
    let page = alice.open("/logout").await;
    alice.submit(page.form_with("Log out")).await;
    for token in given[1..].iter().chain([&python]) {
        assert_eq!(server.account_status(token).await, 200, "a job on the device goes on");
    }
    // The person sees each in a later session, and ends it there.
    let mut later = server.browser();
    later.sign_in("alice").await;
    let page = later.open("/account/sessions").await;
    assert_eq!(page.text().matches("also after you log out").count(), 11, "{}", page.text());
    let form = page
        .forms()
        .into_iter()
        .find(|form| form.has_button("End the token of A program on your device, 127.0.0.1:8765"));
    later.submit(form.unwrap_or_else(|| panic!("not listed: {}", page.text()))).await;
    assert_eq!(server.account_status(&python).await, 401);
}

#[actix_web::test]
async fn a_token_that_was_ended_takes_no_place_among_the_ten() {
    let server = harness::spawn().await;
    server.application(returns_to(&[RETURN_URL])).await;
    let mut alice = server.signed_in("alice").await;
    let first = token_in(&alice.come_back_to(RETURN_URL).await);
    for _ in 0..11 {
        let token = token_in(&alice.come_back_to(RETURN_URL).await);
        let body = serde_json::json!({ "credentials": [token] }).to_string();
        let headers = [("content-type", "application/json")];
        assert_eq!(server.http.send(Method::POST, "/credentials/revoke", &headers, body).await.status, 202);
    }
    assert_eq!(server.account_status(&first).await, 200);
}

#[actix_web::test]
async fn logging_out_ends_the_tokens_of_that_session_and_of_no_other() {
    let server = harness::spawn().await;
    server.application(returns_to(&[RETURN_URL])).await;
    let mut laptop = server.signed_in("alice").await;
    let mut phone = server.browser();
    phone.sign_in("alice").await;
    let (on_laptop, on_phone) =
        (token_in(&laptop.come_back_to(RETURN_URL).await), token_in(&phone.come_back_to(RETURN_URL).await));
    let page = laptop.open("/logout").await;
    laptop.submit(page.form_with("Log out")).await;
    assert_eq!((server.account_status(&on_laptop).await, server.account_status(&on_phone).await), (401, 200));
}

#[actix_web::test]
async fn it_dies_with_its_person_and_comes_back_with_them() {
    let server = harness::spawn().await;
    let api = server.api("https://tiles.example", &[], true).await;
    server.application(returns_to(&[RETURN_URL])).await;
    let alice = server.person("alice").await;
    let mut browser = server.browser();
    browser.sign_in("alice").await;
    let token = token_in(&browser.come_back_to(RETURN_URL).await);
    server.disable(&alice, true).await;
    assert_eq!(server.account_status(&token).await, 401);
    assert!(!api.is_active(&token).await);
    assert_eq!(browser.open(&log_in_path(RETURN_URL)).await.heading(), "Log in", "the session is dead too");
    server.disable(&alice, false).await;
    assert_eq!(server.account_status(&token).await, 200);
}

#[actix_web::test]
async fn it_is_seen_by_an_api_that_the_operator_vouches_for_and_by_no_other() {
    let server = harness::spawn().await;
    let (ours, theirs) =
        (server.api("https://a.example", &[], true).await, server.api("https://b.example", &[], false).await);
    let (app, other) = (server.application(returns_to(&[RETURN_URL])).await, server.application(returns_to(&[])).await);
    let mut alice = server.signed_in("alice").await;
    let token = token_in(&alice.come_back_to(RETURN_URL).await);
    assert!(ours.is_active(&token).await && app.is_active(&token).await);
    assert_eq!(ours.introspect(&token).await["client_id"].as_str(), Some(app.client_id()));
    for asker in [&theirs, &other] {
        assert_eq!(asker.introspect(&token).await, serde_json::json!({ "active": false }));
    }
}

#[actix_web::test]
async fn it_is_never_a_way_to_be_logged_in_at_a_page() {
    let server = harness::spawn().await;
    server.application(returns_to(&[RETURN_URL])).await;
    let mut alice = server.signed_in("alice").await;
    let token = token_in(&alice.come_back_to(RETURN_URL).await);
    let answer = server.http.get(&format!("/account?a=1&token={token}&b=2")).await;
    assert_eq!((answer.status, answer.location()), (303, Some("/account?a=1&b=2")));
    let mut thief = server.browser();
    thief.headers.push(("authorization".to_owned(), format!("Bearer {token}")));
    assert_eq!(thief.open(&format!("/account?token={token}")).await.heading(), "Log in");
    for cookie in ["gatepost", "token", "__Host-gatepost"] {
        let header = format!("{cookie}={token}");
        let answer = server.http.send(Method::GET, "/account", &[("cookie", &header)], "").await;
        assert_eq!(answer.status, 303, "{cookie}");
    }
}

const SETTINGS: &str = "Change the settings of your account";

/// Whether a token of the login redirect opens the account's own settings.
async fn is_full_access(server: &harness::Server, token: &str) -> bool {
    server.program(token).get(harness::token_holders::ACCESS_TOKENS).await.status == 200
}

/// A person allows what they read: an app that becomes the operator's own gets no more until they are
/// asked, and one that is so no longer gets less at once.
#[actix_web::test]
async fn the_page_says_how_much_the_token_opens_and_no_token_outgrows_what_it_said() {
    let server = harness::spawn().await;
    let app = server.application(returns_to(&[RETURN_URL])).await.client.id;
    let mut alice = server.signed_in("alice").await;
    let page = alice.open(&log_in_path(RETURN_URL)).await;
    assert!(page.text().contains("except the settings of your account") && !page.text().contains(SETTINGS));
    let narrow = token_in(alice.press_continue(&page).await.away());
    server.write(move |tx| gatepost::store::clients::set_first_party(tx, app, true)).await;
    assert!(!is_full_access(&server, &narrow).await, "she never allowed that");
    let page = alice.open(&log_in_path(RETURN_URL)).await;
    assert!(page.asks_to_continue() && page.text().contains(SETTINGS), "{}", page.text());
    assert!(!page.text().contains("except the settings"), "{}", page.text());
    let whole = token_in(alice.press_continue(&page).await.away());
    assert!(is_full_access(&server, &whole).await);
    assert_eq!(server.account_status(&narrow).await, 200, "it goes on beside the new one");
    assert!(!is_full_access(&server, &narrow).await, "and opens no more than before");
    assert!(is_full_access(&server, &token_in(&alice.come_back_to(RETURN_URL).await)).await, "she is not asked again");
    let newest = token_in(&alice.come_back_to(RETURN_URL).await);
    server.write(move |tx| gatepost::store::clients::set_first_party(tx, app, false)).await;
    assert!(!is_full_access(&server, &newest).await);
    assert_eq!(server.account_status(&newest).await, 200);
    let page = alice.open("/login?application=true").await;
    assert!(page.text().contains(SETTINGS), "{}", page.text());
}

#[actix_web::test]
async fn an_app_that_becomes_the_operators_while_the_page_is_open_is_shown_again() {
    let server = harness::spawn().await;
    let app = server.application(returns_to(&[RETURN_URL])).await.client.id;
    let mut alice = server.signed_in("alice").await;
    let page = alice.open(&log_in_path(RETURN_URL)).await;
    server.write(move |tx| gatepost::store::clients::set_first_party(tx, app, true)).await;
    let page = alice.press_continue(&page).await;
    assert!(page.asks_to_continue() && page.text().contains(SETTINGS), "{}", page.text());
}

#[actix_web::test]
async fn a_stale_login_code_in_the_apps_own_address_is_replaced() {
    let server = harness::spawn().await;
    server.application(returns_to(&[RETURN_URL])).await;
    let mut alice = server.signed_in("alice").await;
    let location = alice.come_back_to(&format!("{RETURN_URL}?login_code=old")).await;
    assert!(!location.contains("login_code"), "{location}");
}
