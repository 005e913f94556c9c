//! `POST /credentials/revoke`: whoever finds one of our tokens may end it, and learns nothing by trying
//! (`docs/decisions/0013-public-revocation.md`).

use actix_web::http::Method;
use gatepost::domain::token::{Token, UserToken};
use serde_json::{Value, json};

use crate::harness::http::Answer;
use crate::harness::mailbox::spawn_with_mail;
use crate::harness::{self, Server, confidential};

const PATH: &str = "/credentials/revoke";

async fn report(server: &Server, credentials: Value) -> Answer {
    server.nobody().post(PATH, &json!({ "credentials": credentials })).await
}

async fn is_valid(server: &Server, token: &str) -> bool {
    server.program(token).get("/v3/validate").await.success()["valid"] == json!(true)
}

#[actix_web::test]
async fn a_token_of_each_kind_ends_unless_it_is_public_by_design() {
    let server = harness::spawn().await;
    let (_, held) = server.one_of_each("alice").await;
    let embedding = server.studio_token(&held.generator, ("read_only", "embedded_published_project")).await;
    let streaming = server.studio_token(&held.generator, ("read_only", "dataset_streaming")).await;
    let more = [("embedding", embedding.as_str()), ("streaming", streaming.as_str())];
    for (kind, token) in held.each().into_iter().chain(more) {
        assert!(is_valid(&server, token).await, "{kind}");
        let answer = report(&server, json!([token])).await;
        assert_eq!((answer.status, answer.body.len()), (202, 0), "{kind}");
        let stays = ["fileset", "embedding"].contains(&kind);
        assert_eq!(is_valid(&server, token).await, stays, "{kind}");
    }
}

#[actix_web::test]
async fn a_refresh_token_ends_with_its_grant_and_a_client_secret_stays() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let mut alice = server.signed_in("alice").await;
    let (tokens, others) = (app.tokens(&mut alice).await, app.tokens(&mut alice).await);
    report(&server, json!([tokens.refresh(), app.secret()])).await;
    assert!(!app.is_active(&tokens.access_token).await && !app.is_active(tokens.refresh()).await);
    assert_eq!(app.refresh(tokens.refresh()).await.unwrap_err().1, "invalid_grant");
    assert!(app.is_active(&others.access_token).await, "another grant lives, and the secret still authenticates");
    report(&server, json!([others.access_token])).await;
    assert!(!app.is_active(&others.access_token).await);
    assert!(app.refresh(others.refresh()).await.is_ok(), "an access token ends alone");
    assert_eq!(alice.open("/account").await.heading(), "Your account", "the session is no business of this door");
}

#[actix_web::test]
async fn the_answer_is_the_same_whether_anything_ended() {
    let server = harness::spawn().await;
    server.person("alice").await;
    let token = server.log_in("alice").await.token().to_owned();
    let parsed = Token::<UserToken>::parse(&token).expect("because it is one of ours");
    let forged = Token::<UserToken>::from_entropy(parsed.id(), &[7; 32]);
    let cut = &token[..token.len() - 1];
    let mut answers = Vec::new();
    for credentials in [
        json!([]),
        json!(["x"]),
        json!([forged.expose()]),
        json!([cut]),
        json!(["", "日本", "a\u{1}b", 7, null, {}, ["x"]]),
        json!([token, token]),
        json!([token]),
    ] {
        let answer = report(&server, credentials.clone()).await;
        let is_last = answers.len() == 6;
        assert_eq!(is_valid(&server, &token).await, answers.len() < 5 && !is_last, "{credentials}");
        let mut headers: Vec<String> =
            answer.headers.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
        headers.retain(|header| !header.starts_with("date:"));
        headers.sort();
        answers.push((answer.status, headers, answer.body));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0] && answer.0 == 202), "{answers:?}");
}

#[actix_web::test]
async fn a_hundred_at_once_and_not_one_more() {
    let server = harness::spawn().await;
    server.person("alice").await;
    let token = server.log_in("alice").await.token().to_owned();
    let with_noise = |count: usize| {
        let noise = (1..count).map(|number| json!(format!("noise {number}")));
        noise.chain([json!(token)]).collect::<Value>()
    };
    assert_eq!(report(&server, with_noise(101)).await.status, 202);
    assert!(is_valid(&server, &token).await, "the first hundred are read");
    assert_eq!(report(&server, with_noise(100)).await.status, 202);
    assert!(!is_valid(&server, &token).await);
}

