//! The keys that sign: published before they sign and until their last token has ended, the same for all
//! nodes, sealed in the database (RFC 7517, RFC 7638).

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::Method;
use gatepost::domain::api::TokenFormat;
use gatepost::domain::jose::jwk::Jwk;
use gatepost::domain::registration::Draft;
use gatepost::domain::signing_key::{SigningAlgorithm, SigningKeyRecord, Succession};
use gatepost::oauth::signing::{Signer, Statement, replace};
use gatepost::store::signing_keys;
use serde_json::{Value, json};

use crate::harness::browser::Browser;
use crate::harness::http::{Answer, parameter};
use crate::harness::{self, Server, confidential};

const TILES: &str = "https://tiles.example";
const ES256: SigningAlgorithm = SigningAlgorithm::Es256;
const DAY: u32 = 86_400;

async fn published(server: &Server) -> Vec<Value> {
    let answer = server.http.get("/oauth/jwks").await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("public, max-age=900")));
    answer.json()["keys"].as_array().expect("because RFC 7517 §5 says so").clone()
}

async fn kids(server: &Server) -> Vec<String> {
    let es256 = published(server).await.into_iter().filter(|key| key["alg"] == "ES256");
    es256.map(|key| key["kid"].as_str().unwrap_or_default().to_owned()).collect()
}

fn kid_of(token: &str) -> String {
    use base64::Engine;
    let header = token.split('.').next().unwrap_or_default();
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(header).expect("because it is a JWT");
    let header: Value = serde_json::from_slice(&header).expect("because it is a JWT");
    header["kid"].as_str().expect("because we name our keys").to_owned()
}

async fn sign_by(signer: &Arc<Signer>, server: &Server) -> String {
    let (app, statement) = (&server.app, Statement { typ: "JWT", algorithm: ES256, claims: json!({ "sub": "x" }) });
    let signed = signer.sign(&app.store, &app.token_settings, server.now(), statement).await;
    signed.expect("because there is a key").expose().to_owned()
}

async fn sign(server: &Server) -> String {
    sign_by(&server.app.signer, server).await
}

/// What a statement says, if this signer believes it.
async fn read_by(signer: &Arc<Signer>, server: &Server, text: &str) -> Option<Value> {
    let (signer, text) = (signer.clone(), text.to_owned());
    server.read(move |db| signer.verify(db, &text, "JWT")).await
}

async fn maintain_keys(server: &Server) {
    let tended = server.app.signer.maintain_keys(&server.app.store, &server.app.token_settings, server.now()).await;
    tended.expect("because the database of a test works");
}

#[actix_web::test]
async fn the_published_set_holds_public_members_only_and_each_key_is_named_by_its_thumbprint() {
    let server = harness::spawn().await;
    let keys = published(&server).await;
    assert_eq!(keys.iter().map(|key| key["alg"].as_str()).collect::<Vec<_>>(), [Some("RS256"), Some("ES256")]);
    for key in &keys {
        let members: Vec<&str> =
            key.as_object().expect("because a key is an object").keys().map(String::as_str).collect();
        let public = ["alg", "crv", "e", "kid", "kty", "n", "use", "x", "y"];
        assert!(members.iter().all(|member| public.contains(member)), "{members:?}");
        let jwk = Jwk::from_value(key).expect("because it is a key");
        assert_eq!(key["kid"], jwk.key.thumbprint());
        assert_eq!(key["use"], "sig");
    }
    let modulus = keys[0]["n"].as_str().unwrap_or_default().len();
    assert!(modulus >= 342, "2048 bits are 342 characters of base64url; here are {modulus}");
}

