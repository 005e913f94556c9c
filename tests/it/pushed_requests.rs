//! Pushed authorization requests (RFC 9126): the client proves who it is before a browser carries
//! anything, and what the browser carries is a name that works for one decision.

use actix_web::http::Method;
use gatepost::background_jobs;
use gatepost::domain::registration::Draft;
use gatepost::store::clients;
use serde_json::json;

use crate::harness::application::{Application, Request, allow};
use crate::harness::http::{Answer, encode, parameter};
use crate::harness::{self, PASSWORD, Server, confidential, execute, public};
use crate::openid::relying;

/// What a request holds, but for `client_id`, which the harness adds where it must stand in the body.
fn form(request: &Request) -> Vec<(String, String)> {
    let path = request.path();
    let query = path.split_once('?').map(|(_, query)| query).unwrap_or_default();
    let pairs = url::form_urlencoded::parse(query.as_bytes()).into_owned();
    pairs.filter(|(name, _)| name != "client_id").collect()
}

async fn push(app: &Application, request: &Request) -> Answer {
    let form = form(request);
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (&**name, &**value)).collect();
    app.post("/oauth/par", &form).await
}

/// The path with which a browser brings what was pushed.
async fn pushed(app: &Application, request: &Request) -> String {
    let answer = push(app, request).await;
    assert_eq!((answer.status, answer.header("cache-control")), (201, Some("no-store")), "{}", answer.text());
    let body = answer.json();
    assert_eq!(body["expires_in"], 90);
    let request_uri = body["request_uri"].as_str().expect("because RFC 9126 §2.2 requires it");
    assert!(request_uri.starts_with("urn:ietf:params:oauth:request_uri:gpq_"), "{request_uri}");
    path_of(app.client_id(), request_uri)
}

fn path_of(client_id: &str, request_uri: &str) -> String {
    format!("/oauth/authorize?{}", encode(&[("client_id", client_id), ("request_uri", request_uri)]))
}

#[actix_web::test]
async fn a_pushed_wish_for_two_factors_is_heard() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    alice.set_up_app(&server).await;
    server.write(|tx| execute(tx, "UPDATE sessions SET methods = 'pwd'")).await;
    let app = server.application(relying(confidential())).await;
    let request = app.request().with("scope", "openid").with("acr_values", "2");
    assert_eq!(alice.open(&request.path()).await.heading(), "Confirm that it is you");
    let path = pushed(&app, &request).await;
    assert_eq!(alice.open(&path).await.heading(), "Confirm that it is you");
}

async fn require_par(server: &Server, app: &Application) {
    let id = app.client.id;
    server.write(move |tx| clients::set_require_pushed_requests(tx, id, true)).await;
}

#[actix_web::test]
async fn a_pushed_request_is_answered_once() {
    let server = harness::spawn().await;
    for (person, draft) in [("alice", confidential()), ("bob", public())] {
        let app = server.application(draft).await;
        server.person(person).await;
        let mut browser = server.browser();
        let request = app.request().with("login_hint", "somebody");
        let path = pushed(&app, &request).await;
        let page = browser.open(&path).await;
        assert_eq!(page.form_with("Log in").value("username"), Some("somebody"));
        assert!(!page.html.contains(request.get("state").unwrap_or("?")), "the browser sees nothing of it");
        let page = browser.log_in_at(&page, person, PASSWORD).await;
        let page = allow(&mut browser, &page).await;
        let granted = request.granted(page.away());
        app.exchange(&granted).await.expect("because it is the code's first use");
        let again = browser.open(&path).await;
        assert_eq!(parameter(again.away(), "error").as_deref(), Some("invalid_request_uri"));
        assert_eq!(parameter(again.away(), "state").as_deref(), request.get("state"));
        let path = pushed(&app, &app.request()).await;
        assert!(parameter(browser.open(&path).await.away(), "code").is_some(), "the consent is remembered");
        assert_eq!(parameter(browser.open(&path).await.away(), "error").as_deref(), Some("invalid_request_uri"));
    }
}

