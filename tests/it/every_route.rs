//! Every address of the server, asked by nobody, by somebody, and by a foreign page; none may be missing.

use std::collections::BTreeMap;

use actix_web::http::Method;
use gatepost::web::routes::{self, Access, Address, OtherMethods};

use crate::harness::http::Answer;
use crate::harness::{self, Server};

const HTML: (&str, &str) = ("accept", "text/html");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// An address with something in place of its variables.
fn filled(path: &str) -> String {
    path.replace("{name}", "app.css").replace("{id}", "7").replace("{client_id}", "nobody").replace("{user}", "8")
}

fn is_page(address: &Address) -> bool {
    let is_redirect_of_programs = address.path.starts_with("/.well-known/");
    address.other_methods == OtherMethods::ErrorPage && !is_redirect_of_programs
}

/// The addresses of GET.
fn shown() -> impl Iterator<Item = Address> {
    routes::addresses().filter(|address| address.route.method == Method::GET)
}

/// The addresses that can change something.
fn changing() -> impl Iterator<Item = Address> {
    routes::addresses().filter(|address| !address.route.method.is_safe())
}

/// The methods of each path that refuses the others, in the order of the table.
fn methods() -> BTreeMap<String, Vec<Method>> {
    let mut methods: BTreeMap<String, Vec<Method>> = BTreeMap::new();
    for address in routes::addresses().filter(|address| address.other_methods != OtherMethods::SameAnswer) {
        methods.entry(address.path).or_default().push(address.route.method.clone());
    }
    methods
}

/// RFC 9110 §15.5.6.
#[actix_web::test]
async fn a_method_that_an_address_does_not_take_is_told_which_it_takes() {
    let server = harness::spawn().await;
    for (path, methods) in methods() {
        let name = |method: &Method| if *method == Method::GET { "GET, HEAD".to_owned() } else { method.to_string() };
        let allow = methods.iter().map(name).collect::<Vec<_>>().join(", ");
        let answer = server.http.send(Method::TRACE, &filled(&path), &[], "").await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allow.as_str())), "{path}");
    }
}

fn assert_page_headers(path: &str, answer: &Answer) {
    let policy = answer.header("content-security-policy").unwrap_or_default();
    for part in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "script-src 'self'"] {
        assert!(policy.contains(part), "{path}: {policy}");
    }
    assert!(!policy.contains("unsafe"), "{path}: {policy}");
    // Chromium enforces form-action on the redirects after a POST: pages that lead away send none.
    let leads_away = ["/login", "/login/", "/register"].contains(&path) || path.starts_with("/oauth/authorize");
    let has_form_action = policy.contains("form-action 'self'");
    assert!(has_form_action != leads_away || answer.status >= 400, "{path}: {policy}");
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-store"),
        ("referrer-policy", "same-origin"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{path}: {name}");
    }
    assert_eq!(answer.header("access-control-allow-origin"), None, "{path}: pages have no CORS");
}

fn assert_is_answered(path: &str, answer: &Answer) {
    assert!(answer.status < 500 && answer.status != 405, "{path}: {}", answer.status);
}

