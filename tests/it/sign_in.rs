//! Signing in by the page: what is said to whom, how guessing is slowed down, where people go next, and
//! what the cookie is.

use actix_web::http::Method;
use gatepost::store::users;

use crate::harness::html::{Page, without_challenge};
use crate::harness::pages::log_in_path;
use crate::harness::{self, PASSWORD, Server};

/// Tries a password in a new browser.
async fn attempt(server: &Server, username: &str, password: &str, headers: &[(&str, &str)]) -> Page {
    let mut browser = server.browser();
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    browser.headers.extend(headers);
    let page = browser.open("/login").await;
    browser.log_in_at(&page, username, password).await
}

#[actix_web::test]
async fn a_person_logs_in_by_name_or_proven_address_in_any_letter_case() {
    let server = harness::spawn().await;
    server.person("Alice").await;
    for name in ["Alice", "alice", " ALICE ", "Alice@people.example", "alice@PEOPLE.example", "Ａｌｉｃｅ"] {
        let page = attempt(&server, name, PASSWORD, &[]).await;
        assert_eq!((page.status, page.url.path()), (200, "/account"), "{name}: {}", page.text());
        assert!(page.text().contains("Alice"));
        assert!(page.hops.iter().all(|(status, _)| matches!(status, 200 | 303)), "RFC 9700 §4.12: {:?}", page.hops);
    }
}

#[actix_web::test]
async fn unknown_wrong_and_disabled_are_one_answer() {
    let server = harness::spawn().await;
    server.person("alice").await;
    let bob = server.person("bob").await;
    server.disable(&bob, true).await;
    let carol = server.person("carol").await;
    server.write(move |tx| users::set_password_digest(tx, carol.id, "no hash")).await;
    let mut answers = Vec::new();
    for (username, password) in
        [("nobody", PASSWORD), ("alice", "wrong"), ("bob", PASSWORD), ("carol", PASSWORD), ("alice", "")]
    {
        let page = attempt(&server, username, password, &[]).await;
        assert_eq!(page.form_with("Log in").value("username"), Some(username), "the name is kept");
        assert_eq!(page.form_with("Log in").value("password"), Some(""), "the password is not");
        answers.push((page.status, without_challenge(&page.html).replace(username, "NAME")));
    }
    assert_eq!(answers[0].0, 400);
    for answer in &answers {
        assert_eq!(answer, &answers[0]);
    }
    let long = "x".repeat(1_025);
    assert_eq!(attempt(&server, "alice", &long, &[]).await.status, 400, "past 1,024 bytes it is wrong, unhashed");
    assert_eq!(server.count("sessions").await, 0);
}

#[actix_web::test]
async fn ten_failures_close_the_account_to_this_network_for_fifteen_minutes() {
    let server = harness::spawn().await;
    server.person("alice").await;
    for _ in 0..10 {
        assert_eq!(attempt(&server, "alice", "wrong", &[]).await.status, 400);
    }
    for name in ["alice", " ALICE"] {
        let page = attempt(&server, name, PASSWORD, &[]).await;
        assert_eq!((page.status, page.header("retry-after")), (429, Some("900")), "the right password does not count");
        assert!(page.alert().contains("Too many tries"), "{}", page.alert());
    }
    server.person("bob").await;
    assert_eq!(attempt(&server, "bob", PASSWORD, &[]).await.status, 200, "others go in");
    server.advance(899);
    assert_eq!(attempt(&server, "alice", PASSWORD, &[]).await.status, 429, "tries meanwhile do not count");
    server.advance(1);
    assert_eq!(attempt(&server, "alice", PASSWORD, &[]).await.status, 200);
}

#[actix_web::test]
async fn nine_failures_and_a_success_begin_anew() {
    let server = harness::spawn().await;
    server.person("alice").await;
    for _ in 0..2 {
        for _ in 0..9 {
            assert_eq!(attempt(&server, "alice", "wrong", &[]).await.status, 400);
        }
        assert_eq!(attempt(&server, "alice", PASSWORD, &[]).await.status, 200);
    }
}

#[actix_web::test]
async fn parallel_guesses_do_not_slip_past_the_limit() {
    let server = harness::spawn().await;
    server.person("alice").await;
    let page = server.browser().open("/login").await;
    let guesses = (0..40).map(|_| {
        let (mut browser, page) = (server.browser(), page.clone());
        async move { browser.log_in_at(&page, "alice", "wrong").await.status }
    });
    let statuses = futures_util::future::join_all(guesses).await;
    assert_eq!(statuses.iter().filter(|status| **status != 429).count(), 10, "{statuses:?}");
}

