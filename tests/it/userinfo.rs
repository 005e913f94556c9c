//! Userinfo (OpenID Connect Core §5.3): what the token's scopes tell of its person, and nothing more.

use actix_web::http::Method;
use gatepost::domain::registration::Draft;
use gatepost::domain::signing_key::SigningAlgorithm;
use gatepost::domain::user::User;
use serde_json::{Value, json};

use crate::harness::application::Application;
use crate::harness::http::{Answer, parameter};
use crate::harness::{self, Server, confidential, execute, jwt};

const PATH: &str = "/oauth/userinfo";

async fn with_token(scope: &str) -> (Server, Application, User, String) {
    let server = harness::spawn().await;
    let draft = Draft { scope: Some("openid profile email projects".to_owned()), ..confidential() };
    let app = server.application(draft).await;
    let mut alice = server.signed_in("alice").await;
    let granted = app.request().with("scope", scope).approve(&mut alice).await;
    let tokens = app.exchange(&granted).await.expect("because this is its first use");
    let person = server.person_named("alice").await;
    (server, app, person, tokens.access_token)
}

fn challenge(answer: &Answer) -> &str {
    answer.header("www-authenticate").unwrap_or_default()
}

#[actix_web::test]
async fn each_scope_opens_its_claims() {
    for (scope, claims) in [
        ("openid", json!({})),
        ("openid profile", json!({ "name": "alice", "preferred_username": "alice" })),
        ("openid email", json!({ "email": "alice@people.example", "email_verified": true })),
    ] {
        let (server, _, alice, token) = with_token(scope).await;
        let answer = server.http.get_with_token(PATH, &token).await;
        assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
        let mut expected = json!({ "sub": alice.id.uuid() });
        let members = expected.as_object_mut().expect("because it is an object");
        members.extend(claims.as_object().expect("because it is an object").clone());
        assert_eq!(answer.json(), expected, "{scope}");
    }
}

#[actix_web::test]
async fn what_is_not_known_is_left_out_and_an_unproven_address_is_said_to_be_so() {
    let (server, _, alice, token) = with_token("openid profile email").await;
    let id = alice.id.number();
    let sql = format!("UPDATE users SET email_verified_at = NULL, homepage = 'https://a.example' WHERE id = {id}");
    server.write(move |tx| execute(tx, &sql)).await;
    let found = server.http.get_with_token(PATH, &token).await.json();
    assert_eq!((&found["email_verified"], &found["website"]), (&json!(false), &json!("https://a.example")));
    let sql = format!("UPDATE users SET email = NULL WHERE id = {id}");
    server.write(move |tx| execute(tx, &sql)).await;
    let found = server.http.get_with_token(PATH, &token).await.json();
    assert_eq!((found.get("email"), found.get("email_verified")), (None::<&Value>, None::<&Value>));
    assert!(found.as_object().is_some_and(|members| members.values().all(|value| !value.is_null())));
}

#[actix_web::test]
async fn the_token_comes_in_the_header_or_the_form_and_in_no_address() {
    let (server, _, alice, token) = with_token("openid").await;
    let sub = json!(alice.id.uuid());
    let bearer = format!("Bearer {token}");
    let header = [("authorization", bearer.as_str())];
    let answers = [
        server.http.get_with_token(PATH, &token).await,
        server.http.send(Method::POST, PATH, &header, "").await,
        server.http.post(PATH, &header, &[]).await,
        server.http.post(PATH, &[], &[("access_token", &token)]).await,
    ];
    for answer in answers {
        assert_eq!((answer.status, &answer.json()["sub"]), (200, &sub));
    }
    let in_address = [format!("{PATH}?access_token={token}"), format!("{PATH}?token={token}")];
    for path in in_address {
        assert_eq!((server.http.get(&path).await.status, server.http.post(&path, &[], &[]).await.status), (401, 401));
    }
    let twice = server.http.post(PATH, &header, &[("access_token", &token)]).await;
    assert_eq!(twice.error(), (400, "invalid_request".to_owned()), "RFC 6750 §2");
    let two = [header[0], ("authorization", "Bearer x")];
    assert_eq!(server.http.send(Method::GET, PATH, &two, "").await.error(), (400, "invalid_request".to_owned()));
    let repeated = server.http.post(PATH, &[], &[("access_token", &token), ("access_token", &token)]).await;
    assert_eq!(repeated.error(), (400, "invalid_request".to_owned()));
}

