//! Every way in by password, with a second factor on: none of them opens anything by the password alone
//! (`docs/threat-model.md#e20`). And what the operator's two settings change.

use gatepost::domain::registration::Draft;
use serde_json::json;

use crate::harness::factors::{Authenticator, Equipped};
use crate::harness::http::parameter;
use crate::harness::jwt;
use crate::harness::mailbox::{ReceivedEmail, spawn_with_mail};
use crate::harness::{self, PASSWORD, confidential};

const LOGIN: &str = "/v3/account/login";
const REMOTE: &str = "/v3/account/security/remoteSession";
const NEW: &str = "another horse battery";

fn openid() -> Draft {
    Draft { scope: Some("openid".to_owned()), ..confidential() }
}

/// The six digits of a letter.
fn mailed_code(message: &ReceivedEmail) -> String {
    let line = message.whole.lines().find(|line| line.contains("asks for it:"));
    let line = line.unwrap_or_else(|| panic!("no code in {}", message.whole));
    line.chars().filter(char::is_ascii_digit).collect()
}

#[actix_web::test]
async fn a_program_with_the_password_is_told_to_send_a_code_and_each_code_works_once() {
    let server = harness::spawn().await;
    let Equipped { app, codes, .. } = server.equipped("alice").await;
    let nobody = server.nobody();
    let body = |code: &str| json!({ "username": "alice", "password": PASSWORD, "code": code });
    let message = nobody.post(LOGIN, &json!({ "username": "alice", "password": PASSWORD })).await.refusal(403);
    assert!(message.contains("Send code"), "{message}");
    for code in ["", "12345", &app.wrong(server.now())] {
        nobody.post(LOGIN, &body(code)).await.refusal(403);
    }
    nobody.post(LOGIN, &json!({ "username": "alice", "password": PASSWORD, "code": 7 })).await.refusal(400);
    // A wrong password is the same answer with any code, right ones too.
    let wrong = json!({ "username": "alice", "password": "x", "code": app.code(server.now(), 0) });
    assert_eq!(nobody.post(LOGIN, &wrong).await.refusal(400), "Invalid username or password.");
    assert_eq!(server.count("tokens").await, 0);
    let right = app.code(server.now(), 0);
    nobody.post(LOGIN, &body(&right)).await.member("token");
    nobody.post(LOGIN, &body(&right)).await.refusal(403);
    nobody.post(LOGIN, &body(&codes[0])).await.member("token");
    nobody.post(LOGIN, &body(&codes[0])).await.refusal(403);
    // Who has no factor may send one all the same.
    server.person("bob").await;
    nobody.post(LOGIN, &json!({ "username": "bob", "password": PASSWORD, "code": "123456" })).await.member("token");
}

#[actix_web::test]
async fn a_password_reset_ends_the_factor_and_goes_on_to_the_app() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let client = server.application(confidential()).await;
    server.equipped("alice").await;
    mailbox.take(&server).await;
    let mut browser = server.browser();
    let page = browser.open(&client.request().path()).await;
    let page = browser.open(&page.link("Forgot your password?")).await;
    browser.submit(page.form_with("Send the link").fill("username", "alice")).await;
    let link = mailbox.take_one(&server).await.link();
    let page = browser.open(&link).await;
    let page = browser.submit(page.form_with("Set password").fill("password", NEW)).await;
    assert_eq!((page.status, page.heading().as_str()), (200, "Allow this app?"));
    assert_eq!((server.sessions().await, server.count("totp_factors").await), (1, 0), "all from before ended");
}

#[actix_web::test]
async fn proving_an_address_still_asks_for_the_factor() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let Equipped { app, .. } = server.equipped("alice").await;
    let login = json!({ "username": "alice", "password": PASSWORD, "code": app.code(server.now(), 0) });
    let program = server.program(&server.nobody().post(LOGIN, &login).await.member("token"));
    mailbox.take(&server).await;
    let update = json!({ "email": "new@people.example", "password": PASSWORD });
    program.post("/v3/account/security/email/update", &update).await.success();
    let messages = mailbox.take(&server).await;
    let message =
        messages.iter().find(|message| message.to.contains("new@")).expect("because the new address is asked");
    let before = server.sessions().await;
    let mut browser = server.browser();
    let page = browser.open(&message.link()).await;
    let form = page.forms().into_iter().find(|form| form.value("password").is_some());
    let form = form.expect("because the password is asked for").fill("password", PASSWORD);
    let page = browser.submit(form).await;
    assert_eq!(page.heading(), "One more step");
    assert_eq!(server.sessions().await, before);
    let page = browser.second_step(&page, &app.code(server.now(), 30)).await;
    assert_eq!(page.url.path(), "/account");
}

