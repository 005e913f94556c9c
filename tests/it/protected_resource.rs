//! Our own API as a protected resource (RFC 9728): found from a refusal, true, and without a null.

use actix_web::http::Method;
use gatepost::domain::registration::Draft;
use serde_json::json;

use crate::harness::client_keys::Key;
use crate::harness::http::Answer;
use crate::harness::{self, Server, confidential};

const ADDRESS: &str = "/.well-known/oauth-protected-resource";

fn challenge(answer: &Answer) -> &str {
    answer.header("www-authenticate").unwrap_or_default()
}

/// The address that a challenge names.
fn named(answer: &Answer) -> String {
    let rest = challenge(answer).split_once("resource_metadata=\"").map(|(_, rest)| rest);
    let address = rest.and_then(|rest| rest.split('"').next());
    address.unwrap_or_else(|| panic!("no address in {:?}", challenge(answer))).to_owned()
}

/// A token of this scope, in an application that may ask for more.
async fn token_of(server: &Server, scope: &str) -> String {
    let scopes = Some("projects openid profile".to_owned());
    let app = server.application(Draft { scope: scopes, ..confidential() }).await;
    let mut alice = server.signed_in(&format!("p-{}", harness::random_word(8))).await;
    let granted = app.request().with("scope", scope).approve(&mut alice).await;
    app.exchange(&granted).await.expect("because this is the code's first use").access_token
}

#[actix_web::test]
async fn it_says_who_gives_tokens_for_it_and_how_they_come() {
    let server = harness::spawn().await;
    let answer = server.http.get(&format!("{ADDRESS}/v3")).await;
    let expected = json!({
        "resource": server.url("/v3"), "resource_name": "Account API", "authorization_servers": [server.issuer()],
        "scopes_supported": ["projects"], "bearer_methods_supported": ["header"],
        "dpop_signing_alg_values_supported": ["ES256", "EdDSA", "Ed25519", "RS256", "PS256"],
    });
    assert_eq!((answer.status, answer.json()), (200, expected));
    assert!(answer.header("cache-control").is_some_and(|control| control.contains("max-age=")));
    let from_a_page = [("origin", "https://app.example")];
    let beside = server.http.send(Method::GET, ADDRESS, &from_a_page, "").await;
    assert_eq!(beside.header("access-control-allow-origin"), Some("*"));
    assert_eq!(beside.json(), answer.json());
    for elsewhere in ["/v3/account", "/v4", "/", "v3"] {
        assert_eq!(server.http.get(&format!("{ADDRESS}{elsewhere}")).await.status, 404, "{elsewhere}");
    }
    let posted = server.http.post(ADDRESS, &[], &[]).await;
    assert_eq!((posted.status, posted.header("allow")), (405, Some("GET, HEAD")));
}

/// RFC 9728 §3.1: the path of the resource stands behind the well-known part.
#[actix_web::test]
async fn an_issuer_with_a_path_has_it_in_its_address() {
    let server = harness::spawn_with(&[("public_url", "http://localhost:{port}/id/gate/")]).await;
    let origin = server.app.public.origin.clone();
    let refused = server.http.get(&server.url("/v3/account")).await;
    assert_eq!(named(&refused), format!("{origin}{ADDRESS}/id/gate/v3"));
    let found = server.http.get(&named(&refused)).await.json();
    assert_eq!(found["resource"], server.url("/v3"));
    assert_eq!(found["authorization_servers"], json!([server.issuer()]));
    for address in [format!("{origin}{ADDRESS}/id/gate"), server.url(ADDRESS), server.url(&format!("{ADDRESS}/v3"))] {
        assert_eq!(server.http.get(&address).await.json(), found, "{address}");
    }
    assert_eq!(server.http.get(&format!("{origin}{ADDRESS}/v3")).await.status, 404);
}

