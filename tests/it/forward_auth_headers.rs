//! Forward auth: how a proxy tells which request it asks about, what is too unclear to judge, and who it is
//! that the API behind it is told (`docs/decisions/0038-forward-auth.md`).

use actix_web::http::Method;
use serde_json::{Value, json};

use crate::harness::http::Answer;
use crate::harness::token_holders::Program;
use crate::harness::{self, Server};

const NAMES: [&str; 6] =
    ["x-auth-subject", "x-auth-username", "x-auth-client", "x-auth-kind", "x-auth-scope", "x-auth-access"];

async fn check(program: &Program, headers: &[(&str, &str)]) -> Answer {
    program.send(Method::GET, "/auth/check", headers, &Value::Null).await
}

async fn about(program: &Program, method: &str, uri: &str) -> Answer {
    check(program, &[("x-original-method", method), ("x-original-uri", uri)]).await
}

async fn alice(server: &Server) -> Program {
    server.person("alice").await;
    server.log_in("alice").await
}

fn assert_nobody(answer: &Answer, what: &str) {
    for name in NAMES {
        assert_eq!(answer.header(name), Some(""), "{what}: {name} is always there, so that none gets through");
    }
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
}

#[actix_web::test]
async fn one_family_of_headers_is_trusted_and_a_contradiction_is_refused() {
    let (original_method, original_uri) = ("x-original-method", "x-original-uri");
    let (forwarded_method, forwarded_uri) = ("x-forwarded-method", "x-forwarded-uri");
    let original = [(original_method, "GET"), (original_uri, "/v3/path/map")];
    let forwarded = [(forwarded_method, "GET"), (forwarded_uri, "/v3/path/map")];
    for (setting, trusted, untrusted) in [("x-original", original, forwarded), ("x-forwarded", forwarded, original)] {
        let server = harness::spawn_with(&[("forward_auth.headers", setting)]).await;
        let program = alice(&server).await;
        let both: Vec<_> = trusted.into_iter().chain(untrusted).collect();
        for (headers, status) in [
            (trusted.to_vec(), 200),
            (untrusted.to_vec(), 403),
            (both, 200),
            (vec![trusted[0]], 403),
            (vec![trusted[1]], 403),
            (vec![], 403),
            (vec![trusted[0], untrusted[1]], 403),
            (vec![trusted[0], trusted[1], (untrusted[0].0, "POST")], 403),
            (vec![trusted[0], trusted[1], (untrusted[1].0, "/v3/path/other")], 403),
            (vec![trusted[0], trusted[1], untrusted[1]], 200),
            (vec![trusted[0], trusted[1], (trusted[1].0, "/v3/path/other")], 403),
            (vec![trusted[0], (trusted[0].0, "POST"), trusted[1]], 403),
            (vec![(trusted[0].0, ""), trusted[1]], 403),
            (vec![trusted[0], (trusted[1].0, "")], 403),
            (vec![(trusted[0].0, "get"), trusted[1]], 200),
        ] {
            let answer = check(&program, &headers).await;
            assert_eq!(answer.status, status, "{setting}: {headers:?}: {}", answer.text());
            if status == 403 {
                assert_nobody(&answer, &format!("{headers:?}"));
            }
        }
    }
}

