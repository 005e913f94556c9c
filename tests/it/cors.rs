//! Cross-origin requests: programs in browsers may call the endpoints of programs, without cookies,
//! errors included; the authorization endpoint and the pages they may not.

use actix_web::http::Method;

use crate::harness::devices::on_a_device;
use crate::harness::http::Answer;
use crate::harness::{self, Server, public};

const FOREIGN: (&str, &str) = ("origin", "https://spa.example");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

fn allowed_origin(answer: &Answer) -> Option<&str> {
    assert_eq!(answer.header("access-control-allow-credentials"), None, "cookies never come along");
    answer.header("access-control-allow-origin")
}

async fn preflight(server: &Server, path: &str, method: &str) -> Answer {
    preflight_with(server, (path, method), "authorization,content-type").await
}

async fn preflight_with(server: &Server, (path, method): (&str, &str), headers: &str) -> Answer {
    let asked = [FOREIGN, ("access-control-request-method", method), ("access-control-request-headers", headers)];
    server.http.send(Method::OPTIONS, path, &asked, "").await
}

/// The endpoints of programs, which read no cookie.
const FOR_PROGRAMS: [(&str, &str); 16] = [
    ("/.well-known/oauth-authorization-server", "GET"),
    ("/.well-known/openid-configuration", "GET"),
    ("/.well-known/oauth-protected-resource/v3", "GET"),
    ("/oauth/token", "POST"),
    ("/oauth/revoke", "POST"),
    ("/oauth/introspect", "POST"),
    ("/oauth/par", "POST"),
    ("/oauth/register", "POST"),
    ("/oauth/jwks", "GET"),
    ("/oauth/userinfo", "GET"),
    ("/oauth/userinfo", "POST"),
    ("/v3", "GET"),
    ("/v3/account", "GET"),
    ("/v3/account", "HEAD"),
    ("/spatialstudio/oauth/v1/user/token", "POST"),
    ("/credentials/revoke", "POST"),
];

#[actix_web::test]
async fn endpoints_of_programs_take_any_request_header_since_they_read_no_cookie() {
    let server = harness::spawn().await;
    for at in FOR_PROGRAMS {
        for headers in [
            "traceparent",
            "x-requested-with",
            "baggage,sentry-trace",
            "cache-control",
            "mcp-protocol-version",
            "x-app-version",
            "authorization, dpop, idempotency-key",
            &harness::random_word(20),
        ] {
            let answer = preflight_with(&server, at, headers).await;
            assert!((200..300).contains(&answer.status), "{at:?} with {headers}: {}", answer.status);
            assert_eq!(allowed_origin(&answer), Some("*"), "{at:?}");
            let allowed = answer.header("access-control-allow-headers").unwrap_or_default().to_ascii_lowercase();
            for header in headers.split(',').map(str::trim) {
                assert!(allowed.contains(&header.to_ascii_lowercase()), "{at:?}: {header} of {allowed}");
            }
        }
    }
    for path in ["/oauth/authorize", "/login", "/account", "/spatialstudio/api/v1/user/token", "/oauth/device"] {
        let answer = preflight_with(&server, (path, "POST"), "traceparent").await;
        assert_eq!(allowed_origin(&answer), None, "{path}");
        assert_eq!(answer.header("access-control-allow-headers"), None, "{path}");
    }
}

#[actix_web::test]
async fn endpoints_of_programs_answer_a_preflight_for_any_origin() {
    let server = harness::spawn().await;
    for (path, method) in FOR_PROGRAMS {
        let answer = preflight(&server, path, method).await;
        assert!((200..300).contains(&answer.status), "{path}: {}", answer.status);
        assert_eq!(allowed_origin(&answer), Some("*"), "{path}");
        let headers = answer.header("access-control-allow-headers").unwrap_or_default().to_ascii_lowercase();
        assert!(headers.contains("authorization") && headers.contains("content-type"), "{path}: {headers}");
        assert!(
            answer.header("access-control-allow-methods").is_some_and(|methods| methods.contains(method)),
            "{path}"
        );
        assert!(answer.header("access-control-max-age").is_some(), "{path}");
    }
}

