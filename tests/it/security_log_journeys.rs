//! The journeys behind the table of addresses and events: each is made, and what the log tells is compared.

mod people;

use actix_web::http::Method;
use gatepost::domain::client::LoginDelivery;
use gatepost::domain::registration::Draft;
use serde_json::{Value, json};

use crate::harness::application::s256;
use crate::harness::browser::Browser;
use crate::harness::client_documents::ClientDocuments;
use crate::harness::devices::on_a_device;
use crate::harness::html::Page;
use crate::harness::http::encode;
use crate::harness::mailbox::Mailbox;
use crate::harness::pages::{RETURN_URL, in_fragment, log_in_path_with, returns_to};
use crate::harness::token_holders::{ACCESS_TOKENS, MINT, STUDIO_SESSION, TILES};
use crate::harness::{self, PASSWORD, confidential};
use crate::security_log_table::Witness;

const OWN: [(&str, &str); 2] =
    [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
const NEW: &str = "another horse battery staple";

async fn press(browser: &mut Browser, path: &str, body: &str) {
    let status = browser.bare(Method::POST, path, &OWN, body).await.status;
    assert!([200, 303].contains(&status), "{path}: {status}");
}

/// The first form of a page whose address ends like this.
async fn press_form(browser: &mut Browser, page: &Page, end: &str) {
    let form = page.forms().into_iter().find(|form| form.action.path().ends_with(end));
    browser.submit(form.unwrap_or_else(|| panic!("no form to {end}: {}", page.text()))).await;
}

async fn sessions(witness: &mut Witness) {
    witness.server.person("alice").await;
    witness.server.application(returns_to(&[RETURN_URL])).await;
    witness.news().await;
    let mut alice = witness.server.browser();
    alice.sign_in("alice").await;
    witness.tells("POST", "/login").await;
    let form = encode(&[("username", "alice"), ("password", PASSWORD)]);
    press(&mut witness.server.browser(), "/login/", &form).await;
    witness.tells("POST", "/login/").await;
    let mut other = witness.server.browser();
    other.sign_in("alice").await;
    witness.news().await;
    press(&mut alice, "/account/sessions/end-others", "").await;
    witness.tells("POST", "/account/sessions/end-others").await;
    press(&mut alice, "/account/sessions/end-others", "").await;
    assert_eq!(witness.news().await, [""; 0], "there are no others");
    other.headers.push(("user-agent".to_owned(), "Mozilla/5.0 (iPhone) Safari/604.1".to_owned()));
    other.sign_in("alice").await;
    witness.news().await;
    let page = alice.open("/account/sessions").await;
    alice.submit(page.form_with("End the session Safari on iPhone, 127.0.0.1")).await;
    witness.tells("POST", "/account/sessions/{id}/end").await;
    alice.come_back_to(RETURN_URL).await;
    assert_eq!(witness.news().await, ["oauth_authorization.create"], "the first log-in allows the app");
    alice.come_back_to(RETURN_URL).await;
    assert_eq!(witness.news().await, [""; 0], "the second changes nothing");
    let page = alice.open("/account/sessions").await;
    let end = page.forms().into_iter().find(|form| form.has_button("End the token of Map studio, app.example"));
    alice.submit(end.expect("because it is listed")).await;
    witness.tells("POST", "/account/sessions/tokens/{id}/end").await;
    press(&mut alice, "/oauth/logout", "decision=allow").await;
    witness.tells("POST", "/oauth/logout").await;
    alice.sign_in("alice").await;
    witness.news().await;
    press(&mut alice, "/logout", "").await;
    witness.tells("POST", "/logout").await;
    assert_eq!(alice.bare(Method::POST, "/logout", &OWN, "").await.status, 400);
    assert_eq!(witness.news().await, [""; 0], "nobody was logged in");
}

async fn tokens_by_program(witness: &mut Witness, alice: &mut Browser) {
    let program = witness.server.log_in("alice").await;
    witness.news().await;
    let alias = "/v3/account/security/personalAccessToken";
    let body = json!({ "description": "d", "accessList": [{ "pathId": "map", "access": { "accessTier": "view" } }] });
    let rows = [
        (ACCESS_TOKENS, "/v3/account/security/accessToken", "/v3/account/security/accessToken/{id}"),
        (alias, alias, "/v3/account/security/personalAccessToken/{id}"),
    ];
    for (path, create, delete) in rows {
        let made = program.post(path, &body).await.success();
        witness.tells("POST", create).await;
        program.delete(&format!("{path}/{}", made["id"].as_str().unwrap_or_default())).await.success();
        witness.tells("DELETE", delete).await;
    }
    let generator = alice.generator().await;
    assert_eq!(witness.news().await, [""; 0], "looking at the generator is no event");
    witness.server.studio_token(&generator, ("read_only", "all")).await;
    witness.tells("POST", MINT).await;
    let listed = alice.script(Method::GET, &format!("{STUDIO_SESSION}/token"), &Value::Null).await.json();
    let path = format!("{STUDIO_SESSION}/token/{}", listed[0]["id"].as_str().unwrap_or_default());
    alice.script(Method::DELETE, &path, &Value::Null).await.success();
    witness.tells("DELETE", "/spatialstudio/api/v1/user/token/{id}").await;
    let fileset = json!({ "name": "tiles", "fileset": "tiles-7", "validTime": -1 });
    alice.script(Method::POST, &format!("{STUDIO_SESSION}/filesettoken"), &fileset).await.success();
    witness.tells("POST", "/spatialstudio/api/v1/user/filesettoken").await;
    let path = "/spatialstudio/api/v1/user/generatortoken/regenerate";
    alice.script(Method::POST, path, &Value::Null).await.success();
    witness.tells("POST", path).await;
    let found = program.make_token(json!([{ "pathId": "map", "access": { "accessTier": "view" } }])).await;
    witness.news().await;
    let report = json!({ "credentials": [found["token"], "noise"] });
    for _ in 0..2 {
        assert_eq!(witness.server.nobody().post("/credentials/revoke", &report).await.status, 202);
    }
    witness.tells("POST", "/credentials/revoke").await;
}

async fn make_on_page(alice: &mut Browser) {
    let page = alice.open("/account/tokens/new?name=Backup&resource=map").await;
    let made = alice.submit(page.form_with("Make the token")).await;
    assert_eq!(made.status, 200, "{}", made.text());
}

async fn tokens_on_pages(witness: &mut Witness, alice: &mut Browser) {
    make_on_page(alice).await;
    witness.tells("POST", "/account/tokens/new").await;
    let page = alice.open("/account/tokens").await;
    press_form(alice, &page, "/revoke").await;
    witness.tells("POST", "/account/tokens/{id}/revoke").await;
    for path in ["/account/tokens/revoke-unused", "/account/tokens/revoke-all"] {
        for _ in 0..2 {
            make_on_page(alice).await;
        }
        witness.news().await;
        press(alice, path, "").await;
        witness.tells("POST", path).await;
        press(alice, path, "").await;
        assert_eq!(witness.news().await, [""; 0], "{path}: none is left");
    }
    press(alice, "/account/tokens/generator/regenerate", "").await;
    witness.tells("POST", "/account/tokens/generator/regenerate").await;
}

async fn applications(witness: &mut Witness, alice: &mut Browser) {
    let app = witness.server.application(confidential()).await;
    let device_app = witness.server.application(on_a_device()).await;
    witness.server.api(TILES, &[], true).await;
    witness.news().await;
    let granted = app.code(alice).await;
    witness.tells("POST", "/oauth/authorize").await;
    let tokens = app.exchange(&granted).await.expect("because this is its first use");
    app.refresh(tokens.refresh()).await.expect("because it lives");
    app.introspect(&tokens.access_token).await;
    app.code(alice).await;
    assert_eq!(witness.news().await, [""; 0], "what is issued, refreshed or allowed again is no event");
    app.exchange(&granted).await.expect_err("because it was used");
    witness.tells("POST", "/oauth/token").await;
    app.exchange(&granted).await.expect_err("because it was used");
    assert_eq!(witness.news().await, [""; 0], "there is nothing left to steal");
    let granted = app.code(alice).await;
    let form = app.exchange_form(&granted);
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    for status in [200, 400] {
        witness.news().await;
        assert_eq!(app.post("/v3/oauth/token", &form).await.status, status);
    }
    witness.tells("POST", "/v3/oauth/token").await;
    press(alice, &format!("/account/apps/{}/remove", app.client_id()), "").await;
    witness.tells("POST", "/account/apps/{client_id}/remove").await;
    let device = device_app.device().await;
    alice.decide_device(&device.user_code, "allow").await;
    witness.tells("POST", "/device").await;
    assert_eq!(device_app.poll(&device.device_code).await.status, 200);
    assert_eq!(witness.news().await, [""; 0], "the device fetches what it was allowed");
}

async fn login_codes(witness: &mut Witness, alice: &mut Browser) {
    let url = "https://codes.example/in";
    witness.server.application(Draft { login_delivery: LoginDelivery::Code, ..returns_to(&[url]) }).await;
    let verifier = "v".repeat(43);
    let page = alice.open(&log_in_path_with(url, &[("code_challenge", &s256(&verifier))])).await;
    let page = alice.press_continue(&page).await;
    let code = in_fragment(page.away(), "login_code").expect("because she agreed");
    let body = json!({ "login_code": code, "code_verifier": verifier }).to_string();
    let headers = [("content-type", "application/json"), ("origin", "https://codes.example")];
    for status in [200, 400] {
        witness.news().await;
        let answer = witness.server.http.send(Method::POST, "/login/code", &headers, body.clone()).await;
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    witness.tells("POST", "/login/code").await;
}

async fn own_hosts(witness: &mut Witness, alice: &mut Browser) {
    let documents = ClientDocuments::of(&witness.server);
    let page = alice.open("/developer/hosts").await;
    let file: Value = page.one("#content").parse().expect("because the page shows JSON");
    documents.put("https://atlas.example/.well-known/gatepost.json", &file, None);
    press(alice, "/developer/hosts", "host=atlas.example").await;
    witness.tells("POST", "/developer/hosts").await;
    let page = alice.open("/developer/hosts").await;
    press_form(alice, &page, "/end").await;
    witness.tells("POST", "/developer/hosts/{id}/end").await;
}

async fn own_applications(witness: &mut Witness, alice: &mut Browser) {
    own_hosts(witness, alice).await;
    let page = alice.open("/developer/apps/new").await;
    let form = page.form_with("Register app").fill("client_name", "Atlas");
    let page = alice.submit(form.fill("redirect_uris", "https://atlas.example/callback")).await;
    witness.tells("POST", "/developer/apps/new").await;
    let path = format!("/developer/apps/{}", page.one("#client-id"));
    let page = alice.open(&path).await;
    alice.submit(page.form_with("Save changes").fill("client_name", "Atlas two")).await;
    witness.tells("POST", "/developer/apps/{client_id}").await;
    press(alice, &format!("{path}/secrets/new"), "keep_old_for=3600").await;
    witness.tells("POST", "/developer/apps/{client_id}/secrets/new").await;
    let page = alice.open(&path).await;
    press_form(alice, &page, "/end").await;
    witness.tells("POST", "/developer/apps/{client_id}/secrets/{id}/end").await;
    press(alice, &format!("{path}/delete"), "confirm=Atlas+two").await;
    witness.tells("POST", "/developer/apps/{client_id}/delete").await;
}

async fn second_factor(witness: &mut Witness, alice: &mut Browser) {
    witness.news().await;
    let (app, _) = alice.set_up_app(&witness.server).await;
    witness.tells("POST", "/account/security/totp").await;
    press(alice, "/account/security/recovery-codes", "").await;
    witness.tells("POST", "/account/security/recovery-codes").await;
    let mut other = witness.server.browser();
    let page = other.first_step("/login", "alice").await;
    assert_eq!(witness.news().await, [""; 0], "half a log-in is none");
    let code = app.code(witness.server.now(), 30);
    other.submit(page.form_with("Log in").choose("remember", "yes").fill("code", &code)).await;
    assert_eq!(witness.news().await, ["session.create", "device.remember"]);
    press(alice, "/account/security/browsers/forget", "").await;
    witness.tells("POST", "/account/security/browsers/forget").await;
    press(alice, "/account/security/browsers/forget", "").await;
    assert_eq!(witness.news().await, [""; 0], "there is none left");
    press(alice, "/account/security/totp/remove", "").await;
    witness.tells("POST", "/account/security/totp/remove").await;
}

async fn passkeys(witness: &mut Witness, alice: &mut Browser) {
    witness.news().await;
    let mut authenticator = alice.add_passkey(&witness.server).await;
    witness.tells("POST", "/account/security/passkeys/new").await;
    witness.server.browser().present(&mut authenticator, "/login").await;
    witness.tells("POST", "/login").await;
    let page = alice.open("/account/security/passkeys").await;
    let form = page.form_with("Save the name of Chrome on Linux").fill("name", "Laptop");
    let page = alice.submit(form).await;
    witness.tells("POST", "/account/security/passkeys/{id}/rename").await;
    press_form(alice, &page, "/remove").await;
    witness.tells("POST", "/account/security/passkeys/{id}/remove").await;
}

async fn set_up(witness: &mut Witness) {
    let mut first = Witness::watch((harness::spawn().await, Mailbox::make()));
    let link = gatepost::identity::set_up::make_link(&first.server.app.store, first.server.now()).await;
    let link = link.expect("because the database works").expect("because nobody has an account");
    let mut browser = first.server.browser();
    let page = browser.open(&format!("/setup?link={}", link.expose())).await;
    let form = page.form_with("Create administrator").fill("username", "root").fill("email", "root@people.example");
    browser.submit(form.fill("password", PASSWORD)).await;
    first.tells("POST", "/setup").await;
    witness.join(first);
}

#[actix_web::test]
async fn every_change_is_told_once_and_nothing_else_is() {
    let mut witness = Witness::begin().await;
    people::accounts_by_program(&mut witness).await;
    people::messages(&mut witness).await;
    people::emails_on_pages(&mut witness).await;
    sessions(&mut witness).await;
    let mut alice = witness.server.browser();
    alice.sign_in("alice").await;
    tokens_by_program(&mut witness, &mut alice).await;
    tokens_on_pages(&mut witness, &mut alice).await;
    applications(&mut witness, &mut alice).await;
    login_codes(&mut witness, &mut alice).await;
    witness.news().await;
    own_applications(&mut witness, &mut alice).await;
    second_factor(&mut witness, &mut alice).await;
    people::own_pages(&mut witness).await;
    passkeys(&mut witness, &mut alice).await;
    set_up(&mut witness).await;
    witness.has_seen_all();
    // A secret is our letters, its kind's and an underscore, or a UUID that is random.
    for secret in ["gp_!__", "________-____-4___-____-____________"] {
        let rows = format!("security_log WHERE subject LIKE '%{secret}%' ESCAPE '!'");
        assert_eq!(witness.server.count(&rows).await, 0, "{secret}");
    }
}
