//! The table of `docs/decisions/0020-oxide-auth.md`, a test per row: where oxide-auth 0.6.1
//! decides otherwise than the RFCs, ours is what the outside world sees.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use diesel::prelude::*;
use gatepost::domain::registration::Draft;
use gatepost::schema::client_secrets;
use gatepost::store::StoreError;

use crate::harness::application::{Pkce, Tokens};
use crate::harness::http::parameter;
use crate::harness::{self, Server, confidential, public, random_word};

type Outcome = Result<Tokens, (u16, String)>;

fn error_of(outcome: Outcome) -> String {
    outcome.expect_err("because it must be refused").1
}

#[actix_web::test]
async fn a_code_that_does_not_work_is_an_invalid_grant_and_not_an_invalid_request() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let mut alice = server.signed_in("alice").await;
    let (used, wrong, expired) = (app.code(&mut alice).await, app.code(&mut alice).await, app.code(&mut alice).await);
    app.exchange(&used).await.expect("because it is its first use");
    assert_eq!(error_of(app.exchange(&used).await), "invalid_grant");
    assert_eq!(error_of(app.exchange_with(&wrong, &[("code", "unknown")]).await), "invalid_grant");
    let verifier = app.exchange_with(&wrong, &[("code_verifier", &random_word(64))]).await;
    assert_eq!(error_of(verifier), "invalid_grant");
    server.advance(61);
    assert_eq!(error_of(app.exchange(&expired).await), "invalid_grant");
}

#[actix_web::test]
async fn a_verifier_without_a_challenge_is_refused() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let granted = app.request_with(Pkce::Absent).approve(&mut server.signed_in("alice").await).await;
    let stripped = app.exchange_with(&granted, &[("code_verifier", &random_word(64))]).await;
    assert_eq!(error_of(stripped), "invalid_grant");
    app.exchange(&granted).await.expect("because the code itself is good");
}

#[actix_web::test]
async fn a_replayed_code_and_a_reused_refresh_token_revoke_the_grant() {
    let server = harness::spawn().await;
    let spa = server.application(public()).await;
    let mut alice = server.signed_in("alice").await;
    let granted = spa.code(&mut alice).await;
    let replayed = spa.exchange(&granted).await.expect("because it is its first use");
    assert_eq!(error_of(spa.exchange(&granted).await), "invalid_grant");
    let first = spa.tokens(&mut alice).await;
    let second = spa.refresh(first.refresh()).await.expect("because it is its first use");
    let third = spa.refresh(second.refresh()).await.expect("because it is its first use");
    assert_eq!(error_of(spa.refresh(first.refresh()).await), "invalid_grant");
    for dead in [&replayed, &first, &second, &third] {
        assert_eq!(server.http.get_with_token("/v3/account", &dead.access_token).await.status, 401);
        assert_eq!(error_of(spa.refresh(dead.refresh()).await), "invalid_grant");
    }
}

#[actix_web::test]
async fn a_refresh_token_keeps_its_scope_when_a_narrower_one_was_asked_once() {
    let server = harness::spawn().await;
    server.api("https://tiles.example", &["tiles:read: See your map tiles"], false).await;
    let app = server.application(Draft { scope: Some("projects tiles:read".to_owned()), ..public() }).await;
    let tokens = app.tokens(&mut server.signed_in("alice").await).await;
    let narrow = app.refresh_for(tokens.refresh(), "projects").await.expect("because it is narrower");
    let whole = app.refresh(narrow.refresh()).await.expect("because the refresh token lives");
    assert_eq!((narrow.scope.as_str(), whole.scope.as_str()), ("projects", "projects tiles:read"));
}

#[actix_web::test]
async fn refreshing_takes_the_body_secret_and_compares_a_public_clients_name() {
    let server = harness::spawn().await;
    let (app, spa) = (server.application(confidential()).await, server.application(public()).await);
    let mut alice = server.signed_in("alice").await;
    let tokens = app.tokens(&mut alice).await;
    let grant = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh())];
    let secret = [("client_id", app.client_id()), ("client_secret", app.secret())];
    let form: Vec<(&str, &str)> = grant.into_iter().chain(secret).collect();
    assert_eq!(server.http.post("/oauth/token", &[], &form).await.status, 200);
    let of_spa = spa.tokens(&mut alice).await;
    let other = server.application(public()).await;
    assert_eq!(error_of(other.refresh(of_spa.refresh()).await), "invalid_grant");
    spa.refresh(of_spa.refresh()).await.expect("because it was not used up by the other");
}

