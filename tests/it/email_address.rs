//! Proving an e-mail address after signing up, and changing it.

use serde_json::{Value, json};

use crate::harness::http::Answer;
use crate::harness::mailbox::spawn_with_mail;
use crate::harness::{PASSWORD, Server, confidential};

const UPDATE: &str = "/v3/account/security/email/update";
const VALIDATE: &str = "/v3/account/security/email/validate";
const NEW: &str = "another horse battery";

async fn sign_up(server: &Server, username: &str, email: &str) {
    let body = json!({ "username": username, "password": PASSWORD, "email": email });
    server.nobody().post("/v3/account", &body).await.success();
}

async fn validate(server: &Server, body: Value) -> Answer {
    server.nobody().post(VALIDATE, &body).await
}

async fn addresses(server: &Server, username: &str, password: &str) -> (Value, Value) {
    let log_in = json!({ "username": username, "password": password });
    let token = server.nobody().post("/v3/account/login", &log_in).await.member("token");
    let account = server.program(&token).get("/v3/account").await.success();
    (account["email"].clone(), account["unvalidatedEmail"].clone())
}

#[actix_web::test]
async fn a_new_person_proves_the_address_with_the_link_and_the_password() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    sign_up(&server, "carol", "carol@people.example").await;
    let message = mailbox.take_one(&server).await;
    assert_eq!(
        (message.to.as_str(), message.subject.as_str()),
        ("carol@people.example", "Confirm your e-mail address")
    );
    let key = message.key();
    validate(&server, json!({ "token": key })).await.refusal(400);
    validate(&server, json!({ "token": key, "password": PASSWORD, "newPassword": NEW })).await.refusal(400);
    validate(&server, json!({ "token": key, "password": "not the password" })).await.refusal(403);
    assert_eq!(addresses(&server, "carol", PASSWORD).await, (Value::Null, json!("carol@people.example")));
    validate(&server, json!({ "token": key, "password": PASSWORD })).await.success();
    assert_eq!(addresses(&server, "carol", PASSWORD).await, (json!("carol@people.example"), Value::Null));
    assert_eq!(addresses(&server, "carol@people.example", PASSWORD).await.1, Value::Null, "the address logs in now");
    validate(&server, json!({ "token": key, "password": PASSWORD })).await.refusal(400);
}

#[actix_web::test]
async fn the_page_confirms_by_a_button_and_goes_on_to_the_app() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let app = server.application(confidential()).await;
    mailbox.take(&server).await;
    let mut browser = server.browser();
    let page = browser.open(&app.request().path()).await;
    let page = browser.open(&page.link("Create one")).await;
    let form = page.form_with("Create account").fill("username", "carol").fill("email", "carol@people.example");
    browser.submit(form.fill("password", PASSWORD)).await;
    let link = mailbox.take_one(&server).await.link();
    let mut elsewhere = server.browser();
    for _ in 0..2 {
        assert_eq!(elsewhere.open(&link).await.heading(), "Confirm your e-mail address", "looking changes nothing");
    }
    let page = elsewhere.open(&link).await;
    let wrong = elsewhere.submit(page.form_with("Confirm address").fill("password", "not the password")).await;
    assert_eq!((wrong.status, wrong.attributes("#password", "aria-invalid").len()), (400, 1));
    let page = elsewhere.submit(page.form_with("Confirm address").fill("password", PASSWORD)).await;
    assert_eq!(page.heading(), "Allow this app?");
    assert!(elsewhere.open("/account").await.text().contains("Confirmed"));
    assert_eq!(elsewhere.open(&link).await.status, 404);
}

/// Somebody may have signed up with a stranger's address and wait for the stranger to confirm it.
#[actix_web::test]
async fn the_owner_of_the_address_may_set_a_new_password_and_whoever_made_the_account_is_out() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    sign_up(&server, "mallory", "victim@people.example").await;
    let (mallory, message) = (server.log_in("mallory").await, mailbox.take_one(&server).await);
    let kept = mallory.make_token(json!([{ "pathId": "map", "accessTier": "view" }])).await;
    let mut browser = server.browser();
    let page = browser.open(&message.link()).await;
    let weak = browser.submit(page.form_with("Set password and confirm").fill("new_password", "short")).await;
    assert_eq!((weak.status, weak.attributes("#new_password", "aria-invalid").len()), (400, 1));
    let page = browser.submit(page.form_with("Set password and confirm").fill("new_password", NEW)).await;
    assert_eq!(page.url.path(), "/account");
    for token in [mallory.token(), kept["token"].as_str().unwrap_or_default()] {
        let valid = server.program(token).get("/v3/validate").await.success();
        assert_eq!(valid["valid"], json!(false));
    }
    assert_eq!(addresses(&server, "mallory", NEW).await, (json!("victim@people.example"), Value::Null));
}

