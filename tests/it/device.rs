//! `/oauth/device` and `/device` (RFC 8628): a device asks, its person types, compares and decides.

use actix_web::http::Method;
use gatepost::background_jobs;
use gatepost::domain::client::GrantType;
use gatepost::domain::registration::Draft;

use crate::harness::devices::{DEVICE_GRANT, on_a_box_of_ours, on_a_device, typed};
use crate::harness::http::encode;
use crate::harness::{self, PASSWORD, confidential, public};

const DECIDE: &str = "Log this device in?";

#[actix_web::test]
async fn a_device_is_told_what_to_show_and_how_often_to_ask() {
    let server = harness::spawn().await;
    let app = server.application(on_a_device()).await;
    let answer = app.ask_for_codes(&[("scope", "projects")]).await;
    let body = answer.success();
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let code = body["user_code"].as_str().expect("because RFC 8628 §3.2 requires it");
    assert!(code.len() == 9 && code.as_bytes()[4] == b'-' && !code.contains(['A', 'E', 'I', 'O', 'U', 'Y']), "{code}");
    assert!(body["device_code"].as_str().is_some_and(|code| code.starts_with("gpd_")), "{body}");
    assert_eq!(body["verification_uri"], server.url("/device"));
    assert_eq!(body["verification_uri_complete"], server.url(&format!("/device?user_code={code}")));
    assert_eq!((&body["expires_in"], &body["interval"]), (&600.into(), &5.into()));
    let metadata = server.http.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(metadata["device_authorization_endpoint"], server.url("/oauth/device"));
}

#[actix_web::test]
async fn a_person_types_the_code_as_they_like_and_sees_what_asks_and_from_where() {
    let server = harness::spawn_with(&[("trusted_proxies", "127.0.0.1")]).await;
    let app = server.unverified_application(on_a_device()).await;
    let mut alice = server.signed_in("alice").await;
    for (address, place, is_elsewhere) in [
        ("203.0.113.7", "203.0.113.…", true),
        ("192.0.2.200", "192.0.2.…", false),
        ("2001:db8:1:2::3", "2001:db8:1:…", true),
    ] {
        let headers = [("x-forwarded-for", address), ("user-agent", "Mozilla/5.0 (X11; Linux armv7l) Firefox/140.0")];
        let answer = server.http.post("/oauth/device", &headers, &[("client_id", app.client_id())]).await;
        let code = answer.member("user_code");
        server.advance(120);
        alice.headers = vec![("x-forwarded-for".to_owned(), "192.0.2.1".to_owned())];
        for spelled in [code.clone(), code.to_lowercase().replace('-', ""), format!(" {} ", code.replace('-', " "))] {
            let page = alice.type_code(&spelled).await;
            assert_eq!((page.status, page.heading().as_str()), (200, DECIDE), "{spelled}");
            let text = page.text();
            for shown in
                [&code, "Wall map", "Not verified", place, "Firefox on Linux", "2 minutes ago", "alice", "projects"]
            {
                assert!(text.contains(shown), "{shown}: {text}");
            }
            assert!(!text.contains(address), "the whole address is nobody's business");
            assert_eq!(text.contains("This device is somewhere else"), is_elsewhere, "{text}");
            assert!(text.contains("If somebody sent you this code or link, choose Cancel"), "RFC 8628 §5.4");
            let form = page.form_with("Cancel");
            assert!(form.has_button("Allow"), "{}", page.html);
        }
    }
}

#[actix_web::test]
async fn the_page_names_the_apis_and_the_token_may_be_for_fewer() {
    let server = harness::spawn().await;
    server.api("https://tiles.example", &["tiles:read: See your map tiles"], false).await;
    server.api("https://routes.example", &["routes:read: See your routes"], false).await;
    let scope = Some("projects tiles:read routes:read".to_owned());
    let app = server.application(Draft { scope, ..on_a_box_of_ours() }).await;
    let mut alice = server.signed_in("alice").await;
    let both = [("resource", "https://tiles.example"), ("resource", "https://routes.example")];
    let answer = app.ask_for_codes(&both).await;
    let page = alice.type_code(&answer.member("user_code")).await;
    let text = page.text();
    assert!(text.contains("At Tiles https://tiles.example See your map tiles"), "{text}");
    assert!(text.contains("https://routes.example See your routes") && text.contains("At each of them"), "{text}");
    assert!(!text.contains("New"), "{text}");
    alice.submit(page.decision("allow")).await;
    let code = answer.member("device_code");
    let form = [("grant_type", DEVICE_GRANT), ("device_code", code.as_str()), ("resource", "")];
    let with = |resource: &'static str| [form[0], form[1], ("resource", resource)];
    let foreign = app.post("/oauth/token", &with("https://other.example")).await;
    assert_eq!(foreign.error(), (400, "invalid_target".into()));
    let token = app.post("/oauth/token", &with("https://routes.example")).await;
    let (access, refresh) = (token.member("access_token"), token.member("refresh_token"));
    assert_eq!(app.introspect(&access).await["aud"], "https://routes.example");
    let aud = serde_json::json!(["https://tiles.example", "https://routes.example"]);
    assert_eq!(app.introspect(&refresh).await["aud"], aud, "the grant stays as wide as it was allowed");
}

