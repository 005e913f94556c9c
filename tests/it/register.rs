//! Making an account: by the page, where the operator lets people do so, and by the one-time link of an
//! empty server.

use gatepost::identity::set_up;

use crate::harness::browser::Browser;
use crate::harness::html::Page;
use crate::harness::pages::{RETURN_URL, log_in_path, returns_to};
use crate::harness::{self, PASSWORD, Server, confidential};

async fn fill_in(browser: &mut Browser, page: &Page, username: &str, email: &str, password: &str) -> Page {
    let label = if page.url.path() == "/setup" { "Create administrator" } else { "Create account" };
    let form = page.form_with(label).fill("username", username).fill("email", email).fill("password", password);
    browser.submit(form).await
}

async fn register(server: &Server, username: &str, email: &str, password: &str) -> Page {
    let mut browser = server.browser();
    let page = browser.open("/register").await;
    fill_in(&mut browser, &page, username, email, password).await
}

/// A server that has its first account.
async fn open_server(settings: &[(&str, &str)]) -> Server {
    let server = harness::spawn_with(settings).await;
    server.person("root").await;
    server
}

#[actix_web::test]
async fn a_person_registers_and_is_logged_in() {
    let server = open_server(&[]).await;
    let page = register(&server, "alice", "alice@people.example", "correct horse").await;
    assert_eq!((page.status, page.url.path()), (200, "/account"), "{}", page.text());
    assert!(page.text().contains("alice@people.example") && page.text().contains("Not confirmed"), "{}", page.text());
    assert!(page.text().contains("author"), "nobody registers as an administrator: {}", page.text());
    let mut elsewhere = server.browser();
    let page = elsewhere.open("/login").await;
    assert_eq!(elsewhere.log_in_at(&page, "alice", "correct horse").await.status, 200);
}

#[actix_web::test]
async fn afterwards_the_person_continues_where_an_app_had_sent_them() {
    let server = open_server(&[]).await;
    let app = server.application(confidential()).await;
    server.application(returns_to(&[RETURN_URL])).await;
    for (path, heading) in
        [(app.request().path(), "Allow this app?"), (log_in_path(RETURN_URL), "Continue to this address?")]
    {
        let mut browser = server.browser();
        let page = browser.open(&path).await;
        let page = browser.open(&page.link("Create one")).await;
        let name = harness::random_word(8);
        let page = fill_in(&mut browser, &page, &name, "x@people.example", PASSWORD).await;
        assert_eq!(page.heading(), heading);
    }
    let mut browser = server.browser();
    let page = browser.open("/register?next=//evil.test/").await;
    let page = fill_in(&mut browser, &page, "mallory", "m@people.example", PASSWORD).await;
    assert_eq!((page.away.as_deref(), page.url.path()), (None, "/account"));
}

#[actix_web::test]
async fn every_problem_is_named_at_its_field_and_what_was_typed_is_kept() {
    let server = open_server(&[]).await;
    let page = register(&server, "a b", "nobody", "short").await;
    assert_eq!(page.status, 400);
    for field in ["username", "email", "password"] {
        assert_eq!(page.attributes(&format!("#{field}"), "aria-invalid"), ["true"], "{field}");
        assert!(!page.one(&format!("#{field}-problem")).is_empty(), "{field}");
    }
    let form = page.form_with("Create account");
    assert_eq!(
        (form.value("username"), form.value("email"), form.value("password")),
        (Some("a b"), Some("nobody"), Some(""))
    );
    let (long, longest) = ("x".repeat(1_025), "é".repeat(512));
    for (username, email, password, field) in [
        ("ROOT", "a@people.example", PASSWORD, "username"),
        ("ｒｏｏｔ", "a@people.example", PASSWORD, "username"),
        ("\u{430}lice", "a@people.example", PASSWORD, "username"),
        ("alice", "a@people.example\r\nBcc: b@x", PASSWORD, "email"),
        ("alice", "a@people.example", "password", "password"),
        ("alicealice", "a@people.example", "AliceAlice", "password"),
        ("alice", "a@people.example", &long, "password"),
        ("", "a@people.example", PASSWORD, "username"),
    ] {
        let page = register(&server, username, email, password).await;
        assert_eq!(page.status, 400, "{username}");
        assert_eq!(page.attributes("[aria-invalid=true]", "name"), [field], "{username}: {}", page.text());
    }
    assert_eq!(server.count("users").await, 1);
    assert_eq!(register(&server, "zoe", "z@people.example", &longest).await.status, 200, "1,024 bytes may be used");
}

