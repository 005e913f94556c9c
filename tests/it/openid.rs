//! ID tokens (OpenID Connect Core §2, §3.1, §12): who logged in, when and how, for this client alone.

use gatepost::domain::registration::Draft;
use gatepost::domain::signing_key::SigningAlgorithm;
use gatepost::oauth::openid::id_token::at_hash;
use serde_json::{Value, json};

use crate::harness::application::{Application, Pkce, Tokens};
use crate::harness::browser::Browser;
use crate::harness::http::parameter;
use crate::harness::{self, Server, confidential, jwt, public};

/// A draft of an application that logs people in.
pub fn relying(draft: Draft) -> Draft {
    Draft { scope: Some("openid profile email offline_access projects".to_owned()), ..draft }
}

async fn with_relying_party() -> (Server, Application, Browser) {
    let server = harness::spawn().await;
    let app = server.application(relying(confidential())).await;
    let alice = server.signed_in("alice").await;
    (server, app, alice)
}

async fn tokens(app: &Application, browser: &mut Browser, parameters: &[(&str, &str)]) -> Tokens {
    let request = parameters.iter().fold(app.request(), |request, (name, value)| request.with(name, value));
    let granted = request.approve(browser).await;
    app.exchange(&granted).await.expect("because this is the code's first use")
}

#[actix_web::test]
async fn an_id_token_says_who_when_and_how_and_for_whom() {
    let (server, app, mut alice) = with_relying_party().await;
    let signed_in_at = server.now().seconds();
    server.advance(100);
    let given = tokens(&app, &mut alice, &[("scope", "openid"), ("nonce", "n-0S6_WzA2Mj")]).await;
    let token = jwt::verified(&server, given.id_token()).await;
    assert_eq!((&token.header["alg"], &token.header["typ"]), (&json!("RS256"), &json!("JWT")));
    let now = server.now().seconds();
    let expected = json!({
        "iss": server.issuer(), "sub": server.person_named("alice").await.id.uuid(), "aud": app.client_id(),
        "iat": now, "exp": now + 3_600, "auth_time": signed_in_at, "nonce": "n-0S6_WzA2Mj",
        "acr": "1", "amr": ["pwd"], "at_hash": at_hash(&given.access_token),
    });
    assert_eq!(token.claims, expected, "and neither azp nor nbf");
}

#[actix_web::test]
async fn without_openid_there_is_none() {
    let (_server, app, mut alice) = with_relying_party().await;
    let given = tokens(&app, &mut alice, &[("scope", "projects profile"), ("nonce", "n")]).await;
    assert_eq!(given.id_token, None);
    assert_eq!(app.refresh(given.refresh()).await.expect("because it is stable").id_token, None);
}

#[actix_web::test]
async fn without_a_nonce_there_is_none_and_a_long_one_is_refused() {
    let (_server, app, mut alice) = with_relying_party().await;
    let given = tokens(&app, &mut alice, &[("scope", "openid")]).await;
    assert_eq!(jwt::read(given.id_token()).claims.get("nonce"), None);
    let longest = "é".repeat(512);
    let given = tokens(&app, &mut alice, &[("scope", "openid"), ("nonce", &longest)]).await;
    assert_eq!(jwt::read(given.id_token()).claims["nonce"], longest);
    let page = alice.open(&app.request().with("nonce", &format!("{longest}x")).path()).await;
    assert_eq!(parameter(page.away(), "error").as_deref(), Some("invalid_request"));
}

#[actix_web::test]
async fn a_refresh_answers_with_the_same_person_and_time_and_without_the_nonce() {
    let (server, app, mut alice) = with_relying_party().await;
    let given = tokens(&app, &mut alice, &[("scope", "openid"), ("nonce", "n")]).await;
    let first = jwt::read(given.id_token()).claims;
    server.advance(7_200);
    let again = app.refresh(given.refresh()).await.expect("because it is stable");
    let second = jwt::verified(&server, again.id_token()).await.claims;
    for member in ["iss", "sub", "aud", "auth_time", "acr", "amr"] {
        assert_eq!(first[member], second[member], "{member}");
    }
    assert_eq!(second["iat"], server.now().seconds());
    assert_eq!(second["at_hash"], at_hash(&again.access_token));
    assert_eq!(second.get("nonce"), None, "§12.2");
    let narrower = app.refresh_for(given.refresh(), "openid").await.expect("because it is within the grant");
    assert!(narrower.id_token.is_some());
}

