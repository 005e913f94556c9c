//! A person's own pages: which browsers are logged in, which apps hold what, and ending any of it.

use actix_web::http::Method;

use crate::harness::browser::Browser;
use crate::harness::html::Page;
use crate::harness::http::parameter;
use crate::harness::pages::{RETURN_URL, returns_to};
use crate::harness::{self, Server, confidential, public};

const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1";
const OWN: [(&str, &str); 2] =
    [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];

async fn phone(server: &Server, username: &str) -> Browser {
    let mut phone = server.browser();
    phone.headers.push(("user-agent".to_owned(), PHONE.to_owned()));
    phone.sign_in(username).await;
    phone
}

async fn token(browser: &mut Browser) -> String {
    parameter(&browser.come_back_to(RETURN_URL).await, "token").expect("because the person agreed")
}

/// The path that the button with these words posts to.
fn action(page: &Page, label: &str) -> String {
    page.form_with(label).action.path().to_owned()
}

const END_PHONE: &str = "End the session Safari on iPhone, 127.0.0.1";
const END_LAPTOP: &str = "End the session Chrome on Linux, 127.0.0.1";
const END_TOKEN: &str = "End the token of Map studio, app.example";

#[actix_web::test]
async fn every_browser_is_listed_and_any_can_be_ended_with_its_tokens() {
    let server = harness::spawn().await;
    server.application(returns_to(&[RETURN_URL])).await;
    let mut laptop = server.signed_in("alice").await;
    let mut phone = phone(&server, "alice").await;
    let (on_laptop, on_phone) = (token(&mut laptop).await, token(&mut phone).await);
    server.advance(7_200);
    let page = laptop.open("/account/sessions").await;
    assert!(page.text().contains("Chrome on Linux This one"), "{}", page.text());
    assert!(page.text().contains("Safari on iPhone") && page.text().contains("2 hours ago"), "{}", page.text());
    let page = laptop.submit(page.form_with(END_PHONE)).await;
    assert!(!page.text().contains("iPhone"), "{}", page.text());
    assert_eq!(phone.open("/account").await.heading(), "Log in");
    assert_eq!((server.account_status(&on_phone).await, server.account_status(&on_laptop).await), (401, 200));
    let page = laptop.submit(page.form_with(END_LAPTOP)).await;
    assert_eq!(page.heading(), "Log in", "ending the own one is logging out");
    assert_eq!(server.account_status(&on_laptop).await, 401);
}

#[actix_web::test]
async fn all_others_can_be_ended_at_once() {
    let server = harness::spawn().await;
    let mut laptop = server.signed_in("alice").await;
    assert!(!laptop.open("/account/sessions").await.text().contains("End all others"), "there are none");
    let mut others = [phone(&server, "alice").await, phone(&server, "alice").await];
    let mut bob = server.signed_in("bob").await;
    let page = laptop.open("/account").await;
    assert!(page.text().contains("3 sessions"), "{}", page.text());
    let page = laptop.open("/account/sessions").await;
    laptop.submit(page.form_with("End all others")).await;
    for other in &mut others {
        assert_eq!(other.open("/account").await.heading(), "Log in");
    }
    for kept in [&mut laptop, &mut bob] {
        assert_eq!(kept.open("/account").await.heading(), "Your account");
    }
}

#[actix_web::test]
async fn the_token_of_a_log_in_is_listed_and_ended_with_one_click() {
    let server = harness::spawn().await;
    let app = server.application(returns_to(&[RETURN_URL])).await;
    let mut alice = server.signed_in("alice").await;
    let (of_app, of_device) = (token(&mut alice).await, alice.come_back_to("http://127.0.0.1:9000/cb").await);
    let of_device = parameter(&of_device, "token").expect("because the person agreed");
    assert_eq!(server.account_status(&of_app).await, 200);
    server.flush_uses().await;
    server.advance(3_600);
    let page = alice.open("/account/sessions").await;
    for words in ["Map studio", "app.example", "in 23 hours", "Last used 1 hour ago", "A program on your device"] {
        assert!(page.text().contains(words), "{words}: {}", page.text());
    }
    assert!(!page.html.contains("gpu_"), "no token is shown");
    let page = alice.submit(page.form_with(END_TOKEN)).await;
    assert!(!page.text().contains("Map studio"), "{}", page.text());
    assert_eq!((server.account_status(&of_app).await, server.account_status(&of_device).await), (401, 200));
    assert!(!app.is_active(&of_app).await);
    assert_eq!(alice.open("/account").await.heading(), "Your account", "the session goes on");
}

#[actix_web::test]
async fn nobody_ends_what_is_somebody_elses() {
    let server = harness::spawn().await;
    server.application(returns_to(&[RETURN_URL])).await;
    let (mut alice, mut mallory) = (server.signed_in("alice").await, server.signed_in("mallory").await);
    let token = token(&mut alice).await;
    let page = alice.open("/account/sessions").await;
    for path in [
        action(&page, END_LAPTOP),
        action(&page, END_TOKEN),
        "/account/sessions/7/end".to_owned(),
        "/account/sessions/tokens/7/end".to_owned(),
        "/account/sessions/-1/end".to_owned(),
        "/account/apps/nobody/remove".to_owned(),
    ] {
        let answer = mallory.bare(Method::POST, &path, &OWN, "").await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.text().contains("Nothing here"), "{path}: {}", answer.text());
    }
    assert_eq!(alice.open("/account").await.heading(), "Your account");
    assert_eq!(server.account_status(&token).await, 200);
    assert!(!mallory.open("/account/sessions").await.text().contains("Map studio"));
}