#[actix_web::test]
async fn a_stranger_sees_what_is_for_everybody_and_is_sent_to_log_in_for_the_rest() {
    let server = harness::spawn().await;
    for address in routes::addresses() {
        let (path, method, access) = (filled(&address.path), &address.route.method, address.route.access);
        let headers = if method.is_safe() { &[HTML][..] } else { &[HTML, FORM, ("sec-fetch-site", "same-origin")] };
        let answer = server.http.send(method.clone(), &path, headers, "").await;
        assert_is_answered(&path, &answer);
        match access {
            Access::Person => {
                let location = answer.location().unwrap_or_default();
                assert_eq!(answer.status, 303, "{method} {path}");
                let room = match path.as_str() {
                    "/device" => "%2Fdevice",
                    path if path.starts_with("/developer") => "%2Fdeveloper",
                    _ => "%2Faccount",
                };
                assert!(location.starts_with(&format!("/login?next={room}")), "{method} {path}: {location}");
            }
            Access::Token => {
                let address = server.url("/.well-known/oauth-protected-resource/v3");
                // RFC 9728 §5.1: what our own API is, it says; the second platform's door is none of it.
                let challenge = match path.starts_with("/spatialstudio") {
                    true => "Bearer".to_owned(),
                    false => format!("Bearer resource_metadata=\"{address}\""),
                };
                let said = answer.header("www-authenticate").unwrap_or_default();
                // RFC 6750 §3: the scope that is enough, where one is.
                let said = said.replacen("scope=\"projects\", ", "", 1).replacen("scope=\"openid\", ", "", 1);
                assert_eq!((answer.status, said), (401, challenge), "{path}");
            }
            Access::Client => assert!(matches!(answer.error().0, 400 | 401 | 403), "{path}: {}", answer.text()),
            Access::Session => {
                assert_eq!(answer.error(), (401, "invalid_token".to_owned()), "{path}");
                assert_eq!(answer.header("access-control-allow-origin"), None, "{path}: no page but ours");
            }
            Access::Program => assert_eq!(answer.header("set-cookie"), None, "{path}"),
            Access::Anybody if is_page(&address) && answer.status != 303 => assert_page_headers(&path, &answer),
            Access::Anybody => {}
        }
    }
}

#[actix_web::test]
async fn a_person_sees_their_own_pages_and_nothing_where_nothing_is() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    for address in shown() {
        let path = filled(&address.path);
        let answer = alice.bare(Method::GET, &path, &[], "").await;
        assert_is_answered(&path, &answer);
        let expected = match (address.route.access, path.as_str()) {
            (Access::Person, "/account/confirm") => Some(303), // signed in a moment ago
            (Access::Person, path) if path.contains("nobody") => Some(404),
            (Access::Person | Access::Session, _) => Some(200),
            _ => None,
        };
        assert_eq!(Some(answer.status), expected.or(Some(answer.status)), "{path}");
        if is_page(&address) && answer.status != 303 {
            assert_page_headers(&path, &answer);
            let sources = ["src=\"http", "href=\"http", "src=\"//", "style=\"", "onclick="];
            let body = answer.text();
            assert!(sources.iter().all(|source| !body.contains(source)), "{path}: something foreign or inline");
        }
    }
}

/// Asks as a foreign page of `origin` does, with the person's cookies where the browser sends them.
async fn cross_origin(server: &Server, headers: &[(&str, &str)], body: &str) {
    let mut alice = server.signed_in(&format!("alice-{}", harness::random_word(6))).await;
    let before = server.count("sessions WHERE ended_at IS NULL").await;
    for address in changing() {
        let (path, method) = (filled(&address.path), &address.route.method);
        let headers: Vec<(&str, &str)> = [FORM].iter().chain(headers).copied().collect();
        let answer = alice.bare(method.clone(), &path, &headers, body).await;
        assert_eq!(answer.header("set-cookie"), None, "{path}");
        match address.route.access {
            Access::Person | Access::Anybody => {
                assert_eq!((answer.status, answer.location()), (403, None), "{path}: {headers:?}");
                assert!(answer.text().contains("did not come from our own pages"), "{path}");
            }
            Access::Session => assert_eq!(answer.error().0, 403, "{path}: {headers:?}"),
            Access::Token | Access::Client => {
                assert!(matches!(answer.status, 400 | 401 | 403), "{path} reads no cookies: {}", answer.status);
            }
            Access::Program => {
                let stranger = server.http.send(method.clone(), &path, &headers, body).await;
                assert_eq!(answer.status, stranger.status, "{path} reads no cookies");
            }
        }
    }
    assert_eq!(alice.open("/account").await.heading(), "Your account");
    assert_eq!(server.count("sessions WHERE ended_at IS NULL").await, before);
}

#[actix_web::test]
async fn a_foreign_page_changes_nothing_with_a_persons_cookies() {
    let server = harness::spawn().await;
    let body = "decision=allow&shown=x&username=a&password=b&client_name=x&confirm=x&keep_old_for=0";
    let own = server.issuer().to_owned();
    let other_port = "http://localhost:1";
    for headers in [
        &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.test")][..],
        &[("sec-fetch-site", "cross-site"), ("origin", &own)],
        &[("sec-fetch-site", "same-site"), ("origin", "https://other.localhost")],
        &[("sec-fetch-site", "nonsense")],
        &[("origin", "https://evil.test")],
        &[("origin", "null")],
        &[("origin", other_port)],
        &[("origin", "")],
        &[("referer", &own)],
    ] {
        cross_origin(&server, headers, body).await;
    }
}