#[actix_web::test]
async fn the_link_fills_the_code_in_and_decides_nothing() {
    let server = harness::spawn().await;
    let app = server.application(on_a_device()).await;
    server.person("alice").await;
    let device = app.device().await;
    let mut browser = server.browser();
    let page = browser.open(&format!("/device?user_code={}", device.user_code)).await;
    assert_eq!(page.heading(), "Log in");
    let page = browser.log_in_at(&page, "alice", PASSWORD).await;
    assert_eq!(page.form_with("Continue").value("user_code"), Some(device.user_code.as_str()));
    assert!(!page.html.contains("Wall map"), "nothing is looked up for a link");
    let page = browser.submit(page.form_with("Continue")).await;
    assert_eq!(page.heading(), DECIDE);
    assert_eq!(app.poll(&device.device_code).await.error(), (400, "authorization_pending".into()));
    let page = browser.submit(page.decision("allow")).await;
    assert_eq!((page.status, page.heading().as_str()), (200, "Your device is logged in"));
    app.poll(&device.device_code).await.success();
}

#[actix_web::test]
async fn what_was_not_shown_to_this_person_is_not_allowed() {
    let server = harness::spawn().await;
    let app = server.application(on_a_device()).await;
    let (mut alice, mut bob) = (server.signed_in("alice").await, server.signed_in("bob").await);
    let (device, other) = (app.device().await, app.device().await);
    let form = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
    for shown in ["", "x"] {
        let body = encode(&[("user_code", &device.user_code), ("decision", "allow"), ("shown", shown)]);
        let answer = alice.bare(Method::POST, "/device", &form, &body).await;
        assert!(answer.status == 200 && answer.text().contains(DECIDE), "shown again: {}", answer.text());
    }
    let of_other = alice.type_code(&other.user_code).await.form_with("Allow");
    alice.submit(of_other.fill("user_code", &device.user_code).press("Allow")).await;
    let of_alice = alice.type_code(&device.user_code).await.decision("allow");
    bob.submit(of_alice).await;
    assert_eq!(app.poll(&device.device_code).await.error(), (400, "authorization_pending".into()));
    let foreign = [form[0], ("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")];
    let body = encode(&[("user_code", &device.user_code), ("decision", "allow")]);
    assert_eq!(alice.bare(Method::POST, "/device", &foreign, &body).await.status, 403);
    assert_eq!(server.count("grants WHERE kind = 'device_code'").await, 0);
}

#[actix_web::test]
async fn a_code_that_waits_for_nobody_is_one_answer() {
    let server = harness::spawn().await;
    let app = server.application(on_a_device()).await;
    let mut alice = server.signed_in("alice").await;
    let (allowed, denied, late) = (app.device().await, app.device().await, app.device().await);
    alice.decide_device(&allowed.user_code, "allow").await;
    alice.decide_device(&denied.user_code, "deny").await;
    server.advance(600);
    for code in ["BCDF-GHJK", &allowed.user_code, &denied.user_code, &late.user_code] {
        let page = alice.type_code(code).await;
        assert_eq!((page.status, page.heading().as_str()), (400, "Log a device in"), "{code}");
        assert!(page.alert().starts_with("No device waits with this code."), "{}", page.alert());
    }
    for noise in ["", "BCDF", "AAAA-AAAA", "1234-5678", "%ff", "<b>x</b>", &"B".repeat(5_000)] {
        let body = typed(noise);
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
        let answer = alice.bare(Method::POST, "/device", &headers, &body).await;
        assert!(
            answer.status == 400 && answer.text().contains("A code has eight letters"),
            "{noise}: {}",
            answer.status
        );
        assert!(!answer.text().contains("<b>x"), "{}", answer.text());
    }
}

