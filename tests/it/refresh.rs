//! Refreshing (RFC 6749 §6): a confidential client's token is stable, a public one's rotates, a lost
//! answer is forgiven, and a stolen token ends the grant.

use diesel::prelude::*;
use gatepost::domain::registration::Draft;
use gatepost::schema::refresh_tokens;
use gatepost::store::StoreError;

use crate::harness::application::{Application, Tokens};
use crate::harness::browser::Browser;
use crate::harness::{self, Server, confidential, public};

const INVALID_GRANT: (u16, &str) = (400, "invalid_grant");
const DAY: u32 = 86_400;

fn said(result: Result<Tokens, (u16, String)>) -> (u16, String) {
    result.expect_err("because it must be refused")
}

fn invalid_grant() -> (u16, String) {
    (INVALID_GRANT.0, INVALID_GRANT.1.to_owned())
}

async fn opens(server: &Server, tokens: &Tokens) -> bool {
    server.http.get_with_token("/v3/account", &tokens.access_token).await.status == 200
}

async fn public_tokens(server: &Server) -> (Application, Browser, Tokens) {
    let app = server.application(public()).await;
    let mut alice = server.signed_in("alice").await;
    let tokens = app.tokens(&mut alice).await;
    (app, alice, tokens)
}

#[actix_web::test]
async fn the_token_of_an_application_with_a_secret_stays_the_same() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let tokens = app.tokens(&mut server.signed_in("alice").await).await;
    for _ in 0..5 {
        server.advance(3_000);
        let again = app.refresh(tokens.refresh()).await.expect("because it is stable");
        assert_eq!(again.refresh(), tokens.refresh());
        assert_ne!(again.access_token, tokens.access_token);
        assert!(opens(&server, &again).await);
    }
    assert!(!opens(&server, &tokens).await, "the first access token ended after its hour");
}

#[actix_web::test]
async fn the_token_of_an_application_without_a_secret_changes_at_every_use() {
    let server = harness::spawn().await;
    let (app, _, first) = public_tokens(&server).await;
    let second = app.refresh(first.refresh()).await.expect("because it is its first use");
    let third = app.refresh(second.refresh()).await.expect("because it is its first use");
    assert!(first.refresh() != second.refresh() && second.refresh() != third.refresh());
    assert!(opens(&server, &first).await && opens(&server, &third).await, "access tokens live out their time");
}

#[actix_web::test]
async fn a_lost_answer_is_given_again_as_long_as_nothing_of_it_was_seen() {
    let server = harness::spawn().await;
    let (app, _, first) = public_tokens(&server).await;
    let lost = app.refresh(first.refresh()).await.expect("because it is its first use");
    for pause in [0, 61, DAY - 61] {
        server.advance(pause);
        let again = app.refresh(first.refresh()).await.expect("because the answer was lost");
        assert_eq!(again.refresh(), lost.refresh(), "after {pause} seconds");
        assert_ne!(again.access_token, lost.access_token, "a fresh one comes with it");
    }
    let next = app.refresh(lost.refresh()).await.expect("because it is the successor's first use");
    assert!(opens(&server, &next).await);
}

#[actix_web::test]
async fn after_a_day_an_answer_that_nobody_saw_counts_as_stolen() {
    let server = harness::spawn().await;
    let (app, mut alice, first) = public_tokens(&server).await;
    let lost = app.refresh(first.refresh()).await.expect("because it is its first use");
    server.advance(DAY);
    let again = app.refresh(first.refresh()).await.expect("because the day is not over");
    server.advance(1);
    assert_eq!(said(app.refresh(first.refresh()).await), invalid_grant(), "asking again makes no new day");
    assert_all_is_over(&server, &app, &mut alice, &[&first, &lost, &again]).await;
}

#[actix_web::test]
async fn a_lost_answer_is_given_again_by_a_server_that_was_restarted() {
    let server = harness::spawn().await;
    let (app, _, first) = public_tokens(&server).await;
    let lost = app.refresh(first.refresh()).await.expect("because it is its first use");
    server.advance(100);
    let server = server.restart(&[]).await;
    let app = app.at(&server);
    let again = app.refresh(first.refresh()).await.expect("because the answer was lost");
    assert_eq!(again.refresh(), lost.refresh());
}

#[actix_web::test]
async fn two_uses_within_a_minute_are_two_tabs_and_not_a_theft() {
    let server = harness::spawn().await;
    let (app, _, first) = public_tokens(&server).await;
    let one_tab = app.refresh(first.refresh()).await.expect("because it is its first use");
    assert!(opens(&server, &one_tab).await, "so the answer was not lost");
    server.advance(60);
    let other_tab = app.refresh(first.refresh()).await.expect("because the minute is not over");
    assert_eq!(other_tab.refresh(), one_tab.refresh());
    assert!(opens(&server, &other_tab).await);
}