#[actix_web::test]
async fn logging_a_victim_in_or_out_from_elsewhere_is_refused_without_cookies_too() {
    let server = harness::spawn().await;
    server.person("mallory").await;
    let form = [("username", "mallory"), ("password", harness::PASSWORD)];
    for headers in [&[("sec-fetch-site", "cross-site")][..], &[("origin", "https://evil.test")], &[("origin", "null")]]
    {
        let answer = server.http.post("/login", headers, &form).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (403, None), "{headers:?}");
    }
    for headers in [&[("sec-fetch-site", "none")][..], &[("origin", server.issuer())], &[]] {
        assert_eq!(server.http.post("/login", headers, &form).await.status, 303, "{headers:?}: a program may");
    }
}

#[actix_web::test]
async fn an_authorization_request_by_post_may_come_from_anywhere_and_a_decision_may_not() {
    let server = harness::spawn().await;
    let app = server.application(harness::confidential()).await;
    let mut alice = server.signed_in("alice").await;
    let path = app.request().path();
    let query = path.split_once('?').map_or("", |(_, query)| query);
    let elsewhere = [FORM, ("sec-fetch-site", "cross-site"), ("origin", "https://app.example")];
    let answer = alice.bare(Method::POST, "/oauth/authorize", &elsewhere, query).await;
    assert_eq!((answer.status, answer.location()), (303, Some(path.as_str())));
    let page = alice.open(&path).await;
    let body = page.form_with("Allow").encode();
    assert_eq!(alice.bare(Method::POST, &path, &elsewhere, &body).await.status, 403);
    assert_eq!(server.count("authorization_codes").await, 0);
}

#[actix_web::test]
async fn an_address_with_two_slashes_never_leads_off_the_host() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    for path in [
        "//evil.test/?token=x", "//evil.test?token=x", "///evil.test/?token=x", "//evil.test/%2e%2e?token=x",
        "/\\evil.test/?token=x", "/.//evil.test/?token=x", "//evil.test/account?token=x", "//evil.test/login",
        "//evil.test/logout?next=/x", "/%2f/evil.test/?token=x",
    ] {
        let page = alice.open(path).await;
        assert_eq!(page.away, None, "{path}");
        let answer = server.http.get(path).await;
        let location = answer.location().unwrap_or("/");
        assert!(location.starts_with('/') && !location.starts_with("//"), "{path}: {location}");
    }
}

/// RFC 9110 §9.1: a server supports GET and HEAD.
#[actix_web::test]
async fn head_is_answered_like_get_without_a_body() {
    let server = harness::spawn().await;
    let mut statuses = Vec::new();
    for address in shown() {
        let path = filled(&address.path);
        let (get, head) = (server.http.get(&path).await, server.http.send(Method::HEAD, &path, &[], "").await);
        assert!(head.body.is_empty(), "{path}");
        statuses.push((path, get.status, head.status));
    }
    let other: Vec<_> = statuses.iter().filter(|(_, get, head)| get != head).collect();
    assert!(other.is_empty(), "{other:?}");
}

/// A page where a person asked: also for a method that an address does not take.
#[actix_web::test]
async fn another_method_is_refused_in_words() {
    let server = harness::spawn().await;
    let own = [("sec-fetch-site", "same-origin")];
    let mut silent = Vec::new();
    for (pattern, taken) in methods() {
        let path = filled(&pattern);
        for method in [Method::PUT, Method::DELETE, Method::PATCH].into_iter().filter(|method| !taken.contains(method))
        {
            let answer = server.http.send(method.clone(), &path, &own, "").await;
            assert!(matches!(answer.status, 404 | 405), "{method} {path}: {}", answer.status);
            if answer.body.is_empty() && !pattern.starts_with("/static") && pattern != "/login.js" {
                silent.push((method, path.clone()));
            }
        }
    }
    assert!(silent.is_empty(), "an empty answer: {silent:?}");
}
