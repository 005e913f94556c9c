//! Nobody locks somebody else out: not by asking for letters, not by guessing codes, not by signing up with
//! their address. What is found by a name and by an address is one account.

use actix_web::http::Method;
use serde_json::json;

use crate::harness::browser::Browser;
use crate::harness::factors::Equipped;
use crate::harness::http::Answer;
use crate::harness::mailbox::{Mailbox, spawn_with_mail};
use crate::harness::{PASSWORD, Server};

const RESET: &str = "/v3/account/security/password/reset";
const VALIDATE: &str = "/v3/account/security/password/validate";
const LOGIN: &str = "/v3/account/login";
const BEHIND_A_PROXY: &[(&str, &str)] = &[("trusted_proxies", "127.0.0.1")];
/// Where the owner asks from.
const HOME: &str = "203.0.113.7";

async fn send(server: &Server, from: &str, path: &str, body: serde_json::Value) -> Answer {
    let headers = [("x-forwarded-for", from), ("content-type", "application/json")];
    server.http.send(Method::POST, path, &headers, body.to_string()).await
}

async fn ask(server: &Server, from: &str, whom: &str) -> u16 {
    send(server, from, RESET, json!({ "email": whom })).await.status
}

async fn log_in(server: &Server, from: &str, username: &str, password: &str) -> u16 {
    send(server, from, LOGIN, json!({ "username": username, "password": password })).await.status
}

fn at(server: &Server, from: &str) -> Browser {
    let mut browser = server.browser();
    browser.headers.push(("x-forwarded-for".to_owned(), from.to_owned()));
    browser
}

async fn sign_up(server: &Server, from: &str, username: &str, email: &str) -> u16 {
    let body = json!({ "username": username, "email": email, "password": PASSWORD });
    send(server, from, "/v3/account", body).await.status
}

#[actix_web::test]
async fn strangers_who_ask_for_a_reset_never_keep_its_owner_from_one() {
    let (server, mailbox) = spawn_with_mail(BEHIND_A_PROXY).await;
    for (network, whom) in (0..6).zip(["root", "root@people.example"].into_iter().cycle()) {
        for _ in 0..20 {
            assert_eq!(ask(&server, &format!("192.0.{network}.1"), whom).await, 200);
        }
    }
    // Fifty are sent at a time, with those that nobody gets.
    let mut flood = Vec::new();
    for _ in 0..3 {
        flood.extend(mailbox.take(&server).await);
    }
    assert_eq!(flood.len(), 60, "each network causes ten in a day");
    let keys: std::collections::BTreeSet<String> =
        flood.iter().map(crate::harness::mailbox::ReceivedEmail::key).collect();
    assert_eq!(keys.len(), 1, "a link that works is mailed again");
    assert_eq!(ask(&server, HOME, "root").await, 200);
    let key = mailbox.take_one(&server).await.key();
    let body = json!({ "token": key, "newPassword": "another horse battery" });
    assert_eq!(send(&server, HOME, VALIDATE, body).await.status, 200);
    assert_eq!(log_in(&server, HOME, "root", "another horse battery").await, 200);
}

#[actix_web::test]
async fn somebody_who_shares_the_network_of_the_stranger_always_has_a_link_that_works() {
    let (server, mailbox) = spawn_with_mail(BEHIND_A_PROXY).await;
    for _ in 0..12 {
        for _ in 0..10 {
            assert_eq!(ask(&server, HOME, "root").await, 200);
        }
        server.advance(900);
        let messages = mailbox.take(&server).await;
        // Within the hour that a link works there is a letter with one.
        let Some(message) = messages.last() else { continue };
        assert_eq!(server.browser().open(&message.link()).await.status, 200);
    }
    server.advance(1_801);
    assert_eq!(ask(&server, HOME, "root").await, 200);
    assert_eq!(mailbox.take(&server).await.len(), 1, "an old link is not enough, whoever asked before");
}

/// Who asks too often learns nothing by it: as much is written for somebody as for nobody.
#[actix_web::test]
async fn a_letter_that_is_left_out_costs_as_much_as_one_that_nobody_gets() {
    let (server, mailbox) = spawn_with_mail(BEHIND_A_PROXY).await;
    let mut rows = Vec::new();
    for (network, whom) in [("192.0.2.1", "root"), ("198.51.100.1", "nobody")] {
        let before = (server.count("outbox").await, server.count("mailed_links").await);
        for _ in 0..15 {
            assert_eq!(ask(&server, network, whom).await, 200);
        }
        rows.push((server.count("outbox").await - before.0, server.count("mailed_links").await - before.1));
    }
    assert_eq!(rows, [(15, 15), (15, 15)]);
    assert_eq!(mailbox.take(&server).await.len(), 10);
}

