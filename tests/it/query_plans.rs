//! What is asked often, and what anybody may ask, finds its rows by an index however many there are: the SQL of
//! whole journeys, as the database would answer it.

use actix_web::http::Method;
use gatepost::background_jobs;
use gatepost::domain::api::TokenFormat;
use gatepost::domain::client::{GrantType, LoginDelivery};
use gatepost::domain::registration::Draft;
use gatepost::store::erasing;
use gatepost::web::routes::{self, Access};
use serde_json::{Value, json};

use crate::harness::application::{Application, s256};
use crate::harness::client_keys::Key;
use crate::harness::devices::on_a_device;
use crate::harness::http::encode;
use crate::harness::mailbox::Mailbox;
use crate::harness::pages::{RETURN_URL, in_fragment, log_in_path, log_in_path_with, returns_to};
use crate::harness::queries::{Queries, scans};
use crate::harness::{self, PASSWORD, Server, confidential, public, random_word};

const JOBS: &str = "https://jobs.example";
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The tables that do not grow with people, applications or requests, so that reading all of one is nothing.
const SMALL: &[(&str, &str)] = &[
    ("installation", "one row"),
    ("nodes", "a row for each running server"),
    ("signing_keys", "a few keys, and those that ended lately"),
    ("apis", "what the operator registers"),
    ("api_scopes", "what the operator registers"),
    ("setup_links", "one at a time, on an empty server"),
];

/// Fails when a query that was heard reads a table that grows from end to end.
fn assert_found_by_index(server: &Server, queries: &Queries) {
    let heard = queries.take();
    let is_statement = |sql: &str| ["SELECT", "INSERT", "UPDATE", "DELETE"].iter().any(|verb| sql.starts_with(verb));
    // Whether there is a row at all is known after the first one.
    let asks_for_any = |sql: &str| sql.starts_with("SELECT EXISTS (") && !sql.contains(" WHERE ");
    // It reads one row of the others for each of a small table. PostgreSQL begins a join with whichever table it takes
    // for smaller, and knows of no sizes here.
    let begins_small = |sql: &str| SMALL.iter().any(|(small, _)| sql.contains(&format!("FROM (\"{small}\" INNER")));
    let is_judged = |sql: &&str| is_statement(sql) && !asks_for_any(sql) && !begins_small(sql);
    let statements = heard.iter().map(String::as_str).filter(is_judged);
    let statements: Vec<&str> = statements.collect();
    assert!(statements.len() > 20, "hardly anything was heard: {heard:?}");
    let is_small = |table: &str| SMALL.iter().any(|(small, _)| *small == table);
    let scans = scans(server, &statements).into_iter().filter(|(table, _)| !is_small(table));
    let scans: Vec<(String, String)> = scans.collect();
    assert!(scans.is_empty(), "read from end to end: {scans:#?}");
}

/// A server that lets strangers do all that it can let them do.
async fn open_server() -> (Server, Queries, Mailbox) {
    let mailbox = Mailbox::make();
    let url = mailbox.url();
    let settings = [("mail.url", url.as_str()), ("dynamic_registration", "open")];
    let (server, queries) = harness::spawn_heard(&settings).await;
    (server, queries, mailbox)
}

