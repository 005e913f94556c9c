//! How an application may have its person asked (OpenID Connect Core §3.1.2.1): `prompt`, `max_age`,
//! `login_hint`; nothing loops, nothing is skipped, and `prompt=none` shows nothing.

use actix_web::http::Method;
use gatepost::domain::registration::Draft;

use crate::harness::application::{Application, Request, allow};
use crate::harness::browser::Browser;
use crate::harness::html::Page;
use crate::harness::http::parameter;
use crate::harness::pages::{log_in_path, returns_to};
use crate::harness::{self, PASSWORD, Server, confidential, public};

async fn ready() -> (Server, Application, Browser) {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let mut alice = server.signed_in("alice").await;
    app.code(&mut alice).await;
    (server, app, alice)
}

/// The error that came back, after its `state` and `iss` were looked at.
fn error_of(server: &Server, request: &Request, page: &Page) -> String {
    assert_eq!(page.hops.len(), 1, "at once: {:?}", page.hops);
    assert_eq!(parameter(page.away(), "iss").as_deref(), Some(server.issuer()), "RFC 9207 §2");
    assert_eq!(parameter(page.away(), "state").as_deref(), request.get("state"));
    parameter(page.away(), "error").unwrap_or_else(|| panic!("no error in {}", page.away()))
}

#[actix_web::test]
async fn prompt_none_answers_at_once_or_says_what_would_have_to_be_shown() {
    let (server, app, mut alice) = ready().await;
    let request = app.request().with("prompt", "none");
    request.granted(alice.open(&request.path()).await.away());
    let mut nobody = server.browser();
    assert_eq!(error_of(&server, &request, &nobody.open(&request.path()).await), "login_required");
    assert!(nobody.cookies().is_empty(), "nothing is left in a browser that was only asked");
    let mut bob = server.signed_in("bob").await;
    assert_eq!(error_of(&server, &request, &bob.open(&request.path()).await), "consent_required");
    for (hint, is_alice) in [("ALICE", true), ("alice@people.example", true), ("bob", false), ("nobody", false)] {
        let page = alice.open(&request.clone().with("login_hint", hint).path()).await;
        let error = parameter(page.away(), "error");
        assert_eq!(error.as_deref(), (!is_alice).then_some("account_selection_required"), "{hint}");
    }
    let stranger = server.unverified_application(confidential()).await;
    for hint in ["alice", "bob", "nobody"] {
        let request = stranger.request().with("prompt", "none").with("login_hint", hint);
        let error = error_of(&server, &request, &alice.open(&request.path()).await);
        assert_eq!(error, "consent_required", "an app that alice does not know learns no name: {hint}");
    }
    let headers = [("sec-purpose", "prefetch"), ("sec-fetch-site", "none")];
    let answer = alice.bare(Method::GET, &request.path(), &headers, "").await;
    let location = answer.location().expect("because nothing may be shown");
    assert_eq!(parameter(location, "error").as_deref(), Some("interaction_required"));
}

#[actix_web::test]
async fn prompt_none_of_a_strangers_application_is_answered_by_a_redirect_too() {
    let server = harness::spawn().await;
    let app = server.unverified_application(confidential()).await;
    let request = app.request().with("prompt", "none");
    let mut nobody = server.browser();
    assert_eq!(error_of(&server, &request, &nobody.open(&request.path()).await), "login_required");
    let wrong = request.with("scope", "nothing");
    assert_eq!(error_of(&server, &wrong, &nobody.open(&wrong.path()).await), "invalid_scope");
    let on_device = Draft { redirect_uris: vec!["http://127.0.0.1/callback".to_owned()], ..public() };
    let on_device = server.application(on_device).await;
    let mut alice = server.signed_in("alice").await;
    on_device.code(&mut alice).await;
    let request = on_device.request().with("prompt", "none");
    assert_eq!(error_of(&server, &request, &alice.open(&request.path()).await), "consent_required");
}

#[actix_web::test]
async fn none_stands_alone_and_other_values_combine_or_are_ignored() {
    let (server, app, mut alice) = ready().await;
    for prompt in ["none login", "consent none", "none none2"] {
        let request = app.request().with("prompt", prompt);
        assert_eq!(error_of(&server, &request, &alice.open(&request.path()).await), "invalid_request", "{prompt}");
    }
    for max_age in ["-1", "1.5", "soon", "+1", "99999999999999999999"] {
        let request = app.request().with("max_age", max_age);
        assert_eq!(error_of(&server, &request, &alice.open(&request.path()).await), "invalid_request", "{max_age}");
    }
    let twice = app.request().and("prompt", "login").and("prompt", "login");
    assert_eq!(error_of(&server, &twice, &alice.open(&twice.path()).await), "invalid_request");
    let unknown = app.request().with("prompt", "telepathy").and("ui_locales", "de en").and("display", "popup");
    unknown.granted(alice.open(&unknown.path()).await.away());
    let both = app.request().with("prompt", "consent login");
    let page = alice.open(&both.path()).await;
    assert_eq!(page.heading(), "Log in");
    let page = alice.log_in_at(&page, "alice", PASSWORD).await;
    assert_eq!(page.heading(), "Allow this app?");
    both.granted(allow(&mut alice, &page).await.away());
}

