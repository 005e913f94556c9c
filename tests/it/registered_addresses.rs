//! What is registered is one address, whoever writes it down and of whatever kind; and the rules of now hold
//! when somebody is sent there.

use actix_web::http::Method;
use gatepost::domain::registration::Draft;
use serde_json::{Value, json};

use crate::harness::application::{Application, Request};
use crate::harness::client_documents::ClientDocuments;
use crate::harness::client_keys::merge;
use crate::harness::http::parameter;
use crate::harness::{self, Server, confidential, execute, public};
use crate::signing_keys::{attempt, run};

const DOCUMENT: &str = "https://app.example/oauth/client.json";
const CALLBACK: &str = "https://app.example/callback";
/// Two in one, of which the second would be opened by the operating system; and other breaks.
const BROKEN: [&str; 6] = [
    "com.example.app:x search-ms:query=evil", "https://app.example/cb search-ms:query=evil",
    "https://app.example/\tcb", "https://app.example/cb\u{a0}x", "https://app.example/\u{7f}cb",
    "https://app.example/c\u{2028}b",
];

async fn open_server() -> Server {
    let server =
        harness::spawn_with(&[("dynamic_registration", "open"), ("self_registered_scope", "tiles:read")]).await;
    server.api("https://tiles.example", &["tiles:read: See your map tiles"], false).await;
    server
}

async fn registering(server: &Server, others: &Value) -> (u16, Value) {
    let mut body =
        json!({ "client_name": "Trip planner", "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none" });
    merge(&mut body, others);
    let headers = [("content-type", "application/json")];
    let answer = server.http.send(Method::POST, "/oauth/register", &headers, body.to_string()).await;
    (answer.status, answer.json())
}

/// A request of a client that nobody here wrote down.
async fn request_of(server: &Server, client_id: &str) -> Request {
    let pattern = server.application(public()).await;
    let client = gatepost::domain::client::Client { client_id: client_id.to_owned(), ..pattern.client.clone() };
    let app = Application::new(server.http.clone(), client, None::<gatepost::domain::secret::Secret>);
    app.request().with("redirect_uri", CALLBACK)
}

#[actix_web::test]
async fn white_space_and_controls_are_refused_in_every_kind_of_address_at_every_door() {
    let server = open_server().await;
    let documents = ClientDocuments::of(&server);
    let mut alice = server.signed_in("alice").await;
    let own = server.application(confidential()).await;
    let before = server.count("clients").await;
    for broken in BROKEN {
        for field in ["redirect_uris", "login_return_urls"] {
            let page = alice.open("/developer/apps/new").await;
            let form = page.form_with("Register app").fill("client_name", "Atlas").fill(field, broken);
            let page = alice.submit(form.choose("client_type", "public")).await;
            assert_eq!(
                (page.status, page.attributes("[aria-invalid]", "name")),
                (400, vec![field.to_owned()]),
                "{broken}"
            );
        }
        for option in ["--redirect-uri", "--login-return-url", "--post-logout-redirect-uri", "--jwks-uri"] {
            let create = ["client", "create", "--name", "Atlas", "--owner", "alice", option, broken];
            assert!(attempt(&server, &create).is_err(), "{option} {broken}");
            assert!(
                attempt(&server, &["client", "update", own.client_id(), option, broken]).is_err(),
                "{option} {broken}"
            );
        }
        assert!(attempt(&server, &["api", "create", "--name", "Maps", "--identifier", broken]).is_err(), "{broken}");
        let keys = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": broken });
        for said in [json!({ "redirect_uris": [broken] }), json!({ "post_logout_redirect_uris": [broken] }), keys] {
            assert_eq!(registering(&server, &said).await.0, 400, "{said}");
            let mut document = json!({ "client_id": DOCUMENT, "client_name": "Trip planner",
                "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none" });
            merge(&mut document, &said);
            documents.put(DOCUMENT, &document, Some("max-age=60"));
            let request = request_of(&server, DOCUMENT).await;
            assert_eq!(alice.open(&request.path()).await.status, 400, "{said}");
            server.advance(60);
        }
        let (program, homepage) = (server.log_in("alice").await, json!({ "homepage": broken }));
        let answer = program.send(Method::PATCH, "/v3/account/profile", &[], &homepage).await;
        assert_eq!(answer.status, 400, "{broken}");
    }
    let patterns = server.count("clients WHERE name = 'Map viewer'").await;
    assert_eq!(server.count("clients").await, before + patterns, "nothing was registered");
}

#[actix_web::test]
async fn what_was_stored_before_the_rule_leads_nowhere() {
    let server = harness::spawn().await;
    let app = server.application(public()).await;
    for stored in ["com.example.app:x search-ms:query=evil", "https://a.example/ javascript:alert(1)", "ms-word:x"] {
        let id = app.client.id.number();
        let columns = format!("redirect_uris = '{stored}', post_logout_redirect_uris = '{stored}'");
        let sql = format!("UPDATE clients SET {columns} WHERE id = {id}");
        server.write(move |tx| execute(tx, &sql)).await;
        let evil = stored.split(' ').next_back().expect("because it has words");
        let silent = app.request().with("redirect_uri", evil).with("prompt", "none");
        let page = server.browser().open(&silent.path()).await;
        assert_eq!((page.status, page.away), (400, None), "{evil}");
        let out = harness::http::encode(&[("client_id", app.client_id()), ("post_logout_redirect_uri", evil)]);
        let page = server.browser().open(&format!("/oauth/logout?{out}")).await;
        assert_eq!((page.status, page.away), (400, None), "{evil}");
        assert!(!page.html.contains("href=\"search-ms"), "{}", page.html);
    }
}

