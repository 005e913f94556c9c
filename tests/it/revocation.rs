//! Revocation (RFC 7009): an access token alone, a refresh token with all that hangs on its grant, and
//! nothing of anybody else's.

use crate::harness::{self, confidential, public};

#[actix_web::test]
async fn revoking_an_access_token_ends_that_one_and_its_refresh_token_lives_on() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let tokens = app.tokens(&mut server.signed_in("alice").await).await;
    let answer = app.revoke(&tokens.access_token).await;
    assert_eq!((answer.status, answer.json()), (200, serde_json::json!({})));
    assert!(!app.is_active(&tokens.access_token).await);
    assert_eq!(server.http.get_with_token("/v3/account", &tokens.access_token).await.status, 401);
    let next = app.refresh(tokens.refresh()).await.expect("because only the access token was revoked");
    assert!(app.is_active(&next.access_token).await);
}

#[actix_web::test]
async fn revoking_a_refresh_token_ends_its_whole_grant_whatever_the_hint_says() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    for hint in ["refresh_token", "access_token", "nonsense"] {
        for draft in [confidential(), public()] {
            let app = server.application(draft).await;
            let (first, other) = (app.tokens(&mut alice).await, app.tokens(&mut alice).await);
            let second = app.refresh(first.refresh()).await.expect("because nothing is revoked yet");
            let form = [("token", second.refresh()), ("token_type_hint", hint)];
            assert_eq!(app.post("/oauth/revoke", &form).await.status, 200);
            for tokens in [&first, &second] {
                assert_eq!(server.http.get_with_token("/v3/account", &tokens.access_token).await.status, 401);
            }
            app.refresh(second.refresh()).await.expect_err("because its grant is revoked");
            app.refresh(other.refresh()).await.expect("because it is another grant");
        }
    }
}

#[actix_web::test]
async fn what_is_not_this_applications_is_left_alone_and_answered_alike() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let tokens = app.tokens(&mut server.signed_in("alice").await).await;
    for stranger in [server.application(confidential()).await, server.application(public()).await] {
        for token in [tokens.access_token.as_str(), tokens.refresh(), "noise", app.secret()] {
            let answer = stranger.revoke(token).await;
            assert_eq!((answer.status, answer.json()), (200, serde_json::json!({})), "{token}");
        }
    }
    assert!(app.is_active(&tokens.access_token).await && app.is_active(tokens.refresh()).await);
    app.revoke(&tokens.access_token).await;
    assert_eq!(app.revoke(&tokens.access_token).await.status, 200, "the second time is answered like the first");
}

#[actix_web::test]
async fn nobody_revokes_without_saying_who_they_are() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let tokens = app.tokens(&mut server.signed_in("alice").await).await;
    let token = ("token", tokens.refresh());
    for form in [
        vec![token],
        vec![token, ("client_id", app.client_id())],
        vec![token, ("client_id", app.client_id()), ("client_secret", "wrong")],
        vec![token, ("client_id", "nobody")],
    ] {
        let answer = server.http.post("/oauth/revoke", &[], &form).await;
        assert_eq!(answer.error(), (401, "invalid_client".to_owned()));
    }
    assert!(app.is_active(tokens.refresh()).await);
    assert_eq!(app.post("/oauth/revoke", &[]).await.error(), (400, "invalid_request".to_owned()));
}
