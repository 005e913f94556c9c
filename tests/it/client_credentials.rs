//! A program that acts for itself (RFC 6749 §4.4): its token names no person and opens only APIs.

use actix_web::http::Method;
use gatepost::domain::client::{ClientType, GrantType};
use gatepost::domain::registration::Draft;
use gatepost::oauth::clients::{self, By};
use gatepost::outcome::{Error, transact};
use serde_json::Value;

use crate::harness::application::Application;
use crate::harness::http::Answer;
use crate::harness::token_holders::TILES;
use crate::harness::{self, Server, confidential};

const READ: &str = "tiles:read: See map tiles";
const WRITE: &str = "tiles:write: Change map tiles";

fn draft(scope: &str) -> Draft {
    Draft {
        grant_types: vec![GrantType::ClientCredentials],
        redirect_uris: Vec::new(),
        scope: Some(scope.to_owned()),
        ..confidential()
    }
}

/// A server with an API of two scopes, and a program that registered this scope.
async fn begin(scope: &str) -> (Server, Application, Application) {
    let server = harness::spawn().await;
    let api = server.api(TILES, &[READ, WRITE], false).await;
    let app = server.application(draft(scope)).await;
    (server, api, app)
}

async fn ask(app: &Application, more: &[(&str, &str)]) -> Answer {
    let form: Vec<(&str, &str)> = [("grant_type", "client_credentials")].iter().chain(more).copied().collect();
    app.post("/oauth/token", &form).await
}

async fn token(app: &Application, more: &[(&str, &str)]) -> String {
    let answer = ask(app, more).await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer.member("access_token")
}

#[actix_web::test]
async fn it_gets_a_token_that_names_itself_and_no_person() {
    let (server, api, app) = begin("projects tiles:read tiles:write").await;
    let body = ask(&app, &[]).await.success();
    assert_eq!((&body["token_type"], &body["scope"]), (&Value::from("Bearer"), &Value::from("tiles:read tiles:write")));
    assert_eq!((&body["expires_in"], body.get("refresh_token")), (&Value::from(3_600), None));
    let text = body["access_token"].as_str().expect("because it was answered");
    for asker in [&app, &api] {
        let found = asker.introspect(text).await;
        assert_eq!((&found["active"], &found["token_kind"]), (&Value::Bool(true), &Value::from("oauth")));
        assert_eq!(
            (&found["sub"], &found["client_id"]),
            (&Value::from(app.client_id()), &Value::from(app.client_id()))
        );
        assert_eq!(found.get("username"), None);
    }
    assert!(!server.application(confidential()).await.is_active(text).await, "nobody else's business");
    server.advance(3_600);
    assert!(!app.is_active(text).await);
}

#[actix_web::test]
async fn what_a_person_gives_it_cannot_get_and_no_door_of_a_person_opens() {
    let (server, _, app) = begin("projects tiles:read").await;
    for scope in ["projects", "projects unknown", "tiles:write", "openid", "unknown", "\"", " "] {
        assert_eq!(ask(&app, &[("scope", scope)]).await.error(), (400, "invalid_scope".into()), "{scope}");
    }
    let text = token(&app, &[("scope", "tiles:read projects unknown")]).await;
    assert_eq!(app.introspect(&text).await["scope"], "tiles:read", "what it may have of what it asked");
    for (method, path) in [
        (Method::GET, "/v3/account"),
        (Method::GET, "/v3/account/root/myDrive"),
        (Method::PATCH, "/v3/account/profile"),
    ] {
        let answer = server.program(&text).send(method, path, &[], &serde_json::json!({})).await;
        answer.refusal(403);
    }
}

#[actix_web::test]
async fn a_proxy_before_its_api_lets_it_through_and_tells_who_it_is() {
    let (server, _, app) = begin("tiles:read").await;
    let program = server.program(&token(&app, &[]).await);
    let headers = [("x-original-method", "GET"), ("x-original-uri", "/v3/path/map")];
    let answer = program.send(Method::GET, &format!("/auth/check?api={TILES}"), &headers, &Value::Null).await;
    answer.success_without_body();
    for (name, value) in
        [("x-auth-subject", app.client_id()), ("x-auth-client", app.client_id()), ("x-auth-username", "")]
    {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    let elsewhere = program.send(Method::GET, "/auth/check", &headers, &Value::Null).await;
    assert_eq!(elsewhere.status, 403, "the platform's own door is for people");
}

#[actix_web::test]
async fn without_a_scope_of_an_api_the_token_only_says_who_it_is() {
    let (server, _, app) = begin("projects").await;
    let body = ask(&app, &[]).await.success();
    assert_eq!(body.get("scope"), None);
    let text = body["access_token"].as_str().expect("because it was answered");
    assert_eq!(app.introspect(text).await["sub"], app.client_id());
    server.program(text).get("/v3/account").await.refusal(403);
}

#[actix_web::test]
async fn only_who_registered_the_grant_and_proves_who_it_is_gets_one() {
    let (server, api, app) = begin("tiles:read").await;
    let usual = server.application(confidential()).await;
    assert_eq!(ask(&usual, &[]).await.error(), (400, "unauthorized_client".into()));
    assert_eq!(ask(&api, &[]).await.error(), (400, "unauthorized_client".into()));
    let form = [("grant_type", "client_credentials"), ("client_id", app.client_id())];
    assert_eq!(server.http.post("/oauth/token", &[], &form).await.error(), (401, "invalid_client".into()));
    let wrong = [form[0], form[1], ("client_secret", usual.secret())];
    assert_eq!(server.http.post("/oauth/token", &[], &wrong).await.error(), (401, "invalid_client".into()));
    server.suspend(&app, true).await;
    assert_eq!(ask(&app, &[]).await.error(), (401, "invalid_client".into()));
    assert_eq!(server.count("tokens").await, 0, "a refusal writes nothing");
}

#[actix_web::test]
async fn an_application_without_a_secret_cannot_register_it() {
    let server = harness::spawn().await;
    let owner = server.person("olivia").await;
    let (now, rules) = (server.now(), server.app.config.registration_rules());
    let asked = Draft { client_type: ClientType::Public, ..draft("projects") };
    let made = transact(&server.app.store, move |tx| {
        clients::register(tx, now, &rules, (By::Operator(owner.id), asked.clone()), None)
    });
    let Err(Error::Refused(problems)) = made.await else { panic!("it was registered") };
    assert_eq!(problems.iter().map(|problem| problem.field).collect::<Vec<_>>(), ["grant_types"]);
}

#[actix_web::test]
async fn it_dies_when_it_is_revoked_and_when_its_application_is_suspended_or_deleted() {
    let (server, _, app) = begin("tiles:read").await;
    let (first, second) = (token(&app, &[]).await, token(&app, &[]).await);
    app.revoke(&first).await.success();
    assert!(!app.is_active(&first).await && app.is_active(&second).await, "that one alone");
    let check = async |token: &str| {
        let headers = [("x-original-method", "GET"), ("x-original-uri", "/tiles")];
        server
            .program(token)
            .send(Method::GET, &format!("/auth/check?api={TILES}"), &headers, &Value::Null)
            .await
            .status
    };
    server.suspend(&app, true).await;
    assert_eq!(check(&second).await, 401);
    server.suspend(&app, false).await;
    assert_eq!(check(&second).await, 200, "undone without loss");
    let (now, id) = (server.now(), app.client.id);
    server.write(move |tx| gatepost::tokens::revoke::delete_client(tx, now, id)).await;
    assert_eq!(check(&second).await, 401);
}
