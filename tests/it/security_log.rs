//! The security log as its person reads it, as a file, and as the operator checks it.

use std::process::Command;

use gatepost::background_jobs;
use gatepost::domain::security_log::{SecurityEntry, SecurityEvent, Walk};
use gatepost::domain::user::User;
use gatepost::store::security_log::{self, Asked};
use serde_json::Value;

use crate::harness::browser::Browser;
use crate::harness::html::Page;
use crate::harness::pages::{RETURN_URL, returns_to};
use crate::harness::{self, Server, execute, somewhere};

const LOG: &str = "/account/log";

/// The headings of the entries, newest first.
fn entries(page: &Page) -> Vec<String> {
    page.all(".rows h2")
}

async fn append(server: &Server, person: &User, event: SecurityEvent, about: &str) {
    let (now, id, about) = (server.now(), person.id, about.to_owned());
    server.write(move |tx| security_log::append(tx, now, id, (event, &about), Some(&somewhere()))).await;
}

/// The entries that do not fit, as `log verify` finds them.
async fn misfits(server: &Server) -> (u64, usize) {
    let now = server.now();
    let from = (gatepost::domain::id::Id::from_number(0), gatepost::domain::id::Id::from_number(0));
    let rows = server.read(move |db| security_log::list_chained(db, from, 10_000)).await;
    let mut walk = Walk::default();
    let wrong = rows.iter().filter(|(entry, made_at)| !walk.read(now, entry, *made_at)).count();
    (walk.entries, wrong)
}

async fn file(browser: &mut Browser, query: &str) -> (Page, String) {
    let page = browser.open(&format!("{LOG}?{query}")).await;
    let text = page.html.clone();
    (page, text)
}

#[actix_web::test]
async fn a_person_reads_what_happened_to_their_account_and_nobody_elses() {
    let server = harness::spawn().await;
    server.application(returns_to(&[RETURN_URL])).await;
    let mut alice = server.signed_in("alice").await;
    let mut bob = server.signed_in("bob").await;
    alice.come_back_to(RETURN_URL).await;
    let page = alice.open(LOG).await;
    let made = "The account was made: by the people who run this server";
    assert_eq!(entries(&page), ["An app was allowed: Map studio", "A browser logged in", made]);
    for words in ["127.0.0.1", "Chrome on Linux", "This server itself"] {
        assert!(page.text().contains(words), "{words}: {}", page.text());
    }
    assert!(!page.text().contains("Another network"), "{}", page.text());
    let page = bob.open(LOG).await;
    assert_eq!(entries(&page), ["A browser logged in", made]);
    let (_, theirs) = file(&mut bob, "format=json").await;
    assert!(!theirs.contains("Map studio"), "{theirs}");
    let page = server.browser().open(LOG).await;
    assert_eq!(page.heading(), "Log in");
    assert!(alice.open("/account").await.text().contains("Security log"));
}

#[actix_web::test]
async fn a_log_in_from_another_network_is_marked() {
    let server = harness::spawn_with(&[("trusted_proxies", "127.0.0.1")]).await;
    let mut alice = server.signed_in("alice").await;
    let mut thief = server.browser();
    thief.headers.push(("x-forwarded-for".to_owned(), "203.0.113.9".to_owned()));
    thief.sign_in("alice").await;
    assert!(!alice.open(LOG).await.text().contains("Another network"), "there is a session there now");
    let page = alice.open("/account/sessions").await;
    alice.submit(page.form_with("End all others")).await;
    let page = alice.open(LOG).await;
    assert_eq!(page.text().matches("Another network").count(), 1, "{}", page.text());
    assert!(page.text().contains("Was this not you?") && page.text().contains("203.0.113.9"));
}

#[actix_web::test]
async fn the_log_is_filtered_by_kind_and_time_and_goes_on_by_pages() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let person = server.person_named("alice").await;
    append(&server, &person, SecurityEvent::PasskeyAdded, "Yellow key").await;
    server.advance(8 * 86_400);
    for number in 0..120 {
        append(&server, &person, SecurityEvent::PersonalTokenCreated, &format!("token {number}")).await;
    }
    let page = alice.open(LOG).await;
    let form = page.forms().into_iter().find(|form| form.action.path() == LOG).expect("because it filters");
    assert!(!form.is_post);
    assert_eq!(entries(&alice.open(&format!("{LOG}?kind=password&days=")).await), ["A passkey was added: Yellow key"]);
    let page = alice.open(&format!("{LOG}?kind=password&days=7")).await;
    assert!(page.text().contains("Nothing of this kind") && entries(&page).is_empty(), "{}", page.text());
    let (mut seen, mut next) = (Vec::new(), format!("{LOG}?kind=tokens"));
    loop {
        let page = alice.open(&next).await;
        seen.extend(entries(&page));
        // What is added meanwhile does not move what is older.
        append(&server, &person, SecurityEvent::PersonalTokenCreated, "later").await;
        match page.all("main a").iter().any(|words| words == "Older entries") {
            true => next = page.link("Older entries"),
            false => break,
        }
    }
    let expected: Vec<String> =
        (0..120).rev().map(|number| format!("A personal token was made: token {number}")).collect();
    assert_eq!(seen, expected);
}

#[actix_web::test]
async fn odd_questions_are_answered_like_none() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let long = "x".repeat(5_000);
    for query in [
        "kind=nothing",
        "kind=",
        "days=-1",
        "days=8",
        "before=x",
        "before=99999999999999999999",
        "format=exe",
        "kind=tokens'--",
        "days=7&days=30&kind=%00",
        &format!("kind={long}"),
    ] {
        let page = alice.open(&format!("{LOG}?{query}")).await;
        assert!([200, 400].contains(&page.status), "{query}: {}", page.status);
        assert!(!page.html.contains(&long), "{query}");
    }
    assert!(entries(&alice.open(&format!("{LOG}?before=-5")).await).is_empty());
}

