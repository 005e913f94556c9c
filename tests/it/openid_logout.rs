//! RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0): an application sends its person to log
//! out, who comes back where that was registered and nowhere else.

use actix_web::http::Method;
use gatepost::domain::registration::Draft;

use crate::harness::application::Application;
use crate::harness::browser::{Browser, From};
use crate::harness::http::encode;
use crate::harness::{self, Server, confidential, jwt};

const AFTER: &str = "https://app.example/logged-out";

fn draft() -> Draft {
    let post_logout_redirect_uris = vec![AFTER.to_owned(), "https://app.example/out?from=gatepost".to_owned()];
    Draft { scope: Some("openid".to_owned()), post_logout_redirect_uris, ..confidential() }
}

async fn logged_in() -> (Server, Application, Browser, String) {
    let server = harness::spawn().await;
    let app = server.application(draft()).await;
    let mut alice = server.signed_in("alice").await;
    let hint = app.tokens(&mut alice).await.id_token().to_owned();
    (server, app, alice, hint)
}

fn path(parameters: &[(&str, &str)]) -> String {
    format!("/oauth/logout?{}", encode(parameters))
}

async fn is_logged_in(browser: &mut Browser) -> bool {
    browser.open("/account").await.heading() == "Your account"
}

#[actix_web::test]
async fn a_hint_for_the_person_who_is_logged_in_ends_the_session_at_once() {
    let (server, _, mut alice, hint) = logged_in().await;
    let asked = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", AFTER), ("state", "a b&c")];
    let page = alice.navigate(&path(&asked), From::Elsewhere).await;
    assert_eq!(page.away(), "https://app.example/logged-out?state=a+b%26c");
    assert_eq!(page.headers.get("clear-site-data").and_then(|value| value.to_str().ok()), Some("\"cache\""));
    assert!(!is_logged_in(&mut alice).await);
    assert_eq!(server.count("sessions WHERE ended_at IS NULL").await, 0);
}