#[actix_web::test]
async fn a_trusted_proxys_word_tells_networks_apart_and_nobody_elses() {
    let server = harness::spawn_with(&[("trusted_proxies", "127.0.0.1, 10.0.0.1")]).await;
    server.person("alice").await;
    let from = |heard: &'static str| [("x-forwarded-for", heard)];
    for last in 0..10 {
        // What the client wrote itself stands left of what our proxies heard.
        let heard = format!("10.9.8.{last}, 192.0.2.{last}, 10.0.0.1");
        assert_eq!(attempt(&server, "alice", "wrong", &[("x-forwarded-for", &heard)]).await.status, 400);
    }
    for heard in ["192.0.2.77", "203.0.113.1, 192.0.2.1", "nonsense, 192.0.2.5"] {
        assert_eq!(attempt(&server, "alice", PASSWORD, &from(heard)).await.status, 429, "{heard}");
    }
    let page = attempt(&server, "alice", PASSWORD, &from("198.51.100.1")).await;
    assert_eq!(page.status, 200, "the right password from another network is let in");
}

/// Some proxies (HAProxy's `option forwardfor`) add a header line of their own behind the client's;
/// RFC 9110 §5.3: lines of one name are one list, in order.
#[actix_web::test]
async fn a_proxy_that_adds_its_own_line_is_heard_and_the_clients_line_before_it_is_not() {
    let server = harness::spawn_with(&[("trusted_proxies", "127.0.0.1")]).await;
    server.person("alice").await;
    for last in 0..11 {
        let invented = format!("203.0.{last}.1");
        let lines = [("x-forwarded-for", invented.as_str()), ("x-forwarded-for", "192.0.2.1")];
        let status = attempt(&server, "alice", "wrong", &lines).await.status;
        assert_eq!(status, if last < 10 { 400 } else { 429 }, "try {last}");
    }
}

#[actix_web::test]
async fn a_header_that_nobody_trusts_changes_nothing() {
    let server = harness::spawn().await;
    server.person("alice").await;
    let long = "1,".repeat(3_000);
    for last in 0..10 {
        let invented = if last == 3 { long.clone() } else { format!("203.0.{last}.1") };
        assert_eq!(attempt(&server, "alice", "wrong", &[("x-forwarded-for", &invented)]).await.status, 400);
    }
    assert_eq!(attempt(&server, "alice", PASSWORD, &[("x-forwarded-for", "203.0.99.1")]).await.status, 429);
}

#[actix_web::test]
async fn next_leads_to_a_path_of_ours_and_nowhere_else() {
    let server = harness::spawn().await;
    server.person("alice").await;
    let path = |next: &str| format!("/login?{}", crate::harness::http::encode(&[("next", next)]));
    for (next, expected) in [
        ("/account/sessions", "/account/sessions"),
        ("/developer?a=1", "/developer"),
        ("https://evil.test/", "/account"),
        ("//evil.test/", "/account"),
        ("/\\evil.test/", "/account"),
        ("/\t/evil.test/", "/account"),
        ("\\\\evil.test", "/account"),
        ("javascript:alert(1)", "/account"),
        ("/%09/evil.test/\\", "/account"),
        ("http:/evil.test", "/account"),
        ("///evil.test", "/account"),
        (" //evil.test", "/account"),
        ("/ /evil.test", "/account"),
        ("evil.test", "/account"),
        ("", "/account"),
    ] {
        let mut browser = server.browser();
        let page = browser.open(&path(next)).await;
        let page = browser.log_in_at(&page, "alice", PASSWORD).await;
        assert_eq!((page.away.as_deref(), page.url.path()), (None, expected), "{next}");
        let page = browser.open(&path(next)).await;
        assert_eq!((page.away.as_deref(), page.url.path()), (None, expected), "{next}, logged in");
        let page = browser.open(&path(next).replace("/login", "/logout")).await;
        let page = browser.submit(page.form_with("Log out")).await;
        assert_eq!(page.away, None, "{next}, after logging out");
        for gate in ["/register", "/logout"] {
            assert_eq!(browser.open(&path(next).replace("/login", gate)).await.away, None, "{next}: {gate}");
        }
    }
    let page = server.browser().open("/login?next=/account&next=//evil.test").await;
    assert_eq!(page.away, None);
}

#[actix_web::test]
async fn the_cookie_is_out_of_reach_and_renewed_by_every_log_in() {
    let server = harness::spawn().await;
    server.person("alice").await;
    let mut browser = server.browser();
    browser.put_cookie("gatepost", "planted");
    browser.sign_in("alice").await;
    let first = browser.cookies()["gatepost"].clone();
    assert_ne!(first, "planted");
    let kept = browser.copy();
    let form = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
    let body = crate::harness::http::encode(&[("username", "alice"), ("password", PASSWORD)]);
    let answer = browser.bare(Method::POST, "/login", &form, &body).await;
    let set = answer.header("set-cookie").expect("because logging in renews the session");
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(set.contains(attribute), "{attribute}: {set}");
    }
    assert!(!set.contains("Domain") && !set.contains("Secure"), "on http://localhost: {set}");
    assert_ne!(browser.cookies()["gatepost"], first);
    let mut kept = kept;
    assert_eq!(kept.open("/account").await.heading(), "Log in", "the session before is over");
}

