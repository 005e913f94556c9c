//! Invitations: a mailed link makes an account with a proven address, also where nobody signs up alone.

use std::process::Command;

use gatepost::domain::user::Role;
use serde_json::{Value, json};

use crate::harness::http::Answer;
use crate::harness::mailbox::{ReceivedEmail, spawn_with_mail};
use crate::harness::token_holders::Program;
use crate::harness::{PASSWORD, Server};

async fn invite(program: &Program, email: &str) -> Answer {
    program.post("/v3/user/invite", &json!({ "email": email })).await
}

async fn accept(server: &Server, message: &ReceivedEmail, username: &str) -> Answer {
    let body = json!({
        "validationToken": message.key(), "userId": message.user_id(), "username": username, "password": PASSWORD,
    });
    server.nobody().post("/v3/account", &body).await
}

#[actix_web::test]
async fn an_invited_person_makes_an_account_by_program_where_nobody_else_may() {
    for policy in ["open", "invite", "people.example"] {
        let (server, mailbox) = spawn_with_mail(&[("registration", policy)]).await;
        let root = server.log_in("root").await;
        invite(&root, "carol@people.example").await.success();
        let message = mailbox.take_one(&server).await;
        assert_eq!((message.to.as_str(), message.subject.as_str()), ("carol@people.example", "You are invited"));
        assert!(message.whole.contains("\"root\""), "the letter says who invites: {}", message.whole);
        let id = accept(&server, &message, "carol").await.member("id");
        assert_eq!(id, message.user_id());
        let account = server.log_in("carol").await.get("/v3/account").await.success();
        assert_eq!((&account["id"], &account["email"]), (&json!(id), &json!("carol@people.example")));
        assert_eq!(account["unvalidatedEmail"], Value::Null, "the letter was read there");
        accept(&server, &message, "again").await.refusal(400);
    }
}

#[actix_web::test]
async fn an_invitation_is_whole_or_nothing() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let root = server.log_in("root").await;
    invite(&root, "carol@people.example").await.success();
    invite(&root, "dave@people.example").await.success();
    let messages = mailbox.take(&server).await;
    let (carol, dave) = (&messages[0], &messages[1]);
    for (key, user_id) in [
        (carol.key(), dave.user_id()),
        (carol.key(), "x".to_owned()),
        ("00000000-0000-4000-8000-000000000000".to_owned(), carol.user_id()),
        (carol.user_id(), carol.user_id()),
    ] {
        let body = json!({ "validationToken": key, "userId": user_id, "username": "carol", "password": PASSWORD });
        server.nobody().post("/v3/account", &body).await.refusal(400);
    }
    let incomplete = json!({ "validationToken": carol.key(), "username": "carol", "password": PASSWORD });
    assert!(server.nobody().post("/v3/account", &incomplete).await.refusal(400).contains("userId"));
    assert!(accept(&server, carol, "ROOT").await.refusal(400).contains("taken"), "a mistake does not use it up");
    accept(&server, carol, "carol").await.success();
    server.advance(7 * 86_400);
    accept(&server, dave, "dave").await.refusal(400);
}

#[actix_web::test]
async fn the_page_makes_the_account_with_the_address_fixed() {
    let (server, mailbox) = spawn_with_mail(&[("registration", "invite")]).await;
    invite(&server.log_in("root").await, "carol@people.example").await.success();
    let link = mailbox.take_one(&server).await.link();
    let mut browser = server.browser();
    let page = browser.open(&link).await;
    assert!(page.text().contains("carol@people.example"), "{}", page.text());
    let form = page.form_with("Create account");
    assert_eq!(form.value("email"), None);
    let wrong = browser.submit(form.clone().fill("username", "root").fill("password", PASSWORD)).await;
    assert_eq!((wrong.status, wrong.attributes("[aria-invalid=true]", "name")), (400, vec!["username".to_owned()]));
    let page = browser.submit(form.fill("username", "carol").fill("password", PASSWORD)).await;
    assert_eq!(page.url.path(), "/account");
    assert!(page.text().contains("Confirmed") && !page.text().contains("Not confirmed"), "{}", page.text());
    assert_eq!(browser.open(&link).await.heading(), "This link is over");
}

#[actix_web::test]
async fn who_may_invite_is_the_operators_choice() {
    let (server, mailbox) = spawn_with_mail(&[("registration", "closed")]).await;
    invite(&server.log_in("root").await, "carol@people.example").await.refusal(403);
    server.person_with("boss", Role::Admin).await;
    invite(&server.log_in("boss").await, "carol@people.example").await.success();
    accept(&server, &mailbox.take_one(&server).await, "carol").await.success();
    let (server, mailbox) = spawn_with_mail(&[("registration", "people.example")]).await;
    let message = invite(&server.log_in("root").await, "carol@elsewhere.example").await.refusal(400);
    assert!(message.contains("people.example"), "{message}");
    assert!(mailbox.take(&server).await.is_empty());
}

