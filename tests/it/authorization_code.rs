//! The authorization code grant (RFC 6749 §4.1) with PKCE (RFC 7636): from the link in an application
//! to its tokens, and every way in which a code must not work.

use actix_web::http::Method;
use diesel::prelude::*;
use gatepost::domain::client::ClientType;
use gatepost::domain::registration::Draft;
use gatepost::schema::grants;
use gatepost::store::StoreError;

use crate::harness::application::{Pkce, allow};
use crate::harness::http::parameter;
use crate::harness::{self, PASSWORD, Server, confidential, public, random_word};

const INVALID_GRANT: (u16, &str) = (400, "invalid_grant");

fn said(error: &(u16, String)) -> (u16, &str) {
    (error.0, error.1.as_str())
}

#[actix_web::test]
async fn a_person_who_was_signed_out_logs_in_allows_and_lands_in_the_application_with_a_code() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    server.person("alice").await;
    let (mut browser, request) = (server.browser(), app.request());
    let page = browser.open(&request.path()).await;
    assert_eq!(page.heading(), "Log in");
    assert!(page.text().contains("Map studio") && page.text().contains("app.example"), "{}", page.text());
    let page = browser.log_in_at(&page, "alice", PASSWORD).await;
    assert_eq!(page.heading(), "Allow this app?");
    let page = allow(&mut browser, &page).await;
    assert_eq!((page.status, page.header("referrer-policy")), (303, Some("no-referrer")));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let granted = request.granted(page.away());
    assert_eq!(parameter(&granted.location, "iss").as_deref(), Some(server.issuer()), "RFC 9207 §2");
    assert!(granted.location.starts_with("https://app.example/callback?code=gpc_"), "{}", granted.location);
    let tokens = app.exchange(&granted).await.expect("because this is the code's first use");
    assert!(tokens.access_token.starts_with("gpa_") && tokens.refresh().starts_with("gpr_"));
    assert_eq!((tokens.scope.as_str(), tokens.expires_in), ("projects", 3_600));
    let account = server.http.get_with_token("/v3/account", &tokens.access_token).await.json();
    assert_eq!((account["username"].as_str(), account["client_id"].as_str()), (Some("alice"), Some(app.client_id())));
}

#[actix_web::test]
async fn an_application_without_a_secret_gets_tokens_with_a_verifier_only() {
    let server = harness::spawn().await;
    let app = server.application(public()).await;
    let mut alice = server.signed_in("alice").await;
    let granted = app.code(&mut alice).await;
    for verifier in ["", &random_word(64), &random_word(42), &random_word(129)] {
        let refused = app.exchange_with(&granted, &[("code_verifier", verifier)]).await;
        assert_eq!(said(&refused.expect_err("because of the verifier")), INVALID_GRANT, "{verifier}");
    }
    let tokens = app.exchange(&granted).await.expect("because the verifier is right at last");
    assert_eq!(server.http.get_with_token("/v3/account", &tokens.access_token).await.status, 200);
    let page = alice.open(&app.request_with(Pkce::Absent).path()).await;
    assert_eq!(parameter(page.away(), "error").as_deref(), Some("invalid_request"), "RFC 7636 §4.4.1");
    let page = alice.open(&app.request_with(Pkce::Plain).path()).await;
    assert_eq!(parameter(page.away(), "error").as_deref(), Some("invalid_request"));
}

#[actix_web::test]
async fn an_application_with_a_secret_may_leave_pkce_out_and_what_it_begins_it_must_end() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let mut alice = server.signed_in("alice").await;
    let without = app.request_with(Pkce::Absent).approve(&mut alice).await;
    app.exchange(&without).await.expect("because a confidential client may leave PKCE out");
    let with = app.code(&mut alice).await;
    let refused =
        app.exchange_with(&with, &[("code_verifier", "")]).await.expect_err("because the verifier is missing");
    assert_eq!(said(&refused), INVALID_GRANT);
    app.exchange(&with).await.expect("because a missing verifier does not burn the code");
    let strict = server.application(Draft { require_pkce: true, ..confidential() }).await;
    let page = alice.open(&strict.request_with(Pkce::Absent).path()).await;
    assert_eq!(parameter(page.away(), "error").as_deref(), Some("invalid_request"));
}