#[actix_web::test]
async fn what_holds_no_list_is_202_too_and_what_is_no_object_is_told_so() {
    let server = harness::spawn().await;
    let nobody = server.nobody();
    for body in [
        json!({}),
        json!({ "credentials": "gpu_x" }),
        json!({ "credentials": { "0": "gpu_x" } }),
        json!({ "credentials": null }),
        Value::Null,
    ] {
        assert_eq!(nobody.post(PATH, &body).await.status, 202, "{body}");
    }
    nobody.post(PATH, &json!(["gpu_x"])).await.refusal(400);
    for text in ["{", "\u{0}"] {
        server.http.send(Method::POST, PATH, &[("content-type", "application/json")], text).await.refusal(400);
    }
    nobody.post(PATH, &json!({ "credentials": ["x".repeat(65_536)] })).await.refusal(413);
    let answer = nobody.get(PATH).await;
    answer.refusal(405);
    assert_eq!(answer.header("allow"), Some("POST"));
}

#[actix_web::test]
async fn an_address_that_tries_without_end_waits() {
    let server = harness::spawn_with(&[("trusted_proxies", "127.0.0.1")]).await;
    server.person("alice").await;
    let token = server.log_in("alice").await.token().to_owned();
    let from = async |address: &str| {
        let headers = [("x-forwarded-for", address)];
        server.nobody().send(Method::POST, PATH, &headers, &json!({ "credentials": [token] })).await
    };
    let (nobody, noise) = (server.nobody(), json!({ "credentials": ["noise"] }));
    for _ in 0..100 {
        let answer = nobody.send(Method::POST, PATH, &[("x-forwarded-for", "192.0.2.1")], &noise).await;
        assert_eq!(answer.status, 202);
    }
    let answer = from("192.0.2.9").await;
    answer.refusal(429);
    assert!(answer.header("retry-after").is_some());
    assert!(is_valid(&server, &token).await);
    assert_eq!(from("198.51.100.1").await.status, 202, "others are not hindered");
    server.advance(900);
    assert_eq!(from("192.0.2.1").await.status, 202);
}

/// Somebody who looks people up must not keep a neighbor from reporting a leak.
#[actix_web::test]
async fn looking_people_up_does_not_use_up_the_reports_of_an_address() {
    let server = harness::spawn().await;
    server.person("alice").await;
    let nobody = server.nobody();
    for _ in 0..101 {
        nobody.get("/v3/user?username=alice").await;
    }
    assert_eq!(nobody.get("/v3/user?username=alice").await.status, 429);
    let by_id = format!("/v3/user/{}", server.person_named("alice").await.id.uuid());
    assert_eq!(nobody.get(&by_id).await.status, 429, "by id it is the same look-up");
    assert_eq!(report(&server, json!(["noise"])).await.status, 202);
}

#[actix_web::test]
async fn what_goes_on_working_is_flagged_for_its_owner() {
    let server = harness::spawn().await;
    let (mut alice, held) = server.one_of_each("alice").await;
    let embedding = server.studio_token(&held.generator, ("read_only", "embedded_published_project")).await;
    let form = alice.open("/account/tokens/new").await.form_with("Make the token");
    let form = form.fill("name", "in links").fill("resource", "42").choose("is_shared", "true");
    let shared = alice.submit(form).await.secret();
    assert!(!alice.open("/account/tokens").await.text().contains("Found in the open"));
    for token in [&held.fileset, &embedding, &shared] {
        assert_eq!(report(&server, json!([token])).await.status, 202);
        assert_eq!(report(&server, json!([token])).await.status, 202, "again");
        assert!(is_valid(&server, token).await);
    }
    let text = alice.open("/account/tokens").await.text();
    assert_eq!(text.matches("Found in the open").count(), 3, "{text}");
    assert_eq!(server.count("tokens WHERE flagged_at IS NOT NULL").await, 3);
}

#[actix_web::test]
async fn a_client_secret_that_was_found_is_flagged_in_the_console() {
    let server = harness::spawn().await;
    let owner = server.person("alice").await;
    let app = server.register(gatepost::oauth::clients::By::Owner(owner.id), confidential()).await;
    let mut alice = server.browser();
    alice.sign_in("alice").await;
    let path = format!("/developer/apps/{}", app.client_id());
    assert!(!alice.open(&path).await.text().contains("Found in the open"));
    assert_eq!(report(&server, json!([app.secret()])).await.status, 202);
    let text = alice.open(&path).await.text();
    assert!(text.contains("Found in the open") && text.contains("It goes on working"), "{text}");
}

#[actix_web::test]
async fn the_owner_of_what_goes_on_working_gets_one_letter() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let (_, held) = server.one_of_each("alice").await;
    let alice = server.person_named("alice").await.id.number();
    let proven = format!("UPDATE users SET email_verified_at = {} WHERE id = {alice}", server.now().seconds());
    server.write(move |tx| harness::execute(tx, &proven)).await;
    mailbox.take(&server).await;
    for _ in 0..2 {
        assert_eq!(report(&server, json!([held.fileset, held.personal, "noise"])).await.status, 202);
    }
    let message = mailbox.take_one(&server).await;
    assert_eq!(message.subject, "A secret of yours was found in the open");
    assert!(message.to.contains("alice@people.example"), "{}", message.to);
    assert!(!message.whole.contains(&held.fileset), "{}", message.whole);
}