#[actix_web::test]
async fn an_address_that_is_no_number_is_a_page_that_is_not_there() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    for path in [
        "/account/sessions/x/end", "/account/sessions/tokens/x/end", "/account/sessions/99999999999999999999/end",
        "/developer/apps/x/secrets/y/end",
    ] {
        let answer = alice.bare(Method::POST, path, &OWN, "").await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"), "{path}: {}", answer.text());
        assert!(answer.text().contains("Nothing here"), "{path}: {}", answer.text());
    }
}

#[actix_web::test]
async fn an_app_is_listed_with_what_it_may_and_removing_it_ends_its_tokens_and_its_consent() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let other = server.application(public()).await;
    let (mut alice, mut bob) = (server.signed_in("alice").await, server.signed_in("bob").await);
    let (tokens, again) = (app.tokens(&mut alice).await, app.tokens(&mut alice).await);
    let (kept, of_bob) = (other.tokens(&mut alice).await, app.tokens(&mut bob).await);
    let page = alice.open("/account/apps").await;
    for words in ["Map studio", "Map viewer", "Live tokens 2", "Live tokens 1"] {
        assert!(page.text().contains(words), "{words}: {}", page.text());
    }
    assert!(alice.open("/account").await.text().contains("2 apps"));
    let page = alice.submit(page.form_with("Remove Map studio")).await;
    assert!(!page.text().contains("Map studio") && page.text().contains("Map viewer"), "{}", page.text());
    for token in [&tokens, &again] {
        assert_eq!(server.account_status(&token.access_token).await, 401);
        assert_eq!(app.refresh(token.refresh()).await.expect_err("because it was removed").1, "invalid_grant");
    }
    for token in [&kept, &of_bob] {
        assert_eq!(server.account_status(&token.access_token).await, 200);
    }
    assert_eq!(alice.open(&app.request().path()).await.heading(), "Allow this app?", "it must ask again");
    assert!(bob.open(&app.request().path()).await.away.is_some(), "bob is not asked again");
}

#[actix_web::test]
async fn removing_an_app_ends_its_log_in_tokens_too_and_the_next_return_asks() {
    let server = harness::spawn().await;
    server.application(returns_to(&[RETURN_URL])).await;
    let mut alice = server.signed_in("alice").await;
    let token = token(&mut alice).await;
    let page = alice.open("/account/apps").await;
    assert!(page.text().contains("a log-in token"), "{}", page.text());
    let page = alice.submit(page.form_with("Remove Map studio")).await;
    assert!(page.text().contains("No apps yet"), "{}", page.text());
    assert_eq!(server.account_status(&token).await, 401);
    let page = alice.open(&crate::harness::pages::log_in_path(RETURN_URL)).await;
    assert!(page.asks_to_continue(), "{}", page.text());
}

#[actix_web::test]
async fn a_form_that_is_sent_after_the_session_ended_leads_to_logging_in_and_back_to_its_room() {
    let server = harness::spawn().await;
    let mut laptop = server.signed_in("alice").await;
    let mut phone = phone(&server, "alice").await;
    let page = phone.open("/account/sessions").await;
    let elsewhere = laptop.open("/account/sessions").await;
    laptop.submit(elsewhere.form_with(END_PHONE)).await;
    let page = phone.submit(page.form_with(END_LAPTOP)).await;
    assert_eq!(page.heading(), "Log in");
    assert_eq!(laptop.open("/account").await.heading(), "Your account", "nothing was ended");
    let page = phone.log_in_at(&page, "alice", harness::PASSWORD).await;
    assert_eq!(page.url.path(), "/account");
}

/// A password that a program kept is a way in like an app's.
#[actix_web::test]
async fn tokens_that_programs_got_by_password_or_by_a_remote_session_are_listed_and_ended() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let by_password = server.log_in("alice").await.token().to_owned();
    let remote = "/v3/account/security/remoteSession";
    let id = server.nobody().post(remote, &serde_json::Value::Null).await.member("id");
    let page = alice.open(&format!("/login?session={id}")).await;
    alice.submit(page.decision("allow").fill("password", harness::PASSWORD)).await;
    let exercise = format!("{remote}/{id}/exercise");
    let remote = server.nobody().post(&exercise, &serde_json::Value::Null).await.member("token");
    let page = alice.open("/account/sessions").await;
    for label in ["A program that has your password", "A program that you let in from here"] {
        assert!(page.text().contains(label), "{label}: {}", page.text());
    }
    let mut bob = server.signed_in("bob").await;
    let path = action(&page, "End the token of A program that has your password");
    assert_eq!(bob.bare(Method::POST, &path, &OWN, "").await.status, 404);
    assert_eq!(server.account_status(&by_password).await, 200);
    let page = alice.submit(page.form_with("End the token of A program that has your password")).await;
    assert_eq!((server.account_status(&by_password).await, server.account_status(&remote).await), (401, 200));
    alice.submit(page.form_with("End the token of A program that you let in from here")).await;
    assert_eq!(server.account_status(&remote).await, 401);
}

#[actix_web::test]
async fn many_tokens_are_listed_page_by_page() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    for _ in 0..101 {
        server.log_in("alice").await;
    }
    let page = alice.open("/account/sessions").await;
    let count = |page: &Page| page.text().matches("A program that has your password").count();
    let older = page.attributes("p.below a", "href");
    let rest = alice.open(&older[0]).await;
    assert!(count(&page) > count(&rest) && count(&rest) > 0, "{} and {}", count(&page), count(&rest));
    assert!(rest.attributes("p.below a", "href").is_empty());
}
