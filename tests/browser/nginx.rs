//! nginx before an API that knows nothing of tokens, configured as `docs/forward-auth.md` says.

use serde_json::{Value, json};

use crate::harness::{Answer, Gatepost, Nginx, Site, Visit};

const TILE: &str = "/spatialstudio/oauth/v1/vt/7/geom/1/2/3.mvt";
const IDENTITY: [&str; 6] =
    ["x-auth-subject", "x-auth-username", "x-auth-client", "x-auth-kind", "x-auth-scope", "x-auth-access"];

/// The server, an API that answers everything, and nginx between it and the world.
fn guarded_api() -> (Gatepost, Site, Nginx) {
    let server = Gatepost::start();
    server.create_own_api("https://maps.example.com", "Maps");
    let api = Site::start(|_| Answer::Page("a tile".to_owned()));
    let nginx = Nginx::before(&server, &api);
    (server, api, nginx)
}

fn last(api: &Site) -> Visit {
    api.visits().pop().expect("because the request got through")
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

#[actix_web::test]
async fn a_streaming_token_gets_tiles_behind_nginx_and_nothing_else() {
    let (server, api, nginx) = guarded_api();
    let token = server.studio_token("read_only", "dataset_streaming");
    for method in ["GET", "HEAD"] {
        assert_eq!(nginx.fetch_with(method, TILE, &token).await, 200, "{method}");
        assert_eq!((last(&api).method.as_str(), last(&api).target.as_str()), (method, TILE));
    }
    let passed = api.visits().len();
    for (method, path) in [
        ("POST", TILE),
        ("DELETE", TILE),
        ("GET", "/spatialstudio/oauth/v1/datasets"),
        ("GET", "/spatialstudio/oauth/v1/user"),
        ("POST", "/spatialstudio/oauth/v1/vt/7/geom/refresh"),
        ("GET", "/spatialstudio/oauth/v1/vt/7/geom/1/2/../../../../user"),
        ("GET", "/spatialstudio/oauth/v1/vt%2f7/geom/1/2/3.mvt"),
    ] {
        assert_eq!(nginx.fetch_with(method, path, &token).await, 403, "{method} {path}");
    }
    let refused = nginx.fetch("POST", TILE, &[("Authorization", &bearer(&token))]).await;
    assert!(refused.challenge.contains("insufficient_scope") && refused.challenge.contains("read_write/all"));
    assert_eq!(api.visits().len(), passed, "the API heard of a refused request");
}

#[actix_web::test]
async fn the_token_in_a_query_opens_a_tile_behind_nginx_and_stands_in_no_log() {
    let (server, api, nginx) = guarded_api();
    let token = server.studio_token("read_only", "dataset_streaming");
    let path = format!("{TILE}?token={token}");
    assert_eq!(nginx.fetch("GET", &path, &[]).await.status, 200);
    assert_eq!(last(&api).target, path);
    assert_eq!(nginx.fetch("POST", &path, &[]).await.status, 401);
    let log = nginx.log();
    assert!(log.contains(TILE) && !log.contains(&token) && !log.contains("token="), "{log}");
}

#[actix_web::test]
async fn without_a_living_token_nothing_passes_nginx() {
    let (server, api, nginx) = guarded_api();
    let (short, leaked) = (server.personal_token("42", "view", 1), server.personal_token("42", "view", 600));
    assert_eq!(nginx.fetch_with("GET", "/v3/path/42", &leaked).await, 200);
    server.report(&leaked);
    nginx.until_refused("/v3/path/42", &short).await;
    let passed = api.visits().len();
    let mut truncated = leaked.clone();
    truncated.pop();
    for (token, reason) in [(&leaked, "revoked"), (&short, "expired"), (&truncated, "malformed")] {
        let answer = nginx.fetch("GET", "/v3/path/42", &[("Authorization", &bearer(token))]).await;
        assert_eq!(answer.status, 401, "{reason}");
        assert!(answer.challenge.contains(reason), "{reason}: {}", answer.challenge);
    }
    let nobody = nginx.fetch("GET", "/v3/path/42", &[]).await;
    assert_eq!((nobody.status, nobody.challenge.starts_with("Bearer")), (401, true), "{nobody:?}");
    assert_eq!(api.visits().len(), passed, "the API heard of a refused request");
}

#[actix_web::test]
async fn the_api_behind_nginx_learns_who_it_is_from_gatepost_alone() {
    let (server, api, nginx) = guarded_api();
    let authorization = bearer(&server.personal_token("42", "view", 600));
    let forged = [
        ("Authorization", authorization.as_str()),
        ("X-Auth-Subject", "root"),
        ("X-Auth-Username", "root"),
        ("X-Auth-Client", "root"),
        ("X-Auth-Kind", "user"),
        ("X-Auth-Scope", "everything"),
        ("X-Auth-Access", "[]"),
        ("X_Auth_Client", "root"),
        ("X-Original-Method", "GET"),
        ("X-Original-URI", "/v3/path/42"),
    ];
    assert_eq!(nginx.fetch("GET", "/v3/path/42", &forged).await.status, 200);
    let told = IDENTITY.map(|name| last(&api).header(name));
    assert!(told[0].len() == 36 && !told[0].contains("root"), "{told:?}");
    assert_eq!([&told[1], &told[2], &told[3], &told[4]], ["alice", "", "personal", ""]);
    let list: Value = serde_json::from_str(&told[5]).unwrap_or_default();
    assert_eq!(list[0]["pathId"], json!("42"), "{list}");
    let sent = last(&api).headers;
    for (name, value) in &sent {
        assert!(!value.contains("root") && !value.contains("everything"), "{name}: {value}");
        assert!(!name.starts_with("x-original") && name != "authorization", "{name}: {value}");
    }
    // Nor does a client talk the check into another method, address or API.
    for (name, value) in [("X-Original-Method", "GET"), ("X-Forwarded-Method", "GET"), ("X-Forwarded-Uri", "/v3/ok")] {
        let headers = [("Authorization", authorization.as_str()), (name, value)];
        assert_eq!(nginx.fetch("POST", "/v3/path/42", &headers).await.status, 403, "{name}");
        assert_eq!(nginx.fetch("GET", "/v3/path/42", &headers).await.status, 200, "{name}");
    }
    let path = "/v3/path/42?api=https%3A%2F%2Fnobody.example";
    assert_eq!(nginx.fetch("GET", path, &[("Authorization", &authorization)]).await.status, 200);
}

#[actix_web::test]
async fn a_preflight_passes_nginx_without_a_token_and_without_a_name() {
    let (_server, api, nginx) = guarded_api();
    let forged = [("Origin", "https://maps.example"), ("X-Auth-Username", "root")];
    assert_eq!(nginx.fetch("OPTIONS", TILE, &forged).await.status, 200);
    assert_eq!(IDENTITY.map(|name| last(&api).header(name)), [""; 6]);
}
