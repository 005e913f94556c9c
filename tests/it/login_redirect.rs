//! The login redirect, `logIn?referer=`: a person logs in, sees where they go, and comes back to an app
//! with a user token that works.

use actix_web::http::Method;
use gatepost::domain::registration::Draft;

use crate::harness::browser::Browser;
use crate::harness::html::Page;
use crate::harness::http::parameter;
use crate::harness::pages::{RETURN_URL, in_fragment, log_in_path, log_in_path_with, returns_in_fragment, returns_to};
use crate::harness::{self, PASSWORD, Server};

fn token_in(location: &str) -> String {
    parameter(location, "token").unwrap_or_else(|| panic!("no token in {location}"))
}

#[actix_web::test]
async fn a_person_who_was_signed_out_logs_in_looks_and_comes_back_with_a_token_that_works() {
    let server = harness::spawn().await;
    let app = server.application(returns_to(&[RETURN_URL])).await;
    server.person("alice").await;
    let mut browser = server.browser();
    let page = browser.open(&log_in_path(RETURN_URL)).await;
    assert_eq!(page.heading(), "Log in");
    assert!(page.text().contains("Map studio") && page.text().contains("app.example"), "{}", page.text());
    let page = browser.log_in_at(&page, "alice", PASSWORD).await;
    assert!(page.asks_to_continue(), "{}", page.text());
    for shown in ["alice", "Map studio", "app.example", RETURN_URL, "It works for 24 hours"] {
        assert!(page.text().contains(shown), "{shown} is not on the page: {}", page.text());
    }
    let page = browser.press_continue(&page).await;
    assert_eq!((page.status, page.header("referrer-policy")), (303, Some("no-referrer")));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert!(page.away().starts_with("https://app.example/in?token=gpu_"), "{}", page.away());
    let account = server.http.get_with_token("/v3/account", &token_in(page.away())).await.json();
    assert_eq!((account["username"].as_str(), account["client_id"].as_str()), (Some("alice"), Some(app.client_id())));
}

#[actix_web::test]
async fn the_address_is_found_in_any_letter_case() {
    let server = harness::spawn().await;
    server.application(returns_to(&[RETURN_URL])).await;
    let mut alice = server.signed_in("alice").await;
    for path in ["/logIn", "/login", "/LOGIN", "/LogIn", "/lOgIn", "/logIn/", "/login/", "/LOGIN/"] {
        let page = alice.open(&log_in_path(RETURN_URL).replace("/logIn", path)).await;
        assert!(page.asks_to_continue(), "{path}: {}", page.text());
        assert!(alice.press_continue(&page).await.away().starts_with("https://app.example/in?token="), "{path}");
        server.write(|tx| harness::execute(tx, "DELETE FROM consents")).await;
    }
}

#[actix_web::test]
async fn the_first_return_waits_for_a_click_and_later_ones_are_automatic() {
    let server = harness::spawn().await;
    server.application(returns_to(&[RETURN_URL, "https://app.example/other"])).await;
    let mut alice = server.signed_in("alice").await;
    let page = alice.open(&log_in_path(RETURN_URL)).await;
    assert_eq!(server.count("tokens").await, 0, "looking gives nothing");
    alice.press_continue(&page).await;
    for url in [RETURN_URL, "https://app.example/other", "https://app.example/in?token=gpu_stale"] {
        let page = alice.open(&log_in_path(url)).await;
        assert_eq!(page.status, 303, "{url}: {}", page.text());
        assert_eq!(server.account_status(&token_in(page.away())).await, 200);
    }
    let mut bob = server.signed_in("bob").await;
    assert!(bob.open(&log_in_path(RETURN_URL)).await.asks_to_continue(), "another person is asked");
}

