//! What counts of an asked scope (RFC 6749 §3.3): clients send, everywhere and each time, all that they might
//! want; what could not be given was left out the first time and is left out again.

use gatepost::domain::client::GrantType;
use gatepost::domain::registration::Draft;

use crate::harness::devices::on_a_box_of_ours;
use crate::harness::http::parameter;
use crate::harness::{self, confidential};

/// OpenID Connect Core §11: the wish for `offline_access` is ignored where it is not the client's to have.
/// Clients of MCP add it because metadata lists it, and `authlib` repeats the scope when it refreshes.
#[actix_web::test]
async fn offline_access_of_a_client_that_did_not_register_it_is_ignored() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let mut alice = server.signed_in("alice").await;
    let granted = app.request().with("scope", "projects offline_access").approve(&mut alice).await;
    let tokens = app.exchange(&granted).await.expect("because this is its first use");
    assert_eq!(tokens.scope, "projects");
    let fresh = app.refresh_for(tokens.refresh(), "projects offline_access").await;
    assert_eq!(fresh.expect("because the rest was granted").scope, "projects");
    let wider = app.refresh_for(tokens.refresh(), "projects openid").await.expect_err("because it was not granted");
    assert_eq!(wider, (400, "invalid_scope".to_owned()));
    for scope in ["offline_access", "projects developer offline_access", "projects unknown offline_access"] {
        let page = alice.open(&app.request().with("scope", scope).path()).await;
        assert_eq!(parameter(page.away(), "error").as_deref(), Some("invalid_scope"), "{scope}");
    }
    let pushed = [("response_type", "code"), ("scope", "projects offline_access"), ("redirect_uri", "")];
    assert_eq!(app.post("/oauth/par", &pushed).await.status, 201);
}

#[actix_web::test]
async fn a_device_may_wish_for_offline_access_in_vain_too() {
    let server = harness::spawn().await;
    let app = server.application(on_a_box_of_ours()).await;
    let answer = app.ask_for_codes(&[("scope", "projects offline_access")]).await;
    let mut alice = server.signed_in("alice").await;
    alice.decide_device(&answer.member("user_code"), "allow").await;
    let given = app.poll(&answer.member("device_code")).await;
    assert_eq!(given.member("scope"), "projects");
    assert_eq!(app.ask_for_codes(&[("scope", "offline_access")]).await.error(), (400, "invalid_scope".to_owned()));
}

/// OpenID Connect Core §3.1.2.1: what was ignored as unknown for the code is ignored in a refresh.
#[actix_web::test]
async fn an_unknown_scope_beside_openid_is_ignored_in_a_refresh_as_it_was_before() {
    let server = harness::spawn().await;
    let grant_types = vec![GrantType::AuthorizationCode, GrantType::RefreshToken];
    let draft = Draft { scope: Some("openid email".to_owned()), grant_types, ..confidential() };
    let app = server.application(draft).await;
    let mut alice = server.signed_in("alice").await;
    let granted = app.request().with("scope", "openid email address").approve(&mut alice).await;
    let tokens = app.exchange(&granted).await.expect("because this is its first use");
    let fresh = app.refresh_for(tokens.refresh(), "openid email address").await;
    assert_eq!(fresh.expect("because the rest was granted").scope, "openid email");
    let wider = app.refresh_for(tokens.refresh(), "openid profile").await.expect_err("because it is not the client's");
    assert_eq!(wider, (400, "invalid_scope".to_owned()));
}