#[actix_web::test]
async fn looking_uses_nothing_up_and_a_no_is_a_decision() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let mut alice = server.signed_in("alice").await;
    let request = app.request();
    let path = pushed(&app, &request).await;
    alice.bare(Method::GET, &path, &[("sec-purpose", "prefetch")], "").await;
    let (first, second) = (alice.open(&path).await, alice.open(&path).await);
    request.granted(allow(&mut alice, &first).await.away());
    let late = allow(&mut alice, &second).await;
    assert_eq!(parameter(late.away(), "error").as_deref(), Some("invalid_request_uri"), "two tabs, one decision");
    let path = pushed(&app, &app.request().with("prompt", "consent")).await;
    let (first, second) = (alice.open(&path).await, alice.open(&path).await);
    assert!(parameter(allow(&mut alice, &first).await.away(), "code").is_some());
    let late = alice.submit(second.decision("deny")).await;
    assert_eq!(parameter(late.away(), "error").as_deref(), Some("invalid_request_uri"), "a no after a yes is late");
    assert_eq!(server.count("authorization_codes").await, 2);
    let path = pushed(&app, &app.request().with("prompt", "consent")).await;
    let page = alice.open(&path).await;
    let page = alice.submit(page.decision("deny")).await;
    assert_eq!(parameter(page.away(), "error").as_deref(), Some("access_denied"));
    assert_eq!(parameter(alice.open(&path).await.away(), "error").as_deref(), Some("invalid_request_uri"));
}

/// OpenID Connect Core §3.1.2.1: however the ID token came, nobody answers for its person.
#[actix_web::test]
async fn a_pushed_id_token_counts_as_one_in_the_address_does() {
    let server = harness::spawn().await;
    let app = server.application(Draft { scope: Some("openid projects".to_owned()), ..confidential() }).await;
    let mut alice = server.signed_in("alice").await;
    let id_token = app.tokens(&mut alice).await.id_token().to_owned();
    let mut bob = server.signed_in("bob").await;
    app.code(&mut bob).await;
    let hinting = app.request().with("prompt", "none").with("id_token_hint", &id_token);
    hinting.granted(alice.open(&pushed(&app, &hinting).await).await.away());
    let page = bob.open(&pushed(&app, &hinting).await).await;
    assert_eq!(parameter(page.away(), "error").as_deref(), Some("login_required"));
}

#[actix_web::test]
async fn a_browser_must_come_in_time_and_then_a_person_may_take_their_time() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let mut alice = server.signed_in("alice").await;
    let (late, in_time) = (pushed(&app, &app.request()).await, app.request());
    let path = pushed(&app, &in_time).await;
    server.advance(89);
    let page = alice.open(&path).await;
    let log_in = server.browser().open(&path).await;
    server.advance(1);
    assert_eq!(parameter(alice.open(&late).await.away(), "error").as_deref(), Some("invalid_request_uri"));
    let seal = "&began=1795262400.0.1.AAAA";
    let forged = alice.open(&format!("{late}{seal}")).await;
    assert_eq!(parameter(forged.away(), "error").as_deref(), Some("invalid_request_uri"));
    server.advance(3_500);
    let mut other = server.browser();
    let again = other.log_in_at(&log_in, "alice", PASSWORD).await;
    assert_eq!(again.heading(), "Allow this app?");
    in_time.granted(allow(&mut alice, &page).await.away());
    let used = allow(&mut other, &again).await;
    assert_eq!(parameter(used.away(), "error").as_deref(), Some("invalid_request_uri"));
}

#[actix_web::test]
async fn a_name_that_is_noise_or_another_clients_gets_a_page() {
    let server = harness::spawn().await;
    let (app, other) = (server.application(confidential()).await, server.application(confidential()).await);
    let mut alice = server.signed_in("alice").await;
    app.code(&mut alice).await;
    let path = pushed(&app, &app.request()).await;
    let request_uri = parameter(&server.url(&path), "request_uri").expect("because it was just made");
    let mistyped = format!("{}x", &request_uri[..request_uri.len() - 1]);
    let noise = "urn:ietf:params:oauth:request_uri:x";
    let mut paths = vec![
        path_of(other.client_id(), &request_uri),
        path_of("nobody", &request_uri),
        path_of(app.client_id(), &mistyped),
        path_of(app.client_id(), noise),
        format!("/oauth/authorize?{}", encode(&[("request_uri", &request_uri)])),
    ];
    paths.push(format!("{path}&request_uri=x"));
    paths.push(format!("{path}&client_id=x"));
    for path in paths {
        let page = alice.open(&path).await;
        assert_eq!((page.status, page.away), (400, None), "{path}");
    }
    let extended = format!("{path}&{}", encode(&[("scope", "nothing"), ("redirect_uri", "https://evil.example/")]));
    assert!(alice.open(&extended).await.away().starts_with("https://app.example/callback?code="), "ignored (§4)");
}

