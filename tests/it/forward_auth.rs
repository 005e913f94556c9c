//! Forward auth: what a token may do behind a proxy. Every cell of the second platform's table
//! (`docs/compatibility/spatial-studio.md#request-classes`), personal tokens on the first one's resources, and the
//! API that the proxy names.

use actix_web::http::Method;
use gatepost::domain::access_list::Tier;
use gatepost::domain::registration::Draft;
use serde_json::{Value, json};

use crate::harness::http::Answer;
use crate::harness::token_holders::{ACCESS_TOKENS, Held, TILES};
use crate::harness::{self, Server, confidential};

const BASE: &str = "/spatialstudio/oauth/v1";

/// What nginx asks about a request with this token.
async fn check_at(server: &Server, address: &str, token: &str, (method, uri): (&str, &str)) -> Answer {
    let headers = [("x-original-method", method), ("x-original-uri", uri)];
    server.program(token).send(Method::GET, address, &headers, &Value::Null).await
}

async fn check(server: &Server, token: &str, asked: (&str, &str)) -> Answer {
    check_at(server, "/auth/check", token, asked).await
}

/// A refusal that names the missing right, with empty identity headers.
fn assert_lacks_a_right(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 403, "{what}: {}", answer.text());
    answer.refusal(403);
    assert_eq!(answer.json()["error"], "insufficient_scope", "{what}");
    let challenge = answer.header("www-authenticate").unwrap_or_default();
    assert!(challenge.starts_with("Bearer error=\"insufficient_scope\""), "{what}: {challenge}");
    for name in ["x-auth-subject", "x-auth-username", "x-auth-client", "x-auth-kind", "x-auth-scope", "x-auth-access"] {
        assert_eq!(answer.header(name), Some(""), "{what}: {name}");
    }
}

/// Requests of one class, and who may make them.
type Row = (&'static [(&'static str, &'static str)], [bool; 6]);

/// The classes of `docs/compatibility/spatial-studio.md#request-classes` with requests of each, and who may make
/// them: read all, write all, streaming, refreshing, embedded, generator.
const CLASSES: [Row; 8] = [
    (
        &[
            ("GET", "/user"),
            ("HEAD", "/user"),
            ("GET", "/softwareVersion"),
            ("GET", "/systemStatus"),
            ("GET", "/datasets"),
        ],
        [true, true, false, false, false, false],
    ),
    (&[("GET", "/vt/7/geom/1/2/3.mvt"), ("HEAD", "/vt/7/geom/1/2/3.mvt")], [true, true, true, true, true, false]),
    (&[("GET", "/jsonstream/7"), ("HEAD", "/jsonstream/7")], [true, true, true, true, true, false]),
    (&[("GET", "/rt/7/1/2/3.png"), ("HEAD", "/rt/7/1/2/3.png")], [true, true, true, true, true, false]),
    (&[("POST", "/vt/7/geom/refresh")], [false, true, false, true, false, false]),
    (&[("GET", "/published/project/9")], [true, true, false, false, true, false]),
    (
        &[
            ("POST", "/datasets"),
            ("PUT", "/datasets/7"),
            ("DELETE", "/datasets/7"),
            ("PATCH", "/datasets/7"),
            ("POST", "/vt/7/geom/1/2/3.mvt"),
            ("DELETE", "/jsonstream/7"),
            ("PUT", "/rt/7/1/2/3.png"),
            ("BREW", "/datasets"),
            ("POST", "/published/project/9"),
        ],
        [false, true, false, false, false, false],
    ),
    // Only a generator makes tokens, and it does so at our own endpoint, not behind a proxy.
    (&[("POST", "/user/token")], [false; 6]),
];

#[actix_web::test]
async fn every_cell_of_the_second_platforms_table_holds() {
    let server = harness::spawn().await;
    let generator = server.signed_in("alice").await.generator().await;
    let mut tokens = Vec::new();
    for pair in [
        ("read_only", "all"),
        ("read_write", "all"),
        ("read_only", "dataset_streaming"),
        ("read_write", "dataset_streaming_refreshing"),
        ("read_only", "embedded_published_project"),
    ] {
        tokens.push((pair.1, server.studio_token(&generator, pair).await));
    }
    tokens.push(("generator", generator));
    for (requests, allowed) in CLASSES {
        for (method, path) in requests {
            for ((name, token), is_allowed) in tokens.iter().zip(allowed) {
                let answer = check(&server, token, (method, &format!("{BASE}{path}?fields=id,name"))).await;
                let what = format!("{method} {path} with {name}");
                if is_allowed {
                    assert_eq!(answer.status, 200, "{what}: {}", answer.text());
                    assert_eq!(answer.header("x-auth-kind"), Some("studio"), "{what}");
                } else {
                    assert_lacks_a_right(&answer, &what);
                }
            }
        }
    }
}

/// `docs/decisions/0038-forward-auth.md`: a preflight carries no token, and must get through.
#[actix_web::test]
async fn a_preflight_passes_without_a_token_and_as_nobody() {
    let server = harness::spawn().await;
    let headers = [("x-original-method", "OPTIONS"), ("x-original-uri", "/spatialstudio/oauth/v1/datasets")];
    let answer = server.nobody().send(Method::GET, "/auth/check", &headers, &Value::Null).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!((answer.header("x-auth-subject"), answer.header("x-auth-kind")), (Some(""), Some("")));
}

#[actix_web::test]
async fn a_fileset_token_reads_its_fileset_and_nothing_else() {
    let server = harness::spawn().await;
    let (mut browser, held) = server.one_of_each("alice").await;
    for path in ["/filesets/tiles-7", "/filesets/tiles-7/tileset.json", "/filesets/tiles-7/0/1.b3dm"] {
        for method in ["GET", "HEAD"] {
            let answer = check(&server, &held.fileset, (method, &format!("{BASE}{path}"))).await;
            assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text());
        }
    }
    for (method, path) in [
        ("POST", "/filesets/tiles-7/tileset.json"),
        ("DELETE", "/filesets/tiles-7"),
        ("GET", "/filesets/tiles-8/tileset.json"),
        ("GET", "/filesets/tiles-70"),
        ("GET", "/filesets"),
        ("GET", "/datasets"),
        ("GET", "/vt/7/geom/1/2/3.mvt"),
    ] {
        let answer = check(&server, &held.fileset, (method, &format!("{BASE}{path}"))).await;
        assert_lacks_a_right(&answer, &format!("{method} {path}"));
    }
    // A fileset whose id is a word of other addresses opens none of them.
    let body = json!({ "name": "n", "fileset": "v1", "validTime": -1 });
    let made = browser.script(Method::POST, "/spatialstudio/api/v1/user/filesettoken", &body).await.member("token");
    assert_lacks_a_right(&check(&server, &made, ("GET", &format!("{BASE}/user"))).await, "the fileset v1");
}