#[actix_web::test]
async fn prompt_login_asks_for_the_password_once_and_never_skips_it() {
    let (server, app, mut alice) = ready().await;
    for passed in [0, 5] {
        server.advance(passed);
        let request = app.request().with("prompt", "login");
        let page = alice.open(&request.path()).await;
        assert_eq!((page.heading().as_str(), page.form_with("Log in").value("username")), ("Log in", Some("alice")));
        let next = parameter(page.url.as_str(), "next").expect("because the request goes on");
        for _ in 0..2 {
            let again = alice.open(&next).await;
            assert_eq!(again.heading(), "Log in", "the same address does not go on without a sign-in");
            assert_eq!(alice.open(page.url.as_str()).await.heading(), "Log in");
        }
        let wrong = alice.log_in_at(&page, "alice", "wrong").await;
        assert_eq!((wrong.status, wrong.heading().as_str()), (400, "Log in"));
        let page = alice.log_in_at(&wrong, "alice", PASSWORD).await;
        request.granted(page.away());
        let again = alice.open(&request.path()).await;
        assert_eq!(again.heading(), "Log in", "the next request asks again");
    }
    let request = app.request().with("prompt", "login");
    let mut nobody = server.browser();
    let page = nobody.open(&request.path()).await;
    request.granted(nobody.log_in_at(&page, "alice", PASSWORD).await.away());
}

#[actix_web::test]
async fn the_seal_of_one_request_is_worth_nothing_in_another() {
    let (server, app, mut alice) = ready().await;
    let request = app.request().with("prompt", "login");
    let page = alice.open(&request.path()).await;
    let sealed = parameter(page.url.as_str(), "next").expect("because the request goes on");
    alice.log_in_at(&page, "alice", PASSWORD).await;
    let seal = sealed.rsplit_once("&began=").map(|(_, seal)| seal.to_owned()).expect("because it is the last");
    let other = app.request().with("prompt", "login");
    let later = format!("{}&began={}", request.path(), seal.replacen("1795", "1695", 1));
    for forged in [format!("{}&began={seal}", other.path()), format!("{}&began=0.0.1.x", other.path()), later] {
        assert_eq!(alice.open(&forged).await.heading(), "Log in", "{forged}");
    }
    assert!(alice.open(&sealed).await.away.is_some(), "Back ends where it belongs");
    let form = [("decision", "allow"), ("shown", "x")];
    let form = crate::harness::http::encode(&form);
    let own = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
    let answer = alice.bare(Method::POST, &other.path(), &own, &form).await;
    assert!(answer.location().is_some_and(|to| to.starts_with("/login?next=")), "a decision skips nothing either");
    assert_eq!(server.count("authorization_codes").await, 3);
}

#[actix_web::test]
async fn a_sign_in_counts_for_a_request_that_began_an_hour_ago_at_most() {
    let (server, app, mut alice) = ready().await;
    let request = app.request().with("prompt", "login");
    let page = alice.open(&request.path()).await;
    let sealed = parameter(page.url.as_str(), "next").expect("because the request goes on");
    request.granted(alice.log_in_at(&page, "alice", PASSWORD).await.away());
    server.advance(3_600);
    request.granted(alice.open(&sealed).await.away());
    server.advance(1);
    let page = alice.open(&sealed).await;
    assert_eq!(page.heading(), "Log in", "an old address is worth no more than a new request");
    request.granted(alice.log_in_at(&page, "alice", PASSWORD).await.away());
}

#[actix_web::test]
async fn max_age_asks_who_signed_in_longer_ago() {
    let (server, app, mut alice) = ready().await;
    let request = app.request().with("max_age", "60");
    server.advance(60);
    request.granted(alice.open(&request.path()).await.away());
    server.advance(1);
    let silent = request.clone().with("prompt", "none");
    assert_eq!(error_of(&server, &silent, &alice.open(&silent.path()).await), "login_required");
    let page = alice.open(&request.path()).await;
    assert_eq!(page.heading(), "Log in");
    server.advance(3_600);
    let page = alice.log_in_at(&page, "alice", PASSWORD).await;
    request.granted(page.away());
    let zero = app.request().with("max_age", "0");
    let page = alice.open(&zero.path()).await;
    assert_eq!(page.heading(), "Log in", "max_age=0 is prompt=login, even in the same second");
    zero.granted(alice.log_in_at(&page, "alice", PASSWORD).await.away());
}