async fn assert_all_is_over(server: &Server, app: &Application, alice: &mut Browser, tokens: &[&Tokens]) {
    for tokens in tokens {
        assert!(!opens(server, tokens).await, "the grant is revoked");
        assert_eq!(said(app.refresh(tokens.refresh()).await), invalid_grant());
    }
    let page = alice.open(&app.request().path()).await;
    assert_eq!(page.away, None, "the consent is forgotten, so that she hears of it");
}

#[actix_web::test]
async fn an_old_token_after_its_successor_was_used_is_a_theft_and_ends_the_grant_and_the_consent() {
    let server = harness::spawn().await;
    let (app, mut alice, first) = public_tokens(&server).await;
    assert!(alice.open(&app.request().path()).await.away.is_some(), "she is not asked again yet");
    let second = app.refresh(first.refresh()).await.expect("because it is its first use");
    let third = app.refresh(second.refresh()).await.expect("because it is its first use");
    assert_eq!(said(app.refresh(first.refresh()).await), invalid_grant());
    assert_all_is_over(&server, &app, &mut alice, &[&first, &second, &third]).await;
}

#[actix_web::test]
async fn an_old_token_after_the_new_access_token_was_seen_and_a_minute_passed_is_a_theft() {
    for is_written_down in [false, true] {
        let server = harness::spawn().await;
        let (app, mut alice, first) = public_tokens(&server).await;
        let second = app.refresh(first.refresh()).await.expect("because it is its first use");
        assert!(opens(&server, &second).await);
        if is_written_down {
            server.flush_uses().await;
        }
        server.advance(61);
        assert_eq!(said(app.refresh(first.refresh()).await), invalid_grant());
        assert_all_is_over(&server, &app, &mut alice, &[&second]).await;
    }
}

#[actix_web::test]
async fn a_second_access_token_of_a_lost_answer_counts_as_seen_too() {
    let server = harness::spawn().await;
    let (app, _, first) = public_tokens(&server).await;
    app.refresh(first.refresh()).await.expect("because it is its first use");
    server.advance(100);
    let again = app.refresh(first.refresh()).await.expect("because the answer was lost");
    assert!(opens(&server, &again).await);
    server.advance(100);
    assert_eq!(said(app.refresh(first.refresh()).await), invalid_grant());
}

#[actix_web::test]
async fn theft_ends_one_grant_and_not_the_persons_others() {
    let server = harness::spawn().await;
    let (app, mut alice, first) = public_tokens(&server).await;
    let other_device = app.tokens(&mut alice).await;
    let second = app.refresh(first.refresh()).await.expect("because it is its first use");
    app.refresh(second.refresh()).await.expect("because it is its first use");
    assert_eq!(said(app.refresh(first.refresh()).await), invalid_grant());
    app.refresh(other_device.refresh()).await.expect("because another device has another grant");
}

#[actix_web::test]
async fn two_hundred_refreshes_of_one_public_token_end_with_one_living_refresh_token() {
    let server = harness::spawn().await;
    let (app, mut alice, _) = public_tokens(&server).await;
    // PostgreSQL's pool grows during the first round; only the later ones cross each other for certain.
    for _ in 0..3 {
        let (living, all) = count(&server).await;
        let first = app.tokens(&mut alice).await;
        let results = futures_util::future::join_all((0..200).map(|_| app.refresh(first.refresh()))).await;
        let answered: Result<Vec<Tokens>, _> = results.into_iter().collect();
        let answered = answered.expect("because all of them come within a minute");
        let successor = answered[0].refresh();
        assert!(answered.iter().all(|tokens| tokens.refresh() == successor), "there is no second family");
        assert_eq!(count(&server).await, (living + 1, all + 2), "the parent and its one successor");
        let next = app.refresh(successor).await.expect("because two tabs at once are no theft");
        assert!(opens(&server, &next).await);
    }
}

/// Refresh tokens that were not exchanged, and all of them.
async fn count(server: &Server) -> (i64, i64) {
    let counted = server.read(|db| {
        let living = refresh_tokens::table.filter(refresh_tokens::consumed_at.is_null()).count();
        let living = gatepost::on!(db, |c| living.get_result(c)).map_err(StoreError::from)?;
        Ok((living, gatepost::on!(db, |c| refresh_tokens::table.count().get_result(c)).map_err(StoreError::from)?))
    });
    counted.await
}