#[actix_web::test]
async fn a_key_is_published_a_day_before_it_signs_and_until_its_last_token_has_ended() {
    let server = harness::spawn().await;
    let first = kids(&server).await;
    server.advance(89 * DAY - 1);
    maintain_keys(&server).await;
    assert_eq!(kids(&server).await, first);
    server.advance(1);
    maintain_keys(&server).await;
    let both = kids(&server).await;
    assert_eq!((both.len(), &both[0]), (2, &first[0]));
    assert_eq!(kid_of(&sign(&server).await), first[0], "the new key only stands there yet");
    let token = sign(&server).await;
    server.advance(DAY);
    assert_eq!(kid_of(&sign(&server).await), both[1]);
    server.advance(3_600);
    maintain_keys(&server).await;
    assert_eq!(kids(&server).await, both, "an ID token of the old key may live until now");
    server.advance(600);
    maintain_keys(&server).await;
    assert_eq!(kids(&server).await, both[1..]);
    let sealed = server.read(signing_keys::list).await;
    let sealed = sealed.iter().map(|key| (key.kid.clone(), key.private_key_encrypted.is_some()));
    let sealed: Vec<(String, bool)> = sealed.filter(|(kid, _)| both.contains(kid)).collect();
    assert_eq!(sealed, [(both[0].clone(), false), (both[1].clone(), true)], "what has ended cannot sign again");
    let read = read_by(&server.app.signer, &server, &token).await;
    assert!(read.is_some(), "an old ID token is still known as ours: it may come back as a hint");
}

#[actix_web::test]
async fn a_server_that_slept_through_the_schedule_goes_on_with_the_old_key_until_the_next_is_known() {
    let server = harness::spawn().await;
    let first = kids(&server).await;
    server.advance(400 * DAY);
    maintain_keys(&server).await;
    assert_eq!(kid_of(&sign(&server).await), first[0]);
    server.advance(DAY);
    assert_eq!(kid_of(&sign(&server).await), kids(&server).await[1]);
}