#[actix_web::test]
async fn the_log_is_downloaded_and_no_cell_is_a_formula() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let person = server.person_named("alice").await;
    append(&server, &person, SecurityEvent::ApplicationAllowed, "=HYPERLINK(\"https://evil.example\";\"x\")").await;
    let (answer, csv) = file(&mut alice, "format=csv").await;
    for (name, value) in [("content-type", "text/csv; charset=utf-8"), ("cache-control", "no-store")] {
        assert_eq!(answer.header(name), Some(value));
    }
    let name = answer.header("content-disposition").unwrap_or_default();
    assert!(name.starts_with("attachment; filename=\"gatepost-log-20") && name.ends_with(".csv\""), "{name}");
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!((lines[0], lines.len()), ("time,event,what,about,address,browser", 4), "{csv}");
    assert!(lines[1].contains(",\"'=HYPERLINK(\"\"https://evil.example\"\";\"\"x\"\")\","), "{csv}");
    let (answer, json) = file(&mut alice, "format=json&kind=signing-in").await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let json: Value = serde_json::from_str(&json).expect("because it is JSON");
    assert_eq!((json[0]["event"].as_str(), json[1].as_str()), (Some("session.create"), None));
    assert_eq!(json.as_array().map(Vec::len), Some(1));
    assert!(answer.header("link").is_none(), "there is no more");
}

#[actix_web::test]
async fn several_at_once_leave_the_chain_whole() {
    let server = harness::spawn().await;
    let person = server.person("alice").await;
    let other = server.person("bob").await;
    let all = (0..40).map(|number| {
        let who = if number % 4 == 0 { &other } else { &person };
        append(&server, who, SecurityEvent::SignedIn, "")
    });
    futures_util::future::join_all(all).await;
    assert_eq!(misfits(&server).await, (42, 0));
}

#[actix_web::test]
async fn what_is_old_goes_and_what_stays_still_fits() {
    let server = harness::spawn().await;
    let person = server.person("alice").await;
    server.advance(300 * 86_400);
    append(&server, &person, SecurityEvent::SignedIn, "").await;
    server.advance(100 * 86_400);
    append(&server, &person, SecurityEvent::SignedIn, "").await;
    background_jobs::clean(&server.app.store, server.now()).await.expect("because nothing holds on to it");
    assert_eq!(misfits(&server).await, (2, 0), "the account is older than what is kept");
}

/// What a command on the server's own database says, and whether it succeeded.
fn command(server: &Server, arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_gatepost"))
        .args(arguments)
        .env("GATEPOST_DATABASE_URL", server.database_url())
        .env("GATEPOST_SECRET_FILE", &server.app.config.secret_file)
        .output()
        .expect("because the binary was just built");
    server.know_what_a_command_changed();
    (output.status.success(), String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[actix_web::test]
async fn an_operator_reads_the_log_and_finds_what_was_tampered_with() {
    let server = harness::spawn().await;
    let alice = server.person("alice").await;
    let bob = server.person("bob").await;
    for about in ["one", "two\u{1b}[31m\n", "three"] {
        append(&server, &alice, SecurityEvent::PersonalTokenCreated, about).await;
    }
    let (is_done, shown) = command(&server, &["log", "show", "--user", "Alice", "--limit", "2"]);
    assert!(is_done && shown.lines().count() == 2, "{shown}");
    assert!(shown.contains("alice  personal_token.create  127.0.0.1  \"three\"  \"a test\""), "{shown}");
    assert!(!shown.contains('\u{1b}') && shown.contains("\"two[31m\""), "{shown}");
    let (_, json) = command(&server, &["--json", "log", "show"]);
    let json: Vec<Value> = serde_json::from_str(&json).expect("because it is JSON");
    assert_eq!((json.len(), json[0]["about"].as_str()), (5, Some("three")));
    assert!(!command(&server, &["log", "show", "--user", "nobody"]).0);
    append(&server, &bob, SecurityEvent::SignedIn, "").await;
    // A command has the machine's clock, which is behind the test's: its keys must not meet bob's.
    assert!(command(&server, &["user", "disable", "alice"]).0 && command(&server, &["user", "enable", "alice"]).0);
    let (is_whole, said) = command(&server, &["log", "verify"]);
    assert!(is_whole && said == "8 entries of 2 people were read", "{said}");
    let found: Vec<SecurityEntry> =
        server.read(move |db| security_log::list(db, Some(alice.id), &Asked::default(), 10)).await;
    let tampered = found[1].id;
    let sql = format!("UPDATE security_log SET address = '192.0.2.1' WHERE id = {}", tampered.number());
    server.write(move |tx| execute(tx, &sql)).await;
    let (is_whole, said) = command(&server, &["log", "verify"]);
    assert!(!is_whole && said.contains(&format!("{} of the person", tampered.uuid())), "{said}");
    let (is_whole, said) = command(&server, &["--json", "log", "verify"]);
    let said: Value = serde_json::from_str(&said).expect("because it is JSON");
    assert!(!is_whole && said["misfits"].as_array().is_some_and(|misfits| misfits.len() == 1), "{said}");
    let sql = format!("DELETE FROM security_log WHERE id = {}", tampered.number());
    server.write(move |tx| execute(tx, &sql)).await;
    let (is_whole, said) = command(&server, &["log", "verify"]);
    assert!(!is_whole && said.contains(&found[0].id.uuid()), "what came after it does not fit: {said}");
}