#[actix_web::test]
async fn a_scheme_that_the_operator_takes_off_the_list_is_answered_no_more() {
    let server = harness::spawn().await;
    let redirect_uris = vec!["cursor://anysphere/cb".to_owned()];
    let app = server.application(Draft { redirect_uris, ..public() }).await;
    let mut alice = server.signed_in("alice").await;
    let granted = app.request().approve(&mut alice).await;
    assert!(granted.location.starts_with("cursor://anysphere/cb?code="), "{}", granted.location);
    let server = server.restart(&[("private_use_schemes", "vscode")]).await;
    let app = Application::new(server.http.clone(), app.client.clone(), None::<gatepost::domain::secret::Secret>);
    let page = server.browser().open(&app.request().with("prompt", "none").path()).await;
    assert_eq!((page.status, page.away), (400, None));
}

#[actix_web::test]
async fn only_a_client_without_a_secret_may_name_any_port_of_this_device() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let redirect_uris = || vec!["http://127.0.0.1:8000/cb".to_owned()];
    for (draft, may_vary) in [(public(), true), (confidential(), false)] {
        let app = server.application(Draft { redirect_uris: redirect_uris(), ..draft }).await;
        assert_eq!(alice.open(&app.request().path()).await.heading(), "Allow this app?", "the port that it registered");
        let page = alice.open(&app.request().with("redirect_uri", "http://127.0.0.1:8001/cb").path()).await;
        assert_eq!(page.status == 200, may_vary, "{}", page.text());
        assert_eq!(page.away, None);
    }
}

#[actix_web::test]
async fn a_list_holds_a_hundred_addresses_and_no_more() {
    let server = open_server().await;
    let addresses = |count: usize| (0..count).map(|index| format!("https://app.example/{index}")).collect::<Vec<_>>();
    for field in ["redirect_uris", "post_logout_redirect_uris"] {
        let (status, made) = registering(&server, &json!({ field: addresses(100) })).await;
        assert_eq!((status, made[field].as_array().map(Vec::len)), (201, Some(100)), "{field}");
        assert_eq!(registering(&server, &json!({ field: addresses(101) })).await.0, 400, "{field}");
    }
    let mut alice = server.signed_in("alice").await;
    for (count, status) in [(101, 400), (100, 200)] {
        let lines = addresses(count).join("\n");
        let page = alice.open("/developer/apps/new").await;
        let form = page.form_with("Register app").fill("client_name", "Atlas").fill("redirect_uris", &lines);
        let form = form.fill("login_return_urls", &lines).choose("login_delivery", "query");
        let page = alice.submit(form).await;
        assert_eq!(page.status, status, "{}", page.text());
    }
    let links = alice.open("/developer").await.attributes("a[href*='/developer/apps/']", "href");
    let own = links.iter().find(|link| !link.ends_with("/new")).expect("because one was registered");
    let page = alice.open(own).await;
    let last =
        page.form_with("Save changes").value("redirect_uris").and_then(|all| all.lines().last().map(str::to_owned));
    assert_eq!(last.as_deref(), Some("https://app.example/99"));
}

#[actix_web::test]
async fn a_state_of_twelve_thousand_bytes_goes_all_the_way_and_comes_back() {
    let server = harness::spawn().await;
    let app = server.application(confidential()).await;
    server.person("alice").await;
    let long = "0123456789ab".repeat(1_000);
    let request = app.request().with("state", &long);
    let mut alice = server.browser();
    let page = alice.open(&request.path()).await;
    let page = alice.log_in_at(&page, "alice", harness::PASSWORD).await;
    let granted = request.granted(alice.submit(page.form_with("Allow")).await.away());
    assert_eq!(parameter(&granted.location, "state").as_deref(), Some(long.as_str()));
    app.exchange(&granted).await.expect("because this is its first use");
    let path = format!("/logIn?state={long}&referer=http%3A%2F%2F127.0.0.1%3A9000%2Fin");
    let page = alice.open(&path).await;
    let away = alice.press_continue(&page).await.away().to_owned();
    assert_eq!(parameter(&away, "state").as_deref(), Some(long.as_str()));
    run(&server, &["client", "update", app.client_id(), "--post-logout-redirect-uri", "https://app.example/out"]);
    let out = harness::http::encode(&[
        ("client_id", app.client_id()),
        ("post_logout_redirect_uri", "https://app.example/out"),
        ("state", &long),
    ]);
    let page = alice.open(&format!("/oauth/logout?{out}")).await;
    let page = alice.submit(page.form_with("Log out")).await;
    assert_eq!(parameter(page.away(), "state").as_deref(), Some(long.as_str()));
}