#[actix_web::test]
async fn two_nodes_agree_on_one_next_key() {
    let server = harness::spawn().await;
    let (app, now) = (server.app.clone(), server.now());
    let other = Arc::new(Signer::new(server.issuer()));
    other.maintain_keys(&app.store, &app.token_settings, now).await.expect("because the keys are there");
    let token = sign(&server).await;
    assert!(read_by(&other, &server, &token).await.is_some());
    server.advance(89 * DAY);
    let now = server.now();
    let (mine, theirs) = tokio::join!(
        app.signer.maintain_keys(&app.store, &app.token_settings, now),
        other.maintain_keys(&app.store, &app.token_settings, now)
    );
    mine.and(theirs).expect("because a key that another node made is no failure");
    let numbers = |key: &SigningKeyRecord| (key.algorithm == ES256).then_some(key.number);
    let made: Vec<i32> = server.read(signing_keys::list).await.iter().filter_map(numbers).collect();
    assert!(made.len() <= 3 && made.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{made:?}");
    server.advance(2 * DAY);
    for signer in [&app.signer, &other] {
        signer.maintain_keys(&app.store, &app.token_settings, server.now()).await.expect("because the database works");
        assert_eq!(kid_of(&sign_by(signer, &server).await), *kids(&server).await.last().expect("because there is one"));
    }
}

/// Another process withdraws the keys: nothing here is told of it but by the table.
#[actix_web::test]
async fn a_key_in_wrong_hands_is_withdrawn_at_once_in_every_process() {
    let server = harness::spawn().await;
    let tiles = server.api_with(TILES, &["tiles: See tiles"], (false, TokenFormat::Jwt)).await;
    let scope = Some("openid tiles".to_owned());
    let app = server.application(Draft { scope, ..confidential() }).await;
    let mut alice = server.signed_in("alice").await;
    let tokens = async |alice: &mut Browser, scope: &str| {
        let granted = app.request().with("scope", scope).approve(alice).await;
        app.exchange(&granted).await.expect("because this is the code's first use")
    };
    let before = (tokens(&mut alice, "tiles").await.access_token, tokens(&mut alice, "openid").await);
    let hint = before.1.id_token().to_owned();
    let other = Arc::new(Signer::new(server.issuer()));
    other.load(&server.app.store, &server.app.token_settings).await.expect("because the database works");
    let signed = sign(&server).await;
    assert!(read_by(&other, &server, &signed).await.is_some() && tiles.is_active(&before.0).await);
    let all = async || -> Vec<String> {
        let kid = |key: &Value| key["kid"].as_str().unwrap_or_default().to_owned();
        published(&server).await.iter().map(kid).collect()
    };
    let withdrawn = all().await;
    gatepost(&server, &["keys", "rotate", "--compromised"]);
    // Nobody tended anything: what is published, signed and believed has changed in the same moment, and on
    // PostgreSQL, which is not asked each time, within a second.
    let mut new = all().await;
    let begun = Instant::now();
    while server.app.store.is_shared() && new == withdrawn && begun.elapsed() < Duration::from_secs(20) {
        actix_web::rt::time::sleep(Duration::from_millis(50)).await;
        new = all().await;
    }
    assert!(new.len() == 2 && new.iter().all(|kid| !withdrawn.contains(kid)), "{withdrawn:?}, {new:?}");
    let after = (tokens(&mut alice, "tiles").await.access_token, tokens(&mut alice, "openid").await);
    for token in [&after.0, after.1.id_token(), &sign(&server).await, &sign_by(&other, &server).await] {
        assert!(new.contains(&kid_of(token)), "{} is not published", kid_of(token));
    }
    assert!(tiles.is_active(&after.0).await && app.is_active(&after.0).await);
    for signer in [&server.app.signer, &other] {
        assert_eq!(read_by(signer, &server, &signed).await, None);
    }
    assert!(!tiles.is_active(&before.0).await && !app.is_active(&before.0).await);
    let path = format!("/auth/check?api={TILES}");
    for (token, status) in [(&before.0, 401), (&after.0, 200)] {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), ("x-original-method", "GET"), ("x-original-uri", "/x")];
        assert_eq!(server.http.send(Method::GET, &path, &headers, "").await.status, status);
    }
    // Neither a log-out nor a request that must not show a page believes an ID token of it.
    let log_out = alice.open(&format!("/oauth/logout?id_token_hint={hint}")).await;
    assert_eq!(log_out.status, 400, "{}", log_out.text());
    let silent = app.request().with("scope", "openid").with("prompt", "none").and("id_token_hint", &hint);
    assert_eq!(parameter(alice.open(&silent.path()).await.away(), "error").as_deref(), Some("login_required"));
    let statuses = gatepost(&server, &["keys", "list"]);
    let statuses = statuses.as_array().expect("because it is a list").iter().map(|key| &key["status"]);
    assert_eq!(statuses.filter(|status| **status == "withdrawn").count(), 2);
    maintain_keys(&server).await;
    let keys = server.read(signing_keys::list).await;
    let sealed = keys.iter().filter(|key| key.private_key_encrypted.is_some() && withdrawn.contains(&key.kid));
    assert_eq!(sealed.count(), 0, "what was withdrawn is erased");
}

#[actix_web::test]
async fn a_withdrawal_in_the_middle_of_many_sign_ins_leaves_no_token_of_the_old_key_behind() {
    let server = harness::spawn().await;
    let app = server.app.clone();
    let started = (0..40).map(|_| sign(&server));
    let rotated = async {
        replace(&app.store, &app.token_settings, server.now(), ES256, Succession::AtOnce)
            .await
            .expect("because it works");
        futures_util::future::join_all((0..10).map(|_| sign(&server))).await
    };
    let (_, after) = tokio::join!(futures_util::future::join_all(started), rotated);
    let new = kids(&server).await;
    assert!(after.iter().all(|token| new.contains(&kid_of(token))));
}