#[actix_web::test]
async fn what_programs_ask() {
    let (server, queries, _mailbox) = open_server().await;
    let jobs = server.api_with(JOBS, &["jobs: Run jobs"], (false, TokenFormat::Jwt)).await;
    let tiles = server.api("https://tiles.example", &["tiles: See tiles"], true).await;
    let all = Some("openid profile email offline_access projects jobs tiles".to_owned());
    let machines = vec![GrantType::ClientCredentials, GrantType::TokenExchange];
    let machine = Draft { grant_types: machines, scope: Some("jobs tiles".to_owned()), ..confidential() };
    let key = Key::es256();
    let app = server.application(Draft { scope: all.clone(), ..confidential() }).await;
    let viewer = server.application(Draft { scope: all, ..public() }).await;
    let machine = server.application(Draft { redirect_uris: Vec::new(), ..machine }).await;
    let signing = server.application(Draft { jwks: Some(key.set(None)), ..confidential() }).await;
    let mut alice = server.signed_in("alice").await;
    queries.take();

    machine.post("/oauth/token", &[("grant_type", "client_credentials"), ("scope", "tiles")]).await.success();
    let form = [("grant_type", "client_credentials"), ("resource", JOBS)];
    let signed = machine.post("/oauth/token", &form).await.member("access_token");
    assert!(jobs.is_active(&signed).await);
    let granted = app.request().with("scope", "openid profile email projects").approve(&mut alice).await;
    let tokens = app.exchange(&granted).await.expect("because this is its first use");
    let mobile = viewer.tokens(&mut alice).await;
    let rotated = viewer.refresh(mobile.refresh()).await.expect("because it is its first use");
    app.refresh(tokens.refresh()).await.expect("because it lives");
    let exchange = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", tokens.access_token.as_str()),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
    ];
    machine.post("/oauth/token", &exchange).await;
    for token in [&tokens.access_token, &signed, "gpa_nothing", tokens.refresh()] {
        tiles.introspect(token).await;
        app.introspect(token).await;
        for path in ["/v3/account", "/v3/validate", "/oauth/userinfo"] {
            server.http.get_with_token(path, token).await;
        }
        for path in ["/auth/check", "/auth/check?api=https://tiles.example"] {
            let asked = [("x-original-method", "GET"), ("x-original-uri", "/maps/7")];
            server.program(token).send(Method::GET, path, &asked, &Value::Null).await;
        }
    }
    for path in ["/.well-known/openid-configuration", "/oauth/jwks"] {
        server.http.get(path).await;
    }
    let id = signing.client_id();
    let now = server.now().seconds();
    let claims =
        json!({ "iss": id, "sub": id, "aud": server.issuer(), "exp": now + 60, "iat": now, "jti": random_word(22) });
    let assertion = key.sign(&json!({ "alg": key.alg() }), &claims);
    let form = [("client_assertion_type", ASSERTION), ("client_assertion", &assertion), ("token", "nothing")];
    assert_eq!(server.http.post("/oauth/introspect", &[], &form).await.status, 200);
    viewer.revoke(rotated.refresh()).await;
    app.revoke(&tokens.access_token).await;
    assert_eq!(app.exchange(&granted).await.expect_err("because it was used").1, "invalid_grant");
    viewer.refresh(mobile.refresh()).await.expect_err("because it was revoked");
    let bodies = json!({ "credentials": [mobile.access_token, signed, "gpa_nothing", app.secret()] });
    server.nobody().post("/credentials/revoke", &bodies).await;
    assert_found_by_index(&server, &queries);
}

#[actix_web::test]
async fn what_a_log_in_asks() {
    let (server, queries, mailbox) = open_server().await;
    server.application(returns_to(&[RETURN_URL])).await;
    let by_code = Draft { login_delivery: LoginDelivery::Code, ..returns_to(&["https://code.example/in"]) };
    server.application(by_code).await;
    let app = server.application(confidential()).await;
    let device = server.application(on_a_device()).await;
    server.person("alice").await;
    queries.take();

    let mut alice = server.browser();
    let page = alice.open(&log_in_path(RETURN_URL)).await;
    alice.log_in_at(&page, "alice", "wrong").await;
    alice.log_in_at(&page, "nobody", "wrong").await;
    alice.log_in_at(&page, "alice@people.example", PASSWORD).await;
    alice.come_back_to(RETURN_URL).await;
    alice.come_back_to(RETURN_URL).await;
    alice.open(&log_in_path("https://stranger.example/in")).await;
    alice.open("/login?application=true").await;
    let verifier = random_word(64);
    let asked = log_in_path_with("https://code.example/in", &[("code_challenge", &s256(&verifier))]);
    let code = in_fragment(&alice.come_back_to(&asked).await, "login_code").expect("because the person agreed");
    let headers = [("content-type", "application/json"), ("origin", "https://code.example")];
    server.http.send(Method::OPTIONS, "/login/code", &headers, "").await;
    let body = json!({ "login_code": code, "code_verifier": verifier }).to_string();
    server.http.send(Method::POST, "/login/code", &headers, body.clone()).await.success();
    server.http.send(Method::POST, "/login/code", &headers, body).await;
    let granted = app.code(&mut alice).await;
    app.exchange(&granted).await.expect("because this is its first use");
    app.code(&mut alice).await;
    let started = device.device().await;
    device.poll(&started.device_code).await;
    alice.decide_device(&started.user_code, "allow").await;
    server.advance(10);
    device.poll(&started.device_code).await.success();
    let waiting = server.nobody().post("/v3/account/security/remoteSession", &json!({})).await.member("id");
    let exercise = format!("/v3/account/security/remoteSession/{waiting}/exercise");
    server.nobody().post(&exercise, &json!({})).await;
    let page = alice.open(&format!("/login?session={waiting}")).await;
    alice.submit(page.decision("allow").fill("password", PASSWORD)).await;
    server.nobody().post(&exercise, &json!({})).await;
    server.log_in("alice").await;
    server.nobody().post("/v3/account/login", &json!({ "username": "alice", "password": "wrong" })).await;
    let page = alice.open("/logout").await;
    alice.submit(page.form_with("Log out")).await;
    let reset = json!({ "email": "alice@people.example" });
    server.nobody().post("/v3/account/security/password/reset", &reset).await;
    let messages = mailbox.take(&server).await;
    let message = messages.iter().find(|message| message.whole.contains("/reset/finish"));
    let page = server.browser().open(&message.expect("because it was asked for").link()).await;
    server.browser().submit(page.form_with("Set password").fill("password", "another horse battery")).await;
    server.flush_failures().await;
    server.flush_refusals().await;
    server.flush_uses().await;
    assert_found_by_index(&server, &queries);
}

