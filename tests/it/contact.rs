//! Writing to somebody through the server: by mail, without an address, to people who take messages.

use gatepost::domain::user::User;
use serde_json::{Value, json};

use crate::harness::http::Answer;
use crate::harness::mailbox::{Mailbox, spawn_with_mail};
use crate::harness::token_holders::Program;
use crate::harness::{Server, execute};

async fn write(program: &Program, to: &User, message: &str) -> Answer {
    program.post(&format!("/v3/user/{}/contact", to.id.uuid()), &json!({ "message": message })).await
}

/// Whether a person takes messages, by their own wish.
async fn allow(server: &Server, username: &str, allows: bool) {
    let program = server.log_in(username).await;
    let body = json!({ "allowContact": allows });
    let answer = program.send(actix_web::http::Method::PATCH, "/v3/account/profile", &[], &body).await;
    answer.success();
}

async fn two_people() -> (Server, Mailbox, User, User) {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let (alice, bob) = (server.person("alice").await, server.person("bob").await);
    mailbox.take(&server).await;
    (server, mailbox, alice, bob)
}

#[actix_web::test]
async fn a_message_is_mailed_and_shows_nobodys_address() {
    let (server, mailbox, _, bob) = two_people().await;
    allow(&server, "bob", true).await;
    let alice = server.log_in("alice").await;
    mailbox.take(&server).await;
    let text = "Hello Bob,\r\n\r\n<b>may</b> I use your map?\u{202e}\nSubject: x\n-- \nGatepost";
    assert_eq!(write(&alice, &bob, text).await.success(), json!({}));
    let message = mailbox.take_one(&server).await;
    assert_eq!((message.to.as_str(), message.subject.as_str()), ("bob@people.example", "You have a message"));
    for shown in ["\"alice\"", "> Hello Bob,", "may", "> Subject: x", "> Gatepost", "Others may write to me"] {
        assert!(message.whole.contains(shown), "{shown}: {}", message.whole);
    }
    for hidden in ["alice@people.example", "127.0.0.1", "\u{202e}"] {
        assert!(!message.whole.contains(hidden), "{hidden}: {}", message.whole);
    }
    assert_eq!(message.whole.matches("<b>may").count(), 1, "in the plain text, and in the page as text only");
    assert_eq!(server.count("contact_messages").await, 1);
    assert_eq!(server.count("security_log WHERE event = 'message.send' AND subject = 'bob'").await, 1);
}

#[actix_web::test]
async fn who_takes_no_messages_gets_none() {
    let (server, mailbox, alice_row, bob) = two_people().await;
    let alice = server.log_in("alice").await;
    mailbox.take(&server).await;
    allow(&server, "bob", false).await;
    mailbox.take(&server).await;
    assert!(write(&alice, &bob, "Hello").await.refusal(403).contains("does not take messages"));
    allow(&server, "bob", true).await;
    mailbox.take(&server).await;
    let unprove = |id: i64| format!("UPDATE users SET email_verified_at = NULL WHERE id = {id}");
    let sql = unprove(bob.id.number());
    server.write(move |tx| execute(tx, &sql)).await;
    assert!(write(&alice, &bob, "Hello").await.refusal(403).contains("does not take messages"), "no proven address");
    server.disable(&bob, true).await;
    write(&alice, &bob, "Hello").await.refusal(404);
    alice.post("/v3/user/nobody/contact", &json!({ "message": "x" })).await.refusal(404);
    let sql = unprove(alice_row.id.number());
    server.write(move |tx| execute(tx, &sql)).await;
    let carol = server.person("carol").await;
    assert!(write(&alice, &carol, "Hello").await.refusal(403).contains("Confirm your e-mail address"));
    assert_eq!(mailbox.take(&server).await.len(), 0);
    assert_eq!(server.count("contact_messages").await, 0);
}

#[actix_web::test]
async fn only_a_whole_token_writes_and_only_a_message() {
    let (server, mailbox, _, bob) = two_people().await;
    let (_, held) = server.one_of_each("carol").await;
    mailbox.take(&server).await;
    let mut opened = Vec::new();
    for (kind, token) in held.each() {
        let answer = write(&server.program(token), &bob, "Hello").await;
        assert!([200, 403].contains(&answer.status), "{kind}: {}", answer.text());
        if answer.status == 200 {
            opened.push(kind);
        }
    }
    assert_eq!(opened.len(), 2, "the person's own, and an app of the operator's: {opened:?}");
    assert_eq!(write(&server.nobody(), &bob, "Hello").await.status, 401);
    let alice = server.log_in("alice").await;
    let path = format!("/v3/user/{}/contact", bob.id.uuid());
    for body in [json!({}), json!({ "message": Value::Null }), json!({ "message": 7 }), json!({ "message": " \n" })] {
        alice.post(&path, &body).await.refusal(400);
    }
    write(&alice, &bob, &"x".repeat(2_001)).await.refusal(400);
}

#[actix_web::test]
async fn a_person_writes_ten_a_day_and_is_written_to_ten_times() {
    let (server, _mailbox, _, bob) = two_people().await;
    let mut readers = Vec::new();
    for number in 0..10 {
        readers.push(server.person(&format!("reader-{number}")).await);
    }
    let alice = server.log_in("alice").await;
    let writing = readers.iter().map(|reader| write(&alice, reader, "Hello"));
    let statuses: Vec<u16> =
        futures_util::future::join_all(writing).await.into_iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200; 10]);
    write(&alice, &bob, "Hello").await.refusal(429);
    for number in 0..10 {
        write(&server.log_in(&format!("reader-{number}")).await, &bob, "Hello").await.success();
    }
    let carol = server.person("carol").await;
    let carol_writes = server.log_in("carol").await;
    write(&carol_writes, &bob, "Hello").await.refusal(429);
    write(&server.log_in("reader-0").await, &carol, "Hello").await.success();
    server.advance(86_401);
    write(&server.log_in("carol").await, &bob, "Hello").await.success();
    write(&server.log_in("alice").await, &bob, "Hello").await.success();
}

#[actix_web::test]
async fn ten_at_once_past_the_limit_are_not_ten_more() {
    let (server, _mailbox, _, _) = two_people().await;
    let mut readers = Vec::new();
    for number in 0..20 {
        readers.push(server.person(&format!("reader-{number}")).await);
    }
    let alice = server.log_in("alice").await;
    let writing = readers.iter().map(|reader| write(&alice, reader, "Hello"));
    let answers = futures_util::future::join_all(writing).await;
    let sent = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(sent, 10, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    assert_eq!(server.count("contact_messages").await, 10);
}
