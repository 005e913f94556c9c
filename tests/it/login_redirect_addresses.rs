//! Who may be returned to: programs on this device, addresses that nobody registered, applications that
//! are gone, and a corpus of hostile addresses that lead nowhere.

use actix_web::http::Method;

use crate::harness::http::parameter;
use crate::harness::pages::{RETURN_URL, log_in_path, log_in_path_with, returns_to};
use crate::harness::{self, PASSWORD, Server};

const PYTHON: &str = "/login?application=true";

fn token_in(location: &str) -> String {
    parameter(location, "token").unwrap_or_else(|| panic!("no token in {location}"))
}

async fn account(server: &Server, location: &str) -> serde_json::Value {
    server.http.get_with_token("/v3/account", &token_in(location)).await.json()
}

#[actix_web::test]
async fn an_address_on_this_device_always_asks() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    for url in ["http://127.0.0.1:9000/cb", "http://[::1]:1/", "http://localhost:3000/?a=1", "https://localhost/x"] {
        for _ in 0..2 {
            let page = alice.open(&log_in_path(url)).await;
            assert!(page.asks_to_continue() && page.text().contains("on your device"), "{url}: {}", page.text());
            let location = alice.press_continue(&page).await.away().to_owned();
            assert_eq!(account(&server, &location).await["username"], "alice");
        }
    }
    assert_eq!(server.count("consents").await, 0);
}

/// `docs/decisions/0007-login-redirect.md`, rule 5: `client_id` is `""` for loopback of nobody.
#[actix_web::test]
async fn a_token_of_no_application_says_so() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let location = alice.come_back_to("http://127.0.0.1:9000/cb").await;
    let account = account(&server, &location).await;
    assert_eq!(account["client_id"], "", "{account}");
}

#[actix_web::test]
async fn a_registered_address_on_this_device_takes_any_port_and_asks_too() {
    let server = harness::spawn().await;
    let app = server.application(returns_to(&["http://127.0.0.1/cb"])).await;
    let mut alice = server.signed_in("alice").await;
    for _ in 0..2 {
        let page = alice.open(&log_in_path("http://127.0.0.1:49152/cb")).await;
        assert!(page.text().contains("on your device") && page.text().contains("Map studio"), "{}", page.text());
        let location = alice.press_continue(&page).await.away().to_owned();
        assert!(location.starts_with("http://127.0.0.1:49152/cb?token="), "{location}");
        assert_eq!(account(&server, &location).await["client_id"].as_str(), Some(app.client_id()));
    }
}

#[actix_web::test]
async fn the_python_client_is_answered_at_its_fixed_port_after_a_click_each_time() {
    let server = harness::spawn().await;
    server.person("alice").await;
    let mut browser = server.browser();
    let page = browser.open(PYTHON).await;
    let mut page = browser.log_in_at(&page, "alice", PASSWORD).await;
    for _ in 0..2 {
        assert!(page.asks_to_continue() && page.text().contains("127.0.0.1:8765"), "{}", page.text());
        let location = browser.press_continue(&page).await.away().to_owned();
        assert!(location.starts_with("http://127.0.0.1:8765/callback?token=gpu_"), "{location}");
        assert_eq!(server.account_status(&token_in(&location)).await, 200);
        page = browser.open(PYTHON).await;
    }
    let page = browser.submit(page.form_with("Cancel")).await;
    assert_eq!(page.away(), "http://127.0.0.1:8765/callback?error=access_denied");
    for path in ["/login?application=false", "/login?application=1"] {
        assert_eq!(browser.open(path).await.url.path(), "/account", "{path}");
    }
}

/// `docs/decisions/0007-login-redirect.md`, rule 5: what is shielded stays for the Python client's fixed form.
#[actix_web::test]
async fn the_python_clients_token_sees_the_whole_account_and_other_programs_do_not() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let page = alice.open(PYTHON).await;
    let python = alice.press_continue(&page).await.away().to_owned();
    let other = alice.come_back_to("http://127.0.0.1:9000/callback").await;
    assert_eq!(account(&server, &other).await.get("email"), None);
    assert_eq!(account(&server, &python).await["email"], "alice@people.example");
}