async fn push(app: &Application, server: &Server) {
    let request = app.request().path();
    let (_, query) = request.split_once('?').expect("because a request has parameters");
    let form = [("content-type", "application/x-www-form-urlencoded")];
    server.http.send(Method::POST, "/oauth/par", &form, query).await;
}

#[actix_web::test]
async fn what_anybody_may_ask() {
    let (server, queries, mailbox) = open_server().await;
    let viewer = server.application(public()).await;
    let alice = server.person("alice").await;
    let program = server.log_in("alice").await;
    let owned = server.register(gatepost::oauth::clients::By::Owner(alice.id), confidential()).await;
    queries.take();

    push(&viewer, &server).await;
    let register = json!({ "client_name": "Maps", "redirect_uris": ["https://app.example/callback"] });
    let registered = server.nobody().post("/oauth/register", &register).await;
    assert_eq!(registered.status, 201, "{}", registered.text());
    let at = registered.json()["registration_client_uri"].as_str().unwrap_or_default().to_owned();
    let token = registered.json()["registration_access_token"].as_str().unwrap_or_default().to_owned();
    server.http.get_with_token(&at, &token).await;
    server.program(&token).delete(&at).await;
    let mut ben = server.browser();
    let page = ben.open("/register").await;
    let form = page.form_with("Create account").fill("username", "ben").fill("email", "ben@people.example");
    ben.submit(form.fill("password", "correct horse")).await;
    let signing_up = json!({ "username": "carla", "email": "carla@people.example", "password": "correct horse 7" });
    server.nobody().post("/v3/account", &signing_up).await;
    for message in mailbox.take(&server).await {
        if message.whole.contains("?key=") {
            server.browser().open(&message.link()).await;
        }
    }
    owned.post("/oauth/token", &[("grant_type", "refresh_token"), ("refresh_token", "x")]).await;
    let number = alice.id.number().to_string();
    let filled = |path: &str| path.replace("{id}", &number).replace("{client_id}", owned.client_id());
    for address in routes::addresses() {
        let (path, method) = (filled(&address.path), address.route.method.clone());
        let form = ("content-type", "application/x-www-form-urlencoded");
        let fields = [("token", "x"), ("key", "x"), ("username", "x"), ("email", "x@y.example"), ("password", "x")];
        server.http.send(method.clone(), &path, &[form], encode(&fields)).await;
        let body = json!({ "username": "x", "email": "x@y.example", "password": "x", "token": "x" });
        server.nobody().send(method.clone(), &path, &[], &body).await;
        if method == Method::GET {
            server.http.get(&format!("{path}?key=x&username=al&email=x@y.example&userId={number}")).await;
            if address.route.access == Access::Token {
                program.get(&path).await;
            }
        }
    }
    server.flush_failures().await;
    server.flush_refusals().await;
    assert_found_by_index(&server, &queries);
}

/// Whatever refers to the rows is found too: `schema.rs` explains each reference.
#[actix_web::test]
async fn what_cleaning_and_erasing_delete() {
    let (server, queries, _mailbox) = open_server().await;
    let (_browser, _tokens) = server.one_of_each("alice").await;
    let alice = server.person_named("alice").await.id;
    queries.take();
    server.advance(400 * 86_400);
    background_jobs::clean(&server.app.store, server.now()).await.expect("because nothing holds them");
    while server.write(move |tx| erasing::erase_some(tx, alice)).await {}
    // An empty list of keys is a condition that is never true.
    let is_judged = |sql: &&str| (sql.starts_with("DELETE") || sql.starts_with("UPDATE")) && !sql.contains("(1=0)");
    let heard = queries.take();
    let deletes: Vec<&str> = heard.iter().map(String::as_str).filter(is_judged).collect();
    assert!(deletes.len() > 10, "hardly anything was deleted: {heard:?}");
    let scans = scans(&server, &deletes);
    assert!(scans.is_empty(), "read from end to end: {scans:#?}");
}

#[actix_web::test]
async fn a_query_that_reads_all_of_a_table_is_noticed() {
    let (server, _queries) = harness::spawn_heard(&[]).await;
    let [scan, search] = ["SELECT id FROM clients WHERE name LIKE '%x%'", "SELECT id FROM clients WHERE id = 7"];
    assert_eq!(scans(&server, &[scan, search]), [("clients".to_owned(), scan.to_owned())]);
}
