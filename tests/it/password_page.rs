//! `/account/security/password`: another password, with the current one.

use serde_json::json;

use crate::harness::html::{Form, Page};
use crate::harness::mailbox::spawn_with_mail;
use crate::harness::{self, PASSWORD};

const PATH: &str = "/account/security/password";
const NEW: &str = "another horse, another battery";

fn filled(page: &Page, current: &str, new: &str) -> Form {
    page.form_with("Change password").fill("current_password", current).fill("new_password", new)
}

#[actix_web::test]
async fn a_new_password_ends_everything_but_this_session_and_what_she_made_herself() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let (mut elsewhere, held) = server.one_of_each("alice").await;
    let mut alice = server.browser();
    alice.sign_in("alice").await;
    mailbox.take(&server).await;
    let page = alice.open(PATH).await;
    assert!(page.text().contains("All others are logged out"), "it says so before");
    let mut copied = alice.copy();
    let done = alice.submit(filled(&page, PASSWORD, NEW)).await;
    assert_eq!(copied.open("/account").await.heading(), "Log in", "a copy of the cookie from before opens nothing");
    assert_eq!((done.status, done.heading().as_str()), (200, "Your password is changed"));
    assert_eq!(alice.open("/account").await.heading(), "Your account", "this session stays");
    assert_eq!(elsewhere.open("/account").await.heading(), "Log in");
    for (kind, token) in held.each() {
        let stays = ["personal", "studio", "generator", "fileset"].contains(&kind);
        let valid = server.program(token).get("/v3/validate").await.success();
        assert_eq!(valid["valid"], json!(stays), "{kind}");
    }
    let message = mailbox.take_one(&server).await;
    assert_eq!((message.to.as_str(), message.subject.as_str()), ("alice@people.example", "Your password was changed"));
    let mut new = server.browser();
    let log_in = new.open("/login").await;
    assert_eq!(new.log_in_at(&log_in, "alice", PASSWORD).await.status, 400);
    assert_eq!(new.log_in_at(&log_in, "alice", NEW).await.heading(), "Your account");
}

#[actix_web::test]
async fn what_is_wrong_is_said_at_its_field() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let page = alice.open(PATH).await;
    for (current, new, field) in [
        ("not the password", NEW, "current_password"),
        ("", NEW, "current_password"),
        (&format!(" {PASSWORD}"), NEW, "current_password"),
        (PASSWORD, "short", "new_password"),
        (PASSWORD, "", "new_password"),
        (PASSWORD, "password1", "new_password"),
        (PASSWORD, "alice", "new_password"),
        (PASSWORD, &"x".repeat(2_000), "new_password"),
    ] {
        let refused = alice.submit(filled(&page, current, new)).await;
        assert_eq!(
            (refused.status, refused.attributes("[aria-invalid]", "name")),
            (400, vec![field.to_owned()]),
            "{new}"
        );
    }
    let multi_byte = "пароль из слов 🗝️ и ключей";
    assert_eq!(alice.submit(filled(&page, PASSWORD, multi_byte)).await.heading(), "Your password is changed");
    let mut again = server.browser();
    let log_in = again.open("/login").await;
    assert_eq!(again.log_in_at(&log_in, "alice", multi_byte).await.heading(), "Your account");
}

#[actix_web::test]
async fn guessing_the_current_password_in_somebodys_session_ends_soon() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let page = alice.open(PATH).await;
    for _ in 0..10 {
        assert_eq!(alice.submit(filled(&page, "a guess", NEW)).await.status, 400);
    }
    let late = alice.submit(filled(&page, PASSWORD, NEW)).await;
    assert_eq!(late.status, 429);
    assert!(late.header("retry-after").is_some() && late.alert().contains("Too many tries"), "{}", late.text());
}

#[actix_web::test]
async fn somebody_without_a_password_sets_the_first_one_by_mail() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let mut alice = server.signed_in("alice").await;
    let id = server.person_named("alice").await.id;
    server.write(move |tx| gatepost::store::users::remove_password(tx, id)).await;
    let page = alice.open(PATH).await;
    assert_eq!(page.heading(), "Set a password");
    alice.submit(page.form_with("Send the link")).await;
    let mut reader = server.browser();
    let page = reader.open(&mailbox.take_one(&server).await.link()).await;
    let page = reader.submit(page.form_with("Set password").fill("password", NEW)).await;
    assert_eq!(page.heading(), "Your account");
}

#[actix_web::test]
async fn password_managers_are_led_to_the_right_form() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    assert_eq!(alice.open("/.well-known/change-password").await.heading(), "Change your password");
    assert_eq!(server.browser().open("/.well-known/change-password").await.url.path(), "/reset");
    let page = alice.open(PATH).await;
    let kinds = page.attributes("main input[autocomplete]", "autocomplete");
    assert_eq!(kinds, ["username", "current-password", "new-password"]);
}
