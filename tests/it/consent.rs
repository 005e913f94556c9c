//! Consent: when a person is asked, what the page says, and that only what was shown to them counts.

use actix_web::http::Method;
use gatepost::domain::registration::Draft;

use crate::harness::application::{Application, allow};
use crate::harness::browser::Browser;
use crate::harness::http::parameter;
use crate::harness::{self, PASSWORD, Server, confidential, public};

async fn with_api() -> Server {
    let server = harness::spawn().await;
    server
        .api("https://tiles.example", &["tiles:read: See your map tiles", "tiles:write: Change your map tiles"], false)
        .await;
    server
}

fn with_scope(scope: &str) -> Draft {
    Draft { scope: Some(scope.to_owned()), ..confidential() }
}

async fn is_asked(browser: &mut Browser, app: &Application, scope: &str) -> bool {
    browser.open(&app.request().with("scope", scope).path()).await.away.is_none()
}

#[actix_web::test]
async fn the_page_says_who_asks_for_what_where_it_leads_and_for_how_long() {
    let server = with_api().await;
    let app = server.application(with_scope("projects tiles:read")).await;
    let page = server.signed_in("alice").await.open(&app.request().path()).await;
    let text = page.text();
    for words in
        ["Map studio", "app.example", "See your map tiles", "Verified", "owner-", "alice", "until you remove the app"]
    {
        assert!(text.contains(words), "no '{words}' in: {text}");
    }
    assert!(!text.contains("Not verified") && !text.contains("Change your map tiles"));
    assert_eq!(page.all("button"), ["Cancel", "Allow"]);
    let policy = page.header("content-security-policy").expect("because every page has one");
    assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe") && !policy.contains("form-action"));
    assert_eq!((page.header("x-frame-options"), page.header("cache-control")), (Some("DENY"), Some("no-store")));
    assert_eq!(page.header("access-control-allow-origin"), None);
}

#[actix_web::test]
async fn an_application_that_nobody_vouches_for_is_called_not_verified_and_its_name_stays_text() {
    let server = harness::spawn().await;
    let name = "<script>alert(1)</script> Atlas \u{5e9}\u{5dc}\u{5d5}\u{5dd}";
    let app = server.unverified_application(Draft { name: name.to_owned(), ..confidential() }).await;
    let page = server.signed_in("alice").await.open(&app.request().path()).await;
    assert!(page.text().contains("Not verified"));
    assert_eq!(page.one(".name bdi"), app.client.name, "because what turns the text around is kept in a <bdi>");
    assert!(!page.html.contains("<script>alert"));
}

#[actix_web::test]
async fn what_was_allowed_is_remembered_and_what_is_new_is_asked() {
    let server = with_api().await;
    let app = server.application(with_scope("projects tiles:read tiles:write")).await;
    let mut alice = server.signed_in("alice").await;
    app.request().with("scope", "projects tiles:read").approve(&mut alice).await;
    for scope in ["projects tiles:read", "tiles:read projects", "tiles:read"] {
        assert!(!is_asked(&mut alice, &app, scope).await, "{scope}");
    }
    let page = alice.open(&app.request().with("scope", "tiles:write projects").path()).await;
    let lines = page.all("ul.may li");
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains("Change your map tiles") && lines[0].contains("New") && !lines[1].contains("New"));
    allow(&mut alice, &page).await;
    assert!(!is_asked(&mut alice, &app, "").await, "now everything is allowed, which is also the default");
    assert!(is_asked(&mut server.signed_in("bob").await, &app, "tiles:read").await, "bob allowed nothing");
    let other = server.application(with_scope("projects")).await;
    assert!(is_asked(&mut alice, &other, "").await, "another application is another question");
}

#[actix_web::test]
async fn an_application_that_may_nothing_is_asked_every_time_and_learns_only_who_it_is() {
    let server = harness::spawn().await;
    let app = server.application(with_scope("")).await;
    let mut alice = server.signed_in("alice").await;
    for _ in 0..2 {
        let request = app.request();
        let page = alice.open(&request.path()).await;
        assert!(page.text().contains("Know that you logged in. Nothing else."), "{}", page.text());
        let granted = request.granted(allow(&mut alice, &page).await.away());
        let tokens = app.exchange(&granted).await.expect("because an empty scope is a scope");
        assert_eq!(tokens.scope, "");
        assert_eq!(app.introspect(&tokens.access_token).await["username"], "alice");
        assert_eq!(server.http.get_with_token("/v3/account", &tokens.access_token).await.status, 403);
        assert_eq!(app.refresh(tokens.refresh()).await.expect("because it lives").scope, "");
    }
}

#[actix_web::test]
async fn an_address_that_any_program_can_take_is_asked_every_time_and_says_so() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    for uri in ["http://127.0.0.1/callback", "http://localhost:8000/callback", "com.example.viewer:/callback"] {
        let app = server.application(Draft { redirect_uris: vec![uri.to_owned()], ..public() }).await;
        for time in 1..=2 {
            let page = alice.open(&app.request().path()).await;
            assert_eq!(page.heading(), "Allow this app?", "time {time} for {uri}");
            assert!(page.text().contains("runs on your device"), "{}", page.text());
            assert!(allow(&mut alice, &page).await.away().starts_with(uri));
        }
    }
    let redirect_uris = vec!["https://spa.example/callback".to_owned(), "http://127.0.0.1/callback".to_owned()];
    let both = server.application(Draft { redirect_uris, ..public() }).await;
    both.code(&mut alice).await;
    let on_device = both.request().with("redirect_uri", "http://127.0.0.1:5000/callback");
    assert!(alice.open(&on_device.path()).await.away.is_none(), "the consent was for the https address");
}

