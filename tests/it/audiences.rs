//! What naming an API does and does not (RFC 8707): it opens nothing by itself, a consent counts where it
//! was given, an API that is gone takes its tokens along, and the platform has names too.

use gatepost::domain::client::GrantType;
use gatepost::domain::registration::Draft;
use gatepost::store::apis;
use gatepost::tokens::revoke;
use serde_json::{Value, json};

use crate::harness::application::{Application, Request, Tokens, allow};
use crate::harness::browser::Browser;
use crate::harness::devices::on_a_device;
use crate::harness::http::{Answer, parameter};
use crate::harness::{self, Server, confidential};

const TILES: &str = "https://tiles.example";
const ROUTES: &str = "https://routes.example/v1";
const HOUSE: &str = "https://house.example";
const OPEN: &str = "https://open.example";

async fn with_apis() -> (Server, Application, Application) {
    let server = harness::spawn().await;
    let tiles = server.api(TILES, &["tiles:read: See your map tiles"], false).await;
    let routes = server.api(ROUTES, &["routes:read: See your routes"], false).await;
    (server, tiles, routes)
}

async fn with_scope(server: &Server, scope: &str) -> Application {
    server.application(Draft { scope: Some(scope.to_owned()), ..confidential() }).await
}

async fn tokens(app: &Application, alice: &mut Browser, request: Request) -> Tokens {
    app.exchange(&request.approve(alice).await).await.expect("because this is its first use")
}

async fn error(alice: &mut Browser, request: &Request) -> Option<String> {
    parameter(alice.open(&request.path()).await.away.as_deref()?, "error")
}

async fn is_asked(alice: &mut Browser, request: &Request) -> bool {
    alice.open(&request.path()).await.away.is_none()
}

async fn for_itself(app: &Application, more: &[(&str, &str)]) -> Answer {
    let form: Vec<(&str, &str)> = [("grant_type", "client_credentials")].iter().chain(more).copied().collect();
    app.post("/oauth/token", &form).await
}

#[actix_web::test]
async fn an_api_is_named_only_with_a_scope_that_opens_it() {
    let (server, ..) = with_apis().await;
    server.api(HOUSE, &["house:read: See the house"], true).await;
    server.api(OPEN, &[], false).await;
    let mut alice = server.signed_in("alice").await;
    let app = with_scope(&server, "projects routes:read").await;
    let request = || app.request();
    for refused in [
        request().with("resource", TILES),
        request().with("resource", ROUTES).and("resource", TILES),
        request().with("resource", ROUTES).with("scope", "projects"),
        request().with("resource", HOUSE).with("scope", "routes:read"),
    ] {
        assert_eq!(error(&mut alice, &refused).await.as_deref(), Some("invalid_target"), "{refused:?}");
    }
    for (resource, scope) in [(ROUTES, "routes:read"), (HOUSE, "projects"), (OPEN, "routes:read")] {
        let given = tokens(&app, &mut alice, request().with("resource", resource).with("scope", scope)).await;
        assert_eq!(app.introspect(&given.access_token).await["aud"], resource);
    }
    let scope = Some("projects".to_owned());
    let on_wall = server.application(Draft { scope, ..on_a_device() }).await;
    assert_eq!(on_wall.ask_for_codes(&[("resource", TILES)]).await.error(), (400, "invalid_target".into()));
    on_wall.ask_for_codes(&[("resource", OPEN)]).await.success();
    let scope = Some("tiles:read routes:read projects".to_owned());
    let grant_types = vec![GrantType::ClientCredentials];
    let robot = server.application(Draft { scope, grant_types, ..confidential() }).await;
    for_itself(&robot, &[("resource", TILES)]).await.success();
    let of_tiles = [("scope", "tiles:read"), ("resource", ROUTES)];
    assert_eq!(for_itself(&robot, &of_tiles).await.error(), (400, "invalid_target".into()));
    for own in [HOUSE, OPEN, server.issuer()] {
        assert_eq!(for_itself(&robot, &[("resource", own)]).await.error(), (400, "invalid_target".into()), "{own}");
    }
}

