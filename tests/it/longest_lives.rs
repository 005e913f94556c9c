//! `tokens.max_lifetime` caps every kind of token, and each door says so in its own words.

use actix_web::http::Method;
use gatepost::domain::registration::Draft;
use serde_json::{Value, json};

use crate::harness::application::Application;
use crate::harness::http::parameter;
use crate::harness::pages::{RETURN_URL, returns_to};
use crate::harness::token_holders::{ACCESS_TOKENS, STUDIO_SESSION, TILES, mint_path};
use crate::harness::{self, PASSWORD, Server, confidential};

const MOST: i64 = 600;

async fn spawn() -> (Server, Application) {
    let server = harness::spawn_with(&[("tokens.max_lifetime", "600")]).await;
    let api = server.api(TILES, &[], true).await;
    (server, api)
}

/// Seconds that a token has left, as an API learns it.
async fn left(server: &Server, api: &Application, token: &str) -> i64 {
    let known = api.introspect(token).await;
    known["exp"].as_i64().unwrap_or_else(|| panic!("no end: {known}")) - server.now().seconds()
}

#[actix_web::test]
async fn no_token_of_any_kind_lives_longer_than_the_operator_allows() {
    let (server, api) = spawn().await;
    let mut alice = server.signed_in("alice").await;
    let whole = server.log_in("alice").await;
    server.application(returns_to(&[RETURN_URL])).await;
    let redirected = parameter(&alice.come_back_to(RETURN_URL).await, "token").expect("because alice agreed");
    let app = server.application(confidential()).await;
    let given = app.tokens(&mut alice).await;
    let list = json!([{ "pathId": "map", "access": { "accessTier": "edit" } }]);
    let personal = json!({ "description": "d", "accessList": list, "validFor": MOST });
    let personal = whole.post(ACCESS_TOKENS, &personal).await.member("token");
    let generator = alice.generator().await;
    let studio = mint_path("n", "10", ("read_only", "all"));
    let studio = server.program(&generator).post(&studio, &Value::Null).await.member("token");
    let fileset = json!({ "name": "tiles", "fileset": "tiles-7", "validTime": 10 });
    let fileset = alice.script(Method::POST, &format!("{STUDIO_SESSION}/filesettoken"), &fileset).await.member("token");
    for (kind, token) in [
        ("user", whole.token()),
        ("login redirect", &redirected),
        ("oauth", &given.access_token),
        ("personal", &personal),
        ("studio", &studio),
        ("fileset", &fileset),
    ] {
        let left = left(&server, &api, token).await;
        assert!((1..=MOST).contains(&left), "{kind} lives {left} seconds");
    }
    let refresh = app.introspect(given.refresh()).await;
    assert_eq!(refresh["exp"].as_i64(), Some(server.now().seconds() + MOST));
    // Using it makes it no younger.
    server.advance(599);
    app.refresh(given.refresh()).await.expect("because it lives a second more");
    server.advance(1);
    assert_eq!(app.refresh(given.refresh()).await.map(drop), Err((400, "invalid_grant".to_owned())));
    let late = mint_path("n", "1", ("read_only", "all"));
    server.program(&generator).post(&late, &Value::Null).await.refusal(401);
    let mut again = server.browser();
    again.sign_in("alice").await;
    assert_ne!(again.generator().await, generator, "an ended generator is replaced");
    let kinds = "tokens WHERE expires_at IS NULL OR expires_at - created_at > 600";
    assert_eq!(server.count(kinds).await, 0);
    assert_eq!(server.count("refresh_tokens WHERE expires_at - created_at > 600").await, 0);
}

#[actix_web::test]
async fn each_door_names_its_own_parameter_and_unit() {
    let (server, _) = spawn().await;
    let mut alice = server.signed_in("alice").await;
    let log_in = json!({ "username": "alice", "password": PASSWORD, "validFor": 601 });
    let said = server.nobody().post("/v3/account/login", &log_in).await.refusal(400);
    assert!(said.contains("validFor") && said.contains("600 seconds"), "{said}");
    let whole = server.log_in("alice").await;
    let list = json!([{ "pathId": "map", "access": { "accessTier": "edit" } }]);
    for valid_for in [json!(601), Value::Null] {
        let asked = json!({ "description": "d", "accessList": list, "validFor": valid_for });
        let said = whole.post(ACCESS_TOKENS, &asked).await.refusal(403);
        assert!(said.contains("validFor") && said.contains("600 seconds"), "{said}");
    }
    let generator = alice.generator().await;
    for minutes in ["11", "-1", "9999"] {
        let path = mint_path("n", minutes, ("read_only", "all"));
        let said = server.program(&generator).post(&path, &Value::Null).await.refusal(403);
        assert!(said.contains("validTime") && said.contains("10 minutes") && !said.contains("validFor"), "{said}");
        let asked = json!({ "name": "n", "fileset": "f", "validTime": minutes.parse::<i64>().unwrap_or_default() });
        let said = alice.script(Method::POST, &format!("{STUDIO_SESSION}/filesettoken"), &asked).await.refusal(403);
        assert!(said.contains("validTime") && said.contains("10 minutes"), "{said}");
    }
    let long = Draft { login_token_lifetime: Some(601), ..returns_to(&[RETURN_URL]) };
    let rules = server.app.config.registration_rules();
    let problems = long.validate(&Default::default(), &rules).expect_err("because it is too long");
    assert!(problems.iter().any(|problem| problem.message.contains("600 seconds")), "{problems:?}");
}