#[actix_web::test]
async fn basic_is_form_decoded_stands_beside_an_equal_client_id_and_is_missed_with_401() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let tokens = app.tokens(&mut server.signed_in("alice").await).await;
    let grant = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh())];
    let coded = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let every_byte = format!("{}:{}", coded(app.client_id()), coded(app.secret()));
    let plain = format!("{}:{}", app.client_id(), app.secret());
    for credentials in [every_byte, plain] {
        for scheme in ["Basic", "basic", "BASIC"] {
            let header = format!("{scheme} {}", STANDARD.encode(&credentials));
            let form: Vec<(&str, &str)> = grant.into_iter().chain([("client_id", app.client_id())]).collect();
            assert_eq!(server.http.post("/oauth/token", &[("authorization", &header)], &form).await.status, 200);
        }
    }
    let nobody = server.http.post("/oauth/token", &[], &grant).await;
    assert_eq!(nobody.error(), (401, "invalid_client".to_owned()));
    let another: Vec<(&str, &str)> = grant.into_iter().chain([("client_id", "another")]).collect();
    assert_eq!(app.post("/oauth/token", &another).await.error(), (400, "invalid_request".to_owned()));
}

#[actix_web::test]
async fn the_redirect_uri_is_compared_as_a_string_and_every_loopback_port_is_free() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let app = server.application(confidential()).await;
    for near in ["https://app.example:443/callback", "https://APP.example/callback", "https://app.example/%63allback"] {
        let page = alice.open(&app.request().with("redirect_uri", near).path()).await;
        assert_eq!((page.status, page.away), (400, None), "{near}");
    }
    let granted = app.request().with("redirect_uri", "").approve(&mut alice).await;
    app.exchange_with(&granted, &[("redirect_uri", "")]).await.expect("because it was not sent before");
    for registered in ["http://127.0.0.1/callback", "http://[::1]/callback", "http://localhost/callback"] {
        let app = server.application(Draft { redirect_uris: vec![registered.to_owned()], ..public() }).await;
        let asked = registered.replacen("/callback", ":49152/callback", 1);
        let granted = app.request().with("redirect_uri", &asked).approve(&mut alice).await;
        app.exchange(&granted).await.expect("because any port of this device is free (RFC 8252 §7.3)");
    }
}

#[actix_web::test]
async fn a_repeated_parameter_is_an_error_and_an_empty_one_is_absent() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let mut alice = server.signed_in("alice").await;
    for name in ["code_challenge", "code_challenge_method", "state", "scope", "response_type", "unknown"] {
        let request = app.request().and("unknown", "1").and("scope", "projects");
        let again = request.get(name).expect("because the request has it").to_owned();
        let page = alice.open(&request.and(name, &again).path()).await;
        assert_eq!(parameter(page.away(), "error").as_deref(), Some("invalid_request"), "{name}");
    }
    let granted = app.request().and("scope", "").and("prompt", "").and("scope", "").approve(&mut alice).await;
    let repeated = [("code", granted.code.as_str()), ("code", "another")];
    let form = repeated.into_iter().chain([("grant_type", "authorization_code")]).collect::<Vec<_>>();
    assert_eq!(app.post("/oauth/token", &form).await.error(), (400, "invalid_request".to_owned()));
    let form = app.exchange_form(&granted);
    let empties = [("scope", ""), ("scope", ""), ("client_secret", ""), ("resource", "")];
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (&**name, &**value)).chain(empties).collect();
    assert_eq!(app.post("/oauth/token", &form).await.status, 200);
}

#[actix_web::test]
async fn challenges_and_verifiers_have_a_syntax_and_pkce_is_required_per_client() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let (lax, spa) = (server.application(confidential()).await, server.application(public()).await);
    let strict = server.application(Draft { require_pkce: true, ..confidential() }).await;
    lax.request_with(Pkce::Absent).approve(&mut alice).await;
    for app in [&spa, &strict] {
        let page = alice.open(&app.request_with(Pkce::Absent).path()).await;
        assert_eq!(parameter(page.away(), "error").as_deref(), Some("invalid_request"));
    }
    let page = alice.open(&lax.request().with("code_challenge", "x").path()).await;
    assert_eq!(parameter(page.away(), "error").as_deref(), Some("invalid_request"));
    // A short verifier would meet this challenge if only the hash counted.
    let short = random_word(42);
    let challenge = crate::harness::application::s256(&short);
    let granted = spa.request().with("code_challenge", &challenge).approve(&mut alice).await;
    assert_eq!(error_of(spa.exchange_with(&granted, &[("code_verifier", &short)]).await), "invalid_grant");
}

#[actix_web::test]
async fn lifetimes_are_settings_and_are_judged_by_our_clock() {
    let server = harness::spawn_with(&[("lifetimes.code", "5"), ("lifetimes.access", "7")]).await;
    let app = server.application(confidential()).await;
    let mut alice = server.signed_in("alice").await;
    let (in_time, late) = (app.code(&mut alice).await, app.code(&mut alice).await);
    server.advance(4);
    let tokens = app.exchange(&in_time).await.expect("because a second is left");
    assert_eq!(tokens.expires_in, 7);
    server.advance(1);
    assert_eq!(error_of(app.exchange(&late).await), "invalid_grant");
    server.advance(5);
    assert!(app.is_active(&tokens.access_token).await);
    server.advance(1);
    assert!(!app.is_active(&tokens.access_token).await);
}

