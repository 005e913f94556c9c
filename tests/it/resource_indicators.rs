//! Tokens for chosen APIs (RFC 8707): what is granted, what may be narrowed, and who learns of a token.

use gatepost::domain::api::TokenFormat;
use gatepost::domain::registration::Draft;
use gatepost::oauth::apis::{ApiDraft, register};
use gatepost::outcome::{Error, transact};
use serde_json::{Value, json};

use crate::harness::application::{Application, Request, allow};
use crate::harness::browser::Browser;
use crate::harness::http::parameter;
use crate::harness::program::Home;
use crate::harness::{self, Server, confidential, public};

const TILES: &str = "https://tiles.example";
const ROUTES: &str = "https://routes.example/v1";

struct House {
    server: Server,
    tiles: Application,
    routes: Application,
    app: Application,
    alice: Browser,
}

async fn house() -> House {
    let server = harness::spawn().await;
    let tiles = server.api(TILES, &["tiles:read: See your map tiles"], false).await;
    let routes = server.api(ROUTES, &["routes:read: See your routes"], false).await;
    let scope = Some("projects tiles:read routes:read".to_owned());
    let app = server.application(Draft { scope, ..confidential() }).await;
    let alice = server.signed_in("alice").await;
    House { server, tiles, routes, app, alice }
}

fn for_both(app: &Application) -> Request {
    app.request().and("resource", TILES).and("resource", ROUTES).and("resource", TILES)
}

/// The token endpoint's answer to a form with one more `resource`.
async fn with_resource(app: &Application, form: &[(String, String)], resource: &[&str]) -> (u16, Value) {
    let form = form.iter().map(|(name, value)| (&**name, &**value));
    let form: Vec<(&str, &str)> = form.chain(resource.iter().map(|resource| ("resource", *resource))).collect();
    let answer = app.post("/oauth/token", &form).await;
    (answer.status, answer.json())
}

#[actix_web::test]
async fn a_token_names_the_apis_that_were_asked_and_only_they_learn_of_it() {
    let House { server, tiles, routes, app, mut alice } = house().await;
    let granted = for_both(&app).approve(&mut alice).await;
    let both = app.exchange(&granted).await.expect("because this is its first use");
    assert_eq!(app.introspect(&both.access_token).await["aud"], json!([TILES, ROUTES]));
    assert_eq!(app.introspect(both.refresh()).await["aud"], json!([TILES, ROUTES]));
    let request = app.request().with("resource", TILES);
    let tokens = app.exchange(&request.approve(&mut alice).await).await.expect("because this is its first use");
    assert_eq!(tiles.introspect(&tokens.access_token).await["aud"], TILES);
    assert_eq!(
        routes.introspect(&tokens.access_token).await,
        json!({"active": false}),
        "it holds routes:read, for tiles"
    );
    for api in [&tiles, &routes] {
        assert_eq!(api.introspect(&both.access_token).await["active"], true);
    }
    let first_party = server.api("https://house.example", &[], true).await;
    let status = server.http.get_with_token("/v3/account", &tokens.access_token).await.status;
    assert_eq!((status, first_party.introspect(&tokens.access_token).await), (403, json!({"active": false})));
    let plain = app.tokens(&mut alice).await;
    assert_eq!(app.introspect(&plain.access_token).await.get("aud"), None);
    assert_eq!(server.http.get_with_token("/v3/account", &plain.access_token).await.status, 200);
}

#[actix_web::test]
async fn a_proxy_lets_a_token_through_to_its_own_api_only() {
    let House { server, app, mut alice, .. } = house().await;
    let request = app.request().with("resource", TILES);
    let tokens = app.exchange(&request.approve(&mut alice).await).await.expect("because this is its first use");
    let bearer = format!("Bearer {}", tokens.access_token);
    let headers = [("authorization", bearer.as_str()), ("x-original-method", "GET"), ("x-original-uri", "/x")];
    for (query, status) in
        [("?api=https%3A%2F%2Ftiles.example", 200), ("?api=https%3A%2F%2Froutes.example%2Fv1", 403), ("", 403)]
    {
        let answer = server.http.send(actix_web::http::Method::GET, &format!("/auth/check{query}"), &headers, "").await;
        assert_eq!(answer.status, status, "{query}");
    }
}