#[actix_web::test]
async fn a_personal_token_opens_what_it_lists_and_what_lies_in_it() {
    let server = harness::spawn().await;
    let (alice, bob) = (server.person("alice").await, server.person("bob").await);
    for (path, parent) in [("folder", None), ("layer", Some("folder")), ("deep", Some("layer")), ("other", None)] {
        server.resource(path, parent, &bob).await;
    }
    server.share("folder", &alice, Some(Tier::Edit)).await;
    server.share("other", &alice, Some(Tier::Edit)).await;
    let program = server.log_in("alice").await;
    let list = json!([
        { "pathId": "folder", "accessTier": "view" }, { "pathId": "layer", "accessTier": "edit" },
        { "pathId": "opaque", "accessTier": "view" },
    ]);
    let made = program.make_token(list).await;
    let token = made["token"].as_str().expect("because it was just made");
    for (method, path, is_allowed) in [
        ("GET", "/v3/path/folder", true),
        ("GET", "/v3/path/folder/member", true),
        ("HEAD", "/v3/ogc/wfs/folder", true),
        ("POST", "/v3/path/folder/invite", false),
        ("PATCH", "/v3/path/layer", true),
        ("GET", "/v3/ogc/mvt/deep/1/2/3", true),
        ("DELETE", "/v3/path/deep", true),
        ("GET", "/v3/path/other", false),
        ("GET", "/v3/ogc/wfs/other/", false),
        ("GET", "/V3/Path/other", false),
        ("GET", "/v3/path/opaque", true),
        ("PUT", "/v3/path/opaque", false),
        ("GET", "/v3/path/nobody-told-us", false),
    ] {
        let answer = check(&server, token, (method, path)).await;
        if is_allowed {
            assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text());
            let access = answer.header("x-auth-access").unwrap_or_default();
            assert_eq!(serde_json::from_str::<Value>(access).ok(), Some(made["accessList"].clone()), "{access}");
            assert_eq!(answer.header("x-auth-kind"), Some("personal"));
        } else {
            assert_lacks_a_right(&answer, &format!("{method} {path}"));
        }
    }
    server.share("folder", &alice, None).await;
    let answer = check(&server, token, ("GET", "/v3/path/folder")).await;
    assert_lacks_a_right(&answer, "the share was taken back");
    let opaque = check(&server, token, ("GET", "/v3/path/opaque")).await;
    let access = opaque.header("x-auth-access").unwrap_or_default();
    let left = json!([{ "pathId": "opaque", "access": { "accessTier": "view" } }]);
    assert_eq!(serde_json::from_str::<Value>(access).ok(), Some(left));
}