#[actix_web::test]
async fn a_taken_address_is_answered_like_a_free_one_and_its_owner_is_told() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    sign_up(&server, "mallory", "ROOT@people.example").await;
    let message = mailbox.take_one(&server).await;
    assert_eq!(message.subject, "You already have an account");
    assert!(!message.whole.contains("?key="));
    let mallory = server.log_in("mallory").await;
    let free = mallory.post(UPDATE, &json!({ "email": "free@people.example", "password": PASSWORD })).await;
    let free_account = mallory.get("/v3/account").await.success();
    let taken = mallory.post(UPDATE, &json!({ "email": "root@people.example", "password": PASSWORD })).await;
    let taken_account = mallory.get("/v3/account").await.success();
    assert_eq!((free.status, free.text()), (taken.status, taken.text()));
    assert_eq!(free_account["unvalidatedEmail"], "free@people.example");
    assert_eq!(taken_account["unvalidatedEmail"], "root@people.example");
    let subjects: Vec<String> = mailbox.take(&server).await.into_iter().map(|message| message.subject).collect();
    assert_eq!(subjects, ["Confirm your new e-mail address", "You already have an account"]);
}

#[actix_web::test]
async fn an_address_changes_in_two_steps_and_the_old_one_is_told() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let root = server.log_in("root").await;
    root.post(UPDATE, &json!({ "email": "new@people.example", "password": "not the password" })).await.refusal(403);
    root.post(UPDATE, &json!({ "email": "no address", "password": PASSWORD })).await.refusal(400);
    root.post(UPDATE, &json!({ "email": "ROOT@people.example", "password": PASSWORD })).await.refusal(400);
    root.post(UPDATE, &json!({ "email": "new@people.example" })).await.refusal(400);
    root.post(UPDATE, &json!({ "email": "new@people.example", "password": PASSWORD })).await.success();
    let messages = mailbox.take(&server).await;
    let to: Vec<&str> = messages.iter().map(|message| message.to.as_str()).collect();
    assert_eq!(to, ["new@people.example", "root@people.example"]);
    let pending = (json!("root@people.example"), json!("new@people.example"));
    assert_eq!(addresses(&server, "root", PASSWORD).await, pending, "the old one stays");
    let key = messages[0].key();
    validate(&server, json!({ "token": key, "newPassword": NEW })).await.refusal(400);
    validate(&server, json!({ "token": key, "password": PASSWORD })).await.success();
    assert_eq!(addresses(&server, "root", PASSWORD).await, (json!("new@people.example"), Value::Null));
    let old = json!({ "username": "root@people.example", "password": PASSWORD });
    server.nobody().post("/v3/account/login", &old).await.refusal(400);
    assert_eq!(server.account_status(root.token()).await, 200, "an address ends no token");
}

#[actix_web::test]
async fn a_change_replaces_the_one_before_and_ends_after_a_day() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let root = server.log_in("root").await;
    for email in ["one@people.example", "two@people.example"] {
        root.post(UPDATE, &json!({ "email": email, "password": PASSWORD })).await.success();
    }
    let messages = mailbox.take(&server).await;
    let key_to = |to: &str| messages.iter().find(|message| message.to == to).expect("because it was sent").key();
    let (one, two) = (key_to("one@people.example"), key_to("two@people.example"));
    validate(&server, json!({ "token": one, "password": PASSWORD })).await.refusal(400);
    server.advance(86_400);
    validate(&server, json!({ "token": two, "password": PASSWORD })).await.refusal(400);
    assert_eq!(addresses(&server, "root", PASSWORD).await, (json!("root@people.example"), Value::Null));
}

