//! A new password without the old one, by a mailed link: by program and by page.

use serde_json::json;

use crate::harness::html::Page;
use crate::harness::http::Answer;
use crate::harness::mailbox::spawn_with_mail;
use crate::harness::{self, PASSWORD, Server, confidential};

const RESET: &str = "/v3/account/security/password/reset";
const VALIDATE: &str = "/v3/account/security/password/validate";
const NEW: &str = "another horse battery";

async fn ask(server: &Server, email: &str) -> Answer {
    server.nobody().post(RESET, &json!({ "email": email })).await
}

async fn finish(server: &Server, key: &str, password: &str) -> Answer {
    server.nobody().post(VALIDATE, &json!({ "token": key, "newPassword": password })).await
}

async fn log_in_status(server: &Server, username: &str, password: &str) -> u16 {
    server.nobody().post("/v3/account/login", &json!({ "username": username, "password": password })).await.status
}

async fn finish_page(server: &Server, link: &str, password: &str) -> Page {
    let mut browser = server.browser();
    let page = browser.open(link).await;
    browser.submit(page.form_with("Set password").fill("password", password)).await
}

#[actix_web::test]
async fn a_reset_by_program_ends_everything_and_works_once() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let (mut browser, held) = server.one_of_each("alice").await;
    mailbox.take(&server).await;
    assert_eq!(ask(&server, "Alice@People.example").await.success(), json!({}));
    let key = mailbox.take_one(&server).await.key();
    for weak in ["short", "password", "alice"] {
        finish(&server, &key, weak).await.refusal(400);
    }
    finish(&server, &key, NEW).await.success();
    for (kind, token) in held.each() {
        let valid = server.program(token).get("/v3/validate").await.success();
        assert_eq!(valid["valid"], json!(false), "{kind}");
    }
    assert_eq!(browser.open("/account").await.heading(), "Log in");
    assert_eq!(
        (log_in_status(&server, "alice", PASSWORD).await, log_in_status(&server, "alice", NEW).await),
        (400, 200)
    );
    let message = finish(&server, &key, "a third horse battery").await.refusal(400);
    assert!(message.contains("over"), "{message}");
}

#[actix_web::test]
async fn the_answer_does_not_tell_who_has_an_account() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let known = ask(&server, "root@people.example").await;
    for unknown in ["nobody@people.example", "", "no address", &"x".repeat(10_000)] {
        let answer = ask(&server, unknown).await;
        assert_eq!((answer.status, answer.text()), (known.status, known.text()), "{unknown}");
    }
    // As much is written for nobody as for somebody.
    assert_eq!(server.count("outbox").await, 5);
    assert_eq!(mailbox.take(&server).await.len(), 1);
    assert_eq!(server.count("outbox").await, 0);
    let pages = ["root", "nobody"].map(|name| {
        let mut browser = server.browser();
        async move {
            let page = browser.open("/reset").await;
            browser.submit(page.form_with("Send the link").fill("username", name)).await
        }
    });
    let pages = futures_util::future::join_all(pages).await;
    assert_eq!((pages[0].status, &pages[0].html), (pages[1].status, &pages[1].html));
}

#[actix_web::test]
async fn a_disabled_person_gets_no_letter_and_a_link_from_before_is_over() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let alice = server.person("alice").await;
    ask(&server, "alice@people.example").await.success();
    let key = mailbox.take_one(&server).await.key();
    server.disable(&alice, true).await;
    ask(&server, "alice@people.example").await.success();
    assert!(mailbox.take(&server).await.is_empty());
    finish(&server, &key, NEW).await.refusal(400);
}

#[actix_web::test]
async fn a_link_ends_after_an_hour_and_foreign_ones_never_worked() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    ask(&server, "root@people.example").await.success();
    let message = mailbox.take_one(&server).await;
    server.advance(3_599);
    assert_eq!(server.browser().open(&message.link()).await.status, 200);
    server.advance(1);
    assert_eq!(server.browser().open(&message.link()).await.heading(), "This link is over");
    finish(&server, &message.key(), NEW).await.refusal(400);
    for key in ["", "x", "00000000-0000-4000-8000-000000000000", &"y".repeat(5_000)] {
        finish(&server, key, NEW).await.refusal(400);
    }
    server.nobody().post(VALIDATE, &json!({ "newPassword": NEW })).await.refusal(400);
    server.nobody().post(VALIDATE, &json!({ "token": message.key() })).await.refusal(400);
    assert_eq!(log_in_status(&server, "root", PASSWORD).await, 200);
}

#[actix_web::test]
async fn a_link_dies_with_a_new_password_a_new_address_and_its_sisters() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    server.person("alice").await;
    for _ in 0..2 {
        ask(&server, "alice@people.example").await.success();
    }
    let messages = mailbox.take(&server).await;
    finish(&server, &messages[0].key(), NEW).await.success();
    finish(&server, &messages[1].key(), "a third horse battery").await.refusal(400);
    ask(&server, "root@people.example").await.success();
    let key = mailbox.take_about(&server, "Set a new password").await.key();
    let update = json!({ "oldPassword": PASSWORD, "newPassword": NEW });
    let root = server.log_in("root").await;
    root.post("/v3/account/security/password/update", &update).await.success();
    finish(&server, &key, "a third horse battery").await.refusal(400);
}

