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
    let page = server.browser().open(&format!("/oauth/logout?{asked}")).await;
    assert_eq!(page.away(), "https://b.example/?state=s");
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

#[actix_web::test]
async fn what_the_command_says_of_keys_userinfo_and_return_urls_is_kept() {
    let server = harness::spawn().await;
    server.person("alice").await;
    let create = ["client", "create", "--name", "Maps", "--owner", "alice", "--scope", "openid"];
    let after = ["--jwks-uri", "https://a.example/keys", "--userinfo-signed-response-alg", "ES256"];
    let made = gatepost(&server, &[&create[..], &after].concat());
    assert_eq!(
        (&made["jwks_uri"], &made["userinfo_signed_response_alg"]),
        (&json!("https://a.example/keys"), &json!("ES256"))
    );
    assert_eq!((made.get("client_secret"), &made["token_endpoint_auth_method"]), (None, &json!("private_key_jwt")));
    let client_id = made["client_id"].as_str().expect("because RFC 7591 §3.2.1 requires it");
    let varying = ["--login-varying-parameter", "page", "--login-varying-parameter", "lang"];
    let change = ["client", "update", client_id, "--userinfo-signed-response-alg", "none"];
    let changed = gatepost(&server, &[&change[..], &varying].concat());
    assert_eq!(changed.get("userinfo_signed_response_alg"), None);
    assert_eq!(
        (&changed["login_varying_parameters"], &changed["jwks_uri"]),
        (&json!(["page", "lang"]), &made["jwks_uri"])
    );
}

#[actix_web::test]
async fn the_command_empties_a_list_by_the_empty_text_and_leaves_what_it_does_not_name() {
    let server = harness::spawn().await;
    server.person("alice").await;
    let lists = [
        ("--redirect-uri", "redirect_uris", "https://a.example/back"),
        ("--login-return-url", "login_return_urls", "https://a.example/in/"),
        ("--login-varying-parameter", "login_varying_parameters", "page"),
        ("--post-logout-redirect-uri", "post_logout_redirect_uris", "https://a.example/out"),
    ];
    let create = ["client", "create", "--name", "Maps", "--owner", "alice", "--grant-type", "client_credentials"];
    let said: Vec<&str> = lists.iter().flat_map(|(option, _, value)| [*option, *value]).collect();
    let made = gatepost(&server, &[&create[..], &said].concat());
    let client_id = made["client_id"].as_str().expect("because RFC 7591 §3.2.1 requires it");
    let mut emptied = 0;
    for (option, _, _) in lists {
        let changed = gatepost(&server, &["client", "update", client_id, option, ""]);
        emptied += 1;
        for (number, (_, member, value)) in lists.iter().enumerate() {
            let left = if number < emptied { json!([]) } else { json!([value]) };
            assert_eq!(changed[*member], left, "{member} after {option}");
        }
    }
}

#[actix_web::test]
async fn the_operator_vouches_for_an_application_and_takes_it_back() {
    let server = harness::spawn().await;
    let app = server.unverified_application(harness::confidential()).await;
    let mut alice = server.signed_in("alice").await;
    let is_marked = |text: &str| text.contains("Not verified");
    assert!(is_marked(&alice.open(&app.request().path()).await.text()));
    assert_eq!(gatepost(&server, &["client", "update", app.client_id(), "--verified"])["verified"], true);
    assert!(!is_marked(&alice.open(&app.request().path()).await.text()));
    assert_eq!(gatepost(&server, &["client", "update", app.client_id(), "--name", "Maps"])["verified"], true);
    assert_eq!(gatepost(&server, &["client", "update", app.client_id(), "--verified=false"])["verified"], false);
    assert!(is_marked(&alice.open(&app.request().path()).await.text()));
}
