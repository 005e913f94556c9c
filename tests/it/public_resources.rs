//! Resources that are shared with the public: reading them behind a proxy needs no token, and a token
//! that does not cover them is no worse than none.

use actix_web::http::Method;
use gatepost::domain::access_list::Tier;
use serde_json::{Value, json};

use crate::harness::application::basic;
use crate::harness::http::Answer;
use crate::harness::token_holders::Program;
use crate::harness::{self, Server};

const PLATFORM: &str = "https://platform.example";
const NAMES: [&str; 6] =
    ["x-auth-subject", "x-auth-username", "x-auth-client", "x-auth-kind", "x-auth-scope", "x-auth-access"];

async fn check_at(program: &Program, address: &str, (method, path): (&str, &str)) -> Answer {
    let headers = [("x-original-method", method), ("x-original-uri", path)];
    program.send(Method::GET, address, &headers, &Value::Null).await
}

async fn check(program: &Program, asked: (&str, &str)) -> Answer {
    check_at(program, "/auth/check", asked).await
}

fn assert_public(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 200, "{what}: {}", answer.text());
    assert_eq!(NAMES.map(|name| answer.header(name)), [Some(""); 6], "{what}");
}

/// bob's folder with an atlas in it that everybody may see, and one beside it.
async fn with_public_atlas() -> (Server, String) {
    let server = harness::spawn().await;
    let bob = server.person("bob").await;
    for (path, parent) in
        [("folder", None), ("atlas", Some("folder")), ("part", Some("atlas")), ("private", Some("folder"))]
    {
        server.resource(path, parent, &bob).await;
    }
    let api = server.api(PLATFORM, &[], true).await;
    let authorization = basic(api.client_id(), api.secret());
    put(&server, &authorization, Some("view")).await;
    (server, authorization)
}

async fn put(server: &Server, authorization: &str, tier: Option<&str>) {
    let (method, body) = match tier {
        Some(tier) => (Method::PUT, json!({ "tier": tier })),
        None => (Method::DELETE, Value::Null),
    };
    let headers = [("authorization", authorization)];
    server.nobody().send(method, "/management/resources/atlas/public", &headers, &body).await.success();
}

#[actix_web::test]
async fn what_is_public_is_read_without_a_token_and_nothing_else_is() {
    let (server, authorization) = with_public_atlas().await;
    let nobody = server.nobody();
    for asked in [
        ("GET", "/v3/path/atlas"),
        ("HEAD", "/v3/path/atlas/x"),
        ("GET", "/v3/ogc/wfs/part?x=caf%E9"),
        ("GET", "/V3/path/atlas/"),
    ] {
        assert_public(&check(&nobody, asked).await, asked.1);
    }
    for (asked, status) in [
        (("POST", "/v3/path/atlas"), 401),
        (("DELETE", "/v3/path/atlas"), 401),
        (("GET", "/v3/path/folder"), 401),
        (("GET", "/v3/path/private"), 401),
        (("GET", "/v3/path/nobody-told-us"), 401),
        (("GET", "/v3/path/atlas;x/private"), 403),
        (("GET", "/v3/path/atlas%2f..%2fprivate"), 403),
        (("GET", "/v3/atlas"), 401),
        (("GET", "/v3/account"), 401),
        (("GET", "/atlas"), 401),
    ] {
        let answer = check(&nobody, asked).await;
        assert_eq!(answer.status, status, "{asked:?}");
        assert_eq!(NAMES.map(|name| answer.header(name)), [Some(""); 6], "{asked:?}");
    }
    server.api("https://foreign.example", &["foreign: see"], false).await;
    for (api, status) in [(PLATFORM, 200), ("https://foreign.example", 401), ("https://nobody.example", 401)] {
        let address = format!("/auth/check?api={api}");
        assert_eq!(check_at(&nobody, &address, ("GET", "/v3/path/atlas")).await.status, status, "{api}");
    }
    put(&server, &authorization, None).await;
    assert_eq!(check(&nobody, ("GET", "/v3/path/atlas")).await.status, 401);
}

#[actix_web::test]
async fn a_token_that_does_not_cover_it_reads_it_as_one_of_the_public() {
    let (server, authorization) = with_public_atlas().await;
    let (_, held) = server.one_of_each("alice").await;
    let whole = server.program(&held.whole);
    let own = whole.make_token(json!([{ "pathId": "elsewhere", "accessTier": "admin" }])).await;
    let listed = whole.make_token(json!([{ "pathId": "atlas", "accessTier": "view" }])).await;
    let program = |made: &Value| server.program(made["token"].as_str().expect("because it was just made"));
    let asked = ("GET", "/v3/path/part");
    assert_public(&check(&program(&own), asked).await, "a list without it");
    assert_public(&check(&server.program(&held.foreign), asked).await, "a token for another API");
    assert_public(&check(&server.program(&held.fileset), asked).await, "a fileset token");
    let known = check(&program(&listed), asked).await;
    assert_eq!((known.status, known.header("x-auth-kind")), (200, Some("personal")));
    for token in [&program(&own), &program(&listed)] {
        assert_eq!(check(token, ("POST", "/v3/path/atlas")).await.status, 403);
    }
    check(&server.program("gpp_noise"), asked).await.refusal(401);
    // What everybody holds, everybody may give a token: no more, and no longer.
    let more = json!({ "description": "d", "accessList": [{ "pathId": "atlas", "accessTier": "viewPlus" }] });
    whole.post(crate::harness::token_holders::ACCESS_TOKENS, &more).await.refusal(403);
    put(&server, &authorization, Some("viewPlus")).await;
    whole.post(crate::harness::token_holders::ACCESS_TOKENS, &more).await.success();
    put(&server, &authorization, None).await;
    check(&program(&listed), asked).await.refusal(403);
    let alice = server.person_named("alice").await;
    server.share("folder", &alice, Some(Tier::View)).await;
    assert_eq!(check(&program(&listed), asked).await.status, 200);
}

#[actix_web::test]
async fn a_public_resource_stays_public_when_it_moves_and_ends_with_its_name() {
    let (server, authorization) = with_public_atlas().await;
    let headers = [("authorization", authorization.as_str())];
    let send = async |method: Method, path: &str, body: Value| {
        server.nobody().send(method, &format!("/management/resources/{path}"), &headers, &body).await.success();
    };
    send(Method::PUT, "atlas", json!({ "owner": "bob" })).await;
    assert_public(&check(&server.nobody(), ("GET", "/v3/path/atlas")).await, "it moved");
    send(Method::DELETE, "part", Value::Null).await;
    send(Method::DELETE, "atlas", Value::Null).await;
    send(Method::PUT, "atlas", json!({ "owner": "bob" })).await;
    assert_eq!(check(&server.nobody(), ("GET", "/v3/path/atlas")).await.status, 401, "another one of its name");
}
