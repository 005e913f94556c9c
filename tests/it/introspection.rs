//! Introspection (RFC 7662): what a token is, told to its own application and to the APIs that it is
//! for; to everybody else it is inactive, in exactly the words that noise gets.

use gatepost::domain::registration::Draft;
use serde_json::{Value, json};

use crate::harness::browser::Browser;
use crate::harness::http::parameter;
use crate::harness::{self, Server, confidential, public};

/// A user token, by the login redirect to a port of this device.
async fn user_token(browser: &mut Browser) -> String {
    let page = browser.open("/login?referer=http%3A%2F%2F127.0.0.1%3A8765%2F").await;
    let page = browser.submit(page.decision("allow")).await;
    parameter(page.away(), "token").expect("because the redirect carries the token")
}

async fn with_two_apis() -> (Server, [crate::harness::application::Application; 2]) {
    let server = harness::spawn().await;
    let tiles = server.api("https://tiles.example", &["tiles:read: See your map tiles"], false).await;
    let house = server.api("https://house.example", &[], true).await;
    (server, [tiles, house])
}

#[actix_web::test]
async fn an_application_learns_everything_about_its_own_tokens() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let alice = server.person("alice").await;
    let mut browser = server.browser();
    browser.sign_in("alice").await;
    let tokens = app.tokens(&mut browser).await;
    let now = server.now().seconds();
    let expected = json!({
        "active": true, "scope": "projects", "client_id": app.client_id(), "username": "alice",
        "token_type": "Bearer", "exp": now + 3_600, "iat": now, "sub": alice.id.uuid(),
        "iss": server.issuer(), "token_kind": "oauth",
    });
    assert_eq!(app.introspect(&tokens.access_token).await, expected);
    let refresh = app.introspect(tokens.refresh()).await;
    assert_eq!((&refresh["active"], &refresh["exp"]), (&json!(true), &json!(now + 30 * 86_400)));
    assert_eq!(refresh.get("token_type"), None, "a refresh token is no bearer token of an API");
    let answer = app.post("/oauth/introspect", &[("token", &tokens.access_token)]).await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[actix_web::test]
async fn what_does_not_live_is_exactly_inactive() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let mut alice = server.signed_in("alice").await;
    let (revoked, expired) = (app.tokens(&mut alice).await, app.tokens(&mut alice).await);
    app.revoke(&revoked.access_token).await;
    let granted = app.code(&mut alice).await;
    server.advance(3_600);
    let truncated = &expired.access_token[..40];
    for token in
        [&revoked.access_token, &expired.access_token, truncated, "noise", "\u{1f511}", &granted.code, app.secret()]
    {
        let answer = app.post("/oauth/introspect", &[("token", token)]).await;
        assert_eq!((answer.status, answer.text()), (200, "{\"active\":false}"), "{token}");
    }
}

#[actix_web::test]
async fn an_access_token_is_told_to_the_apis_that_it_is_for_and_to_nobody_else() {
    let (server, [tiles, house]) = with_two_apis().await;
    let other = server.api("https://other.example", &["other:read: See others"], false).await;
    let both = Some("projects tiles:read".to_owned());
    let app = server.application(Draft { scope: both, ..confidential() }).await;
    let stranger = server.application(confidential()).await;
    let mut alice = server.signed_in("alice").await;
    let granted = app.request().with("scope", "tiles:read").approve(&mut alice).await;
    let for_tiles = app.exchange(&granted).await.expect("because this is its first use");
    let granted = app.request().with("scope", "projects").approve(&mut alice).await;
    let for_house = app.exchange(&granted).await.expect("because this is its first use");
    let inactive = json!({"active": false});
    assert_eq!(tiles.introspect(&for_tiles.access_token).await["username"], "alice");
    assert_eq!(house.introspect(&for_house.access_token).await["client_id"], app.client_id());
    for (asker, token) in [
        (&tiles, &for_house.access_token),
        (&house, &for_tiles.access_token),
        (&other, &for_tiles.access_token),
        (&other, &for_house.access_token),
        (&stranger, &for_tiles.access_token),
        (&tiles, &for_tiles.refresh().to_owned()),
        (&house, &for_house.refresh().to_owned()),
    ] {
        assert_eq!(asker.introspect(token).await, inactive);
    }
}

#[actix_web::test]
async fn a_user_token_is_told_to_the_operators_own_api_only() {
    let (server, [tiles, house]) = with_two_apis().await;
    let app = server.application(confidential()).await;
    let mut alice = server.signed_in("alice").await;
    let token = user_token(&mut alice).await;
    let known = house.introspect(&token).await;
    assert_eq!((&known["active"], &known["token_kind"]), (&json!(true), &json!("user")));
    assert_eq!((&known["username"], known.get("scope")), (&json!("alice"), None::<&Value>));
    for asker in [&tiles, &app] {
        assert_eq!(asker.introspect(&token).await, json!({"active": false}));
    }
    server.disable(&server.person_named("alice").await, true).await;
    assert_eq!(house.introspect(&token).await, json!({"active": false}));
}

#[actix_web::test]
async fn nobody_asks_without_a_secret() {
    let server = harness::spawn().await;
    let (app, spa) = (server.application(confidential()).await, server.application(public()).await);
    let tokens = spa.tokens(&mut server.signed_in("alice").await).await;
    let answer = spa.post("/oauth/introspect", &[("token", &tokens.access_token)]).await;
    assert_eq!(answer.error(), (400, "unauthorized_client".to_owned()));
    let token = ("token", tokens.access_token.as_str());
    for form in [vec![token], vec![token, ("client_id", app.client_id())], vec![token, ("client_id", "nobody")]] {
        let answer = server.http.post("/oauth/introspect", &[], &form).await;
        assert_eq!(answer.error(), (401, "invalid_client".to_owned()));
        assert!(answer.header("www-authenticate").is_some_and(|challenge| challenge.starts_with("Basic realm=")));
    }
    let bearer = [("authorization", format!("Bearer {}", tokens.access_token))];
    let bearer: Vec<(&str, &str)> = bearer.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(server.http.post("/oauth/introspect", &bearer, &[token]).await.status, 401);
    assert_eq!(app.post("/oauth/introspect", &[]).await.error(), (400, "invalid_request".to_owned()));
}
