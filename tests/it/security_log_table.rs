//! Every address that can change something, and what the security log tells of it: exactly that, or
//! nothing, with the reason. A new address without a line here fails.

mod people;

use std::collections::BTreeSet;

use actix_web::http::Method;
use gatepost::domain::client::LoginDelivery;
use gatepost::domain::registration::Draft;
use gatepost::domain::security_log::SecurityEntry;
use gatepost::store::security_log::{self, Asked};
use gatepost::web::routes::ADDRESSES;
use serde_json::{Value, json};

use crate::harness::application::s256;
use crate::harness::browser::Browser;
use crate::harness::devices::on_a_device;
use crate::harness::held::{ACCESS_TOKENS, MINT, STUDIO_SESSION, TILES};
use crate::harness::html::Page;
use crate::harness::mailbox::{Mailbox, spawn_with_mail};
use crate::harness::pages::{RETURN_URL, in_fragment, log_in_path_with, returns_to};
use crate::harness::{self, PASSWORD, Server, confidential};

const OWN: [(&str, &str); 2] =
    [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
const NEW: &str = "another horse battery staple";

/// What an address does to the log.
enum Tells {
    /// These events, in this order.
    Of(&'static [&'static str]),
    /// None, and why.
    Nothing(&'static str),
}
use Tells::{Nothing, Of};

const READS: &str = "it changes nothing";
const COURSE: &str = "what programs ask for and give back in the course of things";
const OF_NOBODY: &str = "an application that registers itself belongs to nobody here";
const PLATFORM: &str = "an API of the operator's tells of the platform's resources";
const TABLE: &[(&str, &str, Tells)] = &[
    // What is issued is not told; this is what happens when a code comes twice.
    ("POST", "/oauth/token", Of(&["oauth_authorization.theft"])),
    ("POST", "/v3/oauth/token", Of(&["oauth_authorization.theft"])),
    ("POST", "/login/code", Of(&["oauth_authorization.theft"])),
    ("POST", "/oauth/revoke", Nothing(COURSE)),
    ("POST", "/oauth/introspect", Nothing(READS)),
    ("POST", "/oauth/par", Nothing(COURSE)),
    ("POST", "/oauth/device", Nothing(COURSE)),
    ("POST", "/oauth/userinfo", Nothing(READS)),
    ("POST", "/oauth/logout", Of(&["session.end"])),
    ("POST", "/oauth/register", Nothing(OF_NOBODY)),
    ("PUT", "/oauth/register/{client_id}", Nothing(OF_NOBODY)),
    ("DELETE", "/oauth/register/{client_id}", Nothing(OF_NOBODY)),
    ("POST", "/v3/oauth/authorize", Nothing("it leads to the page that does it")),
    ("POST", "/v3/account", Of(&["account.create"])),
    ("DELETE", "/v3/account", Of(&["account.delete"])),
    ("POST", "/v3/account/login", Of(&["program.sign_in"])),
    ("PATCH", "/v3/account/profile", Nothing("what somebody says of themselves opens nothing")),
    ("PUT", "/v3/account/username", Of(&["username.change"])),
    ("POST", "/v3/account/security/password/update", Of(&["password.change"])),
    ("POST", "/v3/account/security/accessToken", Of(&["personal_token.create"])),
    ("DELETE", "/v3/account/security/accessToken/{id}", Of(&["personal_token.revoke"])),
    ("POST", "/v3/account/security/personalAccessToken", Of(&["personal_token.create"])),
    ("DELETE", "/v3/account/security/personalAccessToken/{id}", Of(&["personal_token.revoke"])),
    ("POST", "/v3/account/security/password/reset", Of(&["password.reset_request"])),
    ("POST", "/v3/account/security/password/validate", Of(&["password.reset"])),
    ("POST", "/v3/account/security/email/update", Of(&["email.change_request"])),
    ("POST", "/v3/account/security/email/validate", Of(&["email.change"])),
    ("POST", "/v3/account/security/remoteSession", Nothing("nobody has let it in yet")),
    ("POST", "/v3/account/security/remoteSession/{id}/exercise", Nothing("letting it in was told")),
    ("POST", "/v3/validate", Nothing(READS)),
    ("POST", "/v3/user/invite", Of(&["invitation.create"])),
    ("POST", "/spatialstudio/oauth/v1/user/token", Of(&["studio_token.create"])),
    ("DELETE", "/spatialstudio/api/v1/user/token/{id}", Of(&["personal_token.revoke"])),
    ("POST", "/spatialstudio/api/v1/user/filesettoken", Of(&["studio_token.create"])),
    ("POST", "/spatialstudio/api/v1/user/generatortoken/regenerate", Of(&["generator.regenerate"])),
    ("POST", "/credentials/revoke", Of(&["secret.found"])),
    ("PUT", "/management/resources/{id}", Nothing(PLATFORM)),
    ("DELETE", "/management/resources/{id}", Nothing(PLATFORM)),
    ("PUT", "/management/resources/{id}/shares/{user}", Nothing(PLATFORM)),
    ("DELETE", "/management/resources/{id}/shares/{user}", Nothing(PLATFORM)),
    ("POST", "/oauth/authorize", Of(&["oauth_authorization.create"])),
    ("POST", "/login", Of(&["session.create"])),
    ("POST", "/logout", Of(&["session.end"])),
    ("POST", "/register", Of(&["account.create", "session.create"])),
    ("POST", "/setup", Of(&["account.create", "session.create"])),
    ("POST", "/reset", Of(&["password.reset_request"])),
    ("POST", "/reset/finish", Of(&["password.reset", "session.create"])),
    ("POST", "/verify", Of(&["email.verify"])),
    ("POST", "/keep", Of(&["account.keep"])),
    ("POST", "/not-me", Of(&["account.disown"])),
    ("POST", "/account/profile", Of(&["username.change"])),
    ("POST", "/account/security/password", Of(&["password.change"])),
    ("POST", "/account/delete", Of(&["account.delete"])),
    ("POST", "/account/not-me", Of(&["account.disown"])),
    ("POST", "/invitation", Of(&["account.create", "session.create"])),
    ("POST", "/device", Of(&["device_code.approve"])),
    ("POST", "/account/sessions/end-others", Of(&["session.end_others"])),
    ("POST", "/account/sessions/{id}/end", Of(&["session.end"])),
    ("POST", "/account/sessions/tokens/{id}/end", Of(&["user_token.end"])),
    ("POST", "/account/confirm", Nothing("it proves who sits there, and changes nothing")),
    ("POST", "/account/tokens/new", Of(&["personal_token.create"])),
    ("POST", "/account/tokens/revoke-unused", Of(&["personal_token.revoke_many"])),
    ("POST", "/account/tokens/revoke-all", Of(&["personal_token.revoke_many"])),
    ("POST", "/account/tokens/generator/show", Nothing(READS)),
    ("POST", "/account/tokens/generator/regenerate", Of(&["generator.regenerate"])),
    ("POST", "/account/tokens/{id}/revoke", Of(&["personal_token.revoke"])),
    ("POST", "/account/apps/{client_id}/remove", Of(&["oauth_authorization.destroy"])),
    ("POST", "/developer/apps/new", Of(&["client.create"])),
    ("POST", "/developer/apps/{client_id}", Of(&["client.update"])),
    ("POST", "/developer/apps/{client_id}/secrets/new", Of(&["client_secret.create"])),
    ("POST", "/developer/apps/{client_id}/secrets/{id}/end", Of(&["client_secret.end"])),
    ("POST", "/developer/apps/{client_id}/delete", Of(&["client.delete"])),
];

#[test]
fn every_address_that_can_change_something_has_a_line() {
    let changing = ADDRESSES.iter().filter(|(method, ..)| !matches!(*method, "GET"));
    let listed: BTreeSet<(&str, &str)> = TABLE.iter().map(|(method, path, _)| (*method, *path)).collect();
    let served: BTreeSet<(&str, &str)> = changing.map(|(method, path, _)| (*method, *path)).collect();
    let missing: Vec<_> = served.difference(&listed).collect();
    let surplus: Vec<_> = listed.difference(&served).collect();
    assert!(missing.is_empty() && surplus.is_empty(), "without a line: {missing:?}; not served: {surplus:?}");
    assert!(TABLE.iter().all(|(.., tells)| !matches!(tells, Of([]) | Nothing(""))));
}

/// A server whose log is watched.
struct Witness {
    server: Server,
    mailbox: Mailbox,
    seen: BTreeSet<(&'static str, &'static str)>,
    last: i64,
}

impl Witness {
    async fn begin() -> Self {
        let (server, mailbox) = spawn_with_mail(&[]).await;
        Self { server, mailbox, seen: BTreeSet::new(), last: 0 }
    }

    /// The events since the last look, oldest first.
    async fn news(&mut self) -> Vec<&'static str> {
        let all: Vec<SecurityEntry> =
            self.server.read(|db| security_log::list(db, None, &Asked::default(), 1_000)).await;
        let last = std::mem::replace(&mut self.last, all.first().map_or(0, |entry| entry.id.number()));
        let new = all.iter().rev().filter(|entry| entry.id.number() > last);
        new.map(|entry| entry.event.as_str()).collect()
    }

    /// Demands that what was just done is told as the table says.
    async fn tells(&mut self, method: &'static str, path: &'static str) {
        let row = TABLE.iter().find(|row| (row.0, row.1) == (method, path)).expect("because it has a line");
        let Of(events) = row.2 else { panic!("{method} {path} tells nothing") };
        assert_eq!(self.news().await, events, "{method} {path}");
        self.seen.insert((method, path));
    }
}

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
    alice.submit(page.form_with("End the token of Map studio, app.example")).await;
    witness.tells("POST", "/account/sessions/tokens/{id}/end").await;
    press(&mut alice, "/oauth/logout", "decision=allow").await;
    witness.tells("POST", "/oauth/logout").await;
    alice.sign_in("alice").await;
    witness.news().await;
    press(&mut alice, "/logout", "").await;
    witness.tells("POST", "/logout").await;
    press(&mut alice, "/logout", "").await;
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