#[actix_web::test]
async fn a_plain_challenge_is_taken_only_where_the_owner_allowed_it() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let app = server.application(confidential()).await;
    let request = app.request_with(Pkce::Plain);
    for request in [request.clone(), request.with("code_challenge_method", "")] {
        let page = alice.open(&request.path()).await;
        assert_eq!(parameter(page.away(), "error").as_deref(), Some("invalid_request"));
    }
    let app = server.application(Draft { allow_plain_pkce: true, ..confidential() }).await;
    let request = app.request_with(Pkce::Plain);
    for request in [request.clone(), request.with("code_challenge_method", "")] {
        let granted = request.approve(&mut alice).await;
        app.exchange_with(&granted, &[("code_verifier", &random_word(64))]).await.expect_err("because it is another");
        app.exchange(&granted).await.expect("because the owner allowed plain, which is also the default then");
    }
}

#[actix_web::test]
async fn a_challenge_that_no_verifier_can_meet_is_refused_at_once() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let mut alice = server.signed_in("alice").await;
    for challenge in ["short", &random_word(42), &random_word(44), &"=".repeat(43), &"é".repeat(43)] {
        let page = alice.open(&app.request().with("code_challenge", challenge).path()).await;
        assert_eq!(parameter(page.away(), "error").as_deref(), Some("invalid_request"), "{challenge}");
    }
    for method in ["s256", "S512", "none"] {
        let page = alice.open(&app.request().with("code_challenge_method", method).path()).await;
        assert_eq!(parameter(page.away(), "error").as_deref(), Some("invalid_request"), "{method}");
    }
    let page = alice.open(&app.request().with("code_challenge", "").path()).await;
    assert_eq!(parameter(page.away(), "error").as_deref(), Some("invalid_request"), "a method without a challenge");
}

#[actix_web::test]
async fn a_code_lives_for_sixty_seconds() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let mut alice = server.signed_in("alice").await;
    let (in_time, too_late) = (app.code(&mut alice).await, app.code(&mut alice).await);
    server.advance(59);
    app.exchange(&in_time).await.expect("because a second is left");
    server.advance(1);
    assert_eq!(said(&app.exchange(&too_late).await.expect_err("because its minute is over")), INVALID_GRANT);
}

#[actix_web::test]
async fn a_code_used_twice_revokes_the_tokens_it_gave_even_after_its_minute() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let mut alice = server.signed_in("alice").await;
    for pause in [0, 600] {
        let granted = app.code(&mut alice).await;
        let tokens = app.exchange(&granted).await.expect("because this is its first use");
        let other = app.tokens(&mut alice).await;
        server.advance(pause);
        assert!(app.is_active(&tokens.access_token).await);
        assert_eq!(said(&app.exchange(&granted).await.expect_err("because it was used")), INVALID_GRANT);
        assert!(!app.is_active(&tokens.access_token).await && !app.is_active(tokens.refresh()).await);
        assert_eq!(
            said(&app.refresh(tokens.refresh()).await.expect_err("because the grant is revoked")),
            INVALID_GRANT
        );
        assert!(app.is_active(&other.access_token).await, "another grant of the same application stands");
    }
}

#[actix_web::test]
async fn a_code_that_somebody_else_presents_stays_good_for_its_owner() {
    let server = harness::spawn().await;
    let (app, other) = (server.application(confidential()).await, server.application(confidential()).await);
    let spa = server.application(public()).await;
    let mut alice = server.signed_in("alice").await;
    let granted = app.code(&mut alice).await;
    for thief in [&other, &spa] {
        assert_eq!(said(&thief.exchange(&granted).await.expect_err("because it is another's")), INVALID_GRANT);
    }
    let tokens = app.exchange(&granted).await.expect("because nobody else's try counts");
    for thief in [&other, &spa] {
        thief.exchange(&granted).await.expect_err("because it is another's, and used");
    }
    let form = [("grant_type", "authorization_code"), ("code", granted.code.as_str())];
    assert_eq!(server.http.post("/oauth/token", &[], &form).await.error(), (401, "invalid_client".to_owned()));
    assert!(app.is_active(&tokens.access_token).await, "only its own client's replay revokes");
}

#[actix_web::test]
async fn ten_failed_authentications_burn_a_code_and_nine_do_not() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let mut alice = server.signed_in("alice").await;
    for (failures, is_burnt) in [(9, false), (10, true)] {
        let granted = app.code(&mut alice).await;
        let form = app.exchange_form(&granted);
        for _ in 0..failures {
            let wrong = [("client_id", app.client_id()), ("client_secret", "wrong")];
            let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (&**name, &**value)).chain(wrong).collect();
            let answer = server.http.post("/oauth/token", &[], &form).await;
            assert_eq!(answer.error(), (401, "invalid_client".to_owned()));
        }
        assert_eq!(app.exchange(&granted).await.is_err(), is_burnt, "after {failures} failures");
    }
}

