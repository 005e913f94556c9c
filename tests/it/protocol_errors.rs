//! What is wrong with a request to the protocol's endpoints, and how that is said: JSON where a program
//! asked, a page where a person did, and a redirect only to an address that is right.

use actix_web::http::Method;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gatepost::domain::registration::Draft;
use gatepost::oauth::problem::Problem;
use gatepost::web::routes::{self, Access};

use crate::harness::application::{Application, basic};
use crate::harness::html::Page;
use crate::harness::http::{Answer, encode, parameter};
use crate::harness::{self, Server, confidential, public};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

type Form<'a> = &'a [(&'a str, &'a str)];

/// The error of a program's answer, after its shape was checked and its page was opened.
async fn error_of(server: &Server, answer: &Answer) -> (u16, String) {
    let body = answer.json();
    let text = |name: &str| body[name].as_str().unwrap_or_else(|| panic!("no {name} in {body}")).to_owned();
    assert!(!text("error_description").is_empty());
    let uri = text("error_uri");
    assert!(uri.starts_with(server.issuer()), "{uri}");
    let page = server.http.get(&uri).await;
    assert_eq!((page.status, page.text().contains(&text("error"))), (200, true), "{uri}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    (answer.status, text("error"))
}

#[actix_web::test]
async fn every_error_has_a_page_that_explains_it() {
    let server = harness::spawn().await;
    let mut browser = server.browser();
    for problem in Problem::ALL {
        let page = browser.open(&format!("/errors/{}", problem.id())).await;
        assert_eq!(page.status, 200, "{}", problem.id());
        let text = page.text();
        for words in [problem.id(), problem.code(), problem.description(), problem.advice()] {
            let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(text.contains(&words), "{} does not say '{words}': {text}", problem.id());
        }
    }
    assert_eq!(browser.open("/errors/nothing").await.status, 404);
}

#[actix_web::test]
async fn the_token_endpoint_names_what_is_wrong() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let cases: [(Form, (u16, &str)); 10] = [
        (&[], (400, "invalid_request")),
        (&[("grant_type", "")], (400, "invalid_request")),
        (&[("grant_type[]", "refresh_token")], (400, "invalid_request")),
        (&[("grant_type", "magic")], (400, "unsupported_grant_type")),
        (&[("grant_type", "refresh_token"), ("grant_type", "refresh_token")], (400, "invalid_request")),
        (&[("grant_type", "refresh_token")], (400, "invalid_request")),
        (&[("grant_type", "refresh_token"), ("refresh_token", "\u{0}")], (400, "invalid_request")),
        (&[("grant_type", "authorization_code")], (400, "invalid_request")),
        (&[("grant_type", "authorization_code"), ("code", "\u{1f511}")], (400, "invalid_grant")),
        (&[("grant_type", "refresh_token"), ("refresh_token", "x"), ("x", "1"), ("x", "2")], (400, "invalid_request")),
    ];
    for (form, expected) in cases {
        let answer = app.post("/oauth/token", form).await;
        assert_eq!(error_of(&server, &answer).await, (expected.0, expected.1.to_owned()), "{form:?}");
    }
}