async fn own_applications(witness: &mut Witness, alice: &mut Browser) {
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

async fn set_up(witness: &mut Witness) {
    let (server, mailbox) = (harness::spawn().await, Mailbox::make());
    let mut first = Witness { server, mailbox, seen: BTreeSet::new(), last: 0 };
    let link = gatepost::identity::set_up::make_link(&first.server.app.store, first.server.now()).await;
    let link = link.expect("because the database works").expect("because nobody has an account");
    let mut browser = first.server.browser();
    let page = browser.open(&format!("/setup?link={}", link.expose())).await;
    let form = page.form_with("Create administrator").fill("username", "root").fill("email", "root@people.example");
    browser.submit(form.fill("password", PASSWORD)).await;
    first.tells("POST", "/setup").await;
    witness.seen.append(&mut first.seen);
}

#[actix_web::test]
async fn every_change_is_told_once_and_nothing_else_is() {
    let mut witness = Witness::begin().await;
    people::accounts_by_program(&mut witness).await;
    people::letters(&mut witness).await;
    people::letters_on_pages(&mut witness).await;
    sessions(&mut witness).await;
    let mut alice = witness.server.browser();
    alice.sign_in("alice").await;
    tokens_by_program(&mut witness, &mut alice).await;
    tokens_on_pages(&mut witness, &mut alice).await;
    applications(&mut witness, &mut alice).await;
    login_codes(&mut witness, &mut alice).await;
    witness.news().await;
    own_applications(&mut witness, &mut alice).await;
    people::own_pages(&mut witness).await;
    set_up(&mut witness).await;
    let told = TABLE.iter().filter(|(.., tells)| matches!(tells, Of(_)));
    let unseen: Vec<_> = told.map(|row| (row.0, row.1)).filter(|row| !witness.seen.contains(row)).collect();
    assert!(unseen.is_empty(), "no journey shows what these tell: {unseen:?}");
    // A secret is our letters, its kind's and an underscore, or a UUID that is random.
    for secret in ["gp_!__", "________-____-4___-____-____________"] {
        let rows = format!("security_log WHERE about LIKE '%{secret}%' ESCAPE '!'");
        assert_eq!(witness.server.count(&rows).await, 0, "{secret}");
    }
}
