//! A device asks whether its person has decided (RFC 8628 §3.4, §3.5): cheaply, patiently, once.

use gatepost::background_jobs;

use crate::harness;
use crate::harness::devices::{DEVICE_GRANT, on_a_box_of_ours, on_a_device};

#[actix_web::test]
async fn it_waits_is_allowed_and_gets_its_tokens_once() {
    let server = harness::spawn().await;
    for draft in [on_a_device(), on_a_box_of_ours()] {
        let app = server.application(draft).await;
        let mut person = server.signed_in(&format!("p{}", harness::random_word(8))).await;
        let device = app.device().await;
        for _ in 0..3 {
            assert_eq!(app.poll(&device.device_code).await.error(), (400, "authorization_pending".into()));
            server.advance(5);
        }
        person.decide_device(&device.user_code, "allow").await;
        let body = app.poll(&device.device_code).await.success();
        assert_eq!((&body["token_type"], &body["scope"]), (&"Bearer".into(), &"projects".into()));
        let (access, refresh) = (&body["access_token"], &body["refresh_token"]);
        assert_eq!(server.account_status(access.as_str().unwrap_or_default()).await, 200);
        app.refresh(refresh.as_str().unwrap_or_default()).await.expect("because it registered the refresh grant");
        assert_eq!(app.poll(&device.device_code).await.error(), (400, "invalid_grant".into()));
        assert_eq!(server.account_status(access.as_str().unwrap_or_default()).await, 200, "asking twice is no theft");
    }
}

#[actix_web::test]
async fn a_poll_that_comes_too_soon_is_told_to_slow_down_and_makes_no_later_one_too_soon() {
    let server = harness::spawn().await;
    let app = server.application(on_a_device()).await;
    let (hasty, calm) = (app.device().await, app.device().await);
    let poll = async |seconds: u32| {
        server.advance(seconds);
        app.poll(&hasty.device_code).await.error().1
    };
    assert_eq!(poll(0).await, "authorization_pending");
    assert_eq!(poll(4).await, "authorization_pending", "clocks are read in whole seconds, and networks are not even");
    for seconds in 0..4 {
        assert_eq!(poll(seconds).await, "slow_down", "{seconds}");
    }
    for seconds in [5, 4, 5, 6, 10] {
        assert_eq!(poll(seconds).await, "authorization_pending", "{seconds}");
    }
    assert_eq!(poll(1).await, "slow_down");
    assert_eq!(poll(5).await, "authorization_pending", "who keeps the interval again is patient again");
    assert_eq!(app.poll(&calm.device_code).await.error().1, "authorization_pending", "another device's pace");
    let mut alice = server.signed_in("alice").await;
    alice.decide_device(&hasty.user_code, "allow").await;
    app.poll(&hasty.device_code).await.success();
}

#[actix_web::test]
async fn a_poll_that_changes_nothing_writes_nothing() {
    let server = harness::spawn().await;
    let app = server.application(on_a_box_of_ours()).await;
    let device = app.device().await;
    let Some(file) = server.sqlite_file() else { return };
    let log = format!("{}-wal", file.display());
    let written = || std::fs::metadata(&log).expect("because the database has written").len();
    server.flush_uses().await;
    let before = written();
    for _ in 0..20 {
        app.poll(&device.device_code).await.error();
    }
    assert_eq!(written(), before);
    app.device().await;
    assert!(written() > before, "a write would have been seen");
}

#[actix_web::test]
async fn cancel_and_time_end_the_waiting() {
    let server = harness::spawn().await;
    let app = server.application(on_a_device()).await;
    let mut alice = server.signed_in("alice").await;
    let (denied, late, forgotten) = (app.device().await, app.device().await, app.device().await);
    let page = alice.decide_device(&denied.user_code, "deny").await;
    assert_eq!((page.status, page.heading().as_str()), (200, "Cancelled"));
    assert_eq!(app.poll(&denied.device_code).await.error(), (400, "access_denied".into()));
    server.advance(599);
    alice.decide_device(&late.user_code, "allow").await;
    assert_eq!(app.poll(&forgotten.device_code).await.error().1, "authorization_pending");
    server.advance(1);
    assert_eq!(app.poll(&forgotten.device_code).await.error(), (400, "expired_token".into()));
    assert_eq!(alice.type_code(&forgotten.user_code).await.status, 400);
    assert_eq!(server.count("tokens").await, 0);
    server.advance(59);
    app.poll(&late.device_code).await.success();
}