#[actix_web::test]
async fn a_client_that_does_not_prove_who_it_is_gets_401_and_two_ways_at_once_400() {
    let server = harness::spawn().await;
    let (app, spa) = (server.application(confidential()).await, server.application(public()).await);
    let grant = [("grant_type", "refresh_token"), ("refresh_token", "x")];
    let form = |extra: &[(&'static str, &str)]| encode(&grant.iter().chain(extra).copied().collect::<Vec<_>>());
    let right = basic(app.client_id(), app.secret());
    let mut raw: Vec<(String, String, &str)> = Vec::new();
    for header in [
        "Basic".to_owned(),
        "Basic !!!".to_owned(),
        format!("Basic {}", STANDARD.encode("nocolon")),
        format!("Basic {}", STANDARD.encode(":")),
        format!("Basic {}", STANDARD.encode([0xff, b':', 0xfe])),
        format!("Basic {}", STANDARD.encode("%00:%zz")),
        format!("Basic {}", "QUFB".repeat(5_000)),
        basic(app.client_id(), "wrong"),
        basic(app.client_id(), ""),
        basic(spa.client_id(), app.secret()),
        format!("Bearer {}", app.secret()),
        "Digest username=\"x\"".to_owned(),
    ] {
        raw.push((header, form(&[]), "invalid_client"));
    }
    raw.push((right.clone(), form(&[("client_secret", app.secret())]), "invalid_request"));
    raw.push((right.clone(), form(&[("client_id", spa.client_id())]), "invalid_request"));
    raw.push((right, form(&[]), "invalid_grant"));
    for (header, body, expected) in raw {
        let answer = server.http.send(Method::POST, "/oauth/token", &[FORM, ("authorization", &header)], body).await;
        let status = if expected == "invalid_client" { 401 } else { 400 };
        let said = error_of(&server, &answer).await;
        assert_eq!(said, (status, expected.to_owned()), "{}", &header[..header.len().min(60)]);
        let challenge = answer.header("www-authenticate").unwrap_or_default();
        assert_eq!(challenge.starts_with("Basic realm=\""), status == 401, "RFC 6749 §5.2");
    }
    let spoken = server.http.post("/oauth/token", &[], &[&grant[..], &[("client_id", app.client_id())]].concat()).await;
    assert_eq!(error_of(&server, &spoken).await, (401, "invalid_client".to_owned()), "a confidential one as public");
    let in_query = format!("/oauth/token?client_id={}&client_secret={}", app.client_id(), app.secret());
    let answer = server.http.post(&in_query, &[], &grant).await;
    assert_eq!(error_of(&server, &answer).await, (401, "invalid_client".to_owned()), "a secret in an address");
}

#[actix_web::test]
async fn bodies_are_forms_of_at_most_64_kib_in_utf_8_without_nul() {
    let server = harness::spawn().await;
    let app = server.application(public()).await;
    let grant = format!("grant_type=refresh_token&refresh_token=x&client_id={}&pad=", app.client_id());
    let padded = |length: usize| format!("{grant}{}", "a".repeat(length - grant.len()));
    for path in ["/oauth/token", "/oauth/revoke", "/oauth/introspect", "/oauth/par"] {
        let cases: [(&str, Vec<u8>, u16); 10] = [
            (FORM.1, padded(65_537).into_bytes(), 413),
            (FORM.1, vec![b'a'; 300_000], 413),
            (FORM.1, format!("{grant}%00").into_bytes(), 400),
            (FORM.1, format!("{grant}%ff").into_bytes(), 400),
            (FORM.1, [grant.as_bytes(), &[0xc3, 0x28]].concat(), 400),
            ("application/json", b"{\"grant_type\":\"refresh_token\"}".to_vec(), 415),
            ("text/plain", grant.clone().into_bytes(), 415),
            ("multipart/form-data; boundary=x", b"--x--".to_vec(), 415),
            ("", grant.clone().into_bytes(), 415),
            ("\u{7f}", grant.clone().into_bytes(), 415),
        ];
        for (media_type, body, status) in cases {
            let headers = [("content-type", media_type)];
            let headers = if media_type.is_ascii() && !media_type.contains('\u{7f}') { &headers[..] } else { &[] };
            let answer = server.http.send(Method::POST, path, headers, body).await;
            let said = error_of(&server, &answer).await;
            assert_eq!(said, (status, "invalid_request".to_owned()), "{media_type} at {path}");
        }
    }
    let answer = server.http.send(Method::POST, "/oauth/token", &[FORM], padded(65_536)).await;
    assert_eq!(error_of(&server, &answer).await, (400, "invalid_grant".to_owned()), "64 KiB are read");
    let charset = [("content-type", "Application/X-WWW-Form-URLEncoded; charset=UTF-8")];
    let answer = server.http.send(Method::POST, "/oauth/token", &charset, grant).await;
    assert_eq!(error_of(&server, &answer).await, (400, "invalid_grant".to_owned()));
}

/// RFC 6749 §5.2: a request that says nothing lacks a parameter. A body that is not there has no type.
#[actix_web::test]
async fn an_empty_post_lacks_a_parameter_and_no_client_failed() {
    let server = harness::spawn().await;
    for path in [
        "/oauth/token", "/v3/oauth/token", "/oauth/revoke", "/oauth/introspect", "/oauth/par", "/oauth/device",
        "/oauth/token?grant_type=x",
    ] {
        for headers in
            [vec![], vec![FORM], vec![("content-type", "application/json")], vec![("content-type", "text/plain")]]
        {
            let answer = server.http.send(Method::POST, path, &headers, "").await;
            let said = error_of(&server, &answer).await;
            assert_eq!(said, (400, "invalid_request".to_owned()), "{path} {headers:?}: {}", answer.text());
            assert_eq!(answer.header("www-authenticate"), None, "{path}");
        }
    }
    // Every other endpoint of programs that takes a POST finds something missing, and no type wrong.
    for address in routes::addresses().filter(|address| address.route.method == Method::POST) {
        if matches!(address.route.access, Access::Program | Access::Token | Access::Client) {
            let answer = server.http.send(Method::POST, &address.path.replace(['{', '}'], ""), &[], "").await;
            assert!(![415, 500].contains(&answer.status), "{}: {}", address.path, answer.text());
        }
    }
    let app = server.application(confidential()).await;
    let credentials = basic(app.client_id(), app.secret());
    let answer = server.http.send(Method::POST, "/oauth/token", &[("authorization", &credentials)], "").await;
    assert_eq!(error_of(&server, &answer).await, (400, "invalid_request".to_owned()));
}

#[actix_web::test]
async fn a_form_that_cannot_be_read_gets_a_page_at_the_authorization_endpoint() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let mut alice = server.signed_in("alice").await;
    let own = [FORM, ("sec-fetch-site", "same-origin")];
    let long = format!("decision=allow&pad={}", "a".repeat(65_536));
    for (body, status) in [(long.as_str(), 413), ("decision=allow&x=%00", 400), ("decision=allow&x=%ff", 400)] {
        let answer = alice.bare(Method::POST, &app.request().path(), &own, body).await;
        assert_eq!((answer.status, answer.location()), (status, None));
        assert!(answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html")));
    }
}

#[actix_web::test]
async fn another_method_is_refused_with_the_names_of_the_right_ones() {
    let server = harness::spawn().await;
    for (path, right) in [
        ("/oauth/token", "POST"),
        ("/oauth/revoke", "POST"),
        ("/oauth/introspect", "POST"),
        ("/oauth/par", "POST"),
        ("/v3/account/login", "POST"),
        ("/.well-known/oauth-authorization-server", "GET"),
    ] {
        for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            if method.as_str() == right {
                continue;
            }
            let answer = server.http.send(method.clone(), path, &[], "").await;
            assert_eq!(error_of(&server, &answer).await, (405, "invalid_request".to_owned()), "{method} {path}");
            let allow = answer.header("allow").unwrap_or_default();
            assert!(allow.contains(right), "{method} {path}: RFC 9110 §15.5.6 demands Allow, here '{allow}'");
        }
    }
}

#[actix_web::test]
async fn what_answers_get_answers_head() {
    let server = harness::spawn().await;
    for path in ["/.well-known/oauth-authorization-server", "/v3", "/login", "/errors/invalid-code"] {
        let (got, headed) = (server.http.get(path).await.status, server.http.send(Method::HEAD, path, &[], "").await);
        assert_eq!((got, headed.status, headed.body.len()), (200, 200, 0), "{path}: RFC 9110 §9.1");
    }
}

/// Redirect URIs near `https://app.example/callback` that are not it (`docs/threat-model.md#a01`,
/// `docs/threat-model.md#a21`, `docs/threat-model.md#a22`).
const NEAR: [&str; 27] = [
    "https://evil.example/callback", "https://app.example.evil.example/callback",
    "https://app.example@evil.example/callback", "https://evil.example/https://app.example/callback",
    "https://app.example/callback/more", "https://app.example/callback/", "https://app.example/callback?x=1",
    "https://app.example/callback#x", "https://app.example/Callback", "https://app.example/x/../callback",
    "https://app.example/%2e%2e/callback", "https://app.example\\callback", "https://app-example/callback",
    "javascript:alert(1)", "data:text/html,x", "/callback", "//app.example/callback",
    "https://app.example/callback\r\nX-Evil: 1", " https://app.example/callback", "https://app.example:444/callback",
    "http://app.example/callback", "HTTPS://app.example/callback", "http://127.0.0.1:9/callback",
    "http://2130706433/callback", "http://127。0。0。1/callback", "https://ⓐpp.example/callback",
    "app.example/callback",
];

#[actix_web::test]
async fn a_wrong_client_or_address_gets_a_page_and_never_a_redirect_and_no_password_is_asked_first() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let mut alice = server.signed_in("alice").await;
    app.code(&mut alice).await;
    let mut requests: Vec<String> = NEAR.iter().map(|near| app.request().with("redirect_uri", near).path()).collect();
    requests.push(app.request().and("redirect_uri", "https://evil.example/").path());
    requests.push(
        app.request().with("redirect_uri", "https://evil.example/").and("redirect_uri", &app.redirect_uri()).path(),
    );
    requests.push(app.request().and("client_id", "another").path());
    requests.push(app.request().with("client_id", "").path());
    requests.push(app.request().with("client_id", "unknown").path());
    requests.push("/oauth/authorize".to_owned());
    requests.push(format!("{}&x=%00", app.request().path()));
    requests.push(format!("{}&x=%ff", app.request().path()));
    for request in requests {
        for browser in [&mut alice, &mut server.browser()] {
            let page = browser.open(&request).await;
            assert_eq!((page.status, page.away.as_deref()), (400, None), "{request}");
            assert_eq!((page.hops.len(), page.header("location")), (1, None), "{request}");
            assert!(page.attributes("a", "href").iter().all(|link| !link.contains("evil.example")), "{request}");
        }
    }
    let unknown = alice.open(&app.request().with("client_id", "unknown").path()).await;
    server.suspend(&app, true).await;
    let suspended = alice.open(&app.request().path()).await;
    let words = |page: &Page| page.text().replace(page.header("x-request-id").unwrap_or_default(), "");
    assert_eq!((suspended.status, words(&suspended)), (400, words(&unknown)), "a suspended one looks like no one");
}