#[actix_web::test]
async fn on_https_the_cookie_belongs_to_this_host_alone() {
    let server = harness::spawn_with(&[("public_url", "https://id.example:{port}")]).await;
    server.person("alice").await;
    let own = [("sec-fetch-site", "same-origin")];
    let answer = server.http.post("/login", &own, &[("username", "alice"), ("password", PASSWORD)]).await;
    assert_eq!(answer.status, 303);
    let set = answer.header("set-cookie").expect("because somebody logged in");
    assert!(set.starts_with("__Host-gatepost=") && set.contains("Secure") && set.contains("Path=/"), "{set}");
    assert!(!set.contains("Domain"), "{set}");
    assert!(answer.header("strict-transport-security").is_some(), "on https only");
    assert_eq!(harness::spawn().await.http.get("/login").await.header("strict-transport-security"), None);
}

#[actix_web::test]
async fn a_session_ends_after_two_idle_weeks_or_ninety_days() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    for _ in 0..6 {
        server.advance(1_209_599);
        assert_eq!(alice.open("/account").await.heading(), "Your account");
        server.flush_uses().await;
    }
    // Six times two weeks less a second, and the rest of ninety days.
    server.advance(518_405);
    assert_eq!(alice.open("/account").await.heading(), "Your account");
    server.advance(1);
    assert_eq!(alice.open("/account").await.heading(), "Log in");
    alice.sign_in("alice").await;
    server.advance(1_209_600);
    assert_eq!(alice.open("/account").await.heading(), "Log in");
}

#[actix_web::test]
async fn logging_out_asks_and_then_ends_the_session_on_the_server() {
    let server = harness::spawn().await;
    let app = server.application(crate::harness::confidential()).await;
    let mut alice = server.signed_in("alice").await;
    let (kept, unredeemed) = (alice.copy(), app.code(&mut alice).await);
    let tokens = app.tokens(&mut alice).await;
    let page = alice.open("/logout").await;
    assert_eq!(page.heading(), "Log out?");
    assert_eq!(alice.open("/account").await.heading(), "Your account", "a link logs nobody out");
    let page = alice.submit(page.form_with("Log out")).await;
    assert_eq!(page.heading(), "You are logged out");
    let mut kept = kept;
    for browser in [&mut alice, &mut kept] {
        let page = browser.open("/account").await;
        assert_eq!((page.heading().as_str(), page.header("cache-control")), ("Log in", Some("no-store")));
    }
    let refused = app.exchange(&unredeemed).await.expect_err("because logging out ends unredeemed codes");
    assert_eq!(refused, (400, "invalid_grant".to_owned()));
    assert!(app.is_active(&tokens.access_token).await, "what was redeemed stays");
    assert_eq!(alice.open("/logout").await.heading(), "You are not logged in here", "nothing to ask");
}

#[actix_web::test]
async fn what_was_typed_is_text_on_the_page() {
    let server = harness::spawn().await;
    server.person("alice").await;
    for evil in ["\"><script>alert(1)</script>", "' OR 1=1--", "{{7*7}}", "<img src=x onerror=alert(1)>", "a\r\nb"] {
        let page = attempt(&server, evil, evil, &[]).await;
        assert_eq!(page.status, 400, "{evil}");
        assert!(page.all("main script, main img").is_empty() && !page.html.contains("<script>alert"), "{}", page.html);
        let page = server.browser().open(&log_in_path(&format!("https://evil.test/{evil}"))).await;
        assert_eq!(page.status, 400);
        assert!(page.all("main script, main img").is_empty(), "{}", page.html);
    }
}

#[actix_web::test]
async fn a_weak_hash_is_made_strong_by_the_next_log_in() {
    let server = harness::spawn().await;
    let alice = server.person("alice").await;
    // Plain bcrypt, as another platform stored it.
    let imported = bcrypt::hash(PASSWORD, 4).expect("because the cost is allowed");
    server.write(move |tx| users::set_password_digest(tx, alice.id, &imported)).await;
    assert_eq!(attempt(&server, "alice", PASSWORD, &[]).await.status, 200);
    assert_eq!(server.count("users WHERE password_digest LIKE '$bcrypt-sha256$%' AND username = 'alice'").await, 1);
    assert_eq!(attempt(&server, "alice", PASSWORD, &[]).await.status, 200);
}
