//! The keys that sign: published before they sign and until their last token has ended, the same for all
//! nodes, sealed in the database (RFC 7517, RFC 7638).

use std::process::Command;

use gatepost::domain::jwk::Jwk;
use gatepost::domain::signing_key::{SigningAlgorithm, SigningKeyRecord, Succession};
use gatepost::oauth::signing::{Signer, replace};
use gatepost::store::signing_keys;
use serde_json::{Value, json};

use crate::harness::http::Answer;
use crate::harness::{self, Server};

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

fn sign(server: &Server) -> String {
    let signed = server.app.signer.sign(server.now(), ES256, ("JWT", &json!({ "sub": "x" })));
    signed.expect("because there is a key").expose().to_owned()
}

async fn tend(server: &Server) {
    let tended = server.app.signer.tend(&server.app.store, &server.app.mint, server.now()).await;
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
        let jwk: Jwk = serde_json::from_value(key.clone()).expect("because it is a key");
        assert_eq!(key["kid"], jwk.thumbprint());
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
    tend(&server).await;
    assert_eq!(kids(&server).await, first);
    server.advance(1);
    tend(&server).await;
    let both = kids(&server).await;
    assert_eq!((both.len(), &both[0]), (2, &first[0]));
    assert_eq!(kid_of(&sign(&server)), first[0], "the new key only stands there yet");
    let token = sign(&server);
    server.advance(DAY);
    assert_eq!(kid_of(&sign(&server)), both[1]);
    server.advance(3_600);
    tend(&server).await;
    assert_eq!(kids(&server).await, both, "an ID token of the old key may live until now");
    server.advance(600);
    tend(&server).await;
    assert_eq!(kids(&server).await, both[1..]);
    let sealed = server.read(signing_keys::list).await.into_iter().map(|key| (key.kid, key.sealed.is_some()));
    let sealed: Vec<(String, bool)> = sealed.filter(|(kid, _)| both.contains(kid)).collect();
    assert_eq!(sealed, [(both[0].clone(), false), (both[1].clone(), true)], "what has ended cannot sign again");
    let read: Option<Value> = server.app.signer.verify(&token, "JWT");
    assert!(read.is_some(), "an old ID token is still known as ours: it may come back as a hint");
}

#[actix_web::test]
async fn a_server_that_slept_through_the_schedule_goes_on_with_the_old_key_until_the_next_is_known() {
    let server = harness::spawn().await;
    let first = kids(&server).await;
    server.advance(400 * DAY);
    tend(&server).await;
    assert_eq!(kid_of(&sign(&server)), first[0]);
    server.advance(DAY);
    assert_eq!(kid_of(&sign(&server)), kids(&server).await[1]);
}

#[actix_web::test]
async fn two_nodes_agree_on_one_next_key() {
    let server = harness::spawn().await;
    let (app, now) = (server.app.clone(), server.now());
    let other = Signer::new(server.issuer());
    other.tend(&app.store, &app.mint, now).await.expect("because the keys are there");
    let token = sign(&server);
    assert!(other.verify::<Value>(&token, "JWT").is_some());
    server.advance(89 * DAY);
    let now = server.now();
    let (mine, theirs) =
        tokio::join!(app.signer.tend(&app.store, &app.mint, now), other.tend(&app.store, &app.mint, now));
    mine.and(theirs).expect("because a key that another node made is no failure");
    let numbers = |key: &SigningKeyRecord| (key.algorithm == ES256).then_some(key.number);
    let made: Vec<i32> = server.read(signing_keys::list).await.iter().filter_map(numbers).collect();
    assert!(made.len() <= 3 && made.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{made:?}");
    server.advance(2 * DAY);
    for signer in [&app.signer, &std::sync::Arc::new(other)] {
        signer.tend(&app.store, &app.mint, server.now()).await.expect("because the database works");
        let signed = signer.sign(server.now(), ES256, ("JWT", &json!({}))).expect("because there is a key");
        assert_eq!(kid_of(signed.expose()), *kids(&server).await.last().expect("because there is one"));
    }
}

#[actix_web::test]
async fn a_key_in_wrong_hands_is_withdrawn_at_once() {
    let server = harness::spawn().await;
    let (app, now, token) = (server.app.clone(), server.now(), sign(&server));
    let new = replace(&app.store, &app.mint, now, (ES256, Succession::AtOnce)).await;
    let new = new.expect("because the database works").expect("because nobody else made one");
    tend(&server).await;
    assert_eq!(kids(&server).await, [new.kid.as_str()]);
    assert_eq!(kid_of(&sign(&server)), new.kid);
    assert_eq!(app.signer.verify::<Value>(&token, "JWT"), None);
}

#[actix_web::test]
async fn a_private_key_in_the_database_is_sealed_for_its_own_row() {
    let server = harness::spawn().await;
    for key in server.read(signing_keys::list).await {
        let sealed = key.sealed.expect("because the key signs");
        let keys = &server.app.mint.keys;
        let open = keys.open("signing-key", key.id.number(), &sealed).expect("because this is its row");
        assert!(!sealed.contains(open.expose()) && !open.expose().is_empty());
        assert!(keys.open("signing-key", key.id.number() + 1, &sealed).is_none());
        assert!(keys.open("generator", key.id.number(), &sealed).is_none());
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
    let answer = server.http.send(actix_web::http::Method::GET, "/oauth/jwks", &foreign, "").await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
}