#[actix_web::test]
async fn a_return_is_automatic_only_when_a_person_navigates() {
    let server = harness::spawn().await;
    server.application(returns_to(&[RETURN_URL])).await;
    let mut alice = server.signed_in("alice").await;
    alice.come_back_to(RETURN_URL).await;
    let before = server.count("tokens").await;
    let navigation = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document"), ("sec-fetch-site", "cross-site")];
    for (what, headers) in [
        ("a picture", &[("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")][..]),
        ("a frame", &[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")]),
        ("a script", &[("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")]),
        ("an object", &[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "object")]),
        ("a browser that does not say", &[]),
        ("a look ahead", &[navigation[0], navigation[1], ("sec-purpose", "prefetch")]),
        ("an old look ahead", &[navigation[0], navigation[1], ("purpose", "prefetch")]),
        ("a prerendering", &[navigation[0], navigation[1], ("sec-purpose", "prefetch;prerender")]),
    ] {
        let answer = alice.bare(Method::GET, &log_in_path(RETURN_URL), headers, "").await;
        assert_eq!((answer.status, answer.location()), (200, None), "{what}");
        assert!(answer.text().contains("Continue to"), "{what}");
    }
    assert_eq!(server.count("tokens").await, before, "none of them was given anything");
    let answer = alice.bare(Method::GET, &log_in_path(RETURN_URL), &navigation, "").await;
    assert_eq!(answer.status, 303, "a link on another site is a person's own navigation");
}

#[actix_web::test]
async fn an_address_that_is_not_the_registered_one_letter_for_letter_asks_every_time() {
    let server = harness::spawn().await;
    server.application(returns_to(&[RETURN_URL, "https://app.example/maps/", "https://app.example/q?tenant=1"])).await;
    let mut alice = server.signed_in("alice").await;
    alice.come_back_to(RETURN_URL).await;
    for url in [
        "https://app.example/in?page=2", "https://app.example/in#/route", "https://app.example/in?token=old#x",
        "https://app.example/maps/", "https://app.example/maps/7", "https://app.example/maps/7?zoom=1",
    ] {
        for _ in 0..2 {
            let page = alice.open(&log_in_path(url)).await;
            assert!(page.asks_to_continue(), "{url}: {}", page.text());
            assert!(page.text().contains(url), "the whole address is named: {}", page.text());
            assert_eq!(server.account_status(&token_in(alice.press_continue(&page).await.away())).await, 200);
        }
    }
    let page = alice.open(&log_in_path("https://app.example/q?tenant=1")).await;
    assert!(page.away().starts_with("https://app.example/q?tenant=1&token="), "its own query is the registered one");
    for url in ["https://app.example/q?tenant=2", "https://app.example/q", "https://app.example/mapsx"] {
        let page = alice.open(&log_in_path(url)).await;
        assert_eq!((page.status, page.away.as_deref()), (400, None), "{url}");
    }
}

#[actix_web::test]
async fn a_prefix_alone_never_makes_a_return_automatic() {
    let server = harness::spawn().await;
    server.application(returns_to(&["https://app.example/maps/"])).await;
    let mut alice = server.signed_in("alice").await;
    for _ in 0..2 {
        let page = alice.open(&log_in_path("https://app.example/maps/")).await;
        alice.press_continue(&page).await;
    }
    assert_eq!(server.count("consents").await, 0);
}

#[actix_web::test]
async fn the_token_joins_the_apps_own_query_and_replaces_a_stale_one() {
    let server = harness::spawn().await;
    server.application(returns_to(&["https://app.example/maps/"])).await;
    let mut alice = server.signed_in("alice").await;
    let location = alice.come_back_to("https://app.example/maps/7?z=1&token=gpu_old&a=%20b&token=older#/route").await;
    let token = token_in(&location);
    assert_eq!(location, format!("https://app.example/maps/7?z=1&a=%20b&token={token}#/route"));
    let location = alice.come_back_to("https://app.example/maps/7?%74oken=gpu_old").await;
    assert!(location.starts_with("https://app.example/maps/7?token=gpu_"), "a coded name is the same name: {location}");
    assert_eq!(location.matches("oken=").count(), 1, "{location}");
}

#[actix_web::test]
async fn an_address_that_was_not_encoded_is_the_rest_of_the_query() {
    let server = harness::spawn().await;
    server.application(returns_to(&["https://app.example/maps/"])).await;
    let mut alice = server.signed_in("alice").await;
    let page = alice.open("/login?referer=https://app.example/maps/7?z=1&token=gpu_old&application=true").await;
    assert!(page.text().contains("https://app.example/maps/7?z=1&token=gpu_old&application=true"), "{}", page.text());
    let location = alice.press_continue(&page).await.away().to_owned();
    let token = token_in(&location);
    assert_eq!(location, format!("https://app.example/maps/7?z=1&application=true&token={token}"));
    let page = alice.open("/login?state=mine&referer=https://app.example/maps/7?state=theirs").await;
    let location = alice.press_continue(&page).await.away().to_owned();
    assert_eq!(parameter(&location, "state").as_deref(), Some("mine"), "{location}");
    assert_eq!(location.matches("state=").count(), 1, "{location}");
    // Without a question mark in it the value ends where the parameter ends.
    let page = alice.open("/login?referer=https://app.example/maps/7&state=s1").await;
    let location = alice.press_continue(&page).await.away().to_owned();
    assert_eq!(parameter(&location, "state").as_deref(), Some("s1"), "{location}");
}

#[actix_web::test]
async fn the_state_comes_back_as_it_was_sent_and_a_broken_one_goes_nowhere() {
    let server = harness::spawn().await;
    server.application(returns_to(&[RETURN_URL])).await;
    let mut alice = server.signed_in("alice").await;
    alice.come_back_to(RETURN_URL).await;
    let longest = "é".repeat(2_048);
    for state in ["x", "a b+c&d=e#f?g%20é\"'<>", "日本", "\u{fffd}", &longest] {
        let page = alice.open(&log_in_path_with(RETURN_URL, &[("state", state)])).await;
        assert_eq!(parameter(page.away(), "state").as_deref(), Some(state));
    }
    let path = log_in_path(RETURN_URL);
    let twice = format!("{path}&state=a&state=b");
    for path in [&twice, &format!("{path}&state=%00")] {
        let page = alice.open(path).await;
        assert_eq!((page.status, page.away.as_deref()), (400, None), "{path}");
        assert!(!page.alert().is_empty());
    }
}

/// `docs/decisions/0035-sizes-and-repeats.md`: `state` is any valid UTF-8, and it is returned byte for byte.
#[actix_web::test]
async fn a_state_or_address_that_is_not_utf_8_is_refused_and_never_comes_back_changed() {
    let server = harness::spawn().await;
    server.application(returns_to(&[RETURN_URL, "https://app.example/maps/"])).await;
    let mut alice = server.signed_in("alice").await;
    let path = log_in_path(RETURN_URL);
    for path in [&format!("{path}&state=%ff"), "/login?referer=https%3A%2F%2Fapp.example%2Fmaps%2F%ff"] {
        let page = alice.open(path).await;
        assert_eq!((page.status, page.away.as_deref()), (400, None), "{path}: {}", page.text());
    }
}

#[actix_web::test]
async fn cancel_goes_back_without_a_token_before_and_after_logging_in() {
    let server = harness::spawn().await;
    server.application(returns_to(&[RETURN_URL])).await;
    server.application(returns_in_fragment(&["https://spa.example/in"])).await;
    let (mut stranger, mut alice) = (server.browser(), server.signed_in("alice").await);
    for (url, expected) in [
        (RETURN_URL, "https://app.example/in?error=access_denied&state=s"),
        ("https://spa.example/in", "https://spa.example/in#error=access_denied&state=s"),
    ] {
        for browser in [&mut stranger, &mut alice] {
            let page = browser.open(&log_in_path_with(url, &[("state", "s")])).await;
            let page = browser.submit(page.form_with("Cancel")).await;
            assert_eq!(page.away(), expected);
            assert_eq!((page.status, page.header("referrer-policy")), (303, Some("no-referrer")));
        }
    }
    assert_eq!((server.count("tokens").await, server.count("consents").await), (0, 0));
}

#[actix_web::test]
async fn delivery_by_fragment_keeps_the_token_out_of_the_query() {
    let server = harness::spawn().await;
    server.application(returns_in_fragment(&["https://spa.example/maps/"])).await;
    let mut alice = server.signed_in("alice").await;
    let asked = log_in_path_with("https://spa.example/maps/7?z=1&token=old#/route", &[("state", "s")]);
    let page = alice.open(&asked).await;
    let location = alice.press_continue(&page).await.away().to_owned();
    let token = in_fragment(&location, "token").expect("because it is delivered there");
    assert_eq!(location, format!("https://spa.example/maps/7?z=1#token={token}&state=s"));
    assert_eq!(server.account_status(&token).await, 200);
}

#[actix_web::test]
async fn without_an_address_it_is_a_plain_log_in() {
    let server = harness::spawn().await;
    server.application(returns_to(&[RETURN_URL])).await;
    server.person("alice").await;
    for path in ["/logIn", "/logIn?referer=", "/logIn/", "/login?originUrl=", "/login?REFERER=https://x.test/"] {
        let mut browser = server.browser();
        browser.headers.push(("referer".to_owned(), "https://app.example/in".to_owned()));
        let page = browser.open(path).await;
        assert_eq!(page.heading(), "Log in", "{path}");
        let page = browser.log_in_at(&page, "alice", PASSWORD).await;
        assert_eq!((page.status, page.url.path()), (200, "/account"), "{path}");
    }
}

/// `originUrl` is what the platform's oldest programs send: they never came back, and nobody was told why.
#[actix_web::test]
async fn an_address_by_its_former_name_gets_a_page_that_says_the_new_one() {
    let server = harness::spawn().await;
    server.application(returns_to(&[RETURN_URL])).await;
    let (mut stranger, mut alice) = (server.browser(), server.signed_in("alice").await);
    for path in ["/login?originUrl=https://app.example/in", "/logIn/?originurl=https%3A%2F%2Fapp.example%2Fin"] {
        for browser in [&mut stranger, &mut alice] {
            let page = browser.open(path).await;
            assert_eq!((page.status, page.away.as_deref()), (400, None), "{path}");
            assert!(page.text().contains("Send the address as referer"), "{path}: {}", page.text());
        }
    }
    let page = alice.open(&format!("{}&originUrl=https://evil.test/", log_in_path(RETURN_URL))).await;
    assert!(page.asks_to_continue() && page.text().contains(RETURN_URL), "{}", page.text());
}

#[actix_web::test]
async fn a_second_referer_is_an_error() {
    let server = harness::spawn().await;
    server.application(returns_to(&[RETURN_URL, "https://app.example/other"])).await;
    let mut alice = server.signed_in("alice").await;
    alice.come_back_to(RETURN_URL).await;
    for path in [
        "/login?referer=https://app.example/in&referer=https://app.example/other",
        "/login?referer=https://app.example/in&referer=https://app.example/other?x",
        "/login?referer=https://app.example/in&referer=https://evil.test/",
    ] {
        let page = alice.open(path).await;
        assert_eq!((page.status, page.away.as_deref()), (400, None), "{path}");
    }
}

#[actix_web::test]
async fn a_form_that_was_shown_to_somebody_else_or_for_something_else_is_shown_again() {
    let server = harness::spawn().await;
    server.application(returns_to(&[RETURN_URL, "https://app.example/other"])).await;
    let (mut alice, mut bob) = (server.signed_in("alice").await, server.signed_in("bob").await);
    let page = alice.open(&log_in_path(RETURN_URL)).await;
    let form = page.decision("allow");
    let again = bob.submit(form.clone()).await;
    assert!(again.asks_to_continue() && again.text().contains("bob"), "{}", again.text());
    assert!(again.one("[role=status].notice").contains("look again"));
    let mut other = form.clone();
    for path in [log_in_path("https://app.example/other"), log_in_path_with(RETURN_URL, &[("state", "another")])] {
        other.action = server.url(&path).parse().expect("because it is an address");
        let again = alice.submit(other.clone()).await;
        assert!(again.asks_to_continue(), "{path}: {}", again.text());
    }
    assert_eq!(server.count("tokens").await, 0);
    assert!(alice.submit(form).await.away().contains("token=gpu_"), "as it was shown, it counts");
}

/// Presses the button in ten tabs of one browser at once.
async fn ten_tabs(server: &Server, alice: &mut Browser) -> Vec<Page> {
    server.application(returns_to(&[RETURN_URL])).await;
    let page = alice.open(&log_in_path(RETURN_URL)).await;
    let form = page.decision("allow");
    let tabs = (0..10).map(|_| {
        let (mut tab, form) = (alice.copy(), form.clone());
        async move { tab.submit(form).await }
    });
    futures_util::future::join_all(tabs).await
}

#[actix_web::test]
async fn ten_tabs_that_continue_at_once_all_arrive() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let statuses: Vec<u16> = ten_tabs(&server, &mut alice).await.iter().map(|page| page.status).collect();
    assert_eq!(statuses, [303; 10]);
    assert_eq!(server.count("consents").await, 1);
}