#[actix_web::test]
async fn a_narrower_scope_narrows_the_access_token_only() {
    let server = harness::spawn().await;
    let scopes = ["tiles:read: See your map tiles", "tiles:write: Change your map tiles"];
    server.api("https://tiles.example", &scopes, false).await;
    let scope = Some("projects tiles:read tiles:write".to_owned());
    let mut alice = server.signed_in("alice").await;
    for draft in [confidential(), public()] {
        let app = server.application(Draft { scope: scope.clone(), ..draft }).await;
        let granted = app.request().with("scope", "projects tiles:read").approve(&mut alice).await;
        let tokens = app.exchange(&granted).await.expect("because this is its first use");
        assert_eq!(tokens.scope, "projects tiles:read");
        let narrow = app.refresh_for(tokens.refresh(), "tiles:read").await.expect("because it is narrower");
        assert_eq!(narrow.scope, "tiles:read");
        assert_eq!(server.http.get_with_token("/v3/account", &narrow.access_token).await.status, 403);
        let whole = app.refresh(narrow.refresh()).await.expect("because the refresh token kept its scope");
        assert_eq!(whole.scope, "projects tiles:read");
        for wide in ["projects tiles:read tiles:write", "everything", "a\"b", "ä"] {
            let refused = said(app.refresh_for(whole.refresh(), wide).await);
            assert_eq!(refused, (400, "invalid_scope".to_owned()), "{wide}");
        }
        app.refresh_for(whole.refresh(), "").await.expect("because a refusal uses nothing up, and empty is absent");
    }
}

#[actix_web::test]
async fn a_token_in_the_hands_of_another_application_is_refused_and_stays_good_for_its_own() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let others = [server.application(confidential()).await, server.application(public()).await];
    for draft in [confidential(), public()] {
        let app = server.application(draft).await;
        let tokens = app.tokens(&mut alice).await;
        for thief in &others {
            assert_eq!(said(thief.refresh(tokens.refresh()).await), invalid_grant());
        }
        let nameless = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh())];
        let answer = server.http.post("/oauth/token", &[], &nameless).await;
        assert_eq!(answer.error(), (401, "invalid_client".to_owned()));
        let next = app.refresh(tokens.refresh()).await.expect("because nobody else's try counts");
        for thief in &others {
            assert_eq!(said(thief.refresh(tokens.refresh()).await), invalid_grant());
        }
        app.refresh(next.refresh()).await.expect("because nobody else can make it look stolen");
    }
}

#[actix_web::test]
async fn a_token_whose_secret_is_wrong_is_unknown_and_changes_nothing() {
    let server = harness::spawn().await;
    let (app, _, first) = public_tokens(&server).await;
    let flipped: String = first.refresh().chars().rev().collect();
    for wrong in [flipped.as_str(), "", "gpr_", &first.refresh()[..60], &format!("{}x", first.refresh())] {
        let refused = said(app.refresh(wrong).await);
        let expected = if wrong.is_empty() { "invalid_request" } else { "invalid_grant" };
        assert_eq!(refused, (400, expected.to_owned()), "{wrong}");
    }
    app.refresh(first.refresh()).await.expect("because it is still its first use");
}

#[actix_web::test]
async fn thirty_days_without_use_end_a_token_and_every_use_begins_them_anew() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    for draft in [confidential(), public()] {
        let app = server.application(draft).await;
        let mut tokens = app.tokens(&mut alice).await;
        for _ in 0..3 {
            server.advance(30 * DAY - 1);
            tokens = app.refresh(tokens.refresh()).await.expect("because a second is left");
        }
        server.advance(30 * DAY);
        assert_eq!(said(app.refresh(tokens.refresh()).await), invalid_grant());
        alice = server.browser();
        alice.sign_in("alice").await;
    }
}

#[actix_web::test]
async fn a_grant_has_a_longest_life_and_no_token_outlives_it() {
    let server = harness::spawn_with(&[("lifetimes.refresh_max", "10000")]).await;
    let mut alice = server.signed_in("alice").await;
    for draft in [confidential(), public()] {
        let app = server.application(draft).await;
        let tokens = app.tokens(&mut alice).await;
        server.advance(9_000);
        let last = app.refresh(tokens.refresh()).await.expect("because the grant lives");
        assert_eq!(last.expires_in, 1_000, "what is left of the grant");
        server.advance(999);
        assert!(opens(&server, &last).await);
        server.advance(1);
        assert!(!opens(&server, &last).await);
        assert_eq!(said(app.refresh(last.refresh()).await), invalid_grant());
    }
}

#[actix_web::test]
async fn a_disabled_person_and_a_suspended_application_refresh_nothing_and_lose_nothing() {
    let server = harness::spawn().await;
    let alice = server.person("alice").await;
    let mut browser = server.browser();
    browser.sign_in("alice").await;
    for draft in [confidential(), public()] {
        let app = server.application(draft).await;
        let tokens = app.tokens(&mut browser).await;
        server.disable(&alice, true).await;
        assert!(!opens(&server, &tokens).await);
        assert_eq!(said(app.refresh(tokens.refresh()).await), invalid_grant());
        server.disable(&alice, false).await;
        server.suspend(&app, true).await;
        assert!(!opens(&server, &tokens).await);
        assert_eq!(said(app.refresh(tokens.refresh()).await), (401, "invalid_client".to_owned()));
        server.suspend(&app, false).await;
        assert!(opens(&server, &tokens).await);
        app.refresh(tokens.refresh()).await.expect("because both are undone without loss");
    }
}
