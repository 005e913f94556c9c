//! What somebody at an old session may not change without a young proof, and what the owner then hears of it:
//! where an app sends people, and how a person is called.

use std::process::Command;

use actix_web::http::Method;
use gatepost::oauth::clients::By;
use serde_json::json;

use crate::harness::application::Application;
use crate::harness::mailbox::{Mailbox, spawn_with_mail};
use crate::harness::{PASSWORD, Server, confidential};

const OTHER: &str = "https://elsewhere.example/callback";

async fn own_app(server: &Server) -> (Application, String) {
    let alice = server.person_named("alice").await;
    let app = server.register(By::Owner(alice.id), confidential()).await;
    let path = format!("/developer/apps/{}", app.client_id());
    (app, path)
}

async fn told(server: &Server, event: &str, about: &str) -> i64 {
    server.count(&format!("security_log WHERE event = '{event}' AND subject = '{about}'")).await
}

#[actix_web::test]
async fn an_app_gets_other_addresses_by_a_young_proof_alone_and_its_owner_reads_what_became_what() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let mut alice = server.signed_in("alice").await;
    let (app, path) = own_app(&server).await;
    let page = alice.open(&path).await;
    let form = page.form_with("Save changes").fill("redirect_uris", OTHER);
    server.advance(901);
    let refused = alice.submit(form.clone()).await;
    assert_eq!(refused.heading(), "Confirm that it is you");
    assert_eq!(server.count(&format!("clients WHERE redirect_uris LIKE '%{OTHER}%'")).await, 0);
    let page = alice.submit(refused.form_with("Go on").fill("password", PASSWORD)).await;
    assert_eq!(page.url.path(), path);
    mailbox.take(&server).await;
    assert_eq!(alice.submit(form).await.status, 200);
    let message = mailbox.take_about(&server, "Your app was changed").await;
    let became = format!("redirect URI {} is now {OTHER}", app.redirect_uri());
    assert_eq!(message.to, "alice@people.example");
    assert!(message.whole.to_lowercase().contains(&became.to_lowercase()), "{}", message.whole);
    assert_eq!(told(&server, "client.update", &format!("Map studio: {became}")).await, 1);
    // A name that reads like our words stays out of the letter, and is in the log.
    let page = alice.open(&path).await;
    alice.submit(page.form_with("Save changes").fill("client_name", "Click here")).await;
    assert!(mailbox.take(&server).await.is_empty());
    let renamed = "Map studio: the name \"Map studio\" is now \"Click here\"";
    assert_eq!(told(&server, "client.update", renamed).await, 1);
    let page = alice.open(&path).await;
    let form = page.form_with("Save changes").fill("jwks_uri", "https://app.example/keys");
    alice.submit(form).await;
    let message = mailbox.take_about(&server, "Your app was changed").await;
    assert!(message.whole.contains("https://app.example/keys was added"), "{}", message.whole);
}

fn operate(server: &Server, mailbox: &Mailbox, arguments: &[&str]) {
    let status = Command::new(env!("CARGO_BIN_EXE_gatepost"))
        .args(arguments)
        .env("GATEPOST_DATABASE_URL", server.database_url())
        .env("GATEPOST_SECRET_FILE", &server.app.config.secret_file)
        .env("GATEPOST_PUBLIC_URL", server.issuer())
        .env("GATEPOST_MAIL_URL", mailbox.url())
        .output()
        .expect("because cargo built it");
    server.know_what_a_command_changed();
    assert!(status.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&status.stderr));
}

#[actix_web::test]
async fn what_an_operator_changes_in_somebodys_app_is_told_too() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    server.person("alice").await;
    let (app, _) = own_app(&server).await;
    operate(&server, &mailbox, &["client", "update", app.client_id(), "--redirect-uri", OTHER]);
    let became =
        format!("Map studio: redirect URI {} is now {OTHER}, by the people who run this server", app.redirect_uri());
    assert_eq!(told(&server, "client.update", &became).await, 1);
    // The letter waits until the machine's clock, which the command has.
    assert_eq!(server.count("outbox").await, 1);
}

#[actix_web::test]
async fn another_user_name_needs_a_young_proof_and_is_told_by_page_and_program() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let mut alice = server.signed_in("alice").await;
    let program = server.log_in("alice").await;
    let page = alice.open("/account/profile").await;
    let form = page.form_with("Save profile").fill("username", "alicia");
    let about = page.form_with("Save profile").fill("about", "Maps.");
    server.advance(901);
    assert_eq!(alice.submit(form.clone()).await.heading(), "Confirm that it is you");
    assert_eq!(alice.submit(about).await.status, 200, "the rest of the profile needs none");
    let body = json!({ "username": "alicia" });
    let refused = program.send(Method::PUT, "/v3/account/username", &[], &body).await.refusal(403);
    assert!(refused.contains("Log in again first"), "{refused}");
    assert_eq!(server.count("users WHERE username = 'alice'").await, 1);
    let young = server.log_in("alice").await;
    young.send(Method::PUT, "/v3/account/username", &[], &body).await.success();
    let message = mailbox.take_about(&server, "Your user name was changed").await;
    assert!(message.whole.contains("\"alice\"") && message.whole.contains("\"alicia\""), "{}", message.whole);
    assert_eq!(told(&server, "username.change", "alice is now alicia").await, 1);
    let page = alice.open("/account/confirm?next=/account/profile").await;
    let page = alice.submit(page.form_with("Go on").fill("password", PASSWORD)).await;
    alice.submit(page.form_with("Save profile").fill("username", "Alice")).await;
    mailbox.take_about(&server, "Your user name was changed").await;
    assert_eq!(told(&server, "username.change", "alicia is now Alice").await, 1);
}