#[actix_web::test]
async fn two_hundred_redeemers_of_one_code_get_one_success_which_is_then_revoked() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let mut alice = server.signed_in("alice").await;
    // PostgreSQL's pool grows during the first round; only the later ones cross each other for certain.
    for _ in 0..3 {
        let granted = app.code(&mut alice).await;
        let results = futures_util::future::join_all((0..200).map(|_| app.exchange(&granted))).await;
        let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
        assert_eq!((won.len(), lost.len()), (1, 199));
        for refused in lost {
            assert_eq!(said(&refused.expect_err("because it was sorted so")), INVALID_GRANT);
        }
        let tokens = won.into_iter().next().expect("because one won").expect("because it was sorted so");
        assert!(!app.is_active(&tokens.access_token).await, "the others were replays");
        assert!(app.refresh(tokens.refresh()).await.is_err());
    }
}

#[actix_web::test]
async fn the_redirect_uri_of_the_exchange_is_the_one_of_the_request() {
    let server = harness::spawn().await;
    let redirect_uris = ["https://app.example/callback", "https://app.example/other"].map(str::to_owned).to_vec();
    let two = server.application(Draft { redirect_uris, ..confidential() }).await;
    let mut alice = server.signed_in("alice").await;
    let granted = two.code(&mut alice).await;
    for wrong in ["", "https://app.example/other", "https://app.example/callback/", "https://APP.example/callback"] {
        let refused = two.exchange_with(&granted, &[("redirect_uri", wrong)]).await;
        assert_eq!(said(&refused.expect_err("because it is another address")), INVALID_GRANT, "{wrong}");
    }
    two.exchange(&granted).await.expect("because it is the right address at last");
    let page = alice.open(&two.request().with("redirect_uri", "").path()).await;
    assert_eq!((page.status, page.away), (400, None), "two are registered, so one must be named");
    let one = server.application(confidential()).await;
    let request = one.request().with("redirect_uri", "");
    for named in ["", "https://app.example/callback"] {
        let granted = request.approve(&mut alice).await;
        one.exchange_with(&granted, &[("redirect_uri", named)]).await.expect("because only one is registered");
    }
    let granted = request.approve(&mut alice).await;
    let refused = one.exchange_with(&granted, &[("redirect_uri", "https://app.example/else")]).await;
    assert_eq!(said(&refused.expect_err("because it is not the registered one")), INVALID_GRANT);
}

#[actix_web::test]
async fn a_loopback_address_may_name_any_port_and_its_exchange_names_the_same() {
    let server = harness::spawn().await;
    let redirect_uris = vec!["http://127.0.0.1/callback".to_owned()];
    let app = server.application(Draft { redirect_uris, ..public() }).await;
    let mut alice = server.signed_in("alice").await;
    let granted = app.request().with("redirect_uri", "http://127.0.0.1:49152/callback").approve(&mut alice).await;
    assert!(granted.location.starts_with("http://127.0.0.1:49152/callback?code="));
    let elsewhere = app.exchange_with(&granted, &[("redirect_uri", "http://127.0.0.1:49153/callback")]).await;
    assert_eq!(said(&elsewhere.expect_err("because it is another port")), INVALID_GRANT);
    app.exchange(&granted).await.expect("because it is the same port");
    for wrong in
        ["http://127.0.0.1:49152/other", "http://localhost:49152/callback", "http://127.0.0.1.evil.example/callback"]
    {
        let page = alice.open(&app.request().with("redirect_uri", wrong).path()).await;
        assert_eq!((page.status, page.away), (400, None), "{wrong}");
    }
}

