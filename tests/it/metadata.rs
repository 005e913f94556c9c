//! Metadata (RFC 8414): complete, true, the same at every well-known address, with or without a path
//! in the issuer.

use serde_json::Value;

use crate::harness::{self, PASSWORD, Server, confidential};

const OAUTH: &str = "/.well-known/oauth-authorization-server";
const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const OPENID: &str = "/.well-known/openid-configuration";

async fn document(server: &Server, address: &str) -> Value {
    let answer = server.http.get(address).await;
    assert_eq!(answer.status, 200, "{address}");
    assert!(answer.header("cache-control").is_some_and(|control| control.contains("max-age=")));
    answer.json()
}

fn list<'a>(document: &'a Value, name: &str) -> Vec<&'a str> {
    let found = document[name].as_array().unwrap_or_else(|| panic!("{name} is no list"));
    found.iter().filter_map(Value::as_str).collect()
}

#[actix_web::test]
async fn it_says_what_client_libraries_look_for_and_nothing_that_is_null_or_empty() {
    let server = harness::spawn().await;
    server.api("https://tiles.example", &["tiles:read: See your map tiles"], false).await;
    let found = document(&server, OAUTH).await;
    assert_eq!(found["issuer"], server.issuer());
    assert_eq!(list(&found, "response_types_supported"), ["code"]);
    assert_eq!(list(&found, "code_challenge_methods_supported"), ["S256"]);
    assert_eq!(
        list(&found, "grant_types_supported"),
        ["authorization_code", "refresh_token", "client_credentials", DEVICE, EXCHANGE]
    );
    assert_eq!(
        list(&found, "scopes_supported"),
        ["projects", "openid", "profile", "email", "offline_access", "tiles:read"]
    );
    assert_eq!(list(&found, "subject_types_supported"), ["public"]);
    assert_eq!(list(&found, "id_token_signing_alg_values_supported"), ["RS256", "ES256"]);
    assert_eq!(found["jwks_uri"], server.url("/oauth/jwks"));
    assert_eq!(found["userinfo_endpoint"], server.url("/oauth/userinfo"));
    assert_eq!(found["end_session_endpoint"], server.url("/oauth/logout"));
    for member in ["claims_parameter_supported", "request_parameter_supported", "request_uri_parameter_supported"] {
        assert_eq!(found[member], false, "{member}");
    }
    let methods = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"];
    assert_eq!(list(&found, "token_endpoint_auth_methods_supported"), methods);
    for signed in ["token_endpoint_auth_signing_alg_values_supported", "dpop_signing_alg_values_supported"] {
        assert_eq!(list(&found, signed), ["ES256", "EdDSA", "RS256", "PS256"], "{signed}");
    }
    assert_eq!(found["authorization_response_iss_parameter_supported"], true);
    for (name, value) in found.as_object().expect("because it is an object") {
        assert!(!value.is_null() && value != "" && value != &Value::Array(Vec::new()), "{name}");
    }
    assert_eq!(found, document(&server, OPENID).await, "both well-known addresses say the same");
}

#[actix_web::test]
async fn everything_that_it_names_answers() {
    let server = harness::spawn().await;
    let found = document(&server, OAUTH).await;
    let members = found.as_object().expect("because it is an object");
    let endpoints: Vec<(&String, &str)> = members
        .iter()
        .filter(|(name, _)| name.ends_with("_endpoint") || name.ends_with("_uri") || *name == "service_documentation")
        .filter_map(|(name, value)| Some((name, value.as_str()?)))
        .collect();
    assert!(endpoints.len() >= 5, "{endpoints:?}");
    for (name, endpoint) in endpoints {
        assert!(endpoint.starts_with(server.issuer()), "{name}: {endpoint}");
        let got = server.http.get(endpoint).await.status;
        let posted = server.http.post(endpoint, &[], &[("token", "x")]).await.status;
        assert!(got != 404 && posted < 500 && got < 500, "{name}: {got} by GET, {posted} by POST");
    }
}

#[actix_web::test]
async fn an_issuer_with_a_path_is_found_in_all_three_forms_and_works_whole() {
    let server = harness::spawn_with(&[("public_url", "http://localhost:{port}/id/gate/")]).await;
    assert!(server.issuer().ends_with("/id/gate"));
    let found = document(&server, OPENID).await;
    assert_eq!(found["issuer"], server.issuer());
    let origin = &server.app.public.origin;
    for address in [format!("{origin}{OAUTH}/id/gate"), format!("{origin}{OPENID}/id/gate"), server.url(OAUTH)] {
        assert_eq!(document(&server, &address).await, found, "{address}");
    }
    for elsewhere in [format!("{origin}{OAUTH}"), format!("{origin}{OPENID}"), format!("{origin}{OAUTH}/other")] {
        assert_eq!(server.http.get(&elsewhere).await.status, 404, "{elsewhere}");
    }
    let app = server.application(confidential()).await;
    server.person("alice").await;
    let mut browser = server.browser();
    let request = app.request();
    let page = browser.open(&request.path()).await;
    let page = browser.log_in_at(&page, "alice", PASSWORD).await;
    let page = browser.submit(page.decision("allow")).await;
    let tokens = app.exchange(&request.granted(page.away())).await.expect("because it is its first use");
    assert!(app.is_active(&tokens.access_token).await);
    assert_eq!(app.introspect(&tokens.access_token).await["iss"], server.issuer());
}

#[actix_web::test]
async fn the_issuer_never_comes_from_a_header() {
    let server = harness::spawn_with(&[("public_url", "https://id.example")]).await;
    let hostile = [("x-forwarded-host", "evil.example"), ("forwarded", "host=evil.example;proto=http")];
    let answer = server.http.send(actix_web::http::Method::GET, OAUTH, &hostile, "").await;
    assert_eq!(answer.json()["issuer"], "https://id.example");
    let foreign = server.http.send_as("evil.example", OAUTH).await;
    assert_eq!(foreign.json()["issuer"], "https://id.example");
}