#[actix_web::test]
async fn every_byte_of_a_long_password_counts() {
    let server = open_server(&[]).await;
    let password = format!("{}y", "x".repeat(72));
    assert_eq!(register(&server, "alice", "a@people.example", &password).await.status, 200);
    let mut browser = server.browser();
    let page = browser.open("/login").await;
    let wrong = format!("{}z", "x".repeat(72));
    assert_eq!(browser.log_in_at(&page, "alice", &wrong).await.status, 400);
    assert_eq!(browser.log_in_at(&page, "alice", &password).await.status, 200);
}

#[actix_web::test]
async fn an_address_that_is_not_proven_reserves_nothing_and_opens_nothing() {
    let server = open_server(&[]).await;
    server.person("alice").await;
    let page = register(&server, "mallory", "alice@people.example", "mallory's own").await;
    assert_eq!((page.status, page.url.path()), (200, "/account"), "a taken address is answered like a free one");
    let page = register(&server, "second", "alice@people.example", "second's own").await;
    assert_eq!(page.status, 200);
    let mut browser = server.browser();
    let page = browser.open("/login").await;
    assert_eq!(browser.log_in_at(&page, "alice@people.example", "mallory's own").await.status, 400);
    let page = browser.log_in_at(&page, "alice@people.example", PASSWORD).await;
    assert!(page.text().contains("alice") && !page.text().contains("mallory"), "{}", page.text());
}

/// The sign-up page promises no more than what holds: an address logs in once one account alone has it.
#[actix_web::test]
async fn the_page_does_not_promise_a_log_in_by_an_address_that_others_may_have() {
    let server = open_server(&[]).await;
    let page = server.browser().open("/register").await;
    let promises = page.one("#email-hint").contains("log in with it");
    register(&server, "alice", "alice@people.example", PASSWORD).await;
    register(&server, "bob", "alice@people.example", PASSWORD).await;
    let mut browser = server.browser();
    let log_in = browser.open("/login").await;
    let works = browser.log_in_at(&log_in, "alice@people.example", PASSWORD).await.status == 200;
    assert_eq!(promises, works, "{}", page.one("#email-hint"));
}

#[actix_web::test]
async fn ten_who_want_one_name_at_once_make_one_account() {
    let server = open_server(&[]).await;
    let page = server.browser().open("/register").await;
    let attempts = (0..10).map(|number| {
        let (mut browser, page) = (server.browser(), page.clone());
        let email = format!("{number}@people.example");
        async move { fill_in(&mut browser, &page, "alice", &email, PASSWORD).await.status }
    });
    let mut statuses = futures_util::future::join_all(attempts).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400, 400, 400, 400, 400, 400, 400, 400, 400]);
}

#[actix_web::test]
async fn the_operator_may_close_the_door() {
    for policy in ["closed", "invite"] {
        let server = open_server(&[("registration", policy)]).await;
        let page = server.browser().open("/register").await;
        assert_eq!((page.status, page.forms().len()), (403, 0), "{policy}");
        assert!(page.alert().contains("cannot sign up here"), "{}", page.alert());
        assert!(!server.browser().open("/login").await.text().contains("Create one"), "{policy}");
        let form = [("username", "alice"), ("email", "a@people.example"), ("password", PASSWORD)];
        let answer = server.http.post("/register", &[("sec-fetch-site", "same-origin")], &form).await;
        assert_eq!(answer.status, 403, "{policy}");
        assert_eq!(server.count("users").await, 1);
    }
}