#[actix_web::test]
async fn the_page_signs_in_and_goes_on_to_where_the_app_had_sent_the_person() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let app = server.application(confidential()).await;
    let mut browser = server.browser();
    let page = browser.open(&app.request().path()).await;
    let page = browser.open(&page.link("Forgot your password?")).await;
    let page = browser.submit(page.form_with("Send the link").fill("username", "root")).await;
    assert_eq!(page.heading(), "Look into your mailbox");
    let link = mailbox.take_one(&server).await.link();
    let page = finish_page(&server, &link, NEW).await;
    assert_eq!((page.status, page.heading().as_str()), (200, "Allow this app?"));
    let page = server.browser().open("/reset?next=//evil.test/").await;
    browser.submit(page.form_with("Send the link").fill("username", "root")).await;
    let link = mailbox.take_about(&server, "Set a new password").await.link();
    let page = finish_page(&server, &link, "a third horse battery").await;
    assert_eq!((page.away.as_deref(), page.url.path()), (None, "/account"));
}

#[actix_web::test]
async fn looking_and_mistakes_do_not_use_the_link_up() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    ask(&server, "root@people.example").await.success();
    let link = mailbox.take_one(&server).await.link();
    for _ in 0..3 {
        assert_eq!(server.browser().open(&link).await.status, 200, "mail programs look at links");
    }
    let page = finish_page(&server, &link, "short").await;
    assert_eq!((page.status, page.attributes("#password", "aria-invalid").as_slice()), (400, &["true".to_owned()][..]));
    assert_eq!(finish_page(&server, &link, NEW).await.url.path(), "/account");
    assert_eq!(server.browser().open(&link).await.status, 404);
}

#[actix_web::test]
async fn her_own_tokens_stay_when_she_takes_the_tick_away() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let (_, held) = server.one_of_each("alice").await;
    mailbox.take(&server).await;
    ask(&server, "alice@people.example").await.success();
    let link = mailbox.take_one(&server).await.link();
    let mut browser = server.browser();
    let page = browser.open(&link).await;
    let form = page.form_with("Set password").fill("password", NEW).untick("end_tokens");
    browser.submit(form).await;
    for (kind, token) in held.each() {
        let stays = ["personal", "studio", "fileset"].contains(&kind);
        let valid = server.program(token).get("/v3/validate").await.success();
        assert_eq!(valid["valid"], json!(stays), "{kind}");
    }
}

#[actix_web::test]
async fn two_who_use_a_link_at_once_set_one_password() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    ask(&server, "root@people.example").await.success();
    let key = mailbox.take_one(&server).await.key();
    let passwords: Vec<String> = (0..6).map(|number| format!("horse battery {number}")).collect();
    let tries = passwords.iter().map(|password| finish(&server, &key, password));
    let statuses: Vec<u16> = futures_util::future::join_all(tries).await.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 400).count(), 5, "{statuses:?}");
}

#[actix_web::test]
async fn asking_is_limited_for_the_network_that_asks() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    for _ in 0..20 {
        ask(&server, "root@people.example").await.success();
    }
    assert_eq!(mailbox.take(&server).await.len(), 10, "one network causes ten letters a day, while a link works");
    let answer = ask(&server, "root@people.example").await;
    answer.refusal(429);
    assert!(answer.header("retry-after").is_some());
    let page = server.browser().open("/reset").await;
    let page = server.browser().submit(page.form_with("Send the link").fill("username", "root")).await;
    assert_eq!(page.status, 429);
    server.advance(900);
    ask(&server, "root@people.example").await.success();
    server.advance(86_400);
    mailbox.take(&server).await;
    ask(&server, "root@people.example").await.success();
    assert_eq!(mailbox.take(&server).await.len(), 1, "the next day");
}

#[actix_web::test]
async fn somebody_without_a_password_gets_the_first_one_this_way() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let alice = server.person("alice").await;
    let sql = format!("UPDATE users SET password_digest = NULL WHERE id = {}", alice.id.number());
    server.write(move |tx| harness::execute(tx, &sql)).await;
    ask(&server, "alice@people.example").await.success();
    let key = mailbox.take_one(&server).await.key();
    finish(&server, &key, NEW).await.success();
    assert_eq!(log_in_status(&server, "alice", NEW).await, 200);
}

#[actix_web::test]
async fn password_managers_find_the_page() {
    let (server, _mailbox) = spawn_with_mail(&[]).await;
    let answer = server.http.get("/.well-known/change-password").await;
    assert_eq!((answer.status, answer.location()), (303, Some("/reset")));
}

#[actix_web::test]
async fn password_managers_find_the_page_at_the_root_of_an_issuer_with_a_path() {
    let server = harness::spawn_with(&[("public_url", "http://localhost:{port}/id/gate")]).await;
    let origin = server.app.public.origin.clone();
    let page = "/id/gate/.well-known/change-password";
    let at_root = server.http.get(&format!("{origin}/.well-known/change-password")).await;
    assert_eq!((at_root.status, at_root.location()), (303, Some(page)));
    let answer = server.http.get("/.well-known/change-password").await;
    assert_eq!((answer.status, answer.location()), (303, Some("/id/gate/reset")));
    assert_eq!(server.http.get(&format!("{origin}/.well-known/change-passwords")).await.status, 404);
}

#[actix_web::test]
async fn invitations_and_sign_ups_do_not_use_up_the_letters_that_recover_an_account() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    server.person("alice").await;
    let program = server.log_in("alice").await;
    for _ in 0..15 {
        program.post("/v3/user/invite", &json!({ "email": "root@people.example" })).await.success();
    }
    mailbox.take(&server).await;
    ask(&server, "root@people.example").await.success();
    assert_eq!(mailbox.take_one(&server).await.subject, "Set a new password");
}