#[actix_web::test]
async fn a_sign_in_in_another_tab_satisfies_every_request_that_began_before_it() {
    let (server, app, mut alice) = ready().await;
    let requests = [app.request().with("prompt", "login"), app.request().with("max_age", "0")];
    let mut tabs = Vec::new();
    for request in &requests {
        tabs.push(alice.open(&request.path()).await);
    }
    server.advance(3_600);
    requests[0].granted(alice.log_in_at(&tabs[0], "alice", PASSWORD).await.away());
    requests[1].granted(alice.open(tabs[1].url.as_str()).await.away());
}

#[actix_web::test]
async fn prompt_consent_shows_the_page_again_and_select_account_lets_the_person_choose() {
    let (server, app, mut alice) = ready().await;
    server.person("bob").await;
    for prompt in ["consent", "select_account"] {
        let request = app.request().with("prompt", prompt);
        let page = alice.open(&request.path()).await;
        assert_eq!(page.heading(), "Allow this app?", "{prompt}");
        request.granted(allow(&mut alice, &page).await.away());
    }
    let request = app.request().with("prompt", "select_account");
    let page = alice.open(&request.path()).await;
    let page = alice.open(&page.link("Use another account")).await;
    assert_eq!(page.heading(), "Log in");
    assert!(page.text().contains("Map studio"), "the request is not lost");
    assert_eq!(alice.copy().open("/account").await.heading(), "Your account", "nobody is logged out by looking");
    let page = alice.log_in_at(&page, "bob", PASSWORD).await;
    assert!(page.text().contains("bob"), "{}", page.text());
    let granted = request.granted(allow(&mut alice, &page).await.away());
    let tokens = app.exchange(&granted).await.expect("because bob allowed it");
    assert_eq!(app.introspect(&tokens.access_token).await["username"], "bob");
    let again = app.request().with("prompt", "select_account");
    let page = server.browser().open(&again.path()).await;
    again.granted(alice.log_in_at(&page, "bob", PASSWORD).await.away());
}

#[actix_web::test]
async fn who_proves_again_that_it_is_them_loses_nothing_that_other_applications_got() {
    let (server, app, mut alice) = ready().await;
    server.person("bob").await;
    server.application(returns_to(&["https://maps.example/in"])).await;
    let returned = alice.come_back_to("https://maps.example/in").await;
    let token = parameter(&returned, "token").expect("because the redirect carries the token");
    let code = app.code(&mut alice).await;
    for (name, status) in [("alice", 200), ("bob", 401)] {
        let page = alice.open(&app.request().with("prompt", "login").path()).await;
        alice.log_in_at(&page, name, PASSWORD).await;
        assert_eq!(server.account_status(&token).await, status, "{name}");
        let sessions = server.count("sessions WHERE ended_at IS NULL AND user_agent LIKE 'Mozilla%'").await;
        assert_eq!(sessions, 1, "the session before is replaced");
        if name == "alice" {
            app.exchange(&code).await.expect("because alice is still logged in");
        }
    }
}

#[actix_web::test]
async fn another_account_on_the_way_to_an_address_does_not_lose_the_address() {
    let (server, _, mut alice) = ready().await;
    server.person("bob").await;
    let page = alice.open(&log_in_path("http://127.0.0.1:9000/in")).await;
    let page = alice.open(&page.link("Use another account")).await;
    assert!(page.text().contains("127.0.0.1:9000"), "it says where the way leads: {}", page.text());
    let denied = alice.copy().submit(page.form_with("Cancel")).await;
    assert_eq!(denied.away(), "http://127.0.0.1:9000/in?error=access_denied");
    let page = alice.log_in_at(&page, "bob", PASSWORD).await;
    assert_eq!(server.count("sessions WHERE ended_at IS NULL").await, 1, "the session before is replaced");
    assert!(page.text().contains("bob"), "{}", page.text());
    assert!(alice.press_continue(&page).await.away().starts_with("http://127.0.0.1:9000/in?token="));
}