/// The clock stood ahead when the server first started, and was set right.
#[actix_web::test]
async fn a_key_that_is_active_only_in_a_year_signs_where_no_other_is() {
    let server = harness::spawn().await;
    let later = "UPDATE signing_keys SET created_at = created_at + 31536000, activates_at = activates_at + 31536000";
    server.write(move |tx| harness::execute(tx, later)).await;
    let server = server.restart(&[]).await;
    let app = server.application(Draft { scope: Some("openid".to_owned()), ..confidential() }).await;
    let tokens = app.tokens(&mut server.signed_in("alice").await).await;
    let rs256: Vec<Value> = published(&server).await.into_iter().filter(|key| key["alg"] == "RS256").collect();
    assert_eq!(kid_of(tokens.id_token()), rs256[0]["kid"]);
    maintain_keys(&server).await;
    assert_eq!(kid_of(&sign(&server).await), kids(&server).await[0]);
    assert_eq!(server.count("signing_keys").await, 2, "it makes no more keys than there have to be");
}

#[actix_web::test]
async fn a_private_key_in_the_database_is_sealed_for_its_own_row() {
    let server = harness::spawn().await;
    for key in server.read(signing_keys::list).await.iter() {
        let sealed = key.private_key_encrypted.as_ref().expect("because the key signs");
        let keys = &server.app.token_settings.keys;
        let open = keys.open("signing-key", key.id.number(), sealed).expect("because this is its row");
        assert!(!sealed.contains(open.expose()) && !open.expose().is_empty());
        assert!(keys.open("signing-key", key.id.number() + 1, sealed).is_none());
        assert!(keys.open("generator", key.id.number(), sealed).is_none());
    }
}

/// Runs the real command on the server's database.
pub fn gatepost(server: &Server, arguments: &[&str]) -> Value {
    serde_json::from_slice(&run(server, arguments)).expect("because --json prints JSON")
}

/// Runs the command; what it printed.
pub fn run(server: &Server, arguments: &[&str]) -> Vec<u8> {
    attempt(server, arguments).unwrap_or_else(|complaint| panic!("{complaint}"))
}

/// Runs the command; what it printed, or what it complained of.
pub fn attempt(server: &Server, arguments: &[&str]) -> Result<Vec<u8>, String> {
    let secret_file = server.app.config.secret_file.display().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_gatepost"))
        .args(arguments)
        .args(["--json"])
        .env("GATEPOST_DATABASE_URL", server.database_url())
        .env("GATEPOST_SECRET_FILE", secret_file)
        .output()
        .expect("because cargo built it");
    server.know_what_a_command_changed();
    if output.status.success() { Ok(output.stdout) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

#[actix_web::test]
async fn the_command_lists_keys_and_announces_the_next_one() {
    let server = harness::spawn().await;
    let statuses = |keys: &Value| {
        let keys = keys.as_array().expect("because it is a list").iter();
        keys.map(|key| format!("{} {}", key["alg"], key["status"]).replace('"', "")).collect::<Vec<_>>()
    };
    // The command reads the machine's clock, on which the keys of the test were made long ago or not yet.
    let before = gatepost(&server, &["keys", "list"]);
    assert_eq!(before.as_array().map(Vec::len), Some(2));
    let after = gatepost(&server, &["keys", "rotate", "--algorithm", "ES256"]);
    assert_eq!(after.as_array().map(Vec::len), Some(3), "{:?}", statuses(&after));
    assert_eq!(after[2]["alg"], "ES256");
    let (created, activates) = (after[2]["created_at"].as_str(), after[2]["activates_at"].as_str());
    assert!(created < activates, "{after:#}");
    assert_eq!(after[1]["retires_at"], after[2]["activates_at"]);
    assert_eq!(kids(&server).await.len(), 2);
}

#[actix_web::test]
async fn other_methods_and_other_origins() {
    let server = harness::spawn().await;
    let refused: Answer = server.http.post("/oauth/jwks", &[], &[("a", "b")]).await;
    assert_eq!(refused.error(), (405, "invalid_request".to_owned()));
    let foreign = [("origin", "https://spa.example")];
    let answer = server.http.send(Method::GET, "/oauth/jwks", &foreign, "").await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
}