#[actix_web::test]
async fn a_client_secret_is_kept_as_a_digest_and_an_unknown_client_is_answered_like_a_wrong_secret() {
    let server = harness::spawn().await;
    let (app, other) = (server.application(confidential()).await, server.application(confidential()).await);
    let key = app.client.id;
    let kept: String = server
        .read(move |db| {
            let row = client_secrets::table.filter(client_secrets::client_key.eq(key));
            gatepost::on!(db, |c| row.select(client_secrets::digest).get_result(c)).map_err(StoreError::from)
        })
        .await;
    assert_eq!(kept, URL_SAFE_NO_PAD.encode(digest(&SHA256, app.secret().as_bytes())));
    let mut answers = Vec::new();
    let wrong = "x".repeat(app.secret().len());
    for (client_id, secret) in [("nobody", app.secret()), (app.client_id(), &wrong), (app.client_id(), other.secret())]
    {
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", "x"),
            ("client_id", client_id),
            ("client_secret", secret),
        ];
        let answer = server.http.post("/oauth/token", &[], &form).await;
        answers.push((answer.status, answer.header("www-authenticate").map(str::to_owned), answer.body));
    }
    assert_eq!(answers[0].0, 401);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
}

#[actix_web::test]
async fn errors_have_the_rfcs_names_and_headers() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let answer = app.post("/oauth/token", &[("grant_type", "authorization_code"), ("code", "x")]).await;
    assert_eq!((answer.status, answer.header("cache-control")), (400, Some("no-store")));
    let body = answer.json();
    let names: Vec<&String> = body.as_object().expect("because it is an object").keys().collect();
    assert_eq!(names, ["error", "error_description", "error_uri"]);
    let answer = server
        .http
        .post("/oauth/token", &[], &[("client_id", "nobody"), ("grant_type", "refresh_token"), ("refresh_token", "x")])
        .await;
    let challenge = answer.header("www-authenticate").expect("because RFC 6749 §5.2 demands it").to_owned();
    assert!(answer.status == 401 && challenge.starts_with("Basic realm=\""), "{challenge}");
}

#[actix_web::test]
async fn client_credentials_mint_nothing() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    for (grant_type, error) in [
        ("client_credentials", "unauthorized_client"),
        ("password", "unsupported_grant_type"),
        ("implicit", "unsupported_grant_type"),
    ] {
        let form = [("grant_type", grant_type), ("username", "alice"), ("password", harness::PASSWORD)];
        assert_eq!(app.post("/oauth/token", &form).await.error(), (400, error.to_owned()));
    }
}

async fn with_many_scopes() -> (Server, Vec<String>) {
    let server = harness::spawn().await;
    let names: Vec<String> = (0..12).map(|number| format!("s{}", (number * 7) % 12)).collect();
    let scopes: Vec<String> = names.iter().map(|name| format!("{name}: Do {name}")).collect();
    server.api("https://many.example", &scopes.iter().map(String::as_str).collect::<Vec<_>>(), false).await;
    (server, names)
}

#[actix_web::test]
async fn a_scope_keeps_the_order_in_which_it_was_asked() {
    let (server, names) = with_many_scopes().await;
    let app = server.application(Draft { scope: Some(names.join(" ")), ..confidential() }).await;
    let mut alice = server.signed_in("alice").await;
    let backwards: Vec<&str> = names.iter().rev().map(String::as_str).collect();
    let asked = backwards.join(" ");
    let granted = app.request().with("scope", &asked).approve(&mut alice).await;
    let tokens = app.exchange(&granted).await.expect("because it is its first use");
    assert_eq!(tokens.scope, asked);
    assert_eq!(app.introspect(&tokens.access_token).await["scope"], asked);
    assert_eq!(app.refresh(tokens.refresh()).await.expect("because it lives").scope, asked);
    for bad in [" ", "\t", "s1\ns2", "s1,s2", "\u{e9}"] {
        let page = alice.open(&app.request().with("scope", bad).path()).await;
        assert_eq!(parameter(page.away(), "error").as_deref(), Some("invalid_scope"), "{bad:?}");
    }
}

#[actix_web::test]
async fn a_refresh_with_and_without_a_scope_runs_to_its_end() {
    let (server, names) = with_many_scopes().await;
    let app = server.application(Draft { scope: Some(names.join(" ")), ..confidential() }).await;
    let tokens = app.tokens(&mut server.signed_in("alice").await).await;
    for scope in ["", "s3", "s3 s1", ""] {
        let next = app.refresh_for(tokens.refresh(), scope).await.expect("because the machine keeps its state");
        assert_eq!(next.scope, if scope.is_empty() { names.join(" ") } else { scope.to_owned() });
    }
}

#[actix_web::test]
async fn what_the_core_lacks_is_there() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let granted = app.code(&mut server.signed_in("alice").await).await;
    assert_eq!(parameter(&granted.location, "iss").as_deref(), Some(server.issuer()));
    let tokens = app.exchange(&granted).await.expect("because it is its first use");
    assert!(app.is_active(&tokens.access_token).await);
    assert_eq!(app.revoke(&tokens.access_token).await.status, 200);
    assert_eq!(server.http.get("/.well-known/oauth-authorization-server").await.json()["issuer"], server.issuer());
}