#[actix_web::test]
async fn of_two_who_prove_one_address_the_first_has_it() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    sign_up(&server, "carol", "shared@people.example").await;
    sign_up(&server, "dave", "shared@people.example").await;
    let messages = mailbox.take(&server).await;
    assert_eq!(messages.len(), 2, "an address that is not proven reserves nothing");
    let tries =
        messages.iter().map(|message| validate(&server, json!({ "token": message.key(), "password": PASSWORD })));
    let statuses: Vec<u16> = futures_util::future::join_all(tries).await.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(server.count("users WHERE verified_email_folded = 'shared@people.example'").await, 1);
}

#[actix_web::test]
async fn whoever_comes_second_for_an_address_keeps_their_password_and_sessions() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    sign_up(&server, "carol", "shared@people.example").await;
    sign_up(&server, "dave", "shared@people.example").await;
    let messages = mailbox.take(&server).await;
    let dave = server.log_in("dave").await;
    validate(&server, json!({ "token": messages[0].key(), "password": PASSWORD })).await.success();
    validate(&server, json!({ "token": messages[1].key(), "newPassword": NEW })).await.refusal(400);
    assert_eq!(server.account_status(dave.token()).await, 200);
    assert_eq!(addresses(&server, "dave", PASSWORD).await.0, Value::Null, "a refusal changed nothing");
}

#[actix_web::test]
async fn a_reset_ends_a_change_that_somebody_else_began() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let root = server.log_in("root").await;
    root.post(UPDATE, &json!({ "email": "thief@people.example", "password": PASSWORD })).await.success();
    let thief = mailbox.take(&server).await.remove(0).key();
    server
        .nobody()
        .post("/v3/account/security/password/reset", &json!({ "email": "root@people.example" }))
        .await
        .success();
    let key = mailbox.take_one(&server).await.key();
    let body = json!({ "token": key, "newPassword": NEW });
    server.nobody().post("/v3/account/security/password/validate", &body).await.success();
    validate(&server, json!({ "token": thief, "password": PASSWORD })).await.refusal(400);
    assert_eq!(addresses(&server, "root", NEW).await.0, "root@people.example");
}

#[actix_web::test]
async fn one_kind_of_link_does_not_do_what_another_does() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    server
        .nobody()
        .post("/v3/account/security/password/reset", &json!({ "email": "root@people.example" }))
        .await
        .success();
    let reset = mailbox.take_one(&server).await.key();
    validate(&server, json!({ "token": reset, "password": PASSWORD })).await.refusal(400);
    sign_up(&server, "carol", "carol@people.example").await;
    let proof = mailbox.take_one(&server).await.key();
    let body = json!({ "token": proof, "newPassword": NEW });
    server.nobody().post("/v3/account/security/password/validate", &body).await.refusal(400);
    for path in ["/reset/finish", "/verify", "/invitation"] {
        for key in [&reset, &proof] {
            let is_its_own = (path == "/reset/finish" && *key == reset) || (path == "/verify" && *key == proof);
            let status = server.browser().open(&format!("{path}?key={key}")).await.status;
            assert_eq!(status, if is_its_own { 200 } else { 404 }, "{path}");
        }
    }
}

#[actix_web::test]
async fn guessing_the_password_at_a_link_is_slowed_down() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    sign_up(&server, "carol", "carol@people.example").await;
    let key = mailbox.take_one(&server).await.key();
    for _ in 0..10 {
        validate(&server, json!({ "token": key, "password": "not the password" })).await.refusal(403);
    }
    validate(&server, json!({ "token": key, "password": PASSWORD })).await.refusal(429);
}

#[actix_web::test]
async fn a_link_to_the_old_address_opens_nothing_after_the_change() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let reset = json!({ "email": "root@people.example" });
    server.nobody().post("/v3/account/security/password/reset", &reset).await.success();
    let old = mailbox.take_one(&server).await.key();
    let root = server.log_in("root").await;
    root.post(UPDATE, &json!({ "email": "new@people.example", "password": PASSWORD })).await.success();
    let key = mailbox.take(&server).await.remove(0).key();
    validate(&server, json!({ "token": key, "password": PASSWORD })).await.success();
    let body = json!({ "token": old, "newPassword": NEW });
    server.nobody().post("/v3/account/security/password/validate", &body).await.refusal(400);
}