#[actix_web::test]
async fn a_token_that_may_only_view_writes_nowhere_whoever_judges_the_rest() {
    for judge in ["gatepost", "api"] {
        let server = harness::spawn_with(&[("forward_auth.judge", judge)]).await;
        server.person("alice").await;
        let program = server.log_in("alice").await;
        let made = program.make_token(json!([{ "pathId": "map", "accessTier": "viewPlus" }])).await;
        let token = made["token"].as_str().expect("because it was just made");
        for path in ["/v3/path/map", "/v3/path/elsewhere", "/v3/path", "/anything"] {
            for method in ["POST", "PUT", "DELETE"] {
                assert_lacks_a_right(&check(&server, token, (method, path)).await, &format!("{method} {path}"));
            }
            let answer = check(&server, token, ("GET", path)).await;
            let is_allowed = path == "/v3/path/map" || judge == "api";
            assert_eq!(answer.status, if is_allowed { 200 } else { 403 }, "{judge}: {path}");
            if is_allowed {
                let access = answer.header("x-auth-access").unwrap_or_default();
                assert_eq!(serde_json::from_str::<Value>(access).ok(), Some(made["accessList"].clone()), "{access}");
            }
        }
    }
}

/// The issue: what names no resource, or one that nobody told us of, is not open because of that.
#[actix_web::test]
async fn a_personal_token_for_one_resource_opens_nothing_else() {
    let server =
        harness::spawn_with(&[("forward_auth.classes", "GET /v3/lists/** metadata,GET /tiles/** stream")]).await;
    server.person("alice").await;
    let program = server.log_in("alice").await;
    let made = program.make_token(json!([{ "pathId": "map", "accessTier": "admin" }])).await;
    let token = made["token"].as_str().expect("because it was just made");
    for (method, path) in [
        ("DELETE", "/v3/path/OTHER"),
        ("GET", "/v3/path/OTHER"),
        ("GET", "/v3/path"),
        ("GET", "/v3/path/"),
        ("GET", "/v3/map"),
        ("DELETE", "/v3/account"),
        ("GET", "/v3/account"),
        ("GET", "/v3/account/root/myDrive"),
        ("PUT", "/admin/settings"),
        ("POST", "/spatialstudio/oauth/v1/user/token"),
        ("POST", "/spatialstudio/oauth/v1/user/token/"),
        ("GET", "/spatialstudio/oauth/v1/datasets"),
        ("GET", "/tiles/1/2/3"),
        ("POST", "/v3/lists/all"),
        ("GET", "/"),
    ] {
        assert_lacks_a_right(&check(&server, token, (method, path)).await, &format!("{method} {path}"));
    }
    for asked in [("GET", "/v3/lists/all"), ("HEAD", "/v3/lists"), ("DELETE", "/v3/path/map"), ("GET", "/v3/path/map/")]
    {
        assert_eq!(check(&server, token, asked).await.status, 200, "{asked:?}");
    }
}

#[actix_web::test]
async fn who_becomes_a_consumer_only_reads_with_every_token() {
    let server = harness::spawn().await;
    let (_, held) = server.one_of_each("alice").await;
    let alice = server.person_named("alice").await;
    server.set_role(&alice, "consumer").await;
    for token in [&held.whole, &held.redirected, &held.oauth, &held.personal, &held.studio] {
        let answer = check(&server, token, ("POST", "/v3/path/map")).await;
        assert_lacks_a_right(&answer, token);
        assert_eq!(check(&server, token, ("GET", "/v3/path/map")).await.status, 200, "{token}");
    }
}

#[actix_web::test]
async fn the_proxy_names_the_api_that_the_token_must_be_for() {
    let server = harness::spawn().await;
    let (mut browser, held) = server.one_of_each("alice").await;
    let house = "https://house-api.example";
    server.api(house, &["drive: see your drive"], true).await;
    let draft = Draft { scope: Some("projects tiles".to_owned()), ..confidential() };
    let both = server.application(draft).await.tokens(&mut browser).await.access_token;
    let Held { whole, redirected, oauth, foreign, personal, studio, fileset, generator, .. } = &held;
    for (token, ours, tiles, unnamed) in [
        (whole, true, false, true),
        (redirected, true, false, true),
        (oauth, true, false, true),
        (foreign, false, true, false),
        (&both, true, true, true),
        (personal, true, false, true),
        (studio, true, false, true),
        (fileset, true, false, true),
        (generator, false, false, false),
    ] {
        for (address, is_allowed) in [
            (format!("/auth/check?api={house}"), ours),
            (format!("/auth/check?api={TILES}"), tiles),
            ("/auth/check".to_owned(), unnamed),
            ("/auth/check?api=https%3A%2F%2Fnobody.example".to_owned(), false),
            (format!("/auth/check?api={house}&api={TILES}"), false),
        ] {
            // A path that each of them opens.
            let is_listed = token == personal;
            let path = if is_listed { "/v3/path/map" } else { "/spatialstudio/oauth/v1/filesets/tiles-7/a" };
            let answer = check_at(&server, &address, token, ("GET", path)).await;
            assert_eq!(answer.status, if is_allowed { 200 } else { 403 }, "{address} {token}: {}", answer.text());
        }
    }
}

