//! One rule at both doors: what a token may not do at our own addresses, it may not do at the same ones
//! behind a proxy, however they are written (`docs/compatibility/ellipsis.md#what-is-shielded`).

use actix_web::http::Method;
use gatepost::web::routes::{self, Access};
use serde_json::Value;

use crate::harness::http::Answer;
use crate::harness::token_holders::TILES;
use crate::harness::{self, Server};

const HOUSE: &str = "https://house-api.example";

/// What a proxy asks, before the platform and before an API.
async fn check(server: &Server, token: &str, address: &str, (method, path): (&str, &str)) -> Answer {
    let headers = [("x-original-method", method), ("x-original-uri", path)];
    server.program(token).send(Method::GET, address, &headers, &Value::Null).await
}

fn filled(pattern: &str) -> String {
    pattern.replace("{name}", "myDrive").replace("{id}", "7")
}

/// The same address as servers behind a proxy may take it.
fn variants(path: &str) -> Vec<String> {
    let mut swapped = String::new();
    for character in path.chars() {
        let is_lower = character.is_ascii_lowercase();
        swapped.push(if is_lower { character.to_ascii_uppercase() } else { character.to_ascii_lowercase() });
    }
    let mut all = vec![path.to_owned(), swapped, format!("{path}/"), format!("/id{path}"), format!("/a/b{path}/")];
    for trick in ["#x", ";x", "%23", "%3bx=1", "%2f", "/.", "/..", "//", "%00", "?x#y"] {
        all.push(format!("{path}{trick}"));
    }
    all.push(path.replacen("/account", "//account", 1));
    all.push(path.replacen("/account", "/x/../account", 1));
    all.push(path.replacen("account", "%61ccount", 1));
    all
}

#[actix_web::test]
async fn no_token_does_more_behind_a_proxy_than_at_our_own_addresses() {
    let server = harness::spawn().await;
    let (_, held) = server.one_of_each("alice").await;
    server.api(HOUSE, &["house: see the house"], true).await;
    let doors = ["/auth/check".to_owned(), format!("/auth/check?api={HOUSE}"), format!("/auth/check?api={TILES}")];
    let mut refused = 0;
    for address in routes::addresses().filter(|address| address.route.access == Access::Token) {
        let (path, method) = (filled(&address.path), &address.route.method);
        for (kind, token) in held.each() {
            if ["whole", "first party"].contains(&kind) {
                continue; // What they open is tried below: here they would delete the account.
            }
            let own = server.program(token).send(method.clone(), &path, &[], &Value::Null).await;
            if own.status != 403 {
                continue;
            }
            refused += 1;
            for variant in variants(&path) {
                for door in &doors {
                    let answer = check(&server, token, door, (method.as_str(), &variant)).await;
                    assert_eq!(answer.status, 403, "{kind} at {door}: {method} {variant}");
                }
            }
        }
    }
    assert!(refused > 60, "only {refused} refusals were tried");
}

#[actix_web::test]
async fn the_account_opens_behind_a_proxy_to_the_persons_own_tokens_alone() {
    let server = harness::spawn().await;
    let (_, held) = server.one_of_each("alice").await;
    for (method, path) in [
        ("POST", "/v3/account/security/password/update"),
        ("POST", "/v3/account/security/email/update"),
        ("GET", "/v3/account/security/accessToken"),
        ("POST", "/V3/Account/Security/accessToken/"),
        ("DELETE", "/v3/account"),
        ("DELETE", "/v3/account/"),
        ("PUT", "/v3/account/username"),
        ("PATCH", "/v3/account/profile"),
        ("POST", "/v3/user/invite"),
        ("POST", "/v3/user/7/contact"),
        ("GET", "/v3/account/billing"),
        ("POST", "/v3/oauth/client"),
        ("PUT", "/platform/v3/settings/account/x"),
        ("GET", "/v3/account/security/accessToken/v3/account"),
        ("GET", "/v3/account/root/myDrive/v3/account/billing"),
    ] {
        for (kind, token) in held.each() {
            let is_own = ["whole", "first party"].contains(&kind);
            let answer = check(&server, token, "/auth/check", (method, path)).await;
            assert_eq!(answer.status, if is_own { 200 } else { 403 }, "{kind}: {method} {path}: {}", answer.text());
        }
    }
    for (method, path) in [("GET", "/v3/account"), ("GET", "/v3/account/root/myDrive"), ("DELETE", "/v3/path/map")] {
        for token in [&held.whole, &held.redirected, &held.oauth] {
            assert_eq!(check(&server, token, "/auth/check", (method, path)).await.status, 200, "{method} {path}");
        }
    }
    for (kind, token) in held.each() {
        let creation = ("POST", "/spatialstudio/oauth/v1/user/token");
        assert_eq!(check(&server, token, "/auth/check", creation).await.status, 403, "{kind}");
    }
}

#[actix_web::test]
async fn a_personal_token_of_an_apis_scopes_alone_opens_nothing_of_the_platform() {
    let server = harness::spawn().await;
    server.api(HOUSE, &["house: see the house"], true).await;
    let mut alice = server.signed_in("alice").await;
    let form = alice.open("/account/tokens/new").await.form_with("Make the token").fill("name", "desk");
    let token = alice.submit(form.choose("kind", "api").choose("scope.house", "true")).await.secret();
    let (house, drive) = (format!("/auth/check?api={HOUSE}"), "/v3/account/root/myDrive");
    assert_eq!(check(&server, &token, &house, ("GET", "/rooms")).await.status, 200);
    assert_eq!(server.program(&token).get(drive).await.status, 403, "at our own address");
    for address in ["/auth/check", &house] {
        assert_eq!(check(&server, &token, address, ("GET", drive)).await.status, 403, "{address}");
    }
}

#[actix_web::test]
async fn a_token_that_the_proxy_names_no_api_for_is_told_so() {
    let server = harness::spawn().await;
    let (_, held) = server.one_of_each("alice").await;
    let answer = check(&server, &held.foreign, "/auth/check", ("GET", "/tiles/1")).await;
    assert!(answer.refusal(403).contains("?api="), "{}", answer.text());
    assert!(answer.header("www-authenticate").is_some_and(|challenge| challenge.contains("?api=")));
    let answer = check(&server, &held.oauth, &format!("/auth/check?api={TILES}"), ("GET", "/tiles/1")).await;
    assert!(answer.refusal(403).contains("?api="), "{}", answer.text());
}

#[actix_web::test]
async fn a_token_of_an_app_speaks_to_nobody_in_its_persons_name() {
    let server = harness::spawn().await;
    let (_, held) = server.one_of_each("alice").await;
    let about = serde_json::json!({ "about": "x", "email": "friend@people.example" });
    for (method, path) in [(Method::PATCH, "/v3/account/profile"), (Method::POST, "/v3/user/invite")] {
        for token in [&held.redirected, &held.oauth, &held.personal] {
            server.program(token).send(method.clone(), path, &[], &about).await.refusal(403);
        }
        for token in [&held.whole, &held.first_party] {
            server.program(token).send(method.clone(), path, &[], &about).await.success();
        }
    }
}