#[actix_web::test]
async fn an_address_that_nobody_registered_gets_a_page_before_any_password_is_asked() {
    let server = harness::spawn().await;
    server.application(returns_to(&[RETURN_URL])).await;
    let (mut stranger, mut alice) = (server.browser(), server.signed_in("alice").await);
    alice.come_back_to(RETURN_URL).await;
    let before = server.count("tokens").await;
    for url in
        ["https://evil.test/in", "https://app.example/", "https://app.example/in/x", "https://app.example:444/in"]
    {
        for browser in [&mut stranger, &mut alice] {
            let page = browser.open(&log_in_path(url)).await;
            assert_eq!((page.status, page.away.as_deref()), (400, None), "{url}");
            assert!(page.text().contains(url) && page.text().contains("Register this address"), "{}", page.text());
            assert!(page.forms().is_empty(), "nothing can be sent from here");
            assert_eq!(page.attributes("main a", "href").iter().filter(|link| link.contains("//")).count(), 0);
        }
    }
    assert_eq!(server.count("tokens").await, before);
}

#[actix_web::test]
async fn the_operator_may_let_people_decide_about_addresses_that_nobody_registered() {
    let server = harness::spawn_with(&[("login_redirect.unregistered", "confirm")]).await;
    let mut alice = server.signed_in("alice").await;
    for _ in 0..2 {
        let page = alice.open(&log_in_path("https://new.test/in")).await;
        assert!(page.asks_to_continue() && page.text().contains("Not registered"), "{}", page.text());
        assert!(page.text().contains("https://new.test/in") && page.text().contains("Stop unless"), "{}", page.text());
        let location = alice.press_continue(&page).await.away().to_owned();
        assert!(location.starts_with("https://new.test/in?token="), "{location}");
    }
    for url in HOSTILE {
        let page = alice.open(&log_in_path(url)).await;
        assert_eq!((page.status, page.away.as_deref()), (400, None), "{url}");
    }
}

#[actix_web::test]
async fn what_the_operator_suspended_is_not_for_people_to_decide() {
    let server = harness::spawn_with(&[("login_redirect.unregistered", "confirm")]).await;
    let app = server.application(returns_to(&[RETURN_URL])).await;
    server.suspend(&app, true).await;
    let page = server.signed_in("alice").await.open(&log_in_path(RETURN_URL)).await;
    assert_eq!((page.status, page.away.as_deref()), (400, None), "{}", page.text());
}

#[actix_web::test]
async fn an_application_that_is_suspended_or_deleted_is_no_destination() {
    let server = harness::spawn().await;
    let app = server.application(returns_to(&[RETURN_URL])).await;
    let mut alice = server.signed_in("alice").await;
    let token = token_in(&alice.come_back_to(RETURN_URL).await);
    server.suspend(&app, true).await;
    let page = alice.open(&log_in_path(RETURN_URL)).await;
    assert_eq!((page.status, page.away.as_deref()), (400, None));
    assert!(page.text().contains("have suspended the app") && !page.text().contains("Register"), "{}", page.text());
    assert_eq!(server.account_status(&token).await, 401);
    server.suspend(&app, false).await;
    assert_eq!(server.account_status(&token).await, 200, "suspending is undone without loss");
    let (now, id) = (server.now(), app.client.id);
    server.write(move |tx| gatepost::tokens::revoke::delete_client(tx, now, id)).await;
    assert_eq!(server.account_status(&token).await, 401);
    assert_eq!(alice.open(&log_in_path(RETURN_URL)).await.status, 400);
}

/// Addresses that are no return URL whatever is registered.
const HOSTILE: [&str; 40] = [
    "javascript:alert(1)", "JavaScript:alert(1)//https://app.example/in", "data:text/html,<script>x</script>",
    "file:///etc/passwd", "blob:https://app.example/1", "intent://app.example/in", "about:blank",
    "ftp://app.example/in", "//app.example/in", "//evil.test/", "/in", "\\\\evil.test\\in", "/\\evil.test",
    "https:app.example/in", "https:/app.example/in", "https:\\\\app.example/in", "https://", "https:///in",
    "http://app.example/in", "http://evil.test/", "https://app.example@evil.test/in",
    "https://app.example:x@evil.test/in", "https://@app.example/in", "https://app.example\\.evil.test/in",
    "https://app.example\\@evil.test/in", "https://app.example/in/../in", "https://app.example/./in",
    "https://app.example/%2e%2e/in", "https://app.example/%2E./in", "https://app.example/in%2fx",
    "https://app.example/in%5cx", "https://app.example//in", "https://app.example/in;x",
    "https://app.example/in\r\nSet-Cookie: x=1", "https://app.example/\tin", " https://app.example/in",
    "https://app.example/in ", "https://ⓔvil.test/in", "http://127。0。0。1/in", "http://2130706433/in",
];