/// RFC 9728 §5.1.
#[actix_web::test]
async fn every_refusal_for_a_token_leads_there_and_no_other_does() {
    let server = harness::spawn().await;
    let described = server.url(&format!("{ADDRESS}/v3"));
    for path in ["/v3/account", "/v3/account/root/myDrive", "/v3/account/security/accessToken", "/oauth/userinfo"] {
        for token in [None, Some("noise"), Some("gpa_noise")] {
            let answer = match token {
                None => server.http.get(path).await,
                Some(token) => server.http.get_with_token(path, token).await,
            };
            assert_eq!((answer.status, named(&answer)), (401, described.clone()), "{path}: {token:?}");
            // RFC 6750 §3: what to ask for, where a scope is enough.
            let scope = match path {
                "/oauth/userinfo" => Some("scope=\"openid\""),
                "/v3/account/security/accessToken" => None,
                _ => Some("scope=\"projects\""),
            };
            let said = challenge(&answer).split(['\u{20}', ',']).find(|part| part.starts_with("scope="));
            assert_eq!(said, scope, "{path}: {token:?}: {}", challenge(&answer));
        }
    }
    let from_a_page = [("origin", "https://app.example")];
    let answer = server.http.send(Method::GET, "/v3/account", &from_a_page, "").await;
    let exposed = answer.header("access-control-expose-headers").unwrap_or_default().to_lowercase();
    assert!(exposed.contains("www-authenticate"), "a page may read it: {exposed}");
    let credentials = harness::application::basic("nobody", "x");
    let form = [("grant_type", "client_credentials")];
    let answer = server.http.post("/v3/oauth/token", &[("authorization", &credentials)], &form).await;
    assert_eq!(challenge(&answer), "Basic realm=\"gatepost\", charset=\"UTF-8\"", "it asks for no token");
    let answer = server.http.get("/v3/user?username=nobody").await;
    assert_eq!(answer.header("www-authenticate"), None);
    for path in ["/auth/check", "/spatialstudio/oauth/v1/user/token"] {
        let method = if path == "/auth/check" { Method::GET } else { Method::POST };
        let headers = [("x-original-method", "GET"), ("x-original-uri", "/map")];
        let answer = server.http.send(method, path, &headers, "").await;
        assert_eq!(challenge(&answer), "Bearer", "{path} is no part of it");
    }
}

/// RFC 6750 §3: the scope that would do, where one would.
#[actix_web::test]
async fn a_token_with_too_little_hears_which_scope_would_do() {
    let server = harness::spawn().await;
    let (knows, works) = (token_of(&server, "openid").await, token_of(&server, "projects").await);
    for (path, token, scope) in [
        ("/v3/account", &knows, Some("projects")),
        ("/v3/account/root/myDrive", &knows, Some("projects")),
        ("/oauth/userinfo", &works, Some("openid")),
        ("/v3/account/security/accessToken", &works, None),
    ] {
        let answer = server.http.get_with_token(path, token).await;
        assert_eq!(answer.error(), (403, "insufficient_scope".to_owned()), "{path}");
        assert!(named(&answer).ends_with("/v3"), "{path}");
        let said = challenge(&answer).split_once(" scope=\"").and_then(|(_, rest)| rest.split('"').next());
        assert_eq!(said, scope, "{path}: {}", challenge(&answer));
    }
    assert_eq!(server.http.get_with_token("/v3/account", &works).await.status, 200);
}

/// RFC 9449 §7.1.
#[actix_web::test]
async fn a_challenge_for_a_proof_leads_there_too() {
    let server = harness::spawn().await;
    let proof = Key::es256().dpop(server.now().seconds(), ("GET", &server.url("/v3/account")), &json!({}));
    let headers = [("authorization", "DPoP gpa_noise"), ("dpop", proof.as_str())];
    let answer = server.http.send(Method::GET, "/v3/account", &headers, "").await;
    assert!(challenge(&answer).starts_with("DPoP error="), "{}", challenge(&answer));
    assert!(challenge(&answer).contains("algs=\"ES256 EdDSA Ed25519 RS256 PS256\""), "{}", challenge(&answer));
    assert_eq!((answer.status, named(&answer)), (401, server.url(&format!("{ADDRESS}/v3"))));
}