#[actix_web::test]
async fn what_is_wrong_is_told_to_the_client_at_once() {
    let server = harness::spawn().await;
    let (app, spa) = (server.application(confidential()).await, server.application(public()).await);
    let request = || app.request();
    let uri = "urn:ietf:params:oauth:request_uri:x";
    for (request, error) in [
        (request().with("response_type", "token"), "unsupported_response_type"),
        (request().with("response_type", ""), "invalid_request"),
        (request().with("redirect_uri", "https://evil.example/"), "invalid_request"),
        (request().with("scope", "nothing"), "invalid_scope"),
        (request().with("resource", "https://nothing.example"), "invalid_target"),
        (request().with("response_mode", "telepathy"), "invalid_request"),
        (request().with("prompt", "none login"), "invalid_request"),
        (request().with("code_challenge", "x"), "invalid_request"),
        (request().with("request_uri", uri), "invalid_request"),
        (request().with("request_uri", "https://app.example/request"), "invalid_request"),
        (request().with("request", "e30.e30."), "request_not_supported"),
        (request().and("state", "again"), "invalid_request"),
    ] {
        let answer = push(&app, &request).await;
        assert_eq!(answer.error(), (400, error.to_owned()), "{request:?}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    let bare = form(&request());
    let bare: Vec<(&str, &str)> = bare.iter().map(|(name, value)| (&**name, &**value)).collect();
    let named: Vec<(&str, &str)> = bare.iter().copied().chain([("client_id", app.client_id())]).collect();
    for unproven in [&bare, &named] {
        let answer = server.http.post("/oauth/par", &[], unproven).await;
        assert_eq!(answer.error(), (401, "invalid_client".to_owned()));
    }
    let foreign: Vec<(&str, &str)> = bare.iter().copied().chain([("client_id", spa.client_id())]).collect();
    assert_eq!(app.post("/oauth/par", &foreign).await.error(), (400, "invalid_request".to_owned()));
    assert_eq!(app.post("/oauth/par", &named).await.status, 201, "the same client, named twice");
    let secret = [("client_id", app.client_id()), ("client_secret", app.secret())];
    let in_body: Vec<(&str, &str)> = bare.iter().copied().chain(secret).collect();
    assert_eq!(server.http.post("/oauth/par", &[], &in_body).await.status, 201);
    assert_eq!(server.count("pushed_requests").await, 2);
    assert_eq!(server.count("pushed_requests WHERE parameters LIKE '%secret%'").await, 0, "no secret is kept");
    let long = "a".repeat(70_000);
    assert_eq!(app.post("/oauth/par", &[("state", &long)]).await.status, 413);
}

#[actix_web::test]
async fn an_application_that_must_push_is_refused_when_it_does_not() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let mut alice = server.signed_in("alice").await;
    app.code(&mut alice).await;
    require_par(&server, &app).await;
    let page = alice.open(&app.request().path()).await;
    assert_eq!(parameter(page.away(), "error").as_deref(), Some("invalid_request"));
    let request = app.request();
    let path = pushed(&app, &request).await;
    request.granted(alice.open(&path).await.away());
}

#[actix_web::test]
async fn nobody_without_a_secret_fills_the_table() {
    let server = harness::spawn_with(&[("trusted_proxies", "127.0.0.1")]).await;
    let (app, spa) = (server.application(confidential()).await, server.application(public()).await);
    let other = server.application(public()).await;
    let from = async |app: &Application, address: &str| {
        let form = [form(&app.request()), vec![("client_id".to_owned(), app.client_id().to_owned())]].concat();
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (&**name, &**value)).collect();
        server.http.post("/oauth/par", &[("x-forwarded-for", address)], &form).await
    };
    for number in 0..100 {
        assert_eq!(from(&spa, &format!("192.0.2.{number}")).await.status, 201);
    }
    let answer = from(&spa, "192.0.2.200").await;
    assert_eq!(answer.error(), (429, "temporarily_unavailable".to_owned()));
    assert!(answer.header("retry-after").is_some());
    assert_eq!(server.count("pushed_requests").await, 100);
    assert_eq!(from(&spa, "198.51.100.1").await.status, 201, "another network");
    assert_eq!(from(&other, "192.0.2.200").await.status, 429, "another application of the same network");
    assert_eq!(push(&app, &app.request()).await.status, 201);
    server.advance(90);
    assert_eq!(from(&spa, "192.0.2.200").await.status, 201);
}

#[actix_web::test]
async fn at_most_8_kib_of_a_request_are_kept() {
    let server = harness::spawn().await;
    for app in [server.application(confidential()).await, server.application(public()).await] {
        let ask = async |hint: usize| push(&app, &app.request().with("login_hint", &"x".repeat(hint))).await;
        assert_eq!(ask(7_000).await.status, 201);
        let answer = ask(8_192).await;
        assert_eq!(answer.error(), (413, "invalid_request".to_owned()));
    }
    assert_eq!(server.count("pushed_requests").await, 2);
    assert_eq!(server.count("pushed_requests WHERE length(parameters) > 8192").await, 0);
}