#[actix_web::test]
async fn guessing_codes_is_slow_for_a_person_and_closes_nothing_to_others() {
    let server = harness::spawn().await;
    let app = server.application(on_a_device()).await;
    let (mut alice, mut bob) = (server.signed_in("alice").await, server.signed_in("bob").await);
    let device = app.device().await;
    for _ in 0..20 {
        assert_eq!(alice.type_code(&device.user_code).await.status, 200, "who knows a code may look again");
    }
    for _ in 0..10 {
        assert_eq!(alice.type_code("BCDF-GHJK").await.status, 400);
    }
    for _ in 0..150 {
        let page = alice.type_code(&device.user_code).await;
        assert_eq!(page.status, 429, "{}", page.text());
        assert!(page.alert().starts_with("Too many wrong codes. Try again in 15 minutes."), "{}", page.alert());
    }
    assert_eq!(bob.type_code(&device.user_code).await.status, 200, "a neighbor is not shut out");
    server.advance(900);
    let device = app.device().await;
    assert_eq!(alice.type_code(&device.user_code).await.heading(), DECIDE);
}

#[actix_web::test]
async fn only_who_registered_the_grant_and_is_who_it_says_gets_codes() {
    let server = harness::spawn().await;
    let (own, boxed) = (server.application(on_a_device()).await, server.application(on_a_box_of_ours()).await);
    let usual = server.application(public()).await;
    let refused = [
        (usual.ask_for_codes(&[]).await, 400, "unauthorized_client"),
        (server.application(confidential()).await.ask_for_codes(&[]).await, 400, "unauthorized_client"),
        (own.ask_for_codes(&[("scope", "everything")]).await, 400, "invalid_scope"),
        (own.ask_for_codes(&[("scope", "\u{e4}")]).await, 400, "invalid_scope"),
        (own.ask_for_codes(&[("scope", "projects"), ("scope", "projects")]).await, 400, "invalid_request"),
        (server.http.post("/oauth/device", &[], &[]).await, 400, "invalid_request"),
        (server.http.post("/oauth/device", &[], &[("scope", "projects")]).await, 401, "invalid_client"),
        (server.http.post("/oauth/device", &[], &[("client_id", "nobody")]).await, 401, "invalid_client"),
        (server.http.post("/oauth/device", &[], &[("client_id", boxed.client_id())]).await, 401, "invalid_client"),
    ];
    for (answer, status, error) in refused {
        assert_eq!(answer.error(), (status, error.to_owned()));
    }
    assert_eq!(server.count("device_codes").await, 0, "a refusal writes nothing");
    boxed.ask_for_codes(&[]).await.success();
}

#[actix_web::test]
async fn nobody_without_a_secret_fills_the_table() {
    let server = harness::spawn_with(&[("trusted_proxies", "127.0.0.1")]).await;
    let app = server.application(on_a_device()).await;
    let boxed = server.application(on_a_box_of_ours()).await;
    let from = async |address: &str| {
        server.http.post("/oauth/device", &[("x-forwarded-for", address)], &[("client_id", app.client_id())]).await
    };
    for number in 0..100 {
        from(&format!("192.0.2.{number}")).await.success();
    }
    let answer = from("192.0.2.200").await;
    assert_eq!(answer.error(), (429, "temporarily_unavailable".into()));
    assert!(answer.header("retry-after").is_some());
    from("198.51.100.1").await.success();
    let other = server.application(on_a_device()).await;
    let form = [("client_id", other.client_id())];
    let second = server.http.post("/oauth/device", &[("x-forwarded-for", "192.0.2.9")], &form).await;
    assert_eq!(second.status, 429, "another application of the same network");
    let elsewhere = from("203.0.113.1").await;
    let mut alice = server.signed_in("alice").await;
    alice.decide_device(&elsewhere.member("user_code"), "deny").await;
    boxed.ask_for_codes(&[]).await.success();
    server.advance(600);
    from("192.0.2.200").await.success();
    server.advance(3 * 86_400);
    background_jobs::clean(&server.app.store, server.now()).await.expect("because nothing holds on to what has ended");
    assert_eq!(server.count("device_codes").await, 0);
}

#[actix_web::test]
async fn a_device_without_the_refresh_grant_gets_no_refresh_token_and_shows_up_among_the_apps() {
    let server = harness::spawn().await;
    let app = server.application(Draft { grant_types: vec![GrantType::DeviceCode], ..on_a_device() }).await;
    let mut alice = server.signed_in("alice").await;
    let device = app.device().await;
    alice.decide_device(&device.user_code, "allow").await;
    let body = app.poll(&device.device_code).await.success();
    assert_eq!((body.get("refresh_token"), &body["scope"]), (None, &"projects".into()));
    let token = body["access_token"].as_str().unwrap_or_default().to_owned();
    assert_eq!(server.account_status(&token).await, 200);
    let page = alice.open("/account/apps").await;
    assert!(page.text().contains("Wall map"), "{}", page.text());
    alice.submit(page.form_with("Remove Wall map")).await;
    assert_eq!(server.account_status(&token).await, 401, "removing it ends its tokens at once");
}