#[actix_web::test]
async fn a_session_from_before_lets_no_program_in_by_the_password_alone() {
    let server = harness::spawn().await;
    let mut old = server.signed_in("alice").await;
    let mut alice = server.browser();
    alice.sign_in("alice").await;
    let (app, _) = alice.set_up_app(&server).await;
    server.advance(30);
    let id = server.nobody().post(REMOTE, &json!({})).await.member("id");
    let page = old.open(&format!("/login?session={id}")).await;
    let form = page.decision("allow").fill("password", PASSWORD);
    for code in [String::new(), app.wrong(server.now())] {
        assert_eq!(old.submit(form.clone().fill("code", &code)).await.status, 400, "{code}");
        server.nobody().post(&format!("{REMOTE}/{id}/exercise"), &json!({})).await.refusal(428);
    }
    let page = old.submit(form.fill("code", &app.code(server.now(), 0))).await;
    assert_eq!(page.heading(), "The program is logged in");
    // A session that was opened with the factor needs the password only.
    let id = server.nobody().post(REMOTE, &json!({})).await.member("id");
    let page = alice.open(&format!("/login?session={id}")).await;
    assert!(page.attributes("#code", "name").is_empty());
    let page = alice.submit(page.decision("allow").fill("password", PASSWORD)).await;
    assert_eq!(page.heading(), "The program is logged in");
}

#[actix_web::test]
async fn the_id_token_says_by_what_the_person_signed_in() {
    let server = harness::spawn().await;
    let client = server.application(openid()).await;
    let Equipped { app, .. } = server.equipped("alice").await;
    let mut browser = server.browser();
    let page = browser.first_step("/login", "alice").await;
    browser.second_step(&page, &app.code(server.now(), 0)).await;
    let request = client.request().with("scope", "openid");
    let granted = request.approve(&mut browser).await;
    let tokens = client.exchange(&granted).await.expect("because it is its first use");
    let said = jwt::read(tokens.id_token()).claims;
    assert_eq!((&said["amr"], &said["acr"]), (&json!(["pwd", "otp", "mfa"]), &json!("2")));
}

#[actix_web::test]
async fn an_app_that_wants_two_factors_gets_them_where_there_are_two() {
    let server = harness::spawn().await;
    let client = server.application(openid()).await;
    let mut old = server.signed_in("alice").await;
    let wants = client.request().with("scope", "openid").with("acr_values", "2 1");
    // Without a second factor it is a wish (OpenID Connect Core §5.5.1.1).
    let tokens = client.exchange(&wants.approve(&mut old).await).await.expect("because it is its first use");
    assert_eq!(jwt::read(tokens.id_token()).claims["acr"], "1");
    let mut alice = server.browser();
    alice.sign_in("alice").await;
    let (app, _) = alice.set_up_app(&server).await;
    server.advance(30);
    let silent = old.open(&wants.clone().with("prompt", "none").path()).await;
    assert!(parameter(silent.away(), "code").is_some(), "where nothing can be shown it goes on without");
    let prefers_one = client.request().with("scope", "openid").with("acr_values", "x 1 2");
    let page = old.open(&prefers_one.path()).await;
    assert!(page.away.is_some() || page.heading() == "Allow this app?");
    let page = old.open(&wants.path()).await;
    assert_eq!(page.heading(), "Confirm that it is you");
    let policy = page.header("content-security-policy").unwrap_or_default();
    assert!(!policy.contains("form-action"), "its form may lead away: {policy}");
    let page = old.submit(page.form_with("Go on").fill("code", &app.code(server.now(), 0))).await;
    let page = if page.away.is_some() { page } else { old.submit(page.form_with("Allow")).await };
    let tokens = client.exchange(&wants.granted(page.away())).await.expect("because it is its first use");
    let said = jwt::read(tokens.id_token()).claims;
    assert_eq!((&said["amr"], &said["acr"]), (&json!(["pwd", "otp", "mfa"]), &json!("2")));
}

#[actix_web::test]
async fn where_a_second_factor_is_required_nobody_gets_in_before_they_set_one_up() {
    let server = harness::spawn_with(&[("second_factor.required", "true")]).await;
    let client = server.application(confidential()).await;
    server.person("alice").await;
    let request = client.request();
    let mut browser = server.browser();
    let page = browser.open(&request.path()).await;
    let page = browser.log_in_at(&page, "alice", PASSWORD).await;
    assert_eq!((page.status, page.heading().as_str()), (200, "Set up a second step"));
    assert_eq!((server.sessions().await, browser.cookies().len()), (0, 0));
    assert_eq!(browser.open("/account/security/totp").await.heading(), "Log in");
    let app = Authenticator::reading(&page);
    let form = page.form_with("Set up and log in");
    let wrong = browser.submit(form.clone().fill("code", &app.wrong(server.now()))).await;
    assert_eq!((wrong.status, wrong.heading().as_str()), (400, "Set up a second step"));
    let page = browser.submit(form.clone().fill("code", &app.code(server.now(), 0))).await;
    assert_eq!((page.heading().as_str(), page.all("[data-secret]").len()), ("Your recovery codes", 10));
    let page = browser.open(&page.link("I saved them")).await;
    assert_eq!(page.heading(), "Allow this app?");
    // A step that was begun before does not replace what is there now.
    let message = server.nobody().post(LOGIN, &json!({ "username": "alice", "password": PASSWORD })).await.refusal(403);
    assert!(message.contains("Send code"), "{message}");
    let page = browser.open("/account/security").await;
    assert!(
        page.forms().iter().all(|form| !form.has_button("Remove the authenticator app")),
        "it can be replaced only"
    );
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
    browser.bare(actix_web::http::Method::POST, "/account/security/totp/remove", &headers, "").await;
    assert_eq!(server.count("totp_factors").await, 1);
}

