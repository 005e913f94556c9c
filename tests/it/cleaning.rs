//! What ended long ago goes from every table, and what lives stays.

use actix_web::http::Method;
use gatepost::background_jobs;
use gatepost::domain::client::LoginDelivery;
use gatepost::domain::registration::Draft;
use gatepost::oauth::clients::roll_secret;
use gatepost::store::{Database, cleaning};
use serde_json::{Value, json};

use crate::harness;
use crate::harness::application::s256;
use crate::harness::pages::{RETURN_URL, log_in_path_with, returns_to};
use crate::harness::token_holders::{ACCESS_TOKENS, STUDIO_SESSION};

#[actix_web::test]
async fn what_ended_a_day_ago_goes_and_what_lives_stays() {
    let server = harness::spawn().await;
    server.application(Draft { login_delivery: LoginDelivery::Code, ..returns_to(&[RETURN_URL]) }).await;
    let mut browser = server.signed_in("alice").await;
    let page = browser.open(&log_in_path_with(RETURN_URL, &[("code_challenge", &s256("v"))])).await;
    browser.press_continue(&page).await;
    let program = server.log_in("alice").await;
    server.nobody().post("/v3/account/security/remoteSession", &json!({})).await.success();
    let body = json!({ "description": "d", "accessList": [{ "pathId": "map", "accessTier": "view" }], "validFor": 60 });
    program.send(Method::POST, ACCESS_TOKENS, &[("idempotency-key", "k")], &body).await.success();
    let lasting = program.make_token(json!([{ "pathId": "map", "accessTier": "view" }])).await;
    let over = program.make_token(json!([{ "pathId": "map", "accessTier": "view" }])).await;
    let path = format!("{ACCESS_TOKENS}/{}", over["id"].as_str().unwrap_or_default());
    program.delete(&path).await.success();
    let replaced = browser.generator().await;
    let child = server.studio_token(&replaced, ("read_only", "all")).await;
    let path = format!("{STUDIO_SESSION}/generatortoken/regenerate");
    let generator = browser.script(Method::POST, &path, &Value::Null).await.member("token");
    let body = json!({ "credentials": [child] });
    server.nobody().post("/credentials/revoke", &body).await;
    let fileset = json!({ "name": "n", "fileset": "f", "validTime": 1 });
    browser.script(Method::POST, &format!("{STUDIO_SESSION}/filesettoken"), &fileset).await.success();
    for table in ["login_codes", "remote_sessions", "idempotency_keys"] {
        assert_eq!(server.count(table).await, 1, "{table}");
    }
    server.advance(3 * 86_400);
    background_jobs::clean(&server.app.store, server.now()).await.expect("because nothing holds on to what has ended");
    for table in ["login_codes", "remote_sessions", "idempotency_keys"] {
        assert_eq!(server.count(table).await, 0, "{table}");
    }
    assert_eq!(
        server.count("tokens").await,
        2,
        "the token without an end, and the generator, but none that was revoked"
    );
    assert_eq!(server.count("grants").await, 3, "a token that is revoked alone leaves its grant");
    for token in [lasting["token"].as_str().unwrap_or_default(), &generator] {
        let valid = server.program(token).get("/v3/validate").await.success();
        assert_eq!(valid["valid"], Value::Bool(true));
    }
}

/// Pages and limits tell by its row which tokens it created.
#[actix_web::test]
async fn a_generator_that_was_replaced_stays_while_a_token_that_it_created_lives() {
    let server = harness::spawn().await;
    let mut browser = server.signed_in("alice").await;
    let replaced = browser.generator().await;
    let child = server.studio_token(&replaced, ("read_only", "all")).await;
    let path = format!("{STUDIO_SESSION}/generatortoken/regenerate");
    browser.script(Method::POST, &path, &Value::Null).await.member("token");
    server.advance(3 * 86_400);
    background_jobs::clean(&server.app.store, server.now()).await.expect("because nothing holds on to what has ended");
    assert_eq!(server.count("tokens WHERE kind = 'generator'").await, 2);
    assert_eq!(server.count("tokens WHERE generator_id IS NOT NULL").await, 1);
    server.nobody().post("/credentials/revoke", &json!({ "credentials": [child] })).await;
    server.advance(2 * 86_400);
    background_jobs::clean(&server.app.store, server.now()).await.expect("because nothing holds on to what has ended");
    assert_eq!(server.count("tokens WHERE kind = 'generator'").await, 1);
    assert_eq!(server.count("tokens").await, 1);
}

#[actix_web::test]
async fn more_rows_than_a_batch_holds_go_in_several() {
    let server = harness::spawn().await;
    let app = server.application(harness::confidential()).await;
    let (now, client) = (server.now(), app.client.clone());
    let roll_often =
        move |tx: &mut Database| (0..250).try_for_each(|_| roll_secret(tx, now, (&client, 0), None).map(drop));
    server.write(roll_often).await;
    assert_eq!(server.count("client_secrets").await, 251);
    server.advance(2 * 86_400);
    let now = server.now();
    server.write(move |tx| cleaning::clean(tx, now)).await;
    assert_eq!(server.count("client_secrets").await, 51, "no request waits behind more than a batch");
    background_jobs::clean(&server.app.store, now).await.expect("because nothing holds on to what has ended");
    assert_eq!(server.count("client_secrets").await, 1, "the one that opens stays");
}