#[actix_web::test]
async fn errors_are_those_of_rfc_6750() {
    let (server, app, alice, token) = with_token("openid").await;
    let nothing = server.http.get(PATH).await;
    let described = format!("resource_metadata=\"{}\"", server.url("/.well-known/oauth-protected-resource/v3"));
    let asked = format!("Bearer scope=\"openid\", {described}");
    assert_eq!((nothing.status, challenge(&nothing)), (401, asked.as_str()));
    let malformed = server.http.get_with_token(PATH, "noise").await;
    assert_eq!(malformed.error(), (401, "invalid_token".to_owned()));
    assert!(challenge(&malformed).starts_with("Bearer error=\"invalid_token\""));
    server.disable(&alice, true).await;
    assert_eq!(server.http.get_with_token(PATH, &token).await.error(), (401, "invalid_token".to_owned()));
    server.disable(&alice, false).await;
    assert_eq!(server.http.get_with_token(PATH, &token).await.status, 200);
    app.revoke(&token).await;
    assert_eq!(server.http.get_with_token(PATH, &token).await.error(), (401, "invalid_token".to_owned()));
    let (server, _, _, expired) = with_token("openid").await;
    server.advance(3_600);
    let answer = server.http.get_with_token(PATH, &expired).await;
    assert_eq!(answer.json()["error_description"], "The token has expired.");
    let large = vec![b'a'; 70_000];
    let form = [("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(server.http.send(Method::POST, PATH, &form, large).await.status, 413);
}

#[actix_web::test]
async fn a_token_without_openid_is_not_enough() {
    let (server, _, _, token) = with_token("projects profile email").await;
    let answer = server.http.get_with_token(PATH, &token).await;
    assert_eq!(answer.error(), (403, "insufficient_scope".to_owned()));
    assert!(challenge(&answer).starts_with("Bearer error=\"insufficient_scope\""), "{}", challenge(&answer));
}

#[actix_web::test]
async fn a_client_that_registered_so_gets_it_signed_and_no_sign_in_can_be_made_of_it() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let person = server.person_named("alice").await;
    for algorithm in SigningAlgorithm::ALL {
        let scope = Some("openid email".to_owned());
        let draft = Draft { userinfo_signed_response_alg: Some(algorithm), scope, ..confidential() };
        let app = server.application(draft).await;
        let tokens = app.tokens(&mut alice).await;
        for answer in [
            server.http.get_with_token(PATH, &tokens.access_token).await,
            server.http.post(PATH, &[], &[("access_token", &tokens.access_token)]).await,
        ] {
            let headers = (answer.header("content-type"), answer.header("cache-control"));
            assert_eq!(headers, (Some("application/jwt"), Some("no-store")));
            let token = jwt::verified(&server, answer.text()).await;
            assert_eq!(token.header["alg"], algorithm.as_str());
            let expected = json!({ "iss": server.issuer(), "aud": app.client_id(), "sub": person.id.uuid(),
                "email": "alice@people.example", "email_verified": true });
            assert_eq!(token.claims, expected);
            let hinted = app.request().with("prompt", "none").with("id_token_hint", answer.text());
            let page = alice.open(&hinted.path()).await;
            assert_eq!(parameter(page.away(), "error").as_deref(), Some("login_required"), "it is no ID token");
        }
        let refused = server.http.get_with_token(PATH, "gpa_nothing").await;
        assert_eq!(refused.error(), (401, "invalid_token".to_owned()), "errors stay JSON");
    }
}