#[actix_web::test]
async fn what_is_not_fetched_within_a_minute_after_its_time_is_taken_back() {
    let server = harness::spawn().await;
    let app = server.application(on_a_device()).await;
    let mut alice = server.signed_in("alice").await;
    let (late, left) = (app.device().await, app.device().await);
    server.advance(599);
    for device in [&late, &left] {
        alice.decide_device(&device.user_code, "allow").await;
    }
    let living = "grants WHERE kind = 'device_code' AND revoked_at IS NULL";
    let clean =
        async || background_jobs::clean(&server.app.store, server.now()).await.expect("because the database works");
    server.advance(60);
    clean().await;
    assert_eq!(server.count(living).await, 2, "they may still come");
    app.poll(&late.device_code).await.success();
    server.advance(1);
    assert_eq!(app.poll(&left.device_code).await.error(), (400, "expired_token".into()));
    clean().await;
    assert_eq!(server.count(living).await, 1, "nobody came for the other");
    let page = alice.open("/account/apps").await;
    assert!(page.text().contains("Wall map"), "{}", page.text());
}

#[actix_web::test]
async fn logging_out_takes_back_what_waits_beyond_its_time() {
    let server = harness::spawn().await;
    let app = server.application(on_a_device()).await;
    let mut alice = server.signed_in("alice").await;
    let device = app.device().await;
    server.advance(599);
    alice.decide_device(&device.user_code, "allow").await;
    server.advance(6);
    let page = alice.open("/logout").await;
    alice.submit(page.form_with("Log out")).await;
    assert_eq!(app.poll(&device.device_code).await.error(), (400, "invalid_grant".into()));
}

#[actix_web::test]
async fn only_its_own_client_may_ask_and_noise_is_an_invalid_grant() {
    let server = harness::spawn().await;
    let (app, other) = (server.application(on_a_device()).await, server.application(on_a_device()).await);
    let boxed = server.application(on_a_box_of_ours()).await;
    let mut alice = server.signed_in("alice").await;
    let device = app.device().await;
    alice.decide_device(&device.user_code, "allow").await;
    for foreign in [&other, &boxed] {
        assert_eq!(foreign.poll(&device.device_code).await.error(), (400, "invalid_grant".into()));
    }
    let bare = [("grant_type", DEVICE_GRANT), ("device_code", &device.device_code)];
    assert_eq!(server.http.post("/oauth/token", &[], &bare).await.error(), (401, "invalid_client".into()));
    let mut forged = device.device_code.clone();
    forged.replace_range(20..21, if &forged[20..21] == "a" { "b" } else { "a" });
    let secret = boxed.secret().to_owned();
    for noise in ["x", &device.user_code, &forged, &device.device_code[1..], &secret, "\u{e4}"] {
        assert_eq!(app.poll(noise).await.error(), (400, "invalid_grant".into()), "{noise}");
    }
    let missing = app.post("/oauth/token", &[("grant_type", DEVICE_GRANT)]).await;
    assert_eq!(missing.error(), (400, "invalid_request".into()));
    app.poll(&device.device_code).await.success();
}

#[actix_web::test]
async fn two_hundred_polls_at_once_get_one_token() {
    let server = harness::spawn().await;
    let app = server.application(on_a_device()).await;
    let mut alice = server.signed_in("alice").await;
    let device = app.device().await;
    alice.decide_device(&device.user_code, "allow").await;
    let polls = (0..200).map(|_| app.poll(&device.device_code));
    let answers = futures_util::future::join_all(polls).await;
    let given: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!((given.len(), server.count("tokens").await, server.count("refresh_tokens").await), (1, 1, 1));
    assert!(answers.iter().filter(|answer| answer.status != 200).all(|answer| answer.error().1 == "invalid_grant"));
    assert_eq!(server.account_status(&given[0].member("access_token")).await, 200);
}

#[actix_web::test]
async fn logging_out_takes_back_what_no_device_has_fetched_yet() {
    let server = harness::spawn().await;
    let app = server.application(on_a_device()).await;
    let mut alice = server.signed_in("alice").await;
    let (fetched, unclaimed) = (app.device().await, app.device().await);
    for device in [&fetched, &unclaimed] {
        alice.decide_device(&device.user_code, "allow").await;
    }
    let token = app.poll(&fetched.device_code).await.member("access_token");
    let page = alice.open("/logout").await;
    alice.submit(page.form_with("Log out")).await;
    assert_eq!(app.poll(&unclaimed.device_code).await.error(), (400, "invalid_grant".into()));
    assert_eq!(server.account_status(&token).await, 200, "a device that is logged in stays so");
}

#[actix_web::test]
async fn who_is_disabled_or_suspended_meanwhile_gives_and_gets_nothing() {
    let server = harness::spawn().await;
    let app = server.application(on_a_device()).await;
    let mut alice = server.signed_in("alice").await;
    let (device, waiting) = (app.device().await, app.device().await);
    alice.decide_device(&device.user_code, "allow").await;
    let person = server.person_named("alice").await;
    server.disable(&person, true).await;
    assert_eq!(app.poll(&device.device_code).await.error(), (400, "invalid_grant".into()));
    server.disable(&person, false).await;
    server.suspend(&app, true).await;
    assert_eq!(app.poll(&device.device_code).await.error(), (401, "invalid_client".into()));
    assert_eq!(alice.type_code(&waiting.user_code).await.status, 400, "nobody is asked for a suspended one");
    server.suspend(&app, false).await;
    app.poll(&device.device_code).await.success();
}
