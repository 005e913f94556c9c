//! How an answer travels back: by query, by fragment, by a form that posts itself (OAuth 2.0 Form Post
//! Response Mode), successes and errors alike, always with `state` and `iss`.

use gatepost::domain::registration::Draft;

use crate::harness::application::{Application, Granted, Request, allow};
use crate::harness::html::Page;
use crate::harness::http::parameter;
use crate::harness::{self, PASSWORD, Server, confidential, public};

/// What a page's form would post, and where.
fn posted(page: &Page) -> (String, impl Fn(&str) -> Option<String>) {
    let form = page.forms().into_iter().find(|form| form.value("iss").is_some());
    let form = form.unwrap_or_else(|| panic!("no answer on {}: {}", page.url, page.html));
    assert!(form.is_post);
    (form.action.to_string(), move |name: &str| form.value(name).map(str::to_owned))
}

fn assert_form_headers(page: &Page) {
    let policy = page.header("content-security-policy").unwrap_or_default();
    // Chromium enforces form-action on the app's own onward redirects too.
    assert!(!policy.contains("form-action"), "{policy}");
    assert_eq!(page.forms().len(), 1, "it posts to one address");
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!((page.header("cache-control"), page.header("x-frame-options")), (Some("no-store"), Some("DENY")));
}

/// The code that a form would post, as the application gets it.
fn granted(app: &Application, server: &Server, request: &Request, page: &Page) -> Granted {
    let (action, value) = posted(page);
    assert_eq!(action, app.redirect_uri());
    assert_eq!((value("state").as_deref(), value("iss").as_deref()), (request.get("state"), Some(server.issuer())));
    let code = value("code").expect("because the person allowed it");
    let location = format!("{action}?code={code}&state={}", request.get("state").unwrap_or_default());
    request.granted(&location)
}

#[actix_web::test]
async fn a_fragment_carries_the_answer_behind_the_query_that_was_registered() {
    let server = harness::spawn().await;
    let uri = "https://app.example/callback?tenant=1";
    let app = server.application(Draft { redirect_uris: vec![uri.to_owned()], ..confidential() }).await;
    let mut alice = server.signed_in("alice").await;
    for (mode, joint) in [("fragment", "#"), ("query", "&"), ("", "&")] {
        let request = app.request().with("response_mode", mode).with("prompt", "consent");
        let page = alice.open(&request.path()).await;
        let denied = alice.submit(page.decision("deny")).await;
        assert!(denied.away().starts_with(&format!("{uri}{joint}error=access_denied")), "{}", denied.away());
        let page = alice.open(&request.path()).await;
        let page = allow(&mut alice, &page).await;
        let rest = page.away().strip_prefix(&format!("{uri}{joint}")).unwrap_or_else(|| panic!("{}", page.away()));
        let granted = request.granted(&format!("https://x.example/?{rest}"));
        let location = format!("{uri}#");
        let tokens = app.exchange_with(&granted, &[("redirect_uri", location.trim_end_matches('#'))]).await;
        tokens.expect("because it is the code's first use");
    }
}

#[actix_web::test]
async fn a_form_posts_the_code_to_the_registered_address_only_and_needs_no_script() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    server.person("alice").await;
    let mut alice = server.browser();
    let request = app.request().with("response_mode", "form_post").with("state", "\"><script>alert(1)</script>&=é");
    let page = alice.open(&request.path()).await;
    let page = alice.log_in_at(&page, "alice", PASSWORD).await;
    let page = allow(&mut alice, &page).await;
    assert_eq!((page.status, page.away.as_deref()), (200, None));
    assert_form_headers(&page);
    assert!(!page.html.contains("<script>alert"));
    assert_eq!(page.all("form button"), ["Continue"], "without scripts the button does it");
    assert!(page.attributes("script", "src").iter().any(|source| source.contains("/static/form_post.")));
    let code = posted(&page).1("code").expect("because alice allowed it");
    let granted = request.granted(&format!("{}?{}", app.redirect_uri(), {
        let state = request.get("state").unwrap_or_default();
        crate::harness::http::encode(&[("code", &code), ("state", state)])
    }));
    app.exchange(&granted).await.expect("because it is the code's first use");
    let again = app.request().with("response_mode", "form_post");
    let page = alice.open(&again.path()).await;
    let granted = self::granted(&app, &server, &again, &page);
    app.exchange(&granted).await.expect("because the consent is remembered");
}

#[actix_web::test]
async fn a_form_posts_errors_too_and_waits_for_a_click_where_nobody_knows_the_application() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    let mut alice = server.signed_in("alice").await;
    let request = app.request().with("response_mode", "form_post");
    let page = alice.open(&request.path()).await;
    let denied = alice.submit(page.decision("deny")).await;
    let wrong = alice.open(&request.clone().with("scope", "nothing").path()).await;
    let silent = server.browser().open(&request.clone().with("prompt", "none").path()).await;
    for (page, error) in [(&denied, "access_denied"), (&wrong, "invalid_scope"), (&silent, "login_required")] {
        let (action, value) = posted(page);
        assert_eq!((action, value("error").as_deref()), (app.redirect_uri(), Some(error)));
        assert_eq!((value("state").as_deref(), value("iss").as_deref()), (request.get("state"), Some(server.issuer())));
        assert!(page.html.contains("data-submit"), "it waits for nobody");
        assert_form_headers(page);
    }
    let stranger = server.unverified_application(confidential()).await;
    let request = stranger.request().with("response_mode", "form_post").with("scope", "nothing");
    let page = alice.open(&request.path()).await;
    assert_eq!((page.status, page.all("form button")), (400, vec!["Return to app.example".to_owned()]));
    assert!(!page.html.contains("data-submit"), "we are nobody's bouncer");
    assert_eq!(posted(&page).1("error").as_deref(), Some("invalid_scope"));
}

#[actix_web::test]
async fn a_form_goes_to_a_port_of_this_device_but_never_to_a_scheme() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    for uri in ["http://127.0.0.1:7777/callback", "http://localhost/callback", "http://[::1]:7777/callback"] {
        let app = server.application(Draft { redirect_uris: vec![uri.to_owned()], ..public() }).await;
        let request = app.request().with("response_mode", "form_post");
        let page = alice.open(&request.path()).await;
        let page = allow(&mut alice, &page).await;
        assert_form_headers(&page);
        granted(&app, &server, &request, &page);
    }
    let uri = "com.example.viewer:/callback".to_owned();
    let app = server.application(Draft { redirect_uris: vec![uri], ..public() }).await;
    let page = alice.open(&app.request().with("response_mode", "form_post").path()).await;
    assert_eq!(parameter(page.away(), "error").as_deref(), Some("invalid_request"));
}

#[actix_web::test]
async fn an_unknown_mode_is_refused_by_query_and_the_metadata_lists_what_there_is() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    for mode in ["telepathy", "Query", "form_post ", "query.jwt", "web_message"] {
        let page = server.browser().open(&app.request().with("response_mode", mode).path()).await;
        assert_eq!(parameter(page.away(), "error").as_deref(), Some("invalid_request"), "{mode}");
    }
    let metadata = server.http.get("/.well-known/oauth-authorization-server").await.json();
    assert_eq!(metadata["response_modes_supported"], serde_json::json!(["query", "fragment", "form_post"]));
}