#[actix_web::test]
async fn a_token_is_for_a_named_api_only_as_far_as_its_scope_goes() {
    let (server, tiles, routes) = with_apis().await;
    let app = with_scope(&server, "tiles:read routes:read").await;
    let mut alice = server.signed_in("alice").await;
    let both = app.request().and("resource", TILES).and("resource", ROUTES);
    let both = tokens(&app, &mut alice, both).await;
    let narrow = app.refresh_for(both.refresh(), "routes:read").await.expect("because it lives");
    assert!(routes.is_active(&narrow.access_token).await && !tiles.is_active(&narrow.access_token).await);
    let check = async |api: &str| {
        let bearer = format!("Bearer {}", narrow.access_token);
        let headers = [("authorization", bearer.as_str()), ("x-original-method", "GET"), ("x-original-uri", "/x")];
        let address = format!("/auth/check?api={api}");
        server.http.send(actix_web::http::Method::GET, &address, &headers, "").await.status
    };
    assert_eq!((check(TILES).await, check(ROUTES).await), (403, 200));
}

#[actix_web::test]
async fn a_consent_counts_for_the_scopes_and_apis_that_were_allowed_together() {
    let (server, ..) = with_apis().await;
    let app = with_scope(&server, "projects tiles:read routes:read").await;
    let mut alice = server.signed_in("alice").await;
    let request = |scope: &str, resources: &[&str]| {
        resources.iter().fold(app.request().with("scope", scope), |request, resource| request.and("resource", resource))
    };
    request("tiles:read projects", &[TILES]).approve(&mut alice).await;
    request("routes:read", &[ROUTES]).approve(&mut alice).await;
    assert!(!is_asked(&mut alice, &request("tiles:read", &[TILES])).await);
    for wider in [
        request("tiles:read", &[]),
        request("tiles:read projects", &[]),
        request("tiles:read routes:read", &[TILES]),
        request("tiles:read routes:read", &[TILES, ROUTES]),
        request("routes:read projects", &[ROUTES]),
    ] {
        assert!(is_asked(&mut alice, &wider).await, "{wider:?}");
        let silent = wider.clone().with("prompt", "none");
        assert_eq!(error(&mut alice, &silent).await.as_deref(), Some("consent_required"));
    }
    request("tiles:read", &[]).approve(&mut alice).await;
    assert!(!is_asked(&mut alice, &request("tiles:read", &[])).await, "now it was asked without a resource");
    assert!(is_asked(&mut alice, &request("tiles:read routes:read", &[TILES, ROUTES])).await);
    request("projects tiles:read routes:read", &[ROUTES, TILES]).approve(&mut alice).await;
    for narrower in [request("routes:read projects", &[ROUTES]), request("tiles:read routes:read", &[TILES, ROUTES])] {
        assert!(!is_asked(&mut alice, &narrower).await, "{narrower:?}");
    }
    assert_eq!(server.count("consents").await, 2, "what lies within another one is not kept beside it");
}

#[actix_web::test]
async fn an_api_that_is_deleted_takes_along_what_was_for_it_alone() {
    let (server, _, routes) = with_apis().await;
    let mut alice = server.signed_in("alice").await;
    let app = with_scope(&server, "tiles:read routes:read").await;
    let of_both = || app.request().and("resource", TILES).and("resource", ROUTES);
    let only = tokens(&app, &mut alice, app.request().with("resource", TILES)).await;
    let both = tokens(&app, &mut alice, of_both()).await;
    let narrowed = of_both().approve(&mut alice).await;
    let narrowed = app.exchange_with(&narrowed, &[("resource", TILES)]).await.expect("because it was granted");
    let scope = Some("tiles:read".to_owned());
    let wall = server.application(Draft { scope, ..on_a_device() }).await;
    let waiting = wall.ask_for_codes(&[("resource", TILES)]).await.member("device_code");
    let now = server.now();
    server
        .write(move |tx| {
            let directory = apis::directory(tx)?;
            let found = directory.find_by_identifier(TILES).expect("because it was registered");
            revoke::delete_api(tx, now, &found.api)
        })
        .await;
    // The same name for something else, with the same word for a scope.
    let again = server.api(TILES, &["tiles:read: Read something else"], false).await;
    for gone in [&only.access_token, &narrowed.access_token] {
        assert!(!app.is_active(gone).await && !again.is_active(gone).await && !routes.is_active(gone).await);
    }
    assert_eq!(app.refresh(only.refresh()).await.map(drop), Err((400, "invalid_grant".to_owned())));
    assert_eq!(wall.poll(&waiting).await.error(), (400, "access_denied".into()));
    assert_eq!(routes.introspect(&both.access_token).await["aud"], ROUTES);
    assert!(!again.is_active(&both.access_token).await);
    let next = app.refresh(both.refresh()).await.expect("because the rest of it stands");
    assert_eq!(app.introspect(&next.access_token).await["aud"], ROUTES);
    assert!(is_asked(&mut alice, &app.request().with("resource", TILES)).await, "nobody allowed it the new one");
    let page = alice.open(&of_both().path()).await;
    assert!(allow(&mut alice, &page).await.away.is_some());
    server.suspend(&again, true).await;
    let request = app.request().with("resource", TILES);
    assert_eq!(error(&mut alice, &request).await.as_deref(), Some("invalid_target"), "nor while it is suspended");
}