#[actix_web::test]
async fn a_path_that_servers_read_in_two_ways_is_refused() {
    let server = harness::spawn().await;
    let program = alice(&server).await;
    for path in [
        "/a/../b", "/a/..", "/..", "/../a", "/a/./b", "/a/.", "/.", "/%2e%2e/a", "/a/%2E%2E/b", "/a/.%2e/b", "/a%2fb",
        "/a%2Fb", "/a%5cb", "/a%5Cb", "/a\\b", "/\\a", "//a", "/a//b", "/a//", "/a%00b", "a", "a/b", "http://x/a", "*",
        "/a/..;/b", "/a/..;x=1/b", "/a/.;/b", "/a;v=1", "/a;", "/;a", "/a#b", "/a#", "/a%3Bb", "/a%23b", "/a%3fb",
        "/a%25b", "/a%0Ab", "/a%7f", "/caf%E9", "/%c0%ae%c0%ae/b", "/a b", "/a\"b", "/a<b", "/a|b", "/a[b]", "/a^b",
        "/é", "/v3/p%61th/map", "/v3/%70ath/map", "/a%7Eb", "/a%", "/a%4", "/a%zz",
    ] {
        let answer = about(&program, "GET", path).await;
        assert_eq!(answer.status, 403, "{path}: {}", answer.text());
        answer.refusal(403);
        assert_nobody(&answer, path);
        let with_query = about(&program, "GET", &format!("{path}?x=1")).await;
        assert_eq!(with_query.status, 403, "{path}");
    }
    for path in [
        "/", "/a", "/a/", "/a.b/c..d/...e", "/a?x=../..//%2f", "/a?next=http://x//y\\z", "/%E6%97%A5", "/a?v;w=1#x",
        "/search?q=caf%E9", "/search?q=café", "/search?q=%00%ff&%c3", "/a?", "/-._~!$&'()*+,=:@",
    ] {
        let answer = about(&program, "GET", path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
}

#[actix_web::test]
async fn a_token_in_the_address_counts_for_reading_and_must_not_contradict_the_header() {
    let server = harness::spawn().await;
    let program = alice(&server).await;
    let (mine, other) = (program.token().to_owned(), server.log_in("alice").await.token().to_owned());
    let nobody = server.nobody();
    for (method, query, status) in [
        ("GET", format!("token={mine}"), 200),
        ("HEAD", format!("x=1&token={mine}&y"), 200),
        ("GET", format!("token=Bearer+{mine}"), 200),
        ("GET", format!("token=bearer%20{mine}"), 200),
        ("POST", format!("token={mine}"), 401),
        ("PUT", format!("token={mine}"), 401),
        ("DELETE", format!("token={mine}"), 401),
        ("GET", format!("q=caf%E9&token={mine}&%ff=%00"), 200),
        ("GET", format!("q=caf%E9&%74oken={mine}"), 200),
        ("GET", format!("q=caf%E9&token={mine}&token={other}"), 403),
        ("GET", "token=%ff".to_owned(), 401),
        ("GET", "token=".to_owned(), 401),
        ("GET", "token=x".to_owned(), 401),
        ("GET", format!("Token={mine}"), 401),
        ("GET", format!("token={mine}&token={mine}"), 403),
        ("GET", format!("token={mine}&token={other}"), 403),
    ] {
        let answer = about(&nobody, method, &format!("/v3/ogc/wfs/map?{query}")).await;
        assert_eq!(answer.status, status, "{method} {query}: {}", answer.text());
    }
    for (method, query, status) in [
        ("GET", format!("token={mine}"), 200),
        ("GET", format!("token=Bearer+{mine}"), 200),
        ("GET", format!("token={other}"), 403),
        ("GET", "token=x".to_owned(), 403),
        ("POST", format!("token={other}"), 200),
    ] {
        let answer = about(&program, method, &format!("/v3/ogc/wfs/map?{query}")).await;
        assert_eq!(answer.status, status, "{method} {query}: {}", answer.text());
    }
    let own_query = [("x-original-method", "GET"), ("x-original-uri", "/v3/path/map")];
    let path = format!("/auth/check?token={mine}");
    let answer = nobody.send(Method::GET, &path, &own_query, &Value::Null).await;
    assert_eq!(answer.status, 401, "the proxy's own query is no place for it");
}

#[actix_web::test]
async fn the_api_is_told_who_it_is_and_every_header_is_always_there() {
    let server = harness::spawn().await;
    let (_, held) = server.one_of_each("alice").await;
    let alice = server.person_named("alice").await.id.uuid();
    let list = json!([{ "pathId": "map", "access": { "accessTier": "edit" } }]).to_string();
    let file = "/spatialstudio/oauth/v1/filesets/tiles-7/a";
    for (token, kind, scope, access) in [
        (&held.whole, "user", "", ""),
        (&held.redirected, "user", "", ""),
        (&held.oauth, "oauth", "projects", ""),
        (&held.personal, "personal", "", list.as_str()),
        (&held.studio, "studio", "read_write/all", ""),
        (&held.fileset, "fileset", "", ""),
    ] {
        let path = if kind == "personal" { "/v3/path/map" } else { file };
        let answer = about(&server.program(token), "GET", path).await;
        assert_eq!(answer.status, 200, "{kind}: {}", answer.text());
        let told = ["x-auth-subject", "x-auth-username", "x-auth-kind", "x-auth-scope"].map(|name| answer.header(name));
        assert_eq!(told, [Some(alice.as_str()), Some("alice"), Some(kind), Some(scope)]);
        let said = answer.header("x-auth-access").unwrap_or_default();
        let parse = |text: &str| serde_json::from_str::<Value>(text).ok();
        assert_eq!(parse(said), parse(access), "{kind}: {said}");
        let client = answer.header("x-auth-client").expect("because it is always there");
        let has_client = [&held.redirected, &held.oauth].contains(&token);
        assert_eq!(client.is_empty(), !has_client, "{kind}: {client}");
        assert_eq!((answer.header("cache-control"), answer.body.len()), (Some("no-store"), 0));
    }
    let spoofed =
        [("x-original-method", "GET"), ("x-original-uri", file), ("x-auth-subject", "root"), ("x-auth-access", "[]")];
    let answer = check(&server.program(&held.whole), &spoofed).await;
    assert_eq!((answer.header("x-auth-subject"), answer.header("x-auth-access")), (Some(alice.as_str()), Some("")));
}

/// A character of a path, in code where it is none of ASCII.
fn in_code(character: char) -> String {
    let mut buffer = [0; 4];
    let bytes = character.encode_utf8(&mut buffer).bytes();
    if character.is_ascii() { character.to_string() } else { bytes.map(|byte| format!("%{byte:02X}")).collect() }
}

/// ingress-nginx sends the whole address; a proxy that does not overwrite it would let a client choose.
#[actix_web::test]
async fn the_whole_address_is_read_where_the_operator_chose_it_and_nowhere_else() {
    let server = harness::spawn_with(&[("forward_auth.headers", "x-original-url")]).await;
    let program = alice(&server).await;
    let url = "https://maps.example/v3/account?x=1";
    let method = ("x-original-method", "GET");
    for (headers, status) in [
        (vec![method, ("x-original-url", url)], 200),
        (vec![method, ("x-original-url", "http://maps.example:8080/")], 200),
        (vec![method, ("x-original-url", url), ("x-original-uri", "/other")], 200),
        (vec![method, ("x-original-url", url), ("x-forwarded-uri", "/x"), ("x-forwarded-method", "PUT")], 200),
        (vec![method, ("x-original-uri", "/v3/account")], 403),
        (vec![("x-forwarded-method", "GET"), ("x-original-url", url)], 403),
        (vec![("x-original-url", url)], 403),
        (vec![method, ("x-original-url", url), ("x-original-url", url)], 403),
        (vec![method, ("x-original-url", "/v3/account")], 403),
        (vec![method, ("x-original-url", "https://maps.example")], 403),
        (vec![method, ("x-original-url", "https://maps.example?/v3/path/x")], 403),
        (vec![method, ("x-original-url", "https://maps.example#/v3/path/x")], 403),
        (vec![method, ("x-original-url", "https://maps.example/v3/path/x#y")], 403),
    ] {
        let answer = check(&program, &headers).await;
        assert_eq!(answer.status, status, "{headers:?}: {}", answer.text());
    }
    let in_query = format!("https://maps.example/v3/account?token={}", program.token());
    let answer = check(&server.nobody(), &[method, ("x-original-url", &in_query)]).await;
    assert_eq!((answer.status, answer.header("x-auth-username")), (200, Some("alice")));
    assert_eq!(check(&server.nobody(), &[method, ("x-original-url", url)]).await.status, 401);
    for (setting, uri, told) in [
        ("x-original", "x-original-uri", "x-original-method"),
        ("x-forwarded", "x-forwarded-uri", "x-forwarded-method"),
    ] {
        let server = harness::spawn_with(&[("forward_auth.headers", setting)]).await;
        let program = alice(&server).await;
        let with_url = [(told, "GET"), (uri, "/v3/account"), ("x-original-url", "https://maps.example/other")];
        assert_eq!(check(&program, &with_url).await.status, 200, "{setting}: it is not read");
        let alone = [(told, "GET"), ("x-original-url", url)];
        assert_eq!(check(&program, &alone).await.status, 403, "{setting}");
    }
}

#[actix_web::test]
async fn names_in_other_alphabets_travel_in_ascii() {
    let server = harness::spawn().await;
    server.person("名前").await;
    let program = server.log_in("名前").await;
    let name = "地図 😀 \"x\"";
    let made = program.make_token(json!([{ "pathId": name, "accessTier": "view" }])).await;
    let token = made["token"].as_str().expect("because it was just made");
    let path = name.replace(' ', "%20").replace('"', "%22");
    let path = format!("/v3/path/{}", path.chars().map(in_code).collect::<String>());
    let answer = about(&server.program(token), "GET", &path).await;
    assert_eq!(answer.header("x-auth-username"), Some("%E5%90%8D%E5%89%8D"));
    let access = answer.header("x-auth-access").expect("because it is always there");
    assert_eq!(serde_json::from_str::<Value>(access).ok(), Some(made["accessList"].clone()), "{access}");
}

#[actix_web::test]
async fn a_refusal_is_401_or_403_and_says_why() {
    let server = harness::spawn().await;
    let program = alice(&server).await;
    let made = program.make_token(json!([{ "pathId": "map", "accessTier": "view" }])).await;
    let token = made["token"].as_str().expect("because it was just made");
    let answer = about(&server.nobody(), "GET", "/v3/path/map").await;
    assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer")));
    assert_nobody(&answer, "without a token");
    server.advance(86_400);
    for (what, program, message) in [
        ("expired", program, "The token has expired."),
        ("truncated", server.program(&token[1..]), "The token is malformed."),
        ("noise", server.program("gpp_noise"), "The token is malformed."),
    ] {
        let answer = about(&program, "GET", "/v3/path/map").await;
        assert_eq!(answer.refusal(401), message, "{what}");
        assert_nobody(&answer, what);
        let challenge = answer.header("www-authenticate").unwrap_or_default();
        assert!(challenge.starts_with("Bearer error=\"invalid_token\""), "{what}: {challenge}");
    }
}

#[actix_web::test]
async fn the_proxy_may_ask_with_the_method_of_the_request_itself() {
    let server = harness::spawn().await;
    let program = alice(&server).await;
    for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let headers = [("x-original-method", "GET"), ("x-original-uri", "/v3/path/map")];
        let answer = program.send(method.clone(), "/auth/check", &headers, &Value::Null).await;
        assert_eq!(answer.status, 200, "{method}: what counts is in the headers");
    }
}