/// Authorization requests that are wrong beyond client and address, with the error that they get.
fn wrong_requests(app: &Application) -> Vec<(String, &'static str)> {
    let request = || app.request();
    vec![
        (request().with("response_type", "").path(), "invalid_request"),
        (request().with("response_type", "token").path(), "unsupported_response_type"),
        (request().with("response_type", "id_token token").path(), "unsupported_response_type"),
        (request().with("response_type", "Code").path(), "unsupported_response_type"),
        (request().with("response_mode", "telepathy").path(), "invalid_request"),
        (request().with("scope", "admin:everything").path(), "invalid_scope"),
        (request().with("scope", "openid admin:everything").path(), "invalid_scope"),
        (request().with("request", "e30.e30.").path(), "request_not_supported"),
        (request().with("request_uri", "http://169.254.169.254/").path(), "request_uri_not_supported"),
        (request().with("code_challenge", "x").path(), "invalid_request"),
        (request().and("state", "again").path(), "invalid_request"),
    ]
}

#[actix_web::test]
async fn a_request_that_is_otherwise_wrong_bounces_to_an_application_that_the_operator_vouches_for() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    for (request, error) in wrong_requests(&app) {
        let page = server.browser().open(&request).await;
        let answer = |name| parameter(page.away(), name);
        assert_eq!((page.status, answer("error").as_deref()), (303, Some(error)), "{request}");
        assert!(page.away().starts_with("https://app.example/callback?error="), "{}", page.away());
        assert_eq!(answer("iss").as_deref(), Some(server.issuer()), "RFC 9207 §2");
        assert!(answer("state").is_some() && answer("error_description").is_some());
        assert_eq!(server.http.get(&answer("error_uri").expect("because every error has one")).await.status, 200);
    }
}

