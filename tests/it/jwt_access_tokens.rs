//! JWT access tokens (RFC 9068) for the APIs that want them: the API judges them by our keys, we judge
//! them by their row, and our own APIs do not take them.

use actix_web::http::Method;
use gatepost::domain::api::TokenFormat;
use gatepost::domain::registration::Draft;
use serde_json::{Value, json};

use crate::harness::application::{Application, Tokens};
use crate::harness::browser::Browser;
use crate::harness::{self, Server, confidential, jwt, public};

const TILES: &str = "https://tiles.example";
const ALL: &str = "projects openid tiles:read tiles:write house:read plain:read offline_access";

async fn with_apis() -> (Server, Application, Application) {
    let server = harness::spawn().await;
    let scopes = ["tiles:read: See your map tiles", "tiles:write: Change your map tiles"];
    let tiles = server.api_with(TILES, &scopes, (false, TokenFormat::Jwt)).await;
    server.api_with("https://house.example", &["house:read: See your house"], (false, TokenFormat::Jwt)).await;
    server.api("https://plain.example", &["plain:read: See what is plain"], false).await;
    let app = server.application(Draft { scope: Some(ALL.to_owned()), ..confidential() }).await;
    (server, app, tiles)
}

async fn tokens(app: &Application, browser: &mut Browser, scope: &str) -> Tokens {
    let granted = app.request().with("scope", scope).approve(browser).await;
    app.exchange(&granted).await.expect("because this is the code's first use")
}

/// RFC 9068 §2.
#[actix_web::test]
async fn it_says_what_the_rfc_requires_for_exactly_one_api_and_ten_minutes() {
    let (server, app, _) = with_apis().await;
    let mut alice = server.signed_in("alice").await;
    let given = tokens(&app, &mut alice, "tiles:read offline_access tiles:write").await;
    assert_eq!(given.expires_in, 600);
    let token = jwt::verified(&server, &given.access_token).await;
    assert_eq!((&token.header["typ"], &token.header["alg"]), (&json!("at+jwt"), &json!("ES256")));
    let now = server.now().seconds();
    let jti = token.claims["jti"].as_str().unwrap_or_default().to_owned();
    let expected = json!({
        "iss": server.issuer(), "aud": TILES, "sub": server.person_named("alice").await.id.uuid(),
        "client_id": app.client_id(), "scope": "tiles:read tiles:write",
        "iat": now, "exp": now + 600, "jti": jti,
    });
    assert_eq!(token.claims, expected);
    let other = tokens(&app, &mut alice, "tiles:read").await;
    assert_ne!(jwt::read(&other.access_token).claims["jti"], jti);
    let again = app.refresh(given.refresh()).await.expect("because it is stable");
    assert_eq!(jwt::verified(&server, &again.access_token).await.claims["aud"], TILES);
}

#[actix_web::test]
async fn a_token_for_several_apis_or_for_one_that_does_not_ask_for_it_or_for_us_is_opaque() {
    let (server, app, _) = with_apis().await;
    let mut alice = server.signed_in("alice").await;
    for scope in ["tiles:read house:read", "plain:read", "projects tiles:read", "openid tiles:read", "offline_access"] {
        let given = tokens(&app, &mut alice, scope).await;
        assert!(given.access_token.starts_with("gpa_"), "{scope}: {}", given.access_token);
        assert_eq!(given.expires_in, 3_600, "{scope}");
    }
}

#[actix_web::test]
async fn introspection_and_revocation_judge_it_by_its_row() {
    let (server, app, tiles) = with_apis().await;
    let mut alice = server.signed_in("alice").await;
    let (first, second) = (tokens(&app, &mut alice, "tiles:read").await, tokens(&app, &mut alice, "tiles:read").await);
    let known = tiles.introspect(&first.access_token).await;
    assert_eq!((&known["active"], &known["username"]), (&json!(true), &json!("alice")));
    assert_eq!(known["exp"], jwt::read(&first.access_token).claims["exp"]);
    let inactive = json!({ "active": false });
    let stranger = server.api_with("https://other.example", &[], (false, TokenFormat::Jwt)).await;
    assert_eq!(stranger.introspect(&first.access_token).await, inactive);
    for noise in [jwt::forged(&first.access_token), format!("{}x", first.access_token), "a.b.c".to_owned()] {
        assert_eq!(tiles.introspect(&noise).await, inactive);
    }
    assert_eq!(app.revoke(&jwt::forged(&first.access_token)).await.status, 200);
    assert!(app.is_active(&first.access_token).await, "a forged token revokes nothing");
    assert_eq!(app.revoke(&first.access_token).await.status, 200);
    assert_eq!(tiles.introspect(&first.access_token).await, inactive);
    assert!(app.is_active(&second.access_token).await);
    server.advance(600);
    assert_eq!(tiles.introspect(&second.access_token).await, inactive);
}