#[actix_web::test]
async fn two_addresses_in_turn_get_no_more_letters_than_one() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let root = server.log_in("root").await;
    let addresses = ["one@people.example", "two@people.example"];
    for round in 0..4 {
        for number in 0..20 {
            let body = json!({ "email": addresses[number % 2], "password": PASSWORD });
            root.post("/v3/account/security/email/update", &body).await;
        }
        server.advance(if round < 3 { 900 } else { 0 });
    }
    let mut messages = Vec::new();
    for _ in 0..4 {
        messages.extend(mailbox.take(&server).await);
    }
    for address in addresses {
        assert_eq!(messages.iter().filter(|message| message.to == address).count(), 10, "{address}");
    }
}

#[actix_web::test]
async fn a_link_is_mailed_again_until_half_of_its_life_is_over() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let mut keys = Vec::new();
    for _ in 0..4 {
        assert_eq!(ask(&server, HOME, "root").await, 200);
        let message = mailbox.take_one(&server).await;
        keys.push((message.key(), message.whole.contains("45 minutes")));
        server.advance(900);
    }
    assert_eq!(keys[0].0, keys[1].0);
    assert_eq!((keys[0].1, keys[1].1), (false, true), "the letter says how long the link still works");
    assert_eq!(keys[1].0, keys[2].0, "half of its life is left");
    assert_ne!(keys[2].0, keys[3].0);
    server.advance(0);
    for (key, is_alive) in [(&keys[0].0, false), (&keys[3].0, true)] {
        let status = server.browser().open(&format!("/reset/finish?key={key}")).await.status;
        assert_eq!(status == 200, is_alive);
    }
}

#[actix_web::test]
async fn strangers_who_sign_up_with_an_address_do_not_keep_its_owner_from_confirming_it() {
    let (server, mailbox) = spawn_with_mail(BEHIND_A_PROXY).await;
    for number in 0..12 {
        let name = format!("stranger{number}");
        assert_eq!(sign_up(&server, "192.0.2.1", &name, "owner@people.example").await, 200);
    }
    assert_eq!(mailbox.take(&server).await.len(), 10, "one network causes ten in a day");
    assert_eq!(sign_up(&server, HOME, "olga", "owner@people.example").await, 200);
    let key = mailbox.take_one(&server).await.key();
    let body = json!({ "token": key, "password": PASSWORD });
    let answer = send(&server, HOME, "/v3/account/security/email/validate", body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    // Somebody in the stranger's own network gets a first letter too, when they ask for it.
    assert_eq!(sign_up(&server, "192.0.2.1", "neighbor", "owner2@people.example").await, 200);
    mailbox.take(&server).await;
    for number in 12..24 {
        sign_up(&server, "192.0.2.1", &format!("stranger{number}"), "shared@people.example").await;
    }
    sign_up(&server, "192.0.2.1", "late", "shared@people.example").await;
    mailbox.take(&server).await;
    let mut late = at(&server, "192.0.2.1");
    late.sign_in("late").await;
    let page = late.open("/account/profile").await;
    late.submit(page.form_with("Send the letter again")).await;
    mailbox.take_about(&server, "Confirm your e-mail address").await;
    let page = late.open("/account/profile").await;
    assert_eq!(late.submit(page.form_with("Send the letter again")).await.status, 429, "and no flood of them");
}

#[actix_web::test]
async fn an_unconfirmed_address_logs_in_and_resets_when_one_account_alone_has_it() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    assert_eq!(sign_up(&server, HOME, "carol", "Carol@people.example").await, 200);
    mailbox.take(&server).await;
    for address in ["Carol@people.example", "carol@PEOPLE.example", " ｃarol@people.example "] {
        assert_eq!(log_in(&server, HOME, address, PASSWORD).await, 200, "{address}");
        assert_eq!(log_in(&server, HOME, address, "not the password").await, 400, "{address}");
    }
    let mut browser = server.browser();
    let page = browser.open("/login").await;
    assert_eq!(browser.log_in_at(&page, "carol@people.example", PASSWORD).await.url.path(), "/account");
    assert_eq!(ask(&server, HOME, "carol@people.example").await, 200);
    assert_eq!(mailbox.take_one(&server).await.subject, "Set a new password");
    // With a second account the address names nobody, until somebody proves it.
    assert_eq!(sign_up(&server, HOME, "dave", "carol@people.example").await, 200);
    let link = mailbox.take_one(&server).await.key();
    assert_eq!(log_in(&server, HOME, "carol@people.example", PASSWORD).await, 400);
    assert_eq!(ask(&server, HOME, "carol@people.example").await, 200);
    assert!(mailbox.take(&server).await.is_empty());
    assert_eq!(log_in(&server, HOME, "carol", PASSWORD).await, 200, "the name always does");
    let body = json!({ "token": link, "password": PASSWORD });
    send(&server, HOME, "/v3/account/security/email/validate", body).await.success();
    assert_eq!(log_in(&server, HOME, "carol@people.example", PASSWORD).await, 200, "dave, who proved it");
    // Disabled and deleted people do not count.
    assert_eq!(sign_up(&server, HOME, "erin", "erin@people.example").await, 200);
    assert_eq!(sign_up(&server, HOME, "frank", "erin@people.example").await, 200);
    let frank = server.person_named("frank").await;
    server.disable(&frank, true).await;
    assert_eq!(log_in(&server, HOME, "erin@people.example", PASSWORD).await, 200);
}

