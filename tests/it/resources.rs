//! The platform tells us of its resources: by command, and by the management API of an API that the
//! operator runs. What it told bounds every token at once.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use actix_web::http::Method;
use gatepost::domain::registration::Draft;
use gatepost::web::routes;
use serde_json::{Value, json};

use crate::harness::application::{Application, basic};
use crate::harness::http::Answer;
use crate::harness::token_holders::{ACCESS_TOKENS, Program};
use crate::harness::{self, PASSWORD, Server, confidential};

const RESOURCES: &str = "/management/resources";

/// The platform's own API, with its credentials.
struct Platform {
    program: Program,
    authorization: String,
}

impl Platform {
    async fn of(server: &Server) -> Self {
        Self::with(server, &server.api("https://platform.example", &[], true).await)
    }

    fn with(server: &Server, api: &Application) -> Self {
        Self { program: server.nobody(), authorization: basic(api.client_id(), api.secret()) }
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> Answer {
        self.program.send(method, path, &[("authorization", &self.authorization)], body).await
    }

    async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, &format!("{RESOURCES}{path}"), &body).await
    }

    async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, &format!("{RESOURCES}{path}"), &Value::Null).await
    }

    async fn list(&self) -> Value {
        self.send(Method::GET, RESOURCES, &Value::Null).await.success()
    }
}

async fn try_token(program: &Program, path: &str, tier: &str) -> u16 {
    let list = json!([{ "pathId": path, "access": { "accessTier": tier } }]);
    program.post(ACCESS_TOKENS, &json!({ "description": "x", "accessList": list })).await.status
}

#[actix_web::test]
async fn every_refusal_of_the_management_addresses_has_a_message() {
    let server = harness::spawn().await;
    let other = server.api("https://tiles.example", &["tiles: See tiles"], false).await;
    let own = server.api("https://platform.example", &[], true).await;
    let strangers =
        [None, Some(basic("nobody", "x")), Some(basic(own.client_id(), other.secret())), Some("Basic ?".to_owned())];
    let known = [Some(basic(other.client_id(), other.secret())), Some(basic(own.client_id(), own.secret()))];
    for address in routes::addresses().filter(|address| address.path.starts_with("/management")) {
        let method = &address.route.method;
        let path = address.path.replace(['{', '}'], "");
        for authorization in strangers.iter().chain(&known) {
            let header = authorization.as_deref().map(|authorization| ("authorization", authorization));
            let headers: Vec<(&str, &str)> = header.into_iter().collect();
            let answer = server.http.send(method.clone(), &path, &headers, "{}").await;
            let is_own = known[1] == *authorization && answer.status == 200;
            let message = answer.json()["message"].as_str().unwrap_or_default().to_owned();
            assert!(is_own || !message.is_empty(), "{method} {path}: {}", answer.text());
        }
    }
    for _ in 0..60 {
        let headers = [("authorization", strangers[1].as_deref().unwrap_or_default())];
        let answer = server.http.send(Method::GET, RESOURCES, &headers, "").await;
        assert!(answer.json()["message"].is_string(), "{}", answer.text());
    }
}

#[actix_web::test]
async fn the_platform_registers_shares_moves_and_forgets() {
    let server = harness::spawn().await;
    let platform = Platform::of(&server).await;
    let (alice, bob) = (server.person("alice").await, server.person("bob").await);
    let program = server.log_in("alice").await;
    platform.put("/folder", json!({ "owner": bob.id.uuid() })).await.success();
    platform.put("/My%20map", json!({ "owner": "BOB", "parent": "folder" })).await.success();
    assert_eq!(try_token(&program, "My map", "view").await, 403, "it is bob's");
    platform.put("/folder/shares/alice", json!({ "tier": "view+" })).await.success();
    assert_eq!(try_token(&program, "My map", "viewPlus").await, 200);
    assert_eq!(try_token(&program, "My map", "edit").await, 403);
    platform.put(&format!("/folder/shares/{}", alice.id.uuid()), json!({ "tier": "edit" })).await.success();
    assert_eq!(try_token(&program, "My map", "edit").await, 200, "the same share goes further now");
    let shares = json!([{ "user": alice.id.uuid(), "tier": "edit" }]);
    let folder = json!({ "id": "folder", "parent": null, "owner": bob.id.uuid(), "shares": shares, "public": null });
    let map = json!({ "id": "My map", "parent": "folder", "owner": bob.id.uuid(), "shares": [], "public": null });
    assert_eq!(platform.list().await, json!({ "result": [folder, map], "nextPageStart": null }));
    platform.put("/My%20map", json!({ "owner": "bob" })).await.success();
    assert_eq!(try_token(&program, "My map", "view").await, 403, "it lies in the folder no more");
    platform.put("/My%20map", json!({ "owner": "alice", "parent": "folder" })).await.success();
    assert_eq!(try_token(&program, "My map", "admin").await, 200, "it was handed over");
    platform.delete("/folder").await.refusal(409);
    platform.delete("/My%20map").await.success();
    platform.delete("/folder/shares/alice").await.success();
    platform.delete("/folder/shares/alice").await.refusal(404);
    assert_eq!(try_token(&program, "folder", "view").await, 403);
    platform.delete("/folder").await.success();
    platform.delete("/folder").await.refusal(404);
    assert_eq!(try_token(&program, "folder", "admin").await, 200, "nobody knows it, so the API judges");
}

