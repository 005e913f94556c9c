//! Requests that can be read in two ways, or that would break what is made of them: each is refused, or answered in
//! the one way that is safe.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use actix_web::http::Method;
use gatepost::web::routes;
use serde_json::json;
use url::Url;

use crate::harness::application::basic;
use crate::harness::browser::Browser;
use crate::harness::http::{Answer, parameter};
use crate::harness::token_holders::ACCESS_TOKENS;
use crate::harness::{self, PASSWORD, Server, confidential};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const JSON: (&str, &str) = ("content-type", "application/json");

/// Sends a request line and headers as they stand, and reads the whole answer.
fn raw(server: &Server, line: &str, browser: Option<&Browser>) -> String {
    let cookies = browser.map(Browser::cookies).into_iter().flatten();
    let cookies: String = cookies.map(|(name, value)| format!("cookie: {name}={value}\r\n")).collect();
    let mut stream = TcpStream::connect(server.address).expect("because the server listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("because the time is not zero");
    let request = format!("{line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{cookies}\r\n");
    stream.write_all(request.as_bytes()).expect("because the server reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("because the server answers and closes");
    String::from_utf8(answer).expect("because our answers are UTF-8")
}

fn location_in(answer: &str) -> &str {
    let found = answer.lines().find_map(|line| line.strip_prefix("location: "));
    found.unwrap_or_else(|| panic!("no Location in {answer}"))
}

#[actix_web::test]
async fn a_posted_request_goes_on_whole_whatever_characters_it_holds() {
    let server = harness::spawn().await;
    for path in ["/oauth/authorize", "/v3/oauth/authorize", "/oauth/logout"] {
        for state in ["a\n", "a\r\nset-cookie: x=y", "\u{7f}", "a b", "a#b", "\"<a>'\\`{}", "é\u{1f5fa}", "a;b%26c"] {
            let body = format!("state={state}&scope=b&scope=a&empty=");
            let answer = server.http.send(Method::POST, &format!("{path}?client_id=x"), &[FORM], body).await;
            assert_eq!(answer.status, 303, "{path} {state:?}: {}", answer.text());
            let location = answer.location().expect("because it is a redirect");
            assert!(location.chars().all(|character| character.is_ascii_graphic()), "{location}");
            let (_, query) = location.split_once('?').expect("because it carries the request");
            let sent: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
            let state = state.replace("%26", "&");
            let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
            let whole = [pair("client_id", "x"), pair("state", &state), pair("scope", "b"), pair("scope", "a")];
            assert_eq!(sent[..4], whole, "{path}: in order, repeats and all");
            assert_eq!((answer.header("referrer-policy"), answer.header("set-cookie")), (Some("no-referrer"), None));
        }
        let answer = server.http.send(Method::POST, path, &[FORM], &b"state=\xff"[..]).await;
        assert_eq!((answer.status, answer.location()), (400, None), "{path}: what is not UTF-8 is not guessed");
    }
}

#[actix_web::test]
async fn a_posted_request_is_a_form_that_an_address_can_hold() {
    let server = harness::spawn().await;
    for (path, media_type) in [
        ("/oauth/authorize", "application/json"),
        ("/oauth/authorize", "text/plain"),
        ("/oauth/logout", "application/json"),
        ("/v3/oauth/authorize", "text/plain"),
        ("/v3/oauth/authorize", "multipart/form-data; boundary=x"),
    ] {
        let answer =
            server.http.send(Method::POST, path, &[("content-type", media_type)], r#"{"client_id": "x"}"#).await;
        assert_eq!((answer.status, answer.location()), (415, None), "{path} {media_type}");
    }
    let form = ("content-type", "Application/x-www-form-urlencoded; charset=UTF-8");
    for path in ["/oauth/authorize", "/v3/oauth/authorize", "/oauth/logout"] {
        // A state of 2 kB, every byte of it encoded.
        let state = "é".repeat(1_024);
        let answer = server.http.send(Method::POST, path, &[form], format!("state={state}")).await;
        let location = server.url(answer.location().expect("because it is a legal request"));
        assert_eq!(parameter(&location, "state"), Some(state), "{path}");
        let body = format!("state={}", "x".repeat(60_000));
        let answer = server.http.send(Method::POST, path, &[form], body).await;
        assert_eq!((answer.status, answer.location()), (413, None), "{path}");
        let body = format!("state={}", "é".repeat(5_000));
        assert_eq!(server.http.send(Method::POST, path, &[form], body).await.status, 413, "{path}: as it is encoded");
    }
    let body = json!({ "state": "é".repeat(5_000) }).to_string();
    assert_eq!(server.http.send(Method::POST, "/v3/oauth/authorize", &[JSON], body).await.status, 413);
}

#[actix_web::test]
async fn a_request_that_a_browser_would_write_otherwise_asks_for_one_log_in_only() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let mut alice = server.signed_in("alice").await;
    for odd in ["it's", "a\\b", "{x}`"] {
        let path = app.request().with("prompt", "login").path();
        server.advance(1);
        let answer = raw(&server, &format!("GET {path}&odd={odd}"), Some(&alice));
        let page = alice.open(location_in(&answer)).await;
        assert_eq!(page.heading(), "Log in", "{odd}");
        let page = alice.log_in_at(&page, "alice", PASSWORD).await;
        assert_eq!(page.heading(), "Allow this app?", "{odd}: {:?}", page.hops);
    }
    let answer = raw(&server, "GET /v3/oauth/authorize?state=a\\b", None);
    assert_eq!(location_in(&answer), "/oauth/authorize?state=a%5Cb");
}

/// RFC 9112 §3.2.2: a server takes them; who they name is not who we are.
#[actix_web::test]
async fn a_request_line_with_a_whole_address_names_no_site_in_the_answer() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let alice = server.signed_in("alice").await;
    let own = routes::addresses().filter(|address| address.route.method == Method::GET).map(|address| {
        address.path.replace("{name}", "app.css").replace("{id}", "7").replace("{client_id}", app.client_id())
    });
    let asked = app.request().path();
    let further =
        [asked.clone(), format!("{asked}&prompt=login"), "/logIn?referer=x".to_owned(), "/account?x=1".to_owned()];
    for path in own.chain(further) {
        for browser in [None, Some(&alice)] {
            let answer = raw(&server, &format!("GET http://evil.example{path}"), browser);
            assert!(!answer.contains("evil.example"), "{path}: {answer}");
            let status = answer.split(' ').nth(1).unwrap_or_default();
            assert!(["200", "303", "400", "401", "403", "404"].contains(&status), "{path}: {answer}");
        }
    }
}

#[actix_web::test]
async fn nobody_is_sent_out_of_the_path_of_the_public_url() {
    let server = harness::spawn_with(&[("public_url", "http://localhost:{port}/gate")]).await;
    server.person("alice").await;
    for (next, leads_to) in [
        ("/gate/account/sessions", "/gate/account/sessions"),
        ("/gate/./x/../account/sessions", "/gate/account/sessions"),
        ("/gate/../../evil", "/gate/account"),
        ("/gate/../evil", "/gate/account"),
        ("/gate/%2e%2E/evil", "/gate/account"),
        ("/gate/..//evil.example", "/gate/account"),
        ("/gate/..//evil.example/../gate", "/gate/account"),
        ("/gate/.//evil.example", "/gate/account"),
        ("/gate/x/..//evil.example", "/gate/account"),
    ] {
        let mut browser = server.browser();
        let coded: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let page = browser.open(&format!("/login?next={coded}")).await;
        let page = browser.log_in_at(&page, "alice", PASSWORD).await;
        assert_eq!((page.away.as_deref(), page.url.path()), (None, leads_to), "{next}");
        let (_, last) = page.hops.last().expect("because there was an answer");
        assert_eq!(Url::parse(last).map(|url| url.path().to_owned()).as_deref(), Ok(leads_to));
        let left = browser.bare(Method::POST, &format!("/logout?next={coded}"), &[FORM], "").await;
        assert!(left.location().is_none_or(|location| location == leads_to), "{next}: {:?}", left.location());
    }
}

#[actix_web::test]
async fn of_two_authorization_headers_none_counts() {
    let server = harness::spawn_with(&[("dynamic_registration", "open")]).await;
    let app = server.application(confidential()).await;
    let right = basic(app.client_id(), app.secret());
    let wrong = basic(app.client_id(), "wrong");
    let form = [("token", "x"), ("grant_type", "client_credentials"), ("scope", "projects")];
    for other in [wrong.as_str(), "Bearer x", right.as_str()] {
        for headers in [[right.as_str(), other], [other, right.as_str()]] {
            let headers = headers.map(|header| ("authorization", header));
            for path in ["/oauth/token", "/oauth/revoke", "/oauth/introspect", "/oauth/par", "/oauth/device"] {
                let refused = (400, "invalid_request".to_owned());
                assert_eq!(server.http.post(path, &headers, &form).await.error(), refused, "{path} {other}");
            }
            let answer = server.http.send(Method::GET, "/management/resources", &headers, "").await;
            assert_eq!(answer.error(), (400, "invalid_request".to_owned()));
        }
    }
    let two = [("authorization", "Bearer x"), ("authorization", "Bearer y")];
    for (method, path) in [
        (Method::POST, "/oauth/register"),
        (Method::GET, "/oauth/register/nobody"),
        (Method::PUT, "/oauth/register/nobody"),
        (Method::DELETE, "/oauth/register/nobody"),
    ] {
        let answer = server.http.send(method.clone(), path, &two, "").await;
        assert_eq!(answer.error(), (400, "invalid_request".to_owned()), "{method} {path}");
    }
}

async fn send_json(server: &Server, path: &str, token: Option<&str>, body: &str) -> Answer {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let bearer = bearer.as_deref().map(|bearer| ("authorization", bearer));
    let headers: Vec<_> = [JSON].into_iter().chain(bearer).collect();
    server.http.send(Method::POST, path, &headers, body).await
}

#[actix_web::test]
async fn a_member_that_is_there_twice_is_refused_at_every_depth() {
    let server = harness::spawn_with(&[("dynamic_registration", "open")]).await;
    server.person("alice").await;
    let token = server.log_in("alice").await.token().to_owned();
    let log_in = format!(r#"{{"username":"mallory","username":"alice","password":"{PASSWORD}"}}"#);
    let nested = |access: &str| {
        format!(r#"{{"description":"d","accessList":[{{"pathId":"p","access":{{"accessTier":"view"{access}}}}}]}}"#)
    };
    for (path, token, body) in [
        ("/v3/account/login", None, log_in.as_str()),
        ("/v3/account/login", None, &log_in.replacen("username", "\\u0075sername", 1)),
        ("/v3/oauth/token", None, r#"{"grant_type":"refresh_token","client_id":"a","client_id":"b"}"#),
        ("/v3/oauth/authorize", None, r#"{"client_id":"a","state":"x","state":"x"}"#),
        (ACCESS_TOKENS, Some(token.as_str()), &nested(r#","accessTier":"admin""#)),
        (ACCESS_TOKENS, Some(token.as_str()), &nested(r#","geoFence":{"tiles":[{"x":1,"x":2}]}"#)),
    ] {
        let answer = send_json(&server, path, token, body).await;
        assert_eq!(answer.error(), (400, "invalid_request".to_owned()), "{path} {body}: {}", answer.text());
        assert!(answer.text().contains("more than once"), "{path}: {}", answer.text());
    }
    assert_eq!(send_json(&server, ACCESS_TOKENS, Some(&token), &nested("")).await.status, 200);
    let twice = r#"{"redirect_uris":["https://a.example/"],"redirect_uris":["https://b.example/"]}"#;
    let answer = send_json(&server, "/oauth/register", None, twice).await;
    assert_eq!(answer.error(), (400, "invalid_client_metadata".to_owned()));
}
