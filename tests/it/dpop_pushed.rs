//! Pushed authorization requests that prove a key (RFC 9449 §10.1).

use serde_json::json;

use crate::dpop::Wallet;
use crate::harness::client_keys::Key;
use crate::harness::{self, public};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

#[actix_web::test]
async fn a_request_that_was_pushed_with_a_proof_is_bound_to_its_key() {
    let server = harness::spawn().await;
    let app = server.application(public()).await;
    let (wallet, other) = (Wallet::new(&server, Key::es256()).await, Wallet::new(&server, Key::es256()).await);
    let path = app.request().path();
    let query = path.split_once('?').map(|(_, query)| query).unwrap_or_default().to_owned();
    let push = |proof: String, more: String| {
        let (server, body) = (&server, format!("{query}{more}"));
        async move { server.http.send(actix_web::http::Method::POST, "/oauth/par", &[FORM, ("dpop", &proof)], body).await }
    };
    let proof = wallet.proof("POST", "/oauth/par", &json!({}));
    let answer = push(proof.clone(), String::new()).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert!(answer.header("dpop-nonce").is_some());
    let key = format!("dpop_jkt={}", wallet.key.thumbprint());
    assert_eq!(server.count(&format!("pushed_requests WHERE parameters LIKE '%{key}%'")).await, 1);
    let replayed = push(proof, String::new()).await;
    assert_eq!(replayed.error(), (400, "invalid_dpop_proof".to_owned()), "a proof works once");
    assert!(replayed.header("dpop-nonce").is_some());
    let same = push(wallet.proof("POST", "/oauth/par", &json!({})), format!("&{key}")).await;
    assert_eq!(same.status, 201, "{}", same.text());
    let foreign = push(other.proof("POST", "/oauth/par", &json!({})), format!("&{key}")).await;
    assert_eq!(foreign.error(), (400, "invalid_dpop_proof".to_owned()));
    let elsewhere = push(wallet.proof("POST", "/oauth/token", &json!({})), String::new()).await;
    assert_eq!(elsewhere.error(), (400, "invalid_dpop_proof".to_owned()));
    let unknown = push(wallet.proof("POST", "/oauth/par", &json!({ "nonce": "old" })), String::new()).await;
    assert_eq!(unknown.error(), (400, "use_dpop_nonce".to_owned()));
}