#[actix_web::test]
async fn answers_and_errors_are_readable_by_any_origin_even_null() {
    let server = harness::spawn().await;
    let app = server.application(public()).await;
    let tokens = app.tokens(&mut server.signed_in("alice").await).await;
    let bearer = format!("Bearer {}", tokens.access_token);
    for origin in [FOREIGN, ("origin", "null"), ("origin", "http://localhost:3000")] {
        let get = |path, headers: Vec<(&'static str, String)>| {
            let http = server.http.clone();
            async move {
                let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
                http.send(Method::GET, path, &headers, "").await
            }
        };
        let foreign = (origin.0, origin.1.to_owned());
        let answers = [
            (200, get("/.well-known/oauth-authorization-server", vec![foreign.clone()]).await),
            (200, get("/v3/account", vec![foreign.clone(), ("authorization", bearer.clone())]).await),
            (401, get("/v3/account", vec![foreign.clone()]).await),
            (401, get("/oauth/userinfo", vec![foreign.clone()]).await),
            (200, get("/oauth/jwks", vec![foreign.clone()]).await),
            (401, get("/v3/account", vec![foreign.clone(), ("authorization", "Bearer x".to_owned())]).await),
            (404, get("/v3/nothing", vec![foreign.clone()]).await),
            (405, get("/oauth/token", vec![foreign.clone()]).await),
            (
                401,
                server
                    .http
                    .post("/oauth/token", &[origin], &[("grant_type", "refresh_token"), ("refresh_token", "x")])
                    .await,
            ),
            (415, server.http.send(Method::POST, "/oauth/token", &[origin], "{}").await),
            (413, server.http.send(Method::POST, "/oauth/token", &[origin, FORM], vec![b'a'; 70_000]).await),
            (401, server.http.post("/oauth/introspect", &[origin], &[("token", "x")]).await),
            (
                200,
                server.http.post("/oauth/revoke", &[origin], &[("token", "x"), ("client_id", app.client_id())]).await,
            ),
        ];
        for (status, answer) in answers {
            assert_eq!((answer.status, allowed_origin(&answer)), (status, Some("*")), "{}", answer.text());
        }
    }
    let answer = server.http.send(Method::GET, "/v3/account", &[FOREIGN], "").await;
    let exposed = answer.header("access-control-expose-headers").unwrap_or_default().to_ascii_lowercase();
    assert!(exposed.contains("www-authenticate"), "{exposed}");
}

#[actix_web::test]
async fn a_browser_application_refreshes_across_origins() {
    let server = harness::spawn().await;
    let app = server.application(public()).await;
    let tokens = app.tokens(&mut server.signed_in("alice").await).await;
    let form = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh()), ("client_id", app.client_id())];
    let answer = server.http.post("/oauth/token", &[FOREIGN], &form).await;
    assert_eq!((answer.status, allowed_origin(&answer)), (200, Some("*")));
}

#[actix_web::test]
async fn the_authorization_endpoint_and_the_pages_are_for_navigation_only() {
    let server = harness::spawn().await;
    let app = server.application(public()).await;
    let mut alice = server.signed_in("alice").await;
    app.code(&mut alice).await;
    for path in
        [app.request().path().as_str(), "/login", "/account", "/developer", "/register", "/", "/errors/invalid-code"]
    {
        let answer = preflight(&server, path, "GET").await;
        assert_eq!(allowed_origin(&answer), None, "{path}");
        let answer = alice.bare(Method::GET, path, &[FOREIGN, ("sec-fetch-site", "cross-site")], "").await;
        assert!(answer.status < 400, "{path}: {}", answer.status);
        assert_eq!(allowed_origin(&answer), None, "{path}");
    }
    let answer = alice.bare(Method::POST, "/oauth/authorize", &[FOREIGN, FORM], "decision=allow").await;
    assert_eq!((answer.status, allowed_origin(&answer)), (403, None));
}

#[actix_web::test]
async fn no_page_starts_a_device_in_its_visitors_browser() {
    let server = harness::spawn().await;
    let app = server.application(on_a_device()).await;
    assert_eq!(allowed_origin(&preflight(&server, "/oauth/device", "POST").await), None);
    let form = [("client_id", app.client_id())];
    for of_a_browser in [FOREIGN, ("origin", "null"), ("sec-fetch-site", "cross-site"), ("sec-fetch-site", "none")] {
        let answer = server.http.post("/oauth/device", &[of_a_browser], &form).await;
        assert_eq!(answer.error(), (403, "invalid_request".into()), "{of_a_browser:?}");
        assert_eq!(allowed_origin(&answer), None);
    }
    assert_eq!(server.count("device_codes").await, 0);
    server.http.post("/oauth/device", &[], &form).await.success();
}