#[actix_web::test]
async fn a_strangers_application_cannot_use_us_as_a_bouncer_until_the_person_lets_it_in() {
    let server = harness::spawn().await;
    let app = server.unverified_application(confidential()).await;
    let mut alice = server.signed_in("alice").await;
    for (request, error) in wrong_requests(&app) {
        for browser in [&mut alice, &mut server.browser()] {
            let page = browser.open(&request).await;
            assert_eq!((page.status, page.away.as_deref()), (400, None), "{request}");
            let onward = page.link("Return to app.example");
            assert_eq!(parameter(&onward, "error").as_deref(), Some(error), "{request}");
            assert_eq!(parameter(&onward, "iss").as_deref(), Some(server.issuer()));
        }
    }
    app.code(&mut alice).await;
    for (request, error) in wrong_requests(&app) {
        assert_eq!(parameter(alice.open(&request).await.away(), "error").as_deref(), Some(error), "{request}");
    }
    let page = server.signed_in("bob").await.open(&app.request().with("scope", "nothing").path()).await;
    assert_eq!((page.status, page.away), (400, None), "alice's consent is not bob's");
}

#[actix_web::test]
async fn what_is_sent_in_a_parameter_is_only_ever_text() {
    let server = harness::spawn().await;
    let verified = server.application(confidential()).await;
    let app = server.unverified_application(Draft { name: "Map viewer".to_owned(), ..confidential() }).await;
    let mut alice = server.signed_in("alice").await;
    let hostile = "\"><script>alert(1)</script><img src=x onerror=alert(1)>'";
    for name in ["client_id", "redirect_uri", "state", "scope", "response_type", "response_mode", "code_challenge", "x"]
    {
        for app in [&app, &verified] {
            for browser in [&mut alice, &mut server.browser()] {
                let page = browser.open(&app.request().with(name, hostile).path()).await;
                assert!(page.status < 500, "{name}");
                assert!(!page.html.contains("<script>alert") && !page.html.contains("<img src=x"), "{name}");
                assert!(page.away.is_some() || page.header("content-security-policy").is_some(), "{name}");
            }
        }
    }
}

#[actix_web::test]
async fn unknown_parameters_are_ignored() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let mut alice = server.signed_in("alice").await;
    let request = app.request().and("nonce", "1").and("display", "page").and("x\u{1f511}", "é");
    let granted = request.approve(&mut alice).await;
    let mut form = app.exchange_form(&granted);
    form.push(("x".to_owned(), "y".to_owned()));
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(app.post("/oauth/token", &form).await.status, 200);
}