#[actix_web::test]
async fn cancel_goes_back_with_access_denied_and_remembers_nothing() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let mut alice = server.signed_in("alice").await;
    let request = app.request();
    let page = alice.open(&request.path()).await;
    let page = alice.submit(page.form_with("Cancel")).await;
    let answer = |name| parameter(page.away(), name);
    assert_eq!((page.status, answer("error").as_deref()), (303, Some("access_denied")));
    assert_eq!((answer("state").as_deref(), answer("iss").as_deref()), (request.get("state"), Some(server.issuer())));
    assert_eq!(answer("code"), None);
    assert_eq!(server.http.get(&answer("error_uri").expect("because every error has one")).await.status, 200);
    assert!(is_asked(&mut alice, &app, "").await);
    let signed_out = server.browser().open(&request.path()).await;
    let page = server.browser().submit(signed_out.form_with("Cancel")).await;
    assert_eq!(parameter(page.away(), "error").as_deref(), Some("access_denied"), "the log-in page can be left too");
}

#[actix_web::test]
async fn a_page_that_was_shown_to_another_account_is_shown_again_to_this_one() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    server.person("bob").await;
    let mut browser = server.signed_in("alice").await;
    let request = app.request();
    let shown_to_alice = browser.open(&request.path()).await;
    let page = browser.open("/logout").await;
    browser.submit(page.form_with("Log out")).await;
    let page = browser.open("/login").await;
    browser.log_in_at(&page, "bob", PASSWORD).await;
    let page = allow(&mut browser, &shown_to_alice).await;
    assert_eq!((page.away.as_deref(), page.heading().as_str()), (None, "Allow this app?"));
    assert!(page.text().contains("bob") && page.html.contains("Something has changed"));
    let granted = request.granted(allow(&mut browser, &page).await.away());
    let tokens = app.exchange(&granted).await.expect("because bob allowed it");
    assert_eq!(app.introspect(&tokens.access_token).await["username"], "bob");
}

#[actix_web::test]
async fn only_what_was_shown_counts() {
    let server = with_api().await;
    let redirect_uris = vec!["https://app.example/callback".to_owned(), "https://app.example/other".to_owned()];
    let app = server.application(Draft { redirect_uris, ..with_scope("projects tiles:write") }).await;
    let mut alice = server.signed_in("alice").await;
    let request = app.request().with("scope", "projects");
    let page = alice.open(&request.path()).await;
    let changed = [
        request.clone().with("scope", "projects tiles:write"),
        request.clone().with("redirect_uri", "https://app.example/other"),
        request.clone().with("state", "another"),
    ];
    for changed in changed {
        let mut form = page.form_with("Allow");
        form.action.set_query(changed.path().split_once('?').map(|(_, query)| query));
        let page = alice.submit(form).await;
        assert_eq!((page.away.as_deref(), page.heading().as_str()), (None, "Allow this app?"));
    }
    assert!(allow(&mut alice, &page).await.away.is_some(), "the request that was shown still stands");
}

#[actix_web::test]
async fn a_decision_from_another_site_is_refused_and_the_page_cannot_be_allowed_by_get() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let mut alice = server.signed_in("alice").await;
    let request = app.request();
    let form = alice.open(&request.path()).await.form_with("Allow");
    let form_type = ("content-type", "application/x-www-form-urlencoded");
    let foreign: [&[(&str, &str)]; 5] = [
        &[form_type, ("sec-fetch-site", "cross-site")],
        &[form_type, ("sec-fetch-site", "same-site")],
        &[form_type, ("origin", "https://evil.example")],
        &[form_type, ("origin", "null")],
        &[form_type],
    ];
    for headers in foreign {
        let answer = alice.bare(Method::POST, &request.path(), headers, &form.encode()).await;
        assert_eq!((answer.status, answer.location()), (403, None), "{headers:?}");
    }
    let page = alice.open(&format!("{}&{}", request.path(), form.encode())).await;
    assert_eq!((page.away.as_deref(), page.heading().as_str()), (None, "Allow this app?"));
}

#[actix_web::test]
async fn a_post_without_a_decision_is_an_authorization_request_from_anywhere() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let mut alice = server.signed_in("alice").await;
    let path = app.request().path();
    let query = path.split_once('?').map(|(_, query)| query).expect("because the request has parameters");
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "cross-site")];
    let answer = alice.bare(Method::POST, "/oauth/authorize", &headers, query).await;
    assert_eq!(answer.status, 303, "{}", answer.text());
    let location = answer.location().expect("because it is a redirect").to_owned();
    assert_eq!(location, path, "because the same request goes on by GET");
    assert_eq!(alice.open(&location).await.heading(), "Allow this app?");
}

#[actix_web::test]
async fn ten_tabs_each_end_at_their_own_application_with_their_own_state() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    server.person("alice").await;
    let mut browser = server.browser();
    let mut tabs = Vec::new();
    for _ in 0..10 {
        let request = app.request();
        tabs.push((browser.open(&request.path()).await, request));
    }
    server.advance(3_600);
    for (log_in, request) in tabs.into_iter().rev() {
        let page = browser.log_in_at(&log_in, "alice", PASSWORD).await;
        let page = if page.away.is_some() { page } else { allow(&mut browser, &page).await };
        app.exchange(&request.granted(page.away())).await.expect("because each tab has a code of its own");
    }
}