#[actix_web::test]
async fn a_code_and_a_refresh_may_narrow_and_never_widen() {
    let House { server, app, mut alice, .. } = house().await;
    let granted = for_both(&app).approve(&mut alice).await;
    let form = app.exchange_form(&granted);
    for foreign in ["https://other.example", "https://tiles.example/x", "tiles", "https://tiles.example#x", " "] {
        let (status, body) = with_resource(&app, &form, &[foreign]).await;
        assert_eq!((status, &body["error"]), (400, &json!("invalid_target")), "{foreign}");
    }
    let (status, _) = with_resource(&app, &form, &[TILES, "https://other.example"]).await;
    assert_eq!(status, 400);
    let (status, tokens) = with_resource(&app, &form, &[ROUTES]).await;
    assert_eq!(status, 200, "what was refused did not use the code up: {tokens}");
    let access = tokens["access_token"].as_str().unwrap_or_default();
    assert_eq!(app.introspect(access).await["aud"], ROUTES);
    let refresh = tokens["refresh_token"].as_str().unwrap_or_default().to_owned();
    let form = [("grant_type", "refresh_token"), ("refresh_token", &refresh)];
    let form: Vec<(String, String)> =
        form.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    for (asked, aud) in
        [(&[TILES][..], json!(TILES)), (&[], json!([TILES, ROUTES])), (&[ROUTES, TILES], json!([ROUTES, TILES]))]
    {
        let (status, tokens) = with_resource(&app, &form, asked).await;
        assert_eq!(status, 200, "{tokens}");
        assert_eq!(app.introspect(tokens["access_token"].as_str().unwrap_or_default()).await["aud"], aud);
    }
    let (status, body) = with_resource(&app, &form, &["https://other.example"]).await;
    assert_eq!((status, &body["error"]), (400, &json!("invalid_target")));
    let granted = app.code(&mut alice).await;
    let (status, body) = with_resource(&app, &app.exchange_form(&granted), &[TILES]).await;
    assert_eq!((status, &body["error"]), (400, &json!("invalid_target")), "the authorization request named none");
    let uri = body["error_uri"].as_str().expect("because every error has one");
    assert_eq!(server.http.get(uri).await.status, 200);
}

#[actix_web::test]
async fn a_refused_resource_does_not_rotate_a_public_applications_refresh_token() {
    let House { server, mut alice, .. } = house().await;
    let scope = Some("tiles:read".to_owned());
    let app = server.application(Draft { scope, ..public() }).await;
    let tokens = app.exchange(&app.request().with("resource", TILES).approve(&mut alice).await).await;
    let tokens = tokens.expect("because this is its first use");
    let form = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh()), ("resource", ROUTES)];
    assert_eq!(app.post("/oauth/token", &form).await.error(), (400, "invalid_target".to_owned()));
    let next = app.refresh(tokens.refresh()).await.expect("because nothing was used up");
    let third = app.refresh(next.refresh()).await.expect("because it lives");
    let answer = app
        .post(
            "/oauth/token",
            &[("grant_type", "refresh_token"), ("refresh_token", third.refresh()), ("resource", TILES)],
        )
        .await;
    assert_eq!(answer.status, 200, "the family keeps its APIs");
}

#[actix_web::test]
async fn an_api_that_is_not_registered_is_no_target() {
    let House { server, app, mut alice, .. } = house().await;
    for resource in [
        "https://other.example", "https://tiles.example/x", "https://tiles.example:8443", "http://tiles.example",
        "https://routes.example/v1/", "https://routes.example/V1", "tiles.example", "/tiles",
        "https://tiles.example#part", "https://tiles.example?x", "https://user@tiles.example",
        "https://tiles.example https://routes.example/v1", "%00x", "é",
    ] {
        let page = alice.open(&app.request().and("resource", TILES).and("resource", resource).path()).await;
        assert_eq!(parameter(page.away(), "error").as_deref(), Some("invalid_target"), "{resource}");
    }
    let empty = app.request().and("resource", "");
    empty.approve(&mut alice).await;
    assert_eq!(server.count("grants WHERE audience <> ''").await, 0);
}

#[actix_web::test]
async fn the_page_names_the_apis_in_words_and_a_new_one_is_asked() {
    let House { server, app, mut alice, .. } = house().await;
    let request = app.request().with("scope", "tiles:read projects").with("resource", TILES);
    let page = alice.open(&request.path()).await;
    let text = page.text();
    assert!(text.contains("At Tiles https://tiles.example") && text.contains("See your map tiles"), "{text}");
    assert_eq!(page.all("ul.may li").len(), 2, "each sentence once: {text}");
    allow(&mut alice, &page).await;
    assert!(alice.open(&request.path()).await.away.is_some(), "it is remembered");
    let both = request.clone().with("scope", "tiles:read routes:read projects").and("resource", ROUTES);
    let page = alice.open(&both.path()).await;
    assert!(page.away.is_none() && page.text().contains("New https://routes.example/v1"), "{}", page.text());
    assert_eq!(
        alice
            .open(&both.clone().with("prompt", "none").path())
            .await
            .away
            .map(|away| away.contains("consent_required")),
        Some(true)
    );
    let mut form = page.form_with("Allow");
    form.action.set_query(request.path().split_once('?').map(|(_, query)| query));
    assert!(alice.submit(form).await.away.is_none(), "only what was shown counts");
    allow(&mut alice, &page).await;
    assert!(alice.open(&both.path()).await.away.is_some());
    assert_eq!(server.count("consents WHERE audience <> ''").await, 1, "the wider one holds the narrower");
}