#[actix_web::test]
async fn failures_by_name_and_by_address_are_one_accounts() {
    let (server, _mailbox) = spawn_with_mail(BEHIND_A_PROXY).await;
    let thief = "192.0.2.1";
    for number in 0..10 {
        let typed = ["root", "root@people.example", " ROOT ", "ｒoot@people.example"][number % 4];
        assert_eq!(log_in(&server, thief, typed, "wrong").await, 400, "{number}");
    }
    for typed in ["root", "root@people.example"] {
        assert_eq!(log_in(&server, thief, typed, "wrong").await, 429, "{typed}");
        assert_eq!(log_in(&server, HOME, typed, PASSWORD).await, 200, "{typed}");
    }
    // Nobody's names are counted one by one, and none is spelled like somebody's counter.
    let root = server.person_named("root").await.id.number();
    let network = "198.51.100.1";
    for _ in 0..10 {
        assert_eq!(log_in(&server, network, &format!("person {root}"), "wrong").await, 400);
    }
    assert_eq!(log_in(&server, network, "root", PASSWORD).await, 200);
    // "Is it still you?" counts with the rest.
    let mut browser = at(&server, HOME);
    browser.sign_in("root").await;
    server.advance(901);
    for _ in 0..10 {
        let page = browser.open("/account/confirm?next=/account").await;
        browser.submit(page.form_with("Go on").fill("password", "wrong")).await;
    }
    assert_eq!(log_in(&server, HOME, "root@people.example", PASSWORD).await, 429);
}

async fn guess_codes(server: &Server, from: &str, app: &crate::harness::factors::Authenticator, count: usize) {
    for _ in 0..count {
        let body = json!({ "username": "alice", "password": PASSWORD, "code": app.wrong(server.now()) });
        send(server, from, LOGIN, body).await;
    }
}

fn warnings(messages: &[crate::harness::mailbox::ReceivedEmail]) -> usize {
    messages.iter().filter(|message| message.subject == "Somebody may know your password").count()
}

#[actix_web::test]
async fn who_guesses_codes_with_the_right_password_is_told_to_the_owner_once_and_does_not_lock_them_out() {
    let (server, mailbox): (Server, Mailbox) = spawn_with_mail(BEHIND_A_PROXY).await;
    // Alice is at home at 127.0.0.1, where the harness asks from.
    let Equipped { app, .. } = server.equipped("alice").await;
    mailbox.take(&server).await;
    let thief = "192.0.2.1";
    guess_codes(&server, thief, &app, 9).await;
    assert_eq!(warnings(&mailbox.take(&server).await), 0);
    guess_codes(&server, "198.51.100.9", &app, 1).await;
    let messages = mailbox.take(&server).await;
    assert_eq!(warnings(&messages), 1, "{messages:?}");
    assert!(
        messages[0].whole.contains("192.0.2") || messages[0].whole.contains("198.51.100.9"),
        "{}",
        messages[0].whole
    );
    for _ in 0..20 {
        server.advance(900);
        guess_codes(&server, thief, &app, 12).await;
    }
    assert_eq!(warnings(&mailbox.take(&server).await), 0, "once a day");
    assert!(server.count("security_log WHERE subject = 'second step'").await > 1, "the log tells of each");
    let code = |server: &Server| app.code(server.now(), 0);
    let body = json!({ "username": "alice", "password": PASSWORD, "code": code(&server) });
    assert_eq!(send(&server, thief, LOGIN, body.clone()).await.status, 429, "not even the right one, from there");
    assert_eq!(server.nobody().post(LOGIN, &body).await.status, 200, "at home nothing is closed");
    server.advance(86_400);
    guess_codes(&server, thief, &app, 10).await;
    assert_eq!(warnings(&mailbox.take(&server).await), 1, "a day later");
}

#[actix_web::test]
async fn who_asks_for_mailed_codes_elsewhere_does_not_use_up_those_of_the_owner() {
    let settings = [BEHIND_A_PROXY[0], ("second_factor.email_code", "true")];
    let (server, mailbox) = spawn_with_mail(&settings).await;
    let mut home = at(&server, HOME);
    let page = home.open("/login").await;
    let page = home.log_in_at(&page, "root", PASSWORD).await;
    let message = mailbox.take_one(&server).await;
    let line = message.whole.lines().find(|line| line.contains("asks for it:")).expect("because it has a code");
    let code: String = line.chars().filter(char::is_ascii_digit).collect();
    assert_eq!(home.second_step(&page, &code).await.url.path(), "/account");
    let mut statuses = Vec::new();
    for network in 0..6 {
        let mut thief = at(&server, &format!("192.0.{network}.1"));
        let page = thief.open("/login").await;
        statuses.push(thief.log_in_at(&page, "root", PASSWORD).await.status);
    }
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
    let mut again = at(&server, HOME);
    let page = again.open("/login").await;
    assert_eq!(again.log_in_at(&page, "root", PASSWORD).await.heading(), "One more step");
}