#[actix_web::test]
async fn a_refresh_for_less_than_openid_tells_nothing() {
    let (_server, app, mut alice) = with_relying_party().await;
    let given = tokens(&app, &mut alice, &[("scope", "openid projects")]).await;
    let narrower = app.refresh_for(given.refresh(), "projects").await.expect("because it is within the grant");
    assert_eq!(narrower.id_token, None);
}

#[actix_web::test]
async fn each_client_chooses_how_its_id_tokens_are_signed() {
    let (server, _, mut alice) = with_relying_party().await;
    let es256 = SigningAlgorithm::Es256;
    let draft = Draft { id_token_signed_response_alg: es256, ..relying(confidential()) };
    let app = server.application(draft).await;
    let given = tokens(&app, &mut alice, &[("scope", "openid")]).await;
    assert_eq!(jwt::verified(&server, given.id_token()).await.header["alg"], "ES256");
}

/// `docs/decisions/0042-openid-tokens.md`: the switch is on for clients with a secret, off for others.
#[actix_web::test]
async fn claims_of_granted_scopes_are_in_the_id_token_where_the_client_wants_them() {
    let (server, web, mut alice) = with_relying_party().await;
    let spa = server.application(relying(public())).await;
    let off = Draft { id_token_claims: false, ..relying(confidential()) };
    let off = server.application(off).await;
    let all = [("scope", "openid profile email")];
    let claims = jwt::read(tokens(&web, &mut alice, &all).await.id_token()).claims;
    assert_eq!((&claims["preferred_username"], &claims["email"]), (&json!("alice"), &json!("alice@people.example")));
    assert_eq!(claims["email_verified"], true);
    for app in [&spa, &off] {
        let claims = jwt::read(tokens(app, &mut alice, &all).await.id_token()).claims;
        assert_eq!((claims.get("email"), claims.get("preferred_username")), (None, None));
    }
    let claims = jwt::read(tokens(&web, &mut alice, &[("scope", "openid email")]).await.id_token()).claims;
    assert_eq!(claims.get("preferred_username"), None, "profile was not asked for");
}

#[actix_web::test]
async fn a_new_sign_in_is_a_new_auth_time_and_old_grants_keep_theirs() {
    let (server, app, mut alice) = with_relying_party().await;
    let first = tokens(&app, &mut alice, &[("scope", "openid")]).await;
    server.advance(500);
    let mut elsewhere = server.browser();
    elsewhere.sign_in("alice").await;
    let second = tokens(&app, &mut elsewhere, &[("scope", "openid")]).await;
    let auth_time = |token: &str| jwt::read(token).claims["auth_time"].as_i64();
    assert_eq!(auth_time(second.id_token()), Some(server.now().seconds()));
    let again = app.refresh(first.refresh()).await.expect("because it is stable");
    assert_eq!(auth_time(again.id_token()), auth_time(first.id_token()));
}

#[actix_web::test]
async fn the_hash_binds_the_id_token_to_the_access_token_beside_it() {
    let (_server, app, mut alice) = with_relying_party().await;
    let (first, second) = (
        tokens(&app, &mut alice, &[("scope", "openid")]).await,
        tokens(&app, &mut alice, &[("scope", "openid")]).await,
    );
    let hash = |token: &str| jwt::read(token).claims["at_hash"].clone();
    assert_ne!(hash(first.id_token()), hash(second.id_token()));
    assert_eq!(hash(first.id_token()), at_hash(&first.access_token));
}