/// RFC 3986 §6.2.3: programs that pass an address through a URL type send another spelling.
const SPELLINGS: [&str; 5] = [
    "https://tiles.example/", "https://TILES.example", "https://tiles.example:443", "HTTPS://Tiles.Example:443/",
    "https://tiles.example:",
];

#[actix_web::test]
async fn every_spelling_of_an_address_names_its_api_and_the_registered_one_is_said() {
    let House { server, tiles, app, mut alice, .. } = house().await;
    for spelling in SPELLINGS {
        let request = app.request().with("resource", spelling).and("resource", TILES);
        let granted = request.approve(&mut alice).await;
        let (status, tokens) = with_resource(&app, &app.exchange_form(&granted), &[spelling]).await;
        assert_eq!(status, 200, "{spelling}: {tokens}");
        for asker in [&app, &tiles] {
            let known = asker.introspect(tokens["access_token"].as_str().unwrap_or_default()).await;
            assert_eq!(known["aud"], TILES, "{spelling}");
        }
        let refresh = tokens["refresh_token"].as_str().unwrap_or_default();
        let form =
            [("grant_type".to_owned(), "refresh_token".to_owned()), ("refresh_token".to_owned(), refresh.to_owned())];
        for other in SPELLINGS {
            let (status, tokens) = with_resource(&app, &form, &[other]).await;
            assert_eq!(status, 200, "{spelling}, then {other}: {tokens}");
            assert_eq!(app.introspect(tokens["access_token"].as_str().unwrap_or_default()).await["aud"], TILES);
        }
        let pushed =
            [("response_type", "code"), ("redirect_uri", "https://app.example/callback"), ("resource", spelling)];
        assert_eq!(app.post("/oauth/par", &pushed).await.status, 201, "{spelling}");
    }
    let audiences = format!("grants WHERE audience <> '' AND audience <> '{TILES}'");
    assert_eq!(server.count(&audiences).await, 0, "what is stored is the registered spelling");
}

#[actix_web::test]
async fn every_spelling_of_this_servers_own_name_means_the_platform() {
    let House { server, app, mut alice, .. } = house().await;
    let with_slash = format!("{}/", server.issuer());
    let shouted = server.issuer().replace("localhost", "LOCALHOST");
    for own in [server.issuer().to_owned(), with_slash, shouted] {
        let granted = app.request().with("resource", &own).approve(&mut alice).await;
        let tokens = app.exchange(&granted).await.expect("because this is its first use");
        assert_eq!(app.introspect(&tokens.access_token).await["aud"], server.issuer(), "{own}");
        assert_eq!(server.account_status(&tokens.access_token).await, 200, "{own}");
    }
}

#[actix_web::test]
async fn two_spellings_of_one_address_are_not_two_apis() {
    let House { server, .. } = house().await;
    let draft = |identifier: &str| ApiDraft {
        identifier: identifier.to_owned(),
        name: "Second".to_owned(),
        scopes: Vec::new(),
        is_first_party: false,
        token_format: TokenFormat::Opaque,
    };
    for spelling in SPELLINGS.into_iter().chain([TILES]) {
        let (now, draft) = (server.now(), draft(spelling));
        let made = transact(&server.app.store, move |tx| register(tx, now, &[], draft.clone())).await;
        let Err(Error::Refused(problems)) = made else { panic!("{spelling} was registered beside {TILES}") };
        assert_eq!(problems[0].field, "identifier");
        assert!(problems[0].message.contains(TILES), "{}", problems[0].message);
    }
    // Both look at the same moment; on PostgreSQL side by side.
    let race = ["https://one.example", "https://ONE.example/", "https://one.example:443"].map(|spelling| {
        let (now, draft) = (server.now(), draft(spelling));
        transact(&server.app.store, move |tx| register(tx, now, &[], draft.clone()))
    });
    let made = futures_util::future::join_all(race).await;
    assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 1);
}

#[test]
fn no_api_is_registered_under_a_name_of_this_server() {
    let home = Home::with(&[("public_url", "https://id.example/gate")]);
    home.ask(&["migrate"], "");
    let create = |identifier| ["api", "create", "--name", "Mine", "--identifier", identifier];
    for own in ["https://id.example/gate", "https://ID.example:443/gate", "https://id.example/gate/v3"] {
        let said = home.refusal(&create(own));
        assert!(said.contains("this server itself"), "{own}: {said}");
    }
    for other in ["https://id.example", "https://id.example/gate/", "https://id.example/gate/v3/maps"] {
        home.ask(&create(other), "");
    }
}
