//! What the operator sets by the command for OpenID Connect and JWTs is what the server does.

use serde_json::json;

use crate::harness;
use crate::harness::http::encode;
use crate::signing_keys::gatepost;

#[actix_web::test]
async fn a_client_keeps_what_the_command_said_until_the_command_says_otherwise() {
    let server = harness::spawn().await;
    server.person("alice").await;
    let create = ["client", "create", "--name", "Maps", "--owner", "alice", "--scope", "openid"];
    let after =
        ["--post-logout-redirect-uri", "https://a.example/out", "--post-logout-redirect-uri", "https://b.example/"];
    let made = gatepost(&server, &[&create[..], &after].concat());
    assert_eq!(made["post_logout_redirect_uris"], json!(["https://a.example/out", "https://b.example/"]));
    assert_eq!((&made["id_token_signed_response_alg"], &made["id_token_claims"]), (&json!("RS256"), &json!(true)));
    let client_id = made["client_id"].as_str().expect("because RFC 7591 §3.2.1 requires it");
    let change = ["client", "update", client_id, "--id-token-signed-response-alg", "ES256", "--id-token-claims=false"];
    let changed = gatepost(&server, &change);
    assert_eq!(changed["post_logout_redirect_uris"], made["post_logout_redirect_uris"]);
    assert_eq!(
        (&changed["id_token_signed_response_alg"], &changed["id_token_claims"]),
        (&json!("ES256"), &json!(false))
    );
    let asked = encode(&[("client_id", client_id), ("post_logout_redirect_uri", "https://b.example/"), ("state", "s")]);
    let answer = server.http.get(&format!("/oauth/logout?{asked}")).await;
    assert_eq!(answer.location(), Some("https://b.example/?state=s"));
}

#[actix_web::test]
async fn a_public_client_gets_its_claims_from_userinfo_and_an_api_its_format() {
    let server = harness::spawn().await;
    server.person("alice").await;
    let made = gatepost(&server, &["client", "create", "--name", "Maps", "--owner", "alice", "--public"]);
    assert_eq!(made["id_token_claims"], false);
    let create = ["api", "create", "--identifier", "https://api.example", "--name", "Maps", "--token-format", "jwt"];
    assert_eq!(gatepost(&server, &create)["token_format"], "jwt");
}