#[actix_web::test]
async fn a_request_goes_with_its_minute_unless_a_browser_came_in_time() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let mut alice = server.signed_in("alice").await;
    let clean =
        async || background_jobs::clean(&server.app.store, server.now()).await.expect("because nothing holds them");
    let (in_time, _late) = (app.request(), pushed(&app, &app.request()).await);
    let path = pushed(&app, &in_time).await;
    server.advance(89);
    clean().await;
    assert_eq!(server.count("pushed_requests").await, 2);
    let log_in = server.browser().open(&path).await;
    server.advance(1);
    clean().await;
    assert_eq!(server.count("pushed_requests").await, 1, "nobody came with the other one");
    server.advance(3_500);
    clean().await;
    let mut other = server.browser();
    let again = other.log_in_at(&log_in, "alice", PASSWORD).await;
    in_time.granted(allow(&mut other, &again).await.away());
    server.advance(200);
    clean().await;
    assert_eq!(server.count("pushed_requests").await, 0);
    assert_eq!(alice.open(&path).await.status, 400);
}

#[actix_web::test]
async fn what_a_network_keeps_by_bringing_it_has_an_end_too() {
    let server = harness::spawn_with(&[("trusted_proxies", "127.0.0.1")]).await;
    let spa = server.application(public()).await;
    let push = async || {
        let form = [form(&spa.request()), vec![("client_id".to_owned(), spa.client_id().to_owned())]].concat();
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (&**name, &**value)).collect();
        server.http.post("/oauth/par", &[("x-forwarded-for", "192.0.2.1")], &form).await
    };
    for round in 0..11 {
        for number in 0..100 {
            let answer = push().await;
            if round == 10 {
                assert_eq!(answer.status, 429, "{number} after a thousand");
                continue;
            }
            let body = answer.json();
            let request_uri = body["request_uri"].as_str().expect("because it was taken");
            server.http.get(&path_of(spa.client_id(), request_uri)).await;
        }
        server.advance(90);
    }
    assert_eq!(server.count("pushed_requests").await, 1_000);
    server.advance(3_600);
    assert_eq!(push().await.status, 201);
}

#[actix_web::test]
async fn only_what_the_endpoint_reads_is_kept() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let mut alice = server.signed_in("alice").await;
    let long = "x".repeat(50_000);
    let request = app.request().with("nonce", "n").with("unheard_of", &long).with("began", "0.0.1.x");
    let path = pushed(&app, &request).await;
    assert_eq!(server.count("pushed_requests WHERE length(parameters) > 1000").await, 0);
    assert_eq!(server.count("pushed_requests WHERE parameters LIKE '%nonce=n%'").await, 1);
    let page = alice.open(&path).await;
    request.granted(allow(&mut alice, &page).await.away());
}

#[actix_web::test]
async fn modes_prompts_and_resources_are_pushed_too() {
    let server = harness::spawn().await;
    server.api("https://tiles.example", &[], false).await;
    server.api("https://routes.example", &[], false).await;
    let app = server.application(confidential()).await;
    let mut alice = server.signed_in("alice").await;
    let request = app.request().and("resource", "https://tiles.example").and("resource", "https://routes.example");
    let request = request.with("prompt", "login").with("response_mode", "fragment");
    let page = alice.open(&pushed(&app, &request).await).await;
    assert_eq!(page.heading(), "Log in");
    let page = alice.log_in_at(&page, "alice", PASSWORD).await;
    let page = allow(&mut alice, &page).await;
    let location = page.away().replacen('#', "?", 1);
    let tokens = app.exchange(&request.granted(&location)).await.expect("because it is the code's first use");
    let aud = json!(["https://tiles.example", "https://routes.example"]);
    assert_eq!(app.introspect(&tokens.access_token).await["aud"], aud);
}

#[actix_web::test]
async fn the_metadata_names_the_endpoint_and_what_ended_goes() {
    let server = harness::spawn_with(&[("lifetimes.par", "5")]).await;
    let app = server.application(confidential()).await;
    let metadata = server.http.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(metadata["pushed_authorization_request_endpoint"], server.url("/oauth/par"));
    assert_eq!(metadata["require_pushed_authorization_requests"], false);
    assert_eq!(push(&app, &app.request()).await.json()["expires_in"], 5);
    server.advance(4);
    background_jobs::clean(&server.app.store, server.now()).await.expect("because the database works");
    assert_eq!(server.count("pushed_requests").await, 1, "a browser may still come with it");
    server.advance(1);
    background_jobs::clean(&server.app.store, server.now()).await.expect("because the database works");
    assert_eq!(server.count("pushed_requests").await, 0);
}