#[actix_web::test]
async fn a_resource_lies_in_no_circle_and_no_deeper_than_is_followed() {
    let server = harness::spawn().await;
    let platform = Platform::of(&server).await;
    server.person("bob").await;
    let owned = |parent: Option<String>| json!({ "owner": "bob", "parent": parent });
    platform.put("/0", owned(None)).await.success();
    for level in 1..64 {
        platform.put(&format!("/{level}"), owned(Some((level - 1).to_string()))).await.success();
    }
    assert!(platform.put("/64", owned(Some("63".to_owned()))).await.refusal(400).contains("64"));
    platform.put("/0", owned(Some("0".to_owned()))).await.refusal(400);
    platform.put("/0", owned(Some("5".to_owned()))).await.refusal(400);
    platform.put("/x", owned(Some("nowhere".to_owned()))).await.refusal(400);
    platform.put("/x", json!({ "owner": "nobody" })).await.refusal(400);
    platform.put("/x", json!({})).await.refusal(400);
    platform.put(&format!("/{}", "a".repeat(201)), owned(None)).await.refusal(400);
    platform.put("/0/shares/nobody", json!({ "tier": "view" })).await.refusal(400);
    platform.put("/0/shares/bob", json!({ "tier": "owner" })).await.refusal(400);
    platform.put("/nowhere/shares/bob", json!({ "tier": "view" })).await.refusal(404);
    platform.put("/nowhere/public", json!({ "tier": "view" })).await.refusal(404);
    for tier in ["share", "edit", "admin", "owner"] {
        platform.put("/0/public", json!({ "tier": tier })).await.refusal(400);
    }
    platform.delete("/0/public").await.refusal(404);
}

#[actix_web::test]
async fn only_an_api_that_the_operator_runs_may_tell() {
    let server = harness::spawn().await;
    server.person("bob").await;
    let own = Platform::of(&server).await;
    let foreign = Platform::with(&server, &server.api("https://tiles.example", &["tiles: see"], false).await);
    let application = Platform::with(&server, &server.application(Draft { ..confidential() }).await);
    let wrong = Platform { authorization: basic("nobody", "x"), program: server.nobody() };
    for (platform, expected) in [
        (&foreign, (400, "unauthorized_client".to_owned())),
        (&application, (400, "unauthorized_client".to_owned())),
        (&wrong, (401, "invalid_client".to_owned())),
    ] {
        assert_eq!(platform.put("/x", json!({ "owner": "bob" })).await.error(), expected);
        assert_eq!(platform.delete("/x").await.error(), expected);
        assert_eq!(platform.put("/x/shares/bob", json!({ "tier": "view" })).await.error(), expected);
        assert_eq!(platform.put("/x/public", json!({ "tier": "view" })).await.error(), expected);
        assert_eq!(platform.delete("/x/public").await.error(), expected);
        assert_eq!(platform.send(Method::GET, RESOURCES, &Value::Null).await.error(), expected);
    }
    assert_eq!(own.list().await["result"], json!([]));
}