/// Addresses that are return URLs, and belong to nobody here.
const NEAR: [&str; 16] = [
    "https://app.example.evil.test/in", "https://evil.test/https://app.example/in",
    "https://evil.test/?app.example/in", "https://evil.test#app.example/in", "https://app-example/in",
    "https://xapp.example/in", "https://app.example/IN", "https://app.example/in/", "https://app.example/",
    "https://app.example", "https://app.example:8443/in", "https://app.example./in", "https://127.0.0.1.evil.test/in",
    "https://localhost.evil.test/in", "https://evil.test/in?referer=https://app.example/in",
    "https://%61pp.example.evil.test/in",
];

#[actix_web::test]
async fn hostile_addresses_lead_nowhere_signed_in_or_out_coded_or_not() {
    let server = harness::spawn().await;
    server.application(returns_to(&[RETURN_URL])).await;
    let (mut stranger, mut alice) = (server.browser(), server.signed_in("alice").await);
    alice.come_back_to(RETURN_URL).await;
    let before = server.count("tokens").await;
    for url in HOSTILE.iter().chain(&NEAR) {
        let coded = log_in_path(url);
        let twice_coded = log_in_path(coded.split_once('=').map_or("", |(_, value)| value));
        for path in [coded, twice_coded, log_in_path_with(url, &[("decision", "allow"), ("shown", "x")])] {
            for browser in [&mut stranger, &mut alice] {
                let page = browser.open(&path).await;
                assert_eq!((page.status, page.away.as_deref()), (400, None), "{url}: {path}");
                assert!(!page.alert().is_empty() && !page.html.contains("<script>"), "{path}");
            }
        }
    }
    assert_eq!(server.count("tokens").await, before);
}

#[actix_web::test]
async fn hostile_addresses_that_were_not_encoded_lead_nowhere_either() {
    let server = harness::spawn().await;
    server.application(returns_to(&[RETURN_URL])).await;
    let mut alice = server.signed_in("alice").await;
    alice.come_back_to(RETURN_URL).await;
    let before = server.count("tokens").await;
    // A URL cannot hold controls and spaces, so these are sent coded only.
    let can_be_raw = |url: &&&str| url.bytes().all(|byte| byte.is_ascii_graphic()) && !url.contains(['<', '\\', '#']);
    for url in HOSTILE.iter().chain(&NEAR).filter(can_be_raw) {
        for path in [format!("/login?referer={url}"), format!("/login?referer={url}?x=1&referer={RETURN_URL}")] {
            let page = alice.open(&path).await;
            assert_eq!((page.status, page.away.as_deref()), (400, None), "{path}");
        }
    }
    assert_eq!(server.count("tokens").await, before);
}

#[actix_web::test]
async fn variants_of_the_path_are_no_way_around() {
    let server = harness::spawn().await;
    server.application(returns_to(&[RETURN_URL])).await;
    let mut alice = server.signed_in("alice").await;
    alice.come_back_to(RETURN_URL).await;
    for path in ["/login//", "/login;x", "/login%2f", "/login/x", "/log%49n;", "/xlogin", "/loginx"] {
        let headers = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
        for url in ["https://evil.test/in", RETURN_URL] {
            let query = log_in_path(url).replace("/logIn", path);
            let answer = alice.bare(Method::GET, &query, &headers, "").await;
            assert_ne!(answer.status, 303, "{query}");
            assert!(answer.status < 500, "{query}: {}", answer.status);
        }
    }
    let headers = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
    let coded = log_in_path("https://evil.test/in").replace("/logIn", "/log%69n");
    let answer = alice.bare(Method::GET, &coded, &headers, "").await;
    assert!(matches!(answer.status, 400 | 404), "the same policy on a coded letter: {}", answer.status);
}

#[actix_web::test]
async fn a_foreign_page_cannot_press_the_button() {
    let server = harness::spawn().await;
    server.application(returns_to(&[RETURN_URL])).await;
    let mut alice = server.signed_in("alice").await;
    let page = alice.open(&log_in_path(RETURN_URL)).await;
    let body = page.decision("allow").encode();
    let form = ("content-type", "application/x-www-form-urlencoded");
    for headers in [
        &[form, ("sec-fetch-site", "cross-site"), ("origin", "https://evil.test")][..],
        &[form, ("sec-fetch-site", "same-site")],
        &[form, ("origin", "https://evil.test")],
        &[form, ("origin", "null")],
        &[form],
    ] {
        let answer = alice.bare(Method::POST, &log_in_path(RETURN_URL), headers, &body).await;
        assert_eq!((answer.status, answer.location()), (403, None), "{headers:?}");
    }
    assert_eq!(server.count("tokens").await, 0);
    let page = alice.open(&log_in_path(RETURN_URL)).await;
    assert!(page.header("content-security-policy").is_some_and(|policy| policy.contains("frame-ancestors 'none'")));
    assert_eq!(page.header("x-frame-options"), Some("DENY"));
}