#[actix_web::test]
async fn the_state_comes_back_byte_for_byte_and_the_addresses_own_query_stays() {
    let server = harness::spawn().await;
    let redirect_uris = vec!["https://app.example/callback?tenant=a%20b&x".to_owned()];
    let app = server.application(Draft { redirect_uris, ..confidential() }).await;
    let mut alice = server.signed_in("alice").await;
    let odd = "a+b c&d=e%20#?/\\\"'<>é\u{1f511}\u{7f}\n";
    for state in [odd, "0", &"s".repeat(8_192)] {
        let granted = app.request().with("state", state).approve(&mut alice).await;
        assert!(
            granted.location.starts_with("https://app.example/callback?tenant=a%20b&x&code="),
            "{}",
            granted.location
        );
        assert!(!granted.location.contains('#'), "a fragment of the page before must not survive in ours");
    }
    let granted = app.request().with("state", "").approve(&mut alice).await;
    assert_eq!(parameter(&granted.location, "state"), None);
}

#[actix_web::test]
async fn a_code_dies_with_its_person_and_its_application() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let alice = server.person("alice").await;
    let mut browser = server.browser();
    browser.sign_in("alice").await;
    let (first, second) = (app.code(&mut browser).await, app.code(&mut browser).await);
    server.disable(&alice, true).await;
    assert_eq!(said(&app.exchange(&first).await.expect_err("because she is disabled")), INVALID_GRANT);
    server.disable(&alice, false).await;
    server.suspend(&app, true).await;
    let refused = app.exchange(&second).await.expect_err("because the application is suspended");
    assert_eq!(said(&refused), (401, "invalid_client"));
    server.suspend(&app, false).await;
    app.exchange(&second).await.expect("because suspending is undone without loss");
}

#[actix_web::test]
async fn an_application_that_did_not_register_a_grant_cannot_use_it() {
    use gatepost::domain::client::GrantType::{AuthorizationCode, RefreshToken};
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let no_refresh = server.application(Draft { grant_types: vec![AuthorizationCode], ..confidential() }).await;
    let tokens = no_refresh.tokens(&mut alice).await;
    assert_eq!(tokens.refresh_token, None);
    let refused = no_refresh.refresh("gpr_x").await.expect_err("because it did not register the grant");
    assert_eq!(said(&refused), (400, "unauthorized_client"));
    let no_code = server.application(Draft { grant_types: vec![RefreshToken], ..confidential() }).await;
    let page = alice.open(&no_code.request().path()).await;
    assert_eq!(parameter(page.away(), "error").as_deref(), Some("unauthorized_client"));
}

#[actix_web::test]
async fn a_browser_that_only_looks_ahead_gets_no_code() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let mut alice = server.signed_in("alice").await;
    app.code(&mut alice).await;
    for header in ["sec-purpose", "purpose"] {
        let mut prefetch = alice.copy();
        prefetch.headers.push((header.to_owned(), "prefetch".to_owned()));
        let page = prefetch.open(&app.request().path()).await;
        assert_eq!((page.away.as_deref(), page.heading().as_str()), (None, "Allow this app?"), "{header}");
    }
    let before = count_grants(&server).await;
    let headed = alice.bare(Method::HEAD, &app.request().path(), &[], "").await;
    assert_eq!((headed.location(), count_grants(&server).await), (None, before), "HEAD gives nothing away");
    assert!(alice.open(&app.request().path()).await.away.is_some(), "a real navigation goes on at once");
}

async fn count_grants(server: &Server) -> i64 {
    server.read(|db| gatepost::on!(db, |c| grants::table.count().get_result(c)).map_err(StoreError::from)).await
}

#[actix_web::test]
async fn codes_and_tokens_are_of_their_kind_and_none_opens_another_door() {
    let server = harness::spawn().await;
    let draft = Draft::new("Server", ClientType::Confidential);
    let app = server.application(Draft { redirect_uris: confidential().redirect_uris, ..draft }).await;
    let mut alice = server.signed_in("alice").await;
    let granted = app.code(&mut alice).await;
    let tokens = app.tokens(&mut alice).await;
    for wrong in [granted.code.as_str(), tokens.refresh(), app.secret()] {
        let answer = server.http.get_with_token("/v3/account", wrong).await;
        assert_eq!(answer.error(), (401, "invalid_token".to_owned()), "{wrong}");
    }
    for wrong in [tokens.access_token.as_str(), &granted.code, app.secret(), "x"] {
        assert_eq!(said(&app.refresh(wrong).await.expect_err("because it is no refresh token")), INVALID_GRANT);
        let as_code = app.exchange_with(&granted, &[("code", if wrong == granted.code { "x" } else { wrong })]).await;
        assert_eq!(said(&as_code.expect_err("because it is no code")), INVALID_GRANT);
    }
    app.exchange(&granted).await.expect("because nothing of this touched the code");
}
