//! An API that registered no scopes opens as a whole: where the operator runs it to nobody's mere name of
//! it, and elsewhere to clients for which the operator answers (`docs/decisions/0028-who-may-introspect.md`).

use actix_web::http::Method;
use gatepost::domain::api::TokenFormat;
use gatepost::domain::client::Client;
use gatepost::domain::id::Id;
use gatepost::domain::registration::Draft;
use gatepost::store::clients;
use serde_json::Value;

use crate::harness::application::{Application, Tokens, allow};
use crate::harness::browser::Browser;
use crate::harness::devices::on_a_device;
use crate::harness::http::parameter;
use crate::harness::{self, Server, confidential, public};

const PLATFORM: &str = "https://platform.example";
const OPEN: &str = "https://open.example";

async fn error(alice: &mut Browser, app: &Application, scope: &str, resource: &str) -> Option<String> {
    // Silent, so that the answer comes back to a stranger's application too.
    let request = app.request().with("scope", scope).with("resource", resource).with("prompt", "none");
    parameter(alice.open(&request.path()).await.away.as_deref()?, "error")
}

async fn tokens(alice: &mut Browser, app: &Application, resource: &str) -> Tokens {
    let request = app.request().with("resource", resource);
    app.exchange(&request.approve(alice).await).await.expect("because this is its first use")
}

async fn status(server: &Server, token: &str, api: &str, method: &str) -> u16 {
    let headers = [("x-original-method", method), ("x-original-uri", "/anything")];
    let address = format!("/auth/check?api={api}");
    server.program(token).send(Method::GET, &address, &headers, &Value::Null).await.status
}

async fn vouch(server: &Server, client: Id<Client>, is_vouched: bool) {
    let now = server.now();
    server.write(move |tx| clients::set_verified(tx, client, is_vouched.then_some(now))).await;
}

fn draft(scope: &str) -> Draft {
    Draft { scope: Some(scope.to_owned()), ..confidential() }
}

#[actix_web::test]
async fn the_operators_own_api_is_never_opened_by_its_name() {
    let server = harness::spawn().await;
    server.api(PLATFORM, &[], true).await;
    let mut alice = server.signed_in("alice").await;
    let stranger = server.unverified_application(draft("openid")).await;
    let vouched = server.application(draft("openid projects")).await;
    for (app, scope) in [(&stranger, "openid"), (&vouched, "openid")] {
        assert_eq!(error(&mut alice, app, scope, PLATFORM).await.as_deref(), Some("invalid_target"));
    }
    let wall = server.application(Draft { scope: Some("openid".to_owned()), ..on_a_device() }).await;
    let asked = wall.ask_for_codes(&[("resource", PLATFORM)]).await;
    assert_eq!(asked.error(), (400, "invalid_target".to_owned()));
    let request = vouched.request().with("resource", PLATFORM);
    let given = vouched.exchange(&request.approve(&mut alice).await).await.expect("because this is its first use");
    assert_eq!(status(&server, &given.access_token, PLATFORM, "GET").await, 200);
    let narrow = vouched.refresh_for(given.refresh(), "openid").await;
    let narrow = narrow.map(|tokens| tokens.access_token).unwrap_or_default();
    for method in ["GET", "POST", "DELETE"] {
        assert_ne!(status(&server, &narrow, PLATFORM, method).await, 200, "{method}: without projects");
    }
}

#[actix_web::test]
async fn another_api_without_scopes_opens_only_while_the_operator_answers_for_the_client() {
    let server = harness::spawn().await;
    let open = server.api(OPEN, &[], false).await;
    let mut alice = server.signed_in("alice").await;
    for app in [
        server.unverified_application(draft("projects")).await,
        server.unverified_application(Draft { scope: Some("openid".to_owned()), ..public() }).await,
    ] {
        let scope = app.client.scope.to_string();
        assert_eq!(error(&mut alice, &app, &scope, OPEN).await.as_deref(), Some("invalid_target"));
    }
    let app = server.application(draft("projects")).await;
    let page = alice.open(&app.request().with("resource", OPEN).path()).await;
    assert!(page.text().contains("Do everything there that you can do."), "{}", page.text());
    allow(&mut alice, &page).await;
    let given = tokens(&mut alice, &app, OPEN).await;
    for is_vouched in [true, false, true] {
        vouch(&server, app.client.id, is_vouched).await;
        let expected = if is_vouched { 200 } else { 403 };
        assert_eq!(status(&server, &given.access_token, OPEN, "DELETE").await, expected);
        assert_eq!(open.is_active(&given.access_token).await, is_vouched);
    }
}

/// Such an API would not ask us: the token must not be made.
#[actix_web::test]
async fn no_jwt_is_made_for_it_when_the_operator_no_longer_answers_for_the_client() {
    let server = harness::spawn().await;
    server.api_with(OPEN, &[], (false, TokenFormat::Jwt)).await;
    let mut alice = server.signed_in("alice").await;
    let app = server.application(draft("projects")).await;
    let given = tokens(&mut alice, &app, OPEN).await;
    let code = app.request().with("resource", OPEN).approve(&mut alice).await;
    vouch(&server, app.client.id, false).await;
    let refused = Err((400, "invalid_target".to_owned()));
    assert_eq!(app.refresh(given.refresh()).await.map(drop), refused);
    assert_eq!(app.exchange(&code).await.map(drop), refused);
    vouch(&server, app.client.id, true).await;
    app.refresh(given.refresh()).await.expect("because nothing was used up");
}