#[actix_web::test]
async fn login_hint_fills_the_name_and_is_only_ever_text() {
    let (server, app, mut alice) = ready().await;
    let hostile = "\"><script>alert(1)</script>";
    for hint in ["bob@people.example", hostile] {
        let request = app.request().with("login_hint", hint);
        let page = server.browser().open(&request.path()).await;
        assert_eq!(page.form_with("Log in").value("username"), Some(hint));
        assert!(!page.html.contains("<script>alert"));
        let page = server.browser().log_in_at(&page, "typed", "wrong").await;
        assert_eq!(page.form_with("Log in").value("username"), Some("typed"), "what was typed counts");
    }
    let request = app.request().with("login_hint", "bob").with("prompt", "login");
    let page = alice.open(&request.path()).await;
    assert_eq!(page.form_with("Log in").value("username"), Some("bob"));
    let request = app.request().with("login_hint", "bob");
    request.granted(alice.open(&request.path()).await.away());
}

#[actix_web::test]
async fn prompt_create_leads_to_sign_up_where_people_may_and_the_request_goes_on() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let request = app.request().with("prompt", "create");
    let mut carol = server.browser();
    let page = carol.open(&request.path()).await;
    assert!(page.url.path().ends_with("/register"), "{}", page.url);
    let form = page.forms().into_iter().find(|form| form.value("email").is_some());
    let form = form.expect("because the page signs up").fill("username", "carol").fill("password", PASSWORD);
    let page = carol.submit(form.fill("email", "carol@people.example")).await;
    request.granted(allow(&mut carol, &page).await.away());
    let metadata = server.http.get("/.well-known/oauth-authorization-server").await.json();
    let values = ["none", "login", "consent", "select_account", "create"];
    assert_eq!(metadata["prompt_values_supported"], serde_json::json!(values));
    let server = harness::spawn_with(&[("registration", "closed")]).await;
    let app = server.application(confidential()).await;
    let page = server.browser().open(&app.request().with("prompt", "create").path()).await;
    assert_eq!(page.heading(), "Log in");
    let metadata = server.http.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(metadata["prompt_values_supported"], serde_json::json!(values[..4]));
}

/// An application that logs people in, somebody whom it knows, and the ID token that it was given.
async fn with_id_token(server: &Server, username: &str) -> (Application, Browser, String) {
    let draft = Draft { scope: Some("openid projects".to_owned()), ..confidential() };
    let app = server.application(draft).await;
    let mut browser = server.signed_in(username).await;
    let given = app.tokens(&mut browser).await;
    (app, browser, given.id_token().to_owned())
}

/// OpenID Connect Core §3.1.2.1: the answer is about the ID token's person, or it is an error.
#[actix_web::test]
async fn prompt_none_with_an_id_token_answers_about_its_person_only() {
    let server = harness::spawn().await;
    let (app, mut alice, id_token) = with_id_token(&server, "alice").await;
    let mut bob = server.signed_in("bob").await;
    app.code(&mut bob).await;
    let request = app.request().with("prompt", "none");
    let hinting = request.clone().with("id_token_hint", &id_token);
    server.advance(7_200);
    hinting.granted(alice.open(&hinting.path()).await.away());
    request.granted(bob.open(&request.path()).await.away());
    assert_eq!(error_of(&server, &hinting, &bob.open(&hinting.path()).await), "login_required");
    let mut nobody = server.browser();
    assert_eq!(error_of(&server, &hinting, &nobody.open(&hinting.path()).await), "login_required");
    let (_, _, of_another_app) = with_id_token(&server, "carol").await;
    for unknown in ["noise", &crate::harness::jwt::forged(&id_token), &of_another_app] {
        let hinting = request.clone().with("id_token_hint", unknown);
        assert_eq!(error_of(&server, &hinting, &alice.open(&hinting.path()).await), "login_required", "{unknown}");
    }
    let both = hinting.clone().and("id_token_hint", &id_token);
    assert_eq!(error_of(&server, &both, &alice.open(&both.path()).await), "invalid_request");
}

#[actix_web::test]
async fn an_id_token_of_somebody_else_asks_who_is_there_and_takes_nobody_else() {
    let server = harness::spawn().await;
    let (app, mut alice, id_token) = with_id_token(&server, "alice").await;
    let hinting = app.request().with("id_token_hint", &id_token);
    hinting.granted(alice.open(&hinting.path()).await.away());
    let mut bob = server.signed_in("bob").await;
    app.code(&mut bob).await;
    let page = bob.open(&hinting.path()).await;
    assert_eq!((page.heading().as_str(), page.away.as_ref()), ("Log in", None), "no code about bob");
    server.advance(1);
    let mut with_alice = bob.copy();
    hinting.granted(with_alice.log_in_at(&page, "alice", PASSWORD).await.away());
    let again = bob.log_in_at(&page, "bob", PASSWORD).await;
    assert_eq!(parameter(again.away(), "error").as_deref(), Some("login_required"), "it was bob again");
    let empty = app.request().with("id_token_hint", "noise");
    empty.granted(bob.open(&empty.path()).await.away());
}