#[actix_web::test]
async fn a_token_that_names_the_platform_opens_the_platform() {
    let (server, ..) = with_apis().await;
    server.api(HOUSE, &["house:read: See the house"], true).await;
    let mut alice = server.signed_in("alice").await;
    let app = with_scope(&server, "projects tiles:read house:read").await;
    let (issuer, v3) = (server.issuer().to_owned(), server.url("/v3"));
    for (resources, status) in [
        (vec![issuer.as_str()], 200),
        (vec![v3.as_str()], 200),
        (vec![HOUSE], 200),
        (vec![HOUSE, v3.as_str(), issuer.as_str()], 200),
        (vec![issuer.as_str(), TILES], 403),
        (vec![TILES], 403),
    ] {
        let request = resources.iter().fold(app.request(), |request, resource| request.and("resource", resource));
        let page = alice.open(&request.path()).await;
        for resource in resources.iter().filter(|_| page.away.is_none()) {
            assert!(page.text().contains(resource), "{}", page.text());
        }
        let given = tokens(&app, &mut alice, request).await;
        assert_eq!(server.account_status(&given.access_token).await, status, "{resources:?}");
        let bearer = format!("Bearer {}", given.access_token);
        let headers = [("authorization", bearer.as_str()), ("x-original-method", "GET"), ("x-original-uri", "/x")];
        let answer = server.http.send(actix_web::http::Method::GET, "/auth/check", &headers, "").await;
        assert_eq!(answer.status, status, "{resources:?}");
    }
    let request = app.request().with("resource", &issuer).with("scope", "house:read");
    assert_eq!(error(&mut alice, &request).await.as_deref(), Some("invalid_target"));
    for foreign in [format!("{issuer}/v3/"), format!("{issuer}/v4"), "http://localhost".to_owned()] {
        let request = app.request().with("resource", &foreign);
        assert_eq!(error(&mut alice, &request).await.as_deref(), Some("invalid_target"), "{foreign}");
    }
}

#[actix_web::test]
async fn several_audiences_are_for_a_token_exchange_only() {
    let (server, ..) = with_apis().await;
    let grant_types = vec![GrantType::ClientCredentials];
    let scope = Some("tiles:read".to_owned());
    let robot = server.application(Draft { scope, grant_types, ..confidential() }).await;
    let twice = [("audience", TILES), ("audience", TILES)];
    assert_eq!(for_itself(&robot, &twice).await.error(), (400, "invalid_request".into()));
    for_itself(&robot, &twice[..1]).await.success();
    let mut alice = server.signed_in("alice").await;
    let app = with_scope(&server, "tiles:read").await;
    let request = app.request().and("audience", TILES).and("audience", ROUTES);
    assert_eq!(error(&mut alice, &request).await.as_deref(), Some("invalid_request"));
}

#[actix_web::test]
async fn a_token_that_holds_no_scope_says_none() {
    let server = harness::spawn().await;
    let app = with_scope(&server, "").await;
    let granted = app.code(&mut server.signed_in("alice").await).await;
    let form = app.exchange_form(&granted);
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (&**name, &**value)).collect();
    let body: Value = app.post("/oauth/token", &form).await.success();
    assert_eq!((body.get("scope"), &body["token_type"]), (None, &json!("Bearer")), "RFC 6749 §3.3: never empty");
    for token in ["access_token", "refresh_token"] {
        let found = app.introspect(body[token].as_str().unwrap_or_default()).await;
        assert_eq!((found.get("scope"), &found["active"]), (None, &json!(true)), "{token}");
    }
}