/// OpenID Connect Core §11; `docs/decisions/0042-openid-tokens.md`.
#[actix_web::test]
async fn offline_access_gives_a_refresh_token_to_a_client_that_registered_only_codes() {
    let server = harness::spawn().await;
    let only_codes = vec![gatepost::domain::client::GrantType::AuthorizationCode];
    let app = server.application(Draft { grant_types: only_codes, ..relying(confidential()) }).await;
    let mut alice = server.signed_in("alice").await;
    let given = tokens(&app, &mut alice, &[("scope", "openid")]).await;
    assert_eq!(given.refresh_token, None);
    let given = tokens(&app, &mut alice, &[("scope", "openid offline_access")]).await;
    let again = app.refresh(given.refresh()).await.expect("because it was given for this");
    assert!(again.id_token.is_some());
    let unasked = tokens(&app, &mut alice, &[]).await;
    assert_eq!((unasked.refresh_token, unasked.scope.contains("offline_access")), (None, false));
}

/// OpenID Connect Core §6, §7.2.1: what is not supported is said in its own words; the rest is ignored.
#[actix_web::test]
async fn parameters_that_are_not_supported_are_refused_or_ignored_as_the_specification_says() {
    let (server, app, mut alice) = with_relying_party().await;
    for (name, value, error) in [
        ("request", "eyJhbGciOiJub25lIn0.e30.", "request_not_supported"),
        ("request_uri", "https://app.example/request.jwt", "request_uri_not_supported"),
        ("registration", "{}", "registration_not_supported"),
    ] {
        let page = alice.open(&app.request().with("scope", "openid").with(name, value).path()).await;
        assert_eq!(parameter(page.away(), "error").as_deref(), Some(error), "{name}");
        assert_eq!(parameter(page.away(), "iss").as_deref(), Some(server.issuer()));
    }
    let claims = json!({ "userinfo": { "email": { "essential": true } } }).to_string();
    let ignored =
        [("scope", "openid"), ("claims", claims.as_str()), ("display", "popup"), ("acr_values", "9"), ("extra", "x")];
    let given = tokens(&app, &mut alice, &ignored).await;
    assert_eq!(given.scope, "openid");
    let answer = server.http.get_with_token("/oauth/userinfo", &given.access_token).await.json();
    assert_eq!(answer.get("email"), None::<&Value>);
}

/// OpenID Connect Core §3.1.2.1: scopes that are not understood are ignored; so is what this client did not
/// register.
#[actix_web::test]
async fn unknown_and_unregistered_scopes_beside_openid_are_ignored() {
    let (server, app, mut alice) = with_relying_party().await;
    server.api("https://tiles.example", &["tiles:read: See your map tiles"], false).await;
    let given = tokens(&app, &mut alice, &[("scope", "address openid phone")]).await;
    assert_eq!(given.scope, "openid");
    let given = tokens(&app, &mut alice, &[("scope", "tiles:read openid")]).await;
    assert_eq!(given.scope, "openid");
    for scope in ["tiles:read", "tiles:read phone", "phone"] {
        let page = alice.open(&app.request().with("scope", scope).path()).await;
        assert_eq!(parameter(page.away(), "error").as_deref(), Some("invalid_scope"), "{scope}");
    }
}

#[actix_web::test]
async fn a_confidential_client_may_log_people_in_without_pkce_and_openid_needs_no_other_scope() {
    let server = harness::spawn().await;
    let app = server.application(Draft { scope: Some("openid".to_owned()), ..confidential() }).await;
    let mut alice = server.signed_in("alice").await;
    let granted = app.request_with(Pkce::Absent).with("scope", "openid").approve(&mut alice).await;
    let given = app.exchange(&granted).await.expect("because this is its first use");
    assert!(given.id_token.is_some());
    let account = server.http.get_with_token("/v3/account", &given.access_token).await;
    assert_eq!(account.error(), (403, "insufficient_scope".to_owned()), "openid opens nothing of the platform");
    let again = app.exchange(&granted).await.expect_err("because the code was used");
    assert_eq!(again, (400, "invalid_grant".to_owned()));
    assert_eq!(server.http.get_with_token("/oauth/userinfo", &given.access_token).await.status, 401);
}