#[actix_web::test]
async fn people_are_told_that_it_may_work_ten_minutes_more() {
    let (server, app, _) = with_apis().await;
    let mut alice = server.signed_in("alice").await;
    for (scope, is_told) in [("tiles:read", true), ("plain:read", false)] {
        let page = alice.open(&app.request().with("scope", scope).path()).await;
        assert_eq!(page.text().contains("up to 10 minutes more at Tiles"), is_told, "{scope}: {}", page.text());
        alice.submit(page.form_with("Allow")).await;
        tokens(&app, &mut alice, scope).await;
    }
    let page = alice.open("/account/apps").await;
    assert!(page.text().contains("After you remove it, it may work up to 10 minutes more at Tiles"), "{}", page.text());
}

#[actix_web::test]
async fn whoever_finds_one_may_end_it() {
    let (server, app, _) = with_apis().await;
    let given = tokens(&app, &mut server.signed_in("alice").await, "tiles:read").await;
    let body = json!({ "credentials": [jwt::forged(&given.access_token)] }).to_string();
    let json_type = [("content-type", "application/json")];
    server.http.send(Method::POST, "/credentials/revoke", &json_type, body).await;
    assert!(app.is_active(&given.access_token).await);
    let body = json!({ "credentials": [given.access_token] }).to_string();
    assert_eq!(server.http.send(Method::POST, "/credentials/revoke", &json_type, body).await.status, 202);
    assert!(!app.is_active(&given.access_token).await);
}

#[actix_web::test]
async fn our_own_apis_refuse_it_and_forward_auth_takes_it_for_its_api_alone() {
    let (server, app, _) = with_apis().await;
    let given = tokens(&app, &mut server.signed_in("alice").await, "tiles:read").await;
    for path in ["/v3/account", "/v3/account/root/x", "/oauth/userinfo"] {
        let answer = server.http.get_with_token(path, &given.access_token).await;
        assert_eq!(answer.error(), (401, "invalid_token".to_owned()), "{path}");
    }
    let bearer = format!("Bearer {}", given.access_token);
    let asked = [("authorization", bearer.as_str()), ("x-original-method", "GET"), ("x-original-uri", "/tiles/1")];
    for (api, status) in [(TILES, 200), ("https://house.example", 403), ("https://plain.example", 403)] {
        let answer = server.http.send(Method::GET, &format!("/auth/check?api={api}"), &asked, "").await;
        assert_eq!(answer.status, status, "{api}: {}", answer.text());
    }
    assert_eq!(server.http.send(Method::GET, "/auth/check", &asked, "").await.status, 403);
    app.revoke(&given.access_token).await;
    let answer = server.http.send(Method::GET, &format!("/auth/check?api={TILES}"), &asked, "").await;
    assert_eq!(answer.status, 401);
}

/// An ID token is no access token, and the other way round (RFC 8725 §3.11).
#[actix_web::test]
async fn an_id_token_opens_nothing() {
    let (server, app, tiles) = with_apis().await;
    let given = tokens(&app, &mut server.signed_in("alice").await, "openid").await;
    for asker in [&app, &tiles] {
        assert_eq!(asker.introspect(given.id_token()).await, json!({ "active": false }));
    }
    assert_eq!(server.http.get_with_token("/oauth/userinfo", given.id_token()).await.status, 401);
}

/// Nobody tells us when a JWT is used: after its ten minutes it counts as used (ours).
#[actix_web::test]
async fn a_lost_answer_with_a_jwt_is_forgiven_for_ten_minutes() {
    for (passed, is_forgiven) in [(599, true), (600, false)] {
        let (server, _, _) = with_apis().await;
        let app = server.application(Draft { scope: Some("tiles:read".to_owned()), ..public() }).await;
        let given = tokens(&app, &mut server.signed_in("alice").await, "tiles:read").await;
        let lost = app.refresh(given.refresh()).await.expect("because it is its first use");
        server.advance(passed);
        let again = app.refresh(given.refresh()).await;
        match is_forgiven {
            true => assert_eq!(again.expect("because the answer was lost").refresh(), lost.refresh()),
            false => assert_eq!(again.expect_err("because it is theft").1, "invalid_grant"),
        }
    }
}

#[actix_web::test]
async fn a_row_without_a_secret_is_found_by_no_opaque_token() {
    let (server, app, _) = with_apis().await;
    tokens(&app, &mut server.signed_in("alice").await, "tiles:read").await;
    let rows = server.count("tokens WHERE format = 'jwt'").await;
    assert_eq!(rows, 1, "the row is written like any other");
    let found: Value = app.introspect("gpa_").await;
    assert_eq!(found, json!({ "active": false }));
}