#[actix_web::test]
async fn inviting_needs_the_persons_own_token_and_an_address() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let (_, held) = server.one_of_each("alice").await;
    for (kind, token) in held.each() {
        let may = ["whole", "first party"].contains(&kind);
        let answer = invite(&server.program(token), &format!("{}@people.example", kind.replace(' ', "-"))).await;
        assert_eq!(answer.status == 200, may, "{kind}: {}", answer.text());
    }
    let messages = mailbox.take(&server).await;
    assert_eq!(messages.iter().filter(|message| message.subject == "You are invited").count(), 2);
    server.nobody().post("/v3/user/invite", &json!({ "email": "x@people.example" })).await.refusal(401);
    let root = server.log_in("root").await;
    for body in [json!({}), json!({ "email": "no address" }), json!({ "email": 7 })] {
        root.post("/v3/user/invite", &body).await.refusal(400);
    }
}

#[actix_web::test]
async fn somebody_who_is_here_already_is_told_and_the_inviter_is_not() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    server.person("alice").await;
    let root = server.log_in("root").await;
    let (free, taken) = (invite(&root, "free@people.example").await, invite(&root, "alice@people.example").await);
    assert_eq!((free.status, free.text()), (taken.status, taken.text()));
    let messages = mailbox.take(&server).await;
    assert_eq!(messages[1].subject, "You already have an account");
    assert!(!messages[1].whole.contains("?key="));
}

#[actix_web::test]
async fn a_person_invites_a_hundred_a_day() {
    let (server, _mailbox) = spawn_with_mail(&[]).await;
    let root = server.log_in("root").await;
    for number in 0..100 {
        invite(&root, &format!("{number}@people.example")).await.success();
    }
    invite(&root, "one-more@people.example").await.refusal(429);
    server.advance(86_400);
    invite(&server.log_in("root").await, "one-more@people.example").await.success();
}

#[actix_web::test]
async fn two_who_use_an_invitation_at_once_make_one_account() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    invite(&server.log_in("root").await, "carol@people.example").await.success();
    let message = mailbox.take_one(&server).await;
    let names = ["one", "two", "three", "four"];
    let answers = futures_util::future::join_all(names.map(|name| accept(&server, &message, name))).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400, 400, 400]);
    assert_eq!(server.count("users").await, 2);
}

/// What a command on the server's own database prints.
fn command(server: &Server, mail_url: &str, arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_gatepost"))
        .args(arguments)
        .env("GATEPOST_DATABASE_URL", server.database_url())
        .env("GATEPOST_SECRET_FILE", &server.app.config.secret_file)
        .env("GATEPOST_PUBLIC_URL", server.issuer())
        .env("GATEPOST_MAIL_URL", mail_url)
        .output()
        .expect("because the binary was just built");
    server.know_what_a_command_changed();
    (output.status.success(), String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// A command has the machine's clock and the server of a test has its own, so only the rows are looked at.
#[actix_web::test]
async fn an_operator_invites_and_resets_by_command() {
    let (server, mailbox) = spawn_with_mail(&[("registration", "closed")]).await;
    let invite = ["user", "invite", "--email", "carol@people.example"];
    let (is_done, link) = command(&server, "log:", &invite);
    assert!(is_done && link.starts_with(&format!("{}/invitation?key=", server.issuer())), "{link}");
    assert_eq!((server.count("mailed_links").await, server.count("outbox").await), (1, 0), "the link was printed");
    let (is_done, said) = command(&server, &mailbox.url(), &invite);
    assert!(is_done && said.contains("on its way") && !said.contains("key="), "{said}");
    assert_eq!((server.count("mailed_links").await, server.count("outbox").await), (2, 1), "the link is mailed");
    assert!(!command(&server, "log:", &["user", "invite", "--email", "root@people.example"]).0, "somebody has it");
    assert!(!command(&server, "log:", &["user", "invite", "--email", "no address"]).0);
    let (is_done, link) = command(&server, "log:", &["user", "reset-password", "--link", "root"]);
    assert!(is_done && link.starts_with(&format!("{}/reset/finish?key=", server.issuer())), "{link}");
    assert_eq!(server.count("mailed_links WHERE kind = 'reset_by_operator'").await, 1);
}