#[actix_web::test]
async fn a_set_up_that_was_begun_by_the_password_alone_never_replaces_a_factor() {
    let server = harness::spawn_with(&[("second_factor.required", "true")]).await;
    server.person("alice").await;
    let (mut thief, mut alice) = (server.browser(), server.browser());
    let page = thief.open("/login").await;
    let stolen = thief.log_in_at(&page, "alice", PASSWORD).await;
    let of_thief = Authenticator::reading(&stolen);
    let page = alice.open("/login").await;
    let page = alice.log_in_at(&page, "alice", PASSWORD).await;
    let app = Authenticator::reading(&page);
    alice.submit(page.form_with("Set up and log in").fill("code", &app.code(server.now(), 0))).await;
    let form = stolen.form_with("Set up and log in").fill("code", &of_thief.code(server.now(), 0));
    let page = thief.submit(form).await;
    assert_eq!(page.heading(), "Log in");
    assert_eq!(server.sessions().await, 1);
}

#[actix_web::test]
async fn new_people_and_old_sessions_set_one_up_too_where_it_is_required() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let old = server.signed_in("alice").await;
    let server = server.restart(&[("second_factor.required", "true"), ("mail.url", &mailbox.url())]).await;
    let mut here = server.browser();
    for (name, value) in old.cookies() {
        here.put_cookie(name, value);
    }
    assert_eq!(here.open("/account").await.heading(), "Log in", "a session from before opens nothing");
    let mut new = server.browser();
    let page = new.open("/register").await;
    let form = page.form_with("Create account").fill("username", "bob").fill("email", "bob@people.example");
    let page = new.submit(form.fill("password", PASSWORD)).await;
    assert_eq!((page.heading().as_str(), server.count("users").await), ("Your account", 3));
    let link = mailbox.take_one(&server).await.link();
    // Before the address is proven there is no factor to set up: what is read in the mailbox is the second step.
    let mut again = server.browser();
    let page = again.open("/login").await;
    let page = again.log_in_at(&page, "bob", PASSWORD).await;
    assert_eq!(page.heading(), "One more step");
    let page = again.second_step(&page, &mailed_code(&mailbox.take_one(&server).await)).await;
    assert_eq!(page.heading(), "Your account");
    let page = new.open(&link).await;
    new.submit(page.form_with("Confirm address").fill("password", PASSWORD)).await;
    let page = new.open("/login").await;
    assert_eq!(new.log_in_at(&page, "bob", PASSWORD).await.heading(), "Set up a second step");
    let message = server.nobody().post(LOGIN, &json!({ "username": "alice", "password": PASSWORD })).await.refusal(403);
    assert!(message.contains("needs a browser"), "{message}");
}

#[actix_web::test]
async fn a_mailed_code_stands_in_where_the_operator_wants_it() {
    let (server, mailbox) = spawn_with_mail(&[("second_factor.email_code", "true")]).await;
    server.person("alice").await;
    let mut browser = server.browser();
    let page = browser.first_step("/login", "alice").await;
    assert!(page.text().contains("mailed six digits"), "{}", page.text());
    let message = mailbox.take_one(&server).await;
    let code = mailed_code(&message);
    assert_eq!((message.subject.as_str(), code.len()), ("Your code to log in", 6));
    let mut thief = server.browser();
    let other = thief.first_step("/login", "alice").await;
    assert_eq!(thief.second_step(&other, &code).await.status, 400, "it belongs to its own log-in");
    let page = browser.second_step(&page, &code).await;
    assert_eq!(page.url.path(), "/account");
    server.nobody().post(LOGIN, &json!({ "username": "alice", "password": PASSWORD })).await.refusal(403);
    // Five letters in a quarter of an hour, then none: nobody fills a mailbox with them.
    mailbox.take(&server).await;
    for _ in 0..5 {
        server.browser().first_step("/login", "alice").await;
    }
    let mut browser = server.browser();
    let page = browser.open("/login").await;
    assert_eq!(browser.log_in_at(&page, "alice", PASSWORD).await.status, 429);
    assert_eq!(mailbox.take(&server).await.len(), 5);
    // An app takes its place, also for a step that waits.
    server.advance(900);
    let waiting = server.browser().first_step("/login", "alice").await;
    let code = mailed_code(&mailbox.take_one(&server).await);
    let mut alice = server.browser();
    let page = alice.first_step("/login", "alice").await;
    let own = mailed_code(&mailbox.take_one(&server).await);
    alice.second_step(&page, &own).await;
    alice.set_up_app(&server).await;
    assert_eq!(server.browser().second_step(&waiting, &code).await.heading(), "Log in");
}