#[actix_web::test]
async fn a_hint_that_has_expired_is_a_hint() {
    let (server, _, mut alice, hint) = logged_in().await;
    server.advance(86_400);
    let asked =
        [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", "https://app.example/out?from=gatepost")];
    let page = alice.open(&path(&[&asked[..], &[("state", "s")]].concat())).await;
    assert_eq!(page.away(), "https://app.example/out?from=gatepost&state=s");
    let again = alice.open(&path(&asked)).await;
    assert_eq!(again.away(), "https://app.example/out?from=gatepost", "nobody is logged in any more");
}

#[actix_web::test]
async fn without_a_hint_the_person_is_asked_by_one_button() {
    let (_server, app, mut alice, _) = logged_in().await;
    let asked = [("client_id", app.client_id()), ("post_logout_redirect_uri", AFTER), ("state", "s")];
    let page = alice.navigate(&path(&asked), From::Elsewhere).await;
    assert_eq!((page.status, page.heading().as_str()), (200, "Log out here too?"));
    assert!(page.text().contains("Map studio") && page.text().contains("app.example"), "{}", page.text());
    assert!(is_logged_in(&mut alice).await, "only looking changes nothing");
    let page = alice.submit(page.form_with("Log out")).await;
    assert_eq!(page.away(), "https://app.example/logged-out?state=s");
    assert!(!is_logged_in(&mut alice).await);
}

#[actix_web::test]
async fn without_anything_the_person_is_asked_and_told_that_it_is_done() {
    let (_server, _, mut alice, hint) = logged_in().await;
    for asked in [vec![], vec![("state", "s")]] {
        let page = alice.open(&path(&asked)).await;
        assert_eq!(page.heading(), "Log out here too?");
    }
    let page = alice.open("/oauth/logout").await;
    let page = alice.submit(page.form_with("Log out")).await;
    assert_eq!((page.away.clone(), page.heading().as_str()), (None, "You are logged out"));
    let page = alice.open(&path(&[("id_token_hint", &hint)])).await;
    assert_eq!((page.away.clone(), page.heading().as_str()), (None, "You are not logged in here"));
}

/// Servers call the address from their back end, without a cookie, and read the status.
#[actix_web::test]
async fn a_log_out_that_did_not_happen_is_not_announced() {
    let (server, app, mut alice, hint) = logged_in().await;
    let after = ("post_logout_redirect_uri", AFTER);
    let queries = [
        path(&[]),
        path(&[("id_token_hint", &hint)]),
        path(&[("id_token_hint", &hint), after]),
        path(&[("client_id", app.client_id()), after]),
        "/logout".to_owned(),
        "/logout?next=/account".to_owned(),
    ];
    let form = ("content-type", "application/x-www-form-urlencoded");
    for query in &queries {
        for accept in [vec![], vec![("accept", "*/*")], vec![("accept", "application/json")]] {
            let asked = server.http.send(Method::GET, query, &accept, "").await;
            let decided =
                server.http.send(Method::POST, query, &[&accept[..], &[form]].concat(), "decision=allow").await;
            for answer in [asked, decided] {
                assert_eq!(answer.error(), (400, "invalid_request".to_owned()), "{query}");
                assert!(answer.text().contains("No session was ended"), "{}", answer.text());
                assert_eq!(answer.location(), None, "{query}");
            }
        }
        let page = server.browser().open(query).await;
        assert!(!page.text().contains("You are logged out"), "{query}: {}", page.text());
        assert!(is_logged_in(&mut alice).await, "{query}");
    }
    // A browser that was logged out meanwhile is told the truth, and goes where it would have gone.
    let page = alice.open("/oauth/logout").await;
    let mut other_tab = alice.copy();
    let form = page.form_with("Log out");
    assert_eq!(alice.submit(page.form_with("Log out")).await.heading(), "You are logged out");
    assert_eq!(other_tab.submit(form).await.heading(), "You are not logged in here");
    let page = other_tab.open(&path(&[("id_token_hint", &hint), after])).await;
    assert_eq!(page.away(), AFTER);
}

#[actix_web::test]
async fn a_hint_for_somebody_else_logs_nobody_out_unasked() {
    let (server, _, _, hint) = logged_in().await;
    let mut bob = server.signed_in("bob").await;
    let asked = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", AFTER)];
    let page = bob.open(&path(&asked)).await;
    assert!(page.away.is_none() && page.text().contains("bob"), "{}", page.text());
    assert!(is_logged_in(&mut bob).await);
    let page = bob.submit(page.form_with("Log out")).await;
    assert_eq!(page.away(), AFTER);
}

#[actix_web::test]
async fn what_is_wrong_is_a_page_and_never_a_redirect() {
    let (server, app, mut alice, hint) = logged_in().await;
    let other = server.application(draft()).await;
    let access = app.tokens(&mut alice).await.access_token;
    let (client, after) = (("client_id", app.client_id()), ("post_logout_redirect_uri", AFTER));
    let forged = jwt::forged(&hint);
    let evil = ("post_logout_redirect_uri", "https://evil.example/");
    for (name, asked) in [
        ("an address alone", vec![after]),
        ("an unregistered address", vec![client, evil]),
        ("an unregistered address with a hint", vec![("id_token_hint", &*hint), evil]),
        ("one character more", vec![client, ("post_logout_redirect_uri", "https://app.example/logged-out/")]),
        ("another scheme", vec![client, ("post_logout_redirect_uri", "javascript:alert(1)")]),
        ("its redirect_uri", vec![client, ("post_logout_redirect_uri", "https://app.example/callback")]),
        ("a part of the list", vec![client, ("post_logout_redirect_uri", "https://app.example/logged-out https://x")]),
        ("a forged hint", vec![("id_token_hint", &forged), after]),
        ("noise as a hint", vec![("id_token_hint", "noise"), client, after]),
        ("an access token as a hint", vec![("id_token_hint", &access), after]),
        ("a hint of another client", vec![("id_token_hint", &hint), ("client_id", other.client_id()), after]),
        ("an unknown client", vec![("client_id", "nobody"), after]),
        ("a repeated address", vec![client, after, after]),
    ] {
        let page = alice.open(&path(&asked)).await;
        assert_eq!((page.status, page.away.clone()), (400, None), "{name}");
        assert!(is_logged_in(&mut alice).await, "{name}");
    }
    server.suspend(&app, true).await;
    assert_eq!(alice.open(&path(&[client, after])).await.status, 400, "a suspended application");
}

#[actix_web::test]
async fn a_strangers_application_cannot_use_us_as_a_bouncer() {
    let server = harness::spawn().await;
    let app = server.unverified_application(draft()).await;
    let asked = [("client_id", app.client_id()), ("post_logout_redirect_uri", AFTER)];
    let page = server.browser().navigate(&path(&asked), From::Elsewhere).await;
    assert_eq!((page.status, page.away.clone()), (200, None));
    assert!(page.html.contains("Return to app.example"), "{}", page.text());
    // An ID token of its own author, logged out long ago, proves nothing about who sits here.
    let mut author = server.signed_in("author").await;
    let hint = app.tokens(&mut author).await.id_token().to_owned();
    let hinted = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", AFTER)];
    let page = server.browser().navigate(&path(&hinted), From::Elsewhere).await;
    assert!(page.away.is_none() && page.html.contains("Return to app.example"), "{}", page.text());
    let mut bob = server.signed_in("bob").await;
    let page = bob.open(&path(&hinted)).await;
    let page = bob.submit(page.form_with("Log out")).await;
    assert!(page.away.is_none() && page.html.contains("Return to app.example"), "{}", page.text());
    assert_eq!(author.open(&path(&hinted)).await.away(), AFTER, "whose session it was");
    let verified = server.application(draft()).await;
    let asked = [("client_id", verified.client_id()), ("post_logout_redirect_uri", AFTER)];
    assert_eq!(server.browser().open(&path(&asked)).await.away(), AFTER);
}

#[actix_web::test]
async fn a_request_by_post_may_come_from_anywhere_and_a_decision_may_not() {
    let (_server, app, mut alice, hint) = logged_in().await;
    let form = ("content-type", "application/x-www-form-urlencoded");
    let elsewhere = [form, ("sec-fetch-site", "cross-site"), ("origin", "https://app.example")];
    let asked = encode(&[("id_token_hint", &hint), ("post_logout_redirect_uri", AFTER), ("state", "s")]);
    let answer = alice.bare(Method::POST, "/oauth/logout", &elsewhere, &asked).await;
    assert_eq!(answer.status, 303);
    let get = answer.location().expect("because it is a redirect").to_owned();
    let decision = format!("{asked}&decision=allow");
    assert_eq!(alice.bare(Method::POST, "/oauth/logout", &elsewhere, &decision).await.status, 403);
    let path = path(&[("client_id", app.client_id()), ("post_logout_redirect_uri", AFTER)]);
    assert_eq!(alice.bare(Method::POST, &path, &elsewhere, "decision=allow").await.status, 403);
    assert!(is_logged_in(&mut alice).await);
    assert_eq!(alice.open(&get).await.away(), "https://app.example/logged-out?state=s");
    let endless = format!("state={}", "x".repeat(20_000));
    assert_eq!(alice.bare(Method::POST, "/oauth/logout", &elsewhere, &endless).await.status, 413);
}

#[actix_web::test]
async fn a_browser_that_only_looks_ahead_logs_nobody_out() {
    let (_server, _, mut alice, hint) = logged_in().await;
    let path = path(&[("id_token_hint", &hint), ("post_logout_redirect_uri", AFTER)]);
    for (method, header) in [(Method::GET, ("sec-purpose", "prefetch")), (Method::HEAD, ("accept", "*/*"))] {
        assert_eq!(alice.bare(method, &path, &[header], "").await.status, 200);
        assert!(is_logged_in(&mut alice).await);
    }
}