#[actix_web::test]
async fn a_use_is_written_down_to_the_minute_and_a_revoked_token_ends_at_once() {
    let server = harness::spawn().await;
    let (mut browser, held) = server.one_of_each("alice").await;
    let last_used = async || {
        let list = server.program(&held.whole).get(ACCESS_TOKENS).await.success();
        list["result"][0]["lastUsed"].clone()
    };
    assert_eq!(last_used().await, Value::Null);
    server.advance(5);
    check(&server, &held.personal, ("GET", "/v3/path/map")).await.success_without_body();
    server.flush_uses().await;
    assert_eq!(last_used().await, json!("2026-11-21T12:00:05.000Z"));
    for (seconds, written) in [(59, "2026-11-21T12:00:05.000Z"), (1, "2026-11-21T12:01:05.000Z")] {
        server.advance(seconds);
        check(&server, &held.personal, ("GET", "/v3/path/map")).await.success_without_body();
        server.flush_uses().await;
        assert_eq!(last_used().await, json!(written), "at most one write per minute");
    }
    let list = server.program(&held.whole).get(ACCESS_TOKENS).await.success();
    let path = format!("{ACCESS_TOKENS}/{}", list["result"][0]["id"].as_str().unwrap_or_default());
    server.program(&held.whole).delete(&path).await.success();
    let answer = check(&server, &held.personal, ("GET", "/v3/path/map")).await;
    assert_eq!(answer.refusal(401), "The token is revoked or unknown.");
    let list = browser.script(Method::GET, "/spatialstudio/api/v1/user/token", &Value::Null).await.success();
    assert_eq!(list[0]["lastUsedAt"], Value::Null, "another token was not used");
}

#[actix_web::test]
async fn an_operator_says_what_requests_are() {
    let server = harness::spawn_with(&[
        ("forward_auth.classes", "GET /tiles/** stream,* /tiles/** refresh_tiles"),
        ("forward_auth.resources", "/gis/{resource}/**"),
    ])
    .await;
    let (mut browser, held) = server.one_of_each("alice").await;
    let generator = browser.generator().await;
    let streaming = server.studio_token(&generator, ("read_only", "dataset_streaming")).await;
    let refreshing = server.studio_token(&generator, ("read_write", "dataset_streaming_refreshing")).await;
    for (token, asked, status) in [
        (&streaming, ("GET", "/tiles/1/2/3"), 200),
        (&streaming, ("POST", "/tiles/1"), 403),
        (&refreshing, ("POST", "/tiles/1"), 200),
        (&streaming, ("GET", "/spatialstudio/oauth/v1/jsonstream/7"), 403),
    ] {
        assert_eq!(check(&server, token, asked).await.status, status, "{asked:?}");
    }
    let bob = server.person("bob").await;
    server.resource("private", None, &bob).await;
    for (path, status) in
        [("/gis/private/x", 403), ("/GIS/private", 403), ("/v3/path/map", 403), ("/gis/map", 200), ("/Gis/map/x", 200)]
    {
        assert_eq!(check(&server, &held.personal, ("GET", path)).await.status, status, "{path}");
    }
}

#[actix_web::test]
async fn a_token_whose_every_resource_was_taken_back_opens_nothing() {
    let server = harness::spawn().await;
    let bob = server.person("bob").await;
    let alice = server.person("alice").await;
    server.resource("map", None, &bob).await;
    server.share("map", &alice, Some(Tier::View)).await;
    let program = server.log_in("alice").await;
    let list = json!([{ "pathId": "map", "access": { "accessTier": "view" } }]);
    let token = program.make_token(list).await["token"].as_str().unwrap_or_default().to_owned();
    assert_eq!(check(&server, &token, ("GET", "/v3/path/map")).await.status, 200);
    server.share("map", &alice, None).await;
    assert_eq!(check(&server, &token, ("GET", "/v3/path/map")).await.status, 403);
}

#[actix_web::test]
async fn an_embedding_token_says_so_to_the_api_that_knows_its_project() {
    let server = harness::spawn().await;
    let (mut browser, _) = server.one_of_each("alice").await;
    let generator = browser.generator().await;
    let embedded = server.studio_token(&generator, ("read_only", "embedded_published_project")).await;
    let answer = check(&server, &embedded, ("GET", "/spatialstudio/oauth/v1/jsonstream/7")).await;
    assert_eq!((answer.status, answer.header("x-auth-scope")), (200, Some("read_only/embedded_published_project")));
}
