//! Names that could be taken for another: nobody bears one, at whatever door they come in.

use actix_web::http::Method;
use gatepost::domain::registration::Draft;
use gatepost::domain::user::Role;
use serde_json::json;

use crate::harness::application::Application;
use crate::harness::client_documents::ClientDocuments;
use crate::harness::{self, PASSWORD, Server, confidential, public};
use crate::signing_keys::{attempt, run};

const DOCUMENT: &str = "https://app.example/oauth/client.json";
const CALLBACK: &str = "https://app.example/callback";

/// Names that no person gives themselves.
const PEOPLE: [&str; 18] = [
    "admin", "ADMlN", "L0GIN", "Admin", "a.d.m.i.n", "support", "Gatepost", "gatepost-team", "verified", ".", "..",
    "a..b", "аррӏе", "mapstudio", "Map-Studi0", "\u{3164}", "ann\u{115f}", "x\u{ffa0}",
];

/// Names that no application of a person or stranger bears, beside a verified "Map studio".
fn apps() -> Vec<String> {
    let stacked = format!("a{}", "\u{301}".repeat(41));
    let fixed = [
        "Gatepost", "GATEPOST", "Gаtepost", "Verified", "Trip planner (Verified)", "Support", "Map studio",
        "map  STUDIO", "MAP STUDl0", "VERlFIED", "Мар studio", "Map studio!", "Mаp app", "\u{3164}", "\u{2800}",
        "\u{115f}", "\u{ffa0}", "Trip\u{3164}planner", "\u{301}Trip", "!!!",
    ];
    fixed.iter().map(|name| (*name).to_owned()).chain([stacked]).collect()
}

async fn open_server() -> Server {
    let server = harness::spawn_with(&[
        ("dynamic_registration", "open"),
        ("self_registered_scope", "tiles:read"),
        // Every name is tried in every way: more than a network may register.
        ("rate_limits.enabled", "false"),
    ])
    .await;
    server.api("https://tiles.example", &["tiles:read: See your map tiles"], false).await;
    server.application(confidential()).await;
    server
}

#[actix_web::test]
async fn no_person_takes_a_name_that_speaks_for_the_server_or_looks_like_another() {
    let server = open_server().await;
    let mut alice = server.signed_in("alice").await;
    let before = server.count("users").await;
    let program = server.log_in("alice").await;
    for name in PEOPLE {
        let mut browser = server.browser();
        let page = browser.open("/register").await;
        let form = page.form_with("Create account").fill("username", name).fill("email", "x@people.example");
        let page = browser.submit(form.fill("password", PASSWORD)).await;
        assert_eq!(
            (page.status, page.attributes("[aria-invalid]", "name")),
            (400, vec!["username".to_owned()]),
            "{name}"
        );
        let body = json!({ "username": name, "email": "x@people.example", "password": PASSWORD }).to_string();
        let headers = [("content-type", "application/json")];
        assert_eq!(server.http.send(Method::POST, "/v3/account", &headers, body).await.status, 400, "{name}");
        let page = alice.open("/account/profile").await;
        let page = alice.submit(page.form_with("Save profile").fill("username", name)).await;
        assert_eq!(page.status, 400, "{name}: {}", page.text());
        let answer = program.send(Method::PUT, "/v3/account/username", &[], &json!({ "username": name })).await;
        assert_eq!(answer.status, 400, "{name}");
    }
    assert_eq!(server.count("users").await, before);
    run(&server, &["user", "create", "--username", "support", "--email", "support@people.example"]);
    server.person_with("admin", Role::Admin).await;
    assert_eq!(server.count("users").await, before + 2, "the operator names people as they like");
}

#[actix_web::test]
async fn no_application_bears_a_name_that_deceives() {
    let server = open_server().await;
    let documents = ClientDocuments::of(&server);
    server.person("alice").await;
    let owner = server.person_named("alice").await.id;
    let own = Draft { name: "Atlas".to_owned(), ..public() };
    let own = server.register(gatepost::oauth::clients::By::Owner(owner), own).await;
    let own_page = format!("/developer/apps/{}", own.client_id());
    let headers = [("content-type", "application/json")];
    let described =
        |name: &str| json!({ "client_name": name, "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none" });
    let made = server.http.send(Method::POST, "/oauth/register", &headers, described("Trip planner").to_string()).await;
    let (made, status) = (made.json(), made.status);
    assert_eq!(status, 201, "an honest name");
    for name in apps() {
        let mut alice = server.browser();
        alice.sign_in("alice").await;
        let page = alice.open("/developer/apps/new").await;
        let form = page.form_with("Register app").fill("client_name", &name).fill("redirect_uris", CALLBACK);
        let page = alice.submit(form).await;
        assert_eq!(
            (page.status, page.attributes("[aria-invalid]", "name")),
            (400, vec!["client_name".to_owned()]),
            "{name}"
        );
        let page = alice.open(&own_page).await;
        let page = alice.submit(page.form_with("Save changes").fill("client_name", &name)).await;
        assert_eq!(page.status, 400, "{name}");
        let body = described(&name);
        assert_eq!(
            server.http.send(Method::POST, "/oauth/register", &headers, body.to_string()).await.status,
            400,
            "{name}"
        );
        let (mut again, id) = (body.clone(), made["client_id"].as_str().expect("because it was registered"));
        again["client_id"] = made["client_id"].clone();
        let bearer = format!("Bearer {}", made["registration_access_token"].as_str().unwrap_or_default());
        let path = format!("/oauth/register/{id}");
        let put = [("content-type", "application/json"), ("authorization", bearer.as_str())];
        assert_eq!(server.http.send(Method::PUT, &path, &put, again.to_string()).await.status, 400, "{name}");
        let mut document = body;
        document["client_id"] = json!(DOCUMENT);
        documents.put(DOCUMENT, &document, Some("max-age=60"));
        let client = gatepost::domain::client::Client { client_id: DOCUMENT.to_owned(), ..own.client.clone() };
        let app = Application::new(server.http.clone(), client, None::<gatepost::domain::secret::Secret>);
        assert_eq!(alice.open(&app.request().with("redirect_uri", CALLBACK).path()).await.status, 400, "{name}");
        server.advance(60);
    }
    let mut alice = server.browser();
    alice.sign_in("alice").await;
    let page = alice.open(&own_page).await;
    assert_eq!(alice.submit(page.form_with("Save changes")).await.status, 200, "its own name stays");
}

#[actix_web::test]
async fn the_operator_names_apps_as_they_like_and_a_verified_app_keeps_its_name() {
    let server = open_server().await;
    server.person("alice").await;
    for name in ["Gatepost docs", "Map studio"] {
        run(&server, &["client", "create", "--name", name, "--owner", "alice", "--redirect-uri", CALLBACK]);
    }
    assert!(attempt(&server, &["client", "create", "--name", "Map\u{3164}", "--owner", "alice"]).is_err());
    let owner = server.person_named("alice").await.id;
    let mut alice = server.browser();
    alice.sign_in("alice").await;
    let app = server
        .register(gatepost::oauth::clients::By::Operator(owner), Draft { name: "Atlas".into(), ..public() })
        .await;
    let page = alice.open(&format!("/developer/apps/{}", app.client_id())).await;
    let page = alice.submit(page.form_with("Save changes").fill("client_name", "ATLAS")).await;
    assert_eq!(page.status, 200, "it does not deceive by looking like itself: {}", page.text());
}