#[actix_web::test]
async fn a_uuid_in_capitals_is_the_same_resource() {
    let server = harness::spawn().await;
    let platform = Platform::of(&server).await;
    server.person("bob").await;
    server.person("alice").await;
    let (small, large) = ("46e1e919-8b73-42a3-a575-25c6d45fd93b", "46E1E919-8B73-42A3-A575-25C6D45FD93B");
    platform.put(&format!("/{large}"), json!({ "owner": "bob" })).await.success();
    assert_eq!(platform.list().await["result"][0]["id"], json!(small));
    let program = server.log_in("alice").await;
    for spelled in [small, large] {
        assert_eq!(try_token(&program, spelled, "view").await, 403, "{spelled}");
    }
}

fn gatepost(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatepost"));
    let database = format!("sqlite://{}", folder.join("gatepost.db").display());
    command.args(arguments).current_dir(folder).env("GATEPOST_DATABASE_URL", database).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("because it was just built");
    let mut typed = child.stdin.take().expect("because it is piped");
    std::io::Write::write_all(&mut typed, PASSWORD.as_bytes()).expect("because the program reads it, or ends");
    drop(typed);
    child.wait_with_output().expect("because it was started here")
}

#[test]
fn the_command_creates_shares_lists_and_takes_back() {
    let folder = tempfile::tempdir().expect("because the system has a temporary folder");
    let run = |arguments: &[&str]| {
        let output = gatepost(folder.path(), arguments);
        let said = String::from_utf8_lossy(if output.status.success() { &output.stdout } else { &output.stderr });
        (output.status.code().unwrap_or_default(), said.into_owned())
    };
    run(&["migrate"]);
    for name in ["alice", "bob"] {
        let mail = format!("{name}@people.example");
        run(&["user", "create", "--username", name, "--email", &mail, "--password-stdin"]);
    }
    assert_eq!(run(&["resource", "create", "--id", "folder", "--owner", "bob"]).0, 0);
    assert_eq!(run(&["resource", "create", "--id", "map", "--parent", "folder", "--owner", "bob"]).0, 0);
    assert_eq!(run(&["resource", "share", "--id", "folder", "--user", "alice", "--tier", "view"]).0, 0);
    assert_eq!(run(&["resource", "share", "map", "--public", "--tier", "view"]).0, 0);
    let (code, listed) = run(&["--json", "resource", "list"]);
    let mut listed: Vec<Value> = serde_json::from_str(&listed).expect("because --json was asked");
    // Commands have no number of their own: what two of them make within a second is in no order.
    listed.sort_by_key(|resource| resource["id"].to_string());
    let expected = json!([
        { "id": "folder", "parent": null, "owner": "bob", "shares": ["alice:view"], "public": null },
        { "id": "map", "parent": "folder", "owner": "bob", "shares": [], "public": "view" },
    ]);
    assert_eq!((code, Value::from(listed)), (0, expected));
    assert_eq!(run(&["resource", "unshare", "--id", "folder", "--user", "alice"]).0, 0);
    assert_eq!(run(&["resource", "unshare", "map", "--public"]).0, 0);
    for wrong in [
        &["resource", "share", "--user", "bob", "--tier", "view"][..],
        &["resource", "share", "map", "--id", "map", "--user", "bob", "--tier", "view"],
        &["resource", "share", "map", "--tier", "view"],
        &["resource", "share", "map", "--public", "--user", "bob", "--tier", "view"],
    ] {
        assert_eq!(run(wrong).0, 2, "{wrong:?}");
    }
    for (arguments, words) in [
        (&["resource", "create", "--id", "map", "--owner", "bob"][..], "registered already"),
        (&["resource", "create", "--id", "x", "--owner", "carol"], "no person named 'carol'"),
        (&["resource", "create", "--id", "x", "--parent", "y", "--owner", "bob"], "parent"),
        (&["resource", "share", "--id", "x", "--user", "bob", "--tier", "view"], "No resource"),
        (&["resource", "share", "--id", "map", "--user", "bob", "--tier", "all"], "accessTier"),
        (&["resource", "unshare", "--id", "map", "--user", "alice"], "not shared"),
        (&["resource", "share", "map", "--public", "--tier", "edit"], "view or viewPlus"),
        (&["resource", "share", "x", "--public", "--tier", "view"], "No resource"),
        (&["resource", "unshare", "map", "--public"], "not shared with the public"),
    ] {
        let (code, said) = run(arguments);
        assert!(code == 1 && said.contains(words), "{arguments:?}: {code} {said}");
    }
}
