//! Which token opens which door: every cell of the table through a real request
//! (`docs/decisions/0027-which-token-opens-what.md`).

use actix_web::http::Method;
use gatepost::tokens::check::ProtectedResource;
use serde_json::{Value, json};

use crate::harness::http::Answer;
use crate::harness::token_holders::{ACCESS_TOKENS, TILES, mint_path};
use crate::harness::{self, Server};

/// Which of the tokens of `Held::each`, in its order, a door opens for.
fn opens_for(resource: ProtectedResource) -> [bool; 9] {
    const YES: bool = true;
    const NO: bool = false;
    // whole, redirected, first party, oauth, foreign, personal, studio, generator, fileset
    match resource {
        ProtectedResource::AccountDetails => [YES, YES, YES, YES, NO, NO, NO, NO, NO],
        ProtectedResource::Content => [YES, YES, YES, YES, NO, YES, NO, NO, NO],
        ProtectedResource::Profile | ProtectedResource::Security => [YES, NO, YES, NO, NO, NO, NO, NO, NO],
        ProtectedResource::StudioTokens => [NO, NO, NO, NO, NO, NO, NO, YES, NO],
        ProtectedResource::ForwardedRequest => [YES, YES, YES, YES, YES, YES, YES, NO, YES],
        // It opens for `openid` alone, which none of these holds: see `userinfo`.
        ProtectedResource::UserInfo => [NO, NO, NO, NO, NO, NO, NO, NO, NO],
    }
}

/// A request at a door, for the last one such as a token of the kind may make.
async fn request_resource(server: &Server, resource: ProtectedResource, kind: &str, token: &str) -> Answer {
    let (method, path, body) = match resource {
        ProtectedResource::AccountDetails => (Method::GET, "/v3/account".to_owned(), Value::Null),
        ProtectedResource::Content => (Method::GET, "/v3/account/root/myDrive".to_owned(), Value::Null),
        ProtectedResource::Profile => (Method::PATCH, "/v3/account/profile".to_owned(), json!({ "about": "x" })),
        ProtectedResource::Security => (Method::GET, ACCESS_TOKENS.to_owned(), Value::Null),
        ProtectedResource::UserInfo => (Method::GET, "/oauth/userinfo".to_owned(), Value::Null),
        ProtectedResource::StudioTokens => (Method::POST, mint_path("n", "1", ("read_only", "all")), Value::Null),
        ProtectedResource::ForwardedRequest => {
            let address = if kind == "foreign" { format!("/auth/check?api={TILES}") } else { "/auth/check".to_owned() };
            (Method::GET, address, Value::Null)
        }
    };
    let forwarded = match kind {
        "fileset" => "/spatialstudio/oauth/v1/filesets/tiles-7/tileset.json",
        _ => "/v3/path/map",
    };
    let headers = [("x-original-method", "GET"), ("x-original-uri", forwarded)];
    server.program(token).send(method, &path, &headers, &body).await
}

#[actix_web::test]
async fn every_cell_of_the_table_holds() {
    let server = harness::spawn().await;
    let (_, held) = server.one_of_each("alice").await;
    for resource in ProtectedResource::ALL {
        for ((kind, token), is_opened) in held.each().into_iter().zip(opens_for(resource)) {
            let answer = request_resource(&server, resource, kind, token).await;
            let expected = if is_opened { 200 } else { 403 };
            assert_eq!(answer.status, expected, "{resource:?} for {kind}: {}", answer.text());
            if !is_opened {
                answer.refusal(403);
                assert_eq!(answer.json()["error"], "insufficient_scope", "{resource:?} for {kind}");
            }
        }
    }
}

#[actix_web::test]
async fn no_door_opens_for_who_is_disabled_and_none_for_a_session() {
    let server = harness::spawn().await;
    let (mut browser, held) = server.one_of_each("alice").await;
    for (method, path) in [
        (Method::GET, "/v3/account"),
        (Method::GET, "/v3/account/root/myDrive"),
        (Method::PATCH, "/v3/account/profile"),
        (Method::GET, ACCESS_TOKENS),
        (Method::POST, "/spatialstudio/oauth/v1/user/token"),
        (Method::GET, "/auth/check"),
        (Method::GET, "/oauth/userinfo"),
    ] {
        let headers =
            [("sec-fetch-site", "same-origin"), ("x-original-method", "GET"), ("x-original-uri", "/v3/path/map")];
        let answer = browser.bare(method, path, &headers, "").await;
        assert_eq!(answer.status, 401, "{path}: {}", answer.text());
    }
    let alice = server.person_named("alice").await;
    server.disable(&alice, true).await;
    for resource in ProtectedResource::ALL {
        for (kind, token) in held.each() {
            let answer = request_resource(&server, resource, kind, token).await;
            assert_eq!(answer.refusal(401), "The token is revoked or unknown.", "{resource:?} for {kind}");
        }
    }
}