#[actix_web::test]
async fn of_ten_tabs_that_continue_at_once_all_tokens_live() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let mut living = 0;
    for page in ten_tabs(&server, &mut alice).await.iter().filter(|page| page.status == 303) {
        living += u32::from(server.account_status(&token_in(page.away())).await == 200);
    }
    assert_eq!(living, 10, "they live side by side");
}

#[actix_web::test]
async fn the_closest_application_gets_the_person() {
    let server = harness::spawn().await;
    let wide = server.application(returns_to(&["https://app.example/a/"])).await;
    let exact =
        server.application(Draft { name: "Exact".to_owned(), ..returns_to(&["https://app.example/a/b"]) }).await;
    let mut alice = server.signed_in("alice").await;
    for (url, app) in [("https://app.example/a/b", &exact), ("https://app.example/a/c", &wide)] {
        let token = token_in(&alice.come_back_to(url).await);
        let account = server.http.get_with_token("/v3/account", &token).await.json();
        assert_eq!(account["client_id"].as_str(), Some(app.client_id()), "{url}");
    }
}

#[actix_web::test]
async fn a_host_that_was_registered_in_capitals_is_the_same_host() {
    let server = harness::spawn().await;
    server.application(returns_to(&["https://App.Example/in"])).await;
    let mut alice = server.signed_in("alice").await;
    for url in ["https://app.example/in", "https://APP.example/in"] {
        let location = alice.come_back_to(url).await;
        assert!(location.starts_with("https://app.example/in?token="), "{location}");
    }
}

#[actix_web::test]
async fn a_parameter_that_the_owner_lets_vary_needs_no_second_click_and_any_other_does() {
    let server = harness::spawn().await;
    let login_varying_parameters = vec!["page".to_owned()];
    server.application(Draft { login_varying_parameters, ..returns_to(&[RETURN_URL]) }).await;
    let mut alice = server.signed_in("alice").await;
    let page = alice.open(&log_in_path(&format!("{RETURN_URL}?page=1"))).await;
    alice.press_continue(&page).await;
    let page = alice.open(&log_in_path(&format!("{RETURN_URL}?page=2"))).await;
    assert!(page.away().starts_with("https://app.example/in?page=2&token=gpu_"), "{}", page.away());
    for other in ["?page=2&next=https://evil.example", "?Page=2", "?page=2#/x", "/below?page=2"] {
        let page = alice.open(&log_in_path(&format!("{RETURN_URL}{other}"))).await;
        assert_eq!(page.away, None, "{other}");
    }
}