#[actix_web::test]
async fn the_operator_may_want_addresses_of_some_domains() {
    let server = open_server(&[("registration", "people.example, Staff.Example")]).await;
    for email in ["a@evil.test", "a@people.example.evil.test", "a@xpeople.example", "a@sub.people.example"] {
        let page = register(&server, "alice", email, PASSWORD).await;
        assert_eq!(page.status, 400, "{email}");
        assert!(page.one("#email-problem").contains("people.example"), "{}", page.text());
    }
    assert_eq!(register(&server, "alice", "a@people.example", PASSWORD).await.status, 200);
    assert_eq!(register(&server, "bob", "b@STAFF.example", PASSWORD).await.status, 200);
}

#[actix_web::test]
async fn nobody_registers_before_the_first_account_exists() {
    let server = harness::spawn().await;
    let page = register(&server, "mallory", "m@people.example", PASSWORD).await;
    assert_eq!(page.status, 403, "{}", page.text());
    assert_eq!(server.count("users").await, 0);
}

async fn set_up_link(server: &Server) -> Option<String> {
    let made = set_up::make_link(&server.app.store, server.now()).await.expect("because the database works");
    made.map(|link| format!("/setup?link={}", link.expose()))
}

#[actix_web::test]
async fn the_set_up_link_makes_one_administrator_and_is_over() {
    let server = harness::spawn().await;
    let link = set_up_link(&server).await.expect("because nobody has an account");
    let mut browser = server.browser();
    assert_eq!(browser.open(&link).await.status, 200);
    let page = browser.open(&link).await;
    assert_eq!(page.status, 200, "looking does not use it up");
    let page = fill_in(&mut browser, &page, "root", "nobody", "short").await;
    assert_eq!(page.status, 400, "nor does a mistake");
    let page = fill_in(&mut browser, &page, "root", "root@people.example", PASSWORD).await;
    assert_eq!(page.url.path(), "/account");
    assert!(page.text().contains("admin") && !page.text().contains("Not confirmed"), "{}", page.text());
    for (number, mut browser) in [server.browser(), browser].into_iter().enumerate() {
        let page = browser.open(&link).await;
        assert_eq!((page.status, page.forms().len()), (404, 0), "{number}");
    }
    assert_eq!(set_up_link(&server).await, None, "there is somebody");
}

#[actix_web::test]
async fn a_set_up_link_dies_after_an_hour_by_a_newer_one_and_when_somebody_exists() {
    let server = harness::spawn().await;
    let open = async |link: &str| server.browser().open(link).await.status;
    let first = set_up_link(&server).await.expect("because nobody has an account");
    let second = set_up_link(&server).await.expect("because nobody has an account");
    assert_eq!((open(&first).await, open(&second).await), (404, 200));
    server.advance(3_599);
    assert_eq!(open(&second).await, 200);
    server.advance(1);
    assert_eq!(open(&second).await, 404);
    let third = set_up_link(&server).await.expect("because nobody has an account");
    let mut late = server.browser();
    let page = late.open(&third).await;
    server.person("root").await;
    assert_eq!(fill_in(&mut late, &page, "late", "late@people.example", PASSWORD).await.status, 404);
    for link in ["/setup", "/setup?link=", "/setup?link=x", "/setup?link=gpi_1", &third] {
        assert_eq!(open(link).await, 404, "{link}");
    }
    assert_eq!(server.count("users").await, 1);
}

#[actix_web::test]
async fn two_who_use_the_set_up_link_at_once_make_one_administrator() {
    let server = harness::spawn().await;
    let link = set_up_link(&server).await.expect("because nobody has an account");
    let page = server.browser().open(&link).await;
    let attempts = ["one", "two", "three", "four"].map(|name| {
        let (mut browser, page) = (server.browser(), page.clone());
        let email = format!("{name}@people.example");
        async move { fill_in(&mut browser, &page, name, &email, PASSWORD).await.status }
    });
    let mut statuses = futures_util::future::join_all(attempts).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 404, 404, 404]);
    assert_eq!(server.count("users").await, 1);
}
