//! Deleting an account: closed at once, kept for a day, then erased.

use actix_web::http::Method;
use gatepost::domain::client::ClientType;
use gatepost::domain::id::Id;
use gatepost::domain::registration::Draft;
use gatepost::domain::security_log::BY_OPERATOR;
use gatepost::domain::session::Session;
use gatepost::domain::space_separated::SpaceSeparated;
use gatepost::domain::token::{SessionKey, Token};
use gatepost::identity::deletion;
use gatepost::oauth::clients::By;
use gatepost::store::{deletions, sessions, users};
use serde_json::json;

use crate::harness::browser::Browser;
use crate::harness::html::Page;
use crate::harness::mailbox::{ReceivedEmail, spawn_with_mail};
use crate::harness::{self, PASSWORD, Server, confidential};
use crate::signing_keys::{attempt, run};

const PATH: &str = "/account/delete";
const DAY: u32 = 86_400;

async fn close(alice: &mut Browser, username: &str) -> Page {
    let page = alice.open(PATH).await;
    alice.submit(page.form_with("Delete account").fill("confirm", username).fill("password", PASSWORD)).await
}

async fn erase(server: &Server) -> usize {
    deletion::erase_due(&server.app.store, server.now()).await.expect("because the database of a test works")
}

fn about_deletion(messages: Vec<ReceivedEmail>) -> ReceivedEmail {
    let mut found = messages.into_iter().filter(|message| message.subject == "Your account will be deleted");
    found.next().expect("because it was mailed")
}

#[actix_web::test]
async fn an_account_closes_at_once_after_the_name_and_the_password() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let mut alice = server.signed_in("alice").await;
    let mut elsewhere = server.browser();
    elsewhere.sign_in("alice").await;
    let page = alice.open(PATH).await;
    for (name, password, field) in [
        ("bob", PASSWORD, "confirm"),
        ("", PASSWORD, "confirm"),
        ("alice", "wrong", "password"),
        ("alice", "", "password"),
    ] {
        let form = page.form_with("Delete account").fill("confirm", name).fill("password", password);
        let refused = alice.submit(form).await;
        assert_eq!(
            (refused.status, refused.attributes("[aria-invalid]", "name")),
            (400, vec![field.to_owned()]),
            "{name}"
        );
    }
    let done = close(&mut alice, " ALICE ").await;
    assert_eq!(done.heading(), "Your account is closed");
    assert_eq!(alice.open("/account").await.heading(), "Log in");
    assert_eq!(elsewhere.open("/account").await.heading(), "Log in");
    let message = about_deletion(mailbox.take(&server).await);
    assert!(message.link().starts_with("/keep?key=") && message.whole.contains("/not-me?key="));
    let login = json!({ "username": "alice", "password": PASSWORD });
    let message = server.nobody().post("/v3/account/login", &login).await.refusal(400);
    assert_eq!(message, "Invalid username or password.", "a program is told nothing else");
}

#[actix_web::test]
async fn an_old_session_confirms_first_and_a_foreign_form_does_nothing() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let page = alice.open(PATH).await;
    let form = page.form_with("Delete account").fill("confirm", "alice").fill("password", PASSWORD);
    let body = form.encode();
    let foreign = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "cross-site")];
    assert_eq!(alice.bare(Method::POST, PATH, &foreign, &body).await.status, 403);
    server.advance(901);
    assert_eq!(alice.submit(form).await.heading(), "Confirm that it is you");
    assert_eq!(alice.open(PATH).await.heading(), "Confirm that it is you");
    assert!(server.person_named("alice").await.is_active());
}

#[actix_web::test]
async fn logging_in_within_the_day_asks_whether_to_keep_it() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    close(&mut alice, "alice").await;
    server.advance(DAY - 60);
    let log_in = alice.open("/login").await;
    assert_eq!(alice.log_in_at(&log_in, "alice", "not the password").await.status, 400, "like any wrong password");
    let page = alice.log_in_at(&log_in, "alice@people.example", PASSWORD).await;
    assert_eq!(page.heading(), "Keep your account?");
    assert!(page.text().contains("22 Nov 2026, 12:00 UTC"), "{}", page.text());
    assert!(page.url.query().is_none(), "no secret in an address that need not have one");
    assert_eq!(alice.open("/account").await.heading(), "Log in", "all else stays shut meanwhile");
    let kept = alice.submit(page.form_with("Keep my account")).await;
    assert_eq!(kept.heading(), "Your account stays");
    assert_eq!(alice.submit(page.form_with("Keep my account")).await.status, 404, "the offer works once");
    alice.sign_in("alice").await;
    close(&mut alice, "alice").await;
    assert_eq!(alice.submit(page.form_with("Keep my account")).await.status, 404, "and for one deletion");
    let page = alice.log_in_at(&log_in, "alice", PASSWORD).await;
    server.advance(900);
    assert_eq!(alice.submit(page.form_with("Keep my account")).await.status, 404, "a page that lay open too long");
    let page = alice.log_in_at(&log_in, "alice", PASSWORD).await;
    assert_eq!(alice.submit(page.form_with("Keep my account")).await.heading(), "Your account stays");
    server.advance(DAY);
    assert_eq!(erase(&server).await, 0);
    assert!(server.person_named("alice").await.is_active());
}

#[actix_web::test]
async fn the_letter_keeps_the_account_too_until_the_day_is_over() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let mut alice = server.signed_in("alice").await;
    close(&mut alice, "alice").await;
    let link = about_deletion(mailbox.take(&server).await).link();
    let mut reader = server.browser();
    server.advance(DAY - 1);
    for _ in 0..2 {
        assert_eq!(reader.open(&link).await.heading(), "Keep your account?", "looking changes nothing");
    }
    server.advance(1);
    assert_eq!(reader.open(&link).await.status, 404);
    let log_in = reader.open("/login").await;
    assert_eq!(reader.log_in_at(&log_in, "alice", PASSWORD).await.status, 400);
}

#[actix_web::test]
async fn a_kept_account_gives_way_to_whoever_has_its_address_or_had_its_name_before_names_were_held() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let id = server.person_named("alice").await.id;
    close(&mut alice, "alice").await;
    // As an earlier version left it.
    server.write(|tx| harness::execute(tx, "DELETE FROM reserved_usernames")).await;
    let other = server.person("alice").await;
    let now = server.now();
    let kept = server.write(move |tx| deletion::restore(tx, now, id, None)).await.expect("because it can be kept");
    let name = kept.username;
    assert!(kept.is_renamed && name.starts_with("alice-"), "{name}");
    let kept = server.person_named(&name).await;
    assert_eq!((kept.id, kept.verified_email_folded, kept.email_verified_at), (id, None, None));
    assert_eq!(server.person_named("alice").await.id, other.id);
}

#[actix_web::test]
async fn the_name_of_somebody_who_left_is_held_for_ninety_days_and_they_come_back_under_it() {
    let server = harness::spawn().await;
    let mut bob = server.signed_in("bob").await;
    let mut alice = server.signed_in("alice").await;
    close(&mut alice, "alice").await;
    let take = async |name: &str| {
        let body = json!({ "username": name, "email": "other@people.example", "password": PASSWORD });
        server.nobody().post("/v3/account", &body).await.status
    };
    for name in ["alice", "Alice", "ＡＬＩＣＥ"] {
        assert_eq!(take(name).await, 400, "{name}");
        let mut stranger = server.browser();
        let page = stranger.open("/register").await;
        let form = page.form_with("Create account").fill("username", name).fill("email", "s@people.example");
        let page = stranger.submit(form.fill("password", PASSWORD)).await;
        assert!(page.alert().contains("taken") || page.text().contains("taken"), "{name}: {}", page.text());
        let page = bob.open("/account/profile").await;
        let page = bob.submit(page.form_with("Save profile").fill("username", name)).await;
        assert_eq!(page.status, 400, "{name}");
    }
    let create = ["user", "create", "--username", "alice", "--email", "third@people.example"];
    attempt(&server, &create).expect_err("because the name is held");
    let log_in = alice.open("/login").await;
    let page = alice.log_in_at(&log_in, "alice", PASSWORD).await;
    assert_eq!(alice.submit(page.form_with("Keep my account")).await.heading(), "Your account stays");
    assert_eq!(
        (server.person_named("alice").await.username.as_str(), server.count("reserved_usernames").await),
        ("alice", 0)
    );
    alice.sign_in("alice").await;
    close(&mut alice, "alice").await;
    server.advance(DAY);
    assert_eq!(erase(&server).await, 1);
    server.advance(88 * DAY);
    assert_eq!(take("alice").await, 400, "on the eighty-ninth day");
    server.advance(DAY);
    assert_eq!(take("alice").await, 200, "on the ninetieth");
}

#[actix_web::test]
async fn a_former_name_is_its_persons_for_ninety_days_and_nobody_reserves_many() {
    let server = harness::spawn().await;
    server.person("bob").await;
    server.person("ann").await;
    let ann = server.log_in("ann").await;
    let rename = async |name: &str| {
        let headers = [("content-type", "application/json")];
        ann.send(Method::PUT, "/v3/account/username", &headers, &json!({ "username": name })).await.status
    };
    let take = async |name: &str| {
        let body = json!({ "username": name, "email": "other@people.example", "password": PASSWORD });
        server.nobody().post("/v3/account", &body).await.status
    };
    assert_eq!(rename("anna").await, 200);
    assert_eq!(take("ann").await, 400, "whoever had it would be taken for her");
    assert_eq!(rename("ann").await, 200, "it is hers");
    // "anna" is held already.
    for number in 2..=10 {
        assert_eq!(rename(&format!("ann{number}")).await, 200, "{number}");
    }
    assert_eq!(server.count("reserved_usernames").await, 10);
    assert_eq!(rename("ann11").await, 400, "whoever could let the first one go would give it away");
    assert_eq!((rename("ANN10").await, rename("ann").await), (200, 200), "her own she may take");
    assert_eq!((take("ann").await, take("anna").await, take("ann5").await), (400, 400, 400));
    server.advance(90 * DAY);
    assert_eq!(take("ann5").await, 200);
}

#[actix_web::test]
async fn after_a_day_nothing_is_left_and_the_same_name_is_another_person() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let (mut alice, _held) = server.one_of_each("alice").await;
    let before = server.person_named("alice").await;
    let app = server.register(By::Owner(before.id), Draft { name: "Atlas".to_owned(), ..confidential() }).await;
    let mut bob = server.signed_in("bob").await;
    app.tokens(&mut bob).await;
    let own = server.application(Draft::new("Nothing", ClientType::Confidential)).await;
    let program = server.log_in("alice").await;
    let (bearer, body) =
        (format!("Bearer {}", program.token()), json!({ "picture": "QUJD", "about": "me" }).to_string());
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    server.http.send(Method::PATCH, "/v3/account/profile", &headers, body).await;
    assert_eq!(server.count("user_pictures").await, 1);
    program.post("/v3/user/invite", &json!({ "email": "friend@people.example" })).await.success();
    let page = alice.open(PATH).await;
    assert!(page.text().contains("Atlas"), "its apps are named: {}", page.text());
    close(&mut alice, "alice").await;
    server.advance(DAY - 1);
    assert_eq!(erase(&server).await, 0);
    assert_eq!(server.count("user_pictures").await, 1, "for a day everything can come back");
    server.advance(1);
    assert_eq!(erase(&server).await, 1);
    let id = before.id.number();
    for of_them in [
        format!("users WHERE id = {id}"),
        format!("grants WHERE user_id = {id}"),
        format!("sessions WHERE user_id = {id}"),
        format!("mailed_links WHERE user_id = {id} OR invited_by = {id}"),
        format!("consents WHERE user_id = {id}"),
        format!("security_log WHERE user_id = {id}"),
        format!("seen_devices WHERE user_id = {id}"),
        format!("user_pictures WHERE id = {id}"),
        format!("deletions WHERE id = {id}"),
        format!("clients WHERE owner_id = {id}"),
        format!("idempotency_keys WHERE user_id = {id}"),
        "tokens WHERE grant_id NOT IN (SELECT id FROM grants)".to_owned(),
    ] {
        assert_eq!(server.count(&of_them).await, 0, "{of_them}");
    }
    assert_eq!(server.count("mailed_links WHERE kind = 'invitation'").await, 1, "whom she invited stays invited");
    assert!(!bob.open(&app.request().path()).await.html.contains("Allow this app?"), "her app is gone");
    assert_eq!(server.count(&format!("clients WHERE id = {} AND deleted_at IS NULL", own.client.id.number())).await, 1);
    assert!(mailbox.take(&server).await.iter().any(|message| message.to == "friend@people.example"));
    server.advance(90 * DAY);
    let again = server.person("alice").await;
    assert_ne!(again.id.uuid(), before.id.uuid(), "a subject is never given twice (docs/threat-model.md#i08)");
}

/// Many rows go in small batches; a second person's stay.
#[actix_web::test]
async fn erasing_leaves_other_people_alone_however_much_there_is() {
    let server = harness::spawn().await;
    let mut bob = server.signed_in("bob").await;
    let alice = server.person("alice").await;
    let (now, origin) = (
        server.now(),
        gatepost::identity::session::Origin { address: "192.0.2.1".to_owned(), user_agent: String::new() },
    );
    let id = alice.id;
    server
        .write(move |tx| {
            for _ in 0..450 {
                let key = Token::<SessionKey>::generate(Id::next(now));
                let session = Session {
                    id: key.id(),
                    digest: key.digest(),
                    user_id: id,
                    created_at: now,
                    authenticated_at: now,
                    last_seen_at: now,
                    expires_at: now.plus(DAY.into()),
                    ended_at: None,
                    address: String::new(),
                    user_agent: String::new(),
                    methods: SpaceSeparated::default(),
                    second_factor_pending: false,
                };
                sessions::insert(tx, &session)?;
            }
            Ok(())
        })
        .await;
    let app = server.app.clone();
    server
        .write(move |tx| {
            deletion::begin(
                tx,
                now,
                &app.mail,
                (&alice, &gatepost::identity::emailed_links::requester(now, &origin), None),
            )
        })
        .await;
    server.advance(DAY);
    assert_eq!(erase(&server).await, 1);
    assert_eq!((server.count("users").await, server.count("sessions").await), (1, 1));
    assert_eq!(bob.open("/account").await.heading(), "Your account");
}

#[actix_web::test]
async fn an_operator_deletes_keeps_and_erases_whom_they_name_and_nobody_else() {
    let server = harness::spawn().await;
    let first = server.person("alice").await;
    let deleted = || server.count("users WHERE deleted_at IS NOT NULL");
    run(&server, &["user", "delete", "alice"]);
    assert_eq!(deleted().await, 1);
    let complaint = attempt(&server, &["user", "delete", "alice"]).expect_err("because she is deleted already");
    assert!(complaint.contains("--now erases it at once"), "{complaint}");
    run(&server, &["user", "keep", "alice"]);
    assert_eq!(deleted().await, 0);
    let by_operator = format!("security_log WHERE subject = '{BY_OPERATOR}' AND event");
    assert_eq!(server.count(&format!("{by_operator} IN ('account.delete', 'account.keep')")).await, 2);
    run(&server, &["user", "delete", "alice"]);
    // Two of one name, as an earlier version left them.
    server.write(|tx| harness::execute(tx, "DELETE FROM reserved_usernames")).await;
    let second = server.person("alice").await;
    run(&server, &["user", "delete", "alice", "--now"]);
    let left = server.read(users::list).await;
    assert_eq!(left.iter().map(|user| user.id).collect::<Vec<_>>(), [first.id], "the one who has the name goes");
    assert_eq!(server.count(&format!("users WHERE id = {}", second.id.number())).await, 0);
    server.write(move |tx| users::set_disabled(tx, first.id, Some(harness::BEGIN))).await;
    run(&server, &["user", "delete", "alice", "--now"]);
    assert_eq!(server.count("users").await, 0, "somebody on their way out goes at once, disabled or not");
    attempt(&server, &["user", "delete", "alice", "--now"]).expect_err("because nobody is left");
}

#[actix_web::test]
async fn whoever_keeps_the_account_at_the_last_moment_keeps_all_of_it() {
    let server = harness::spawn().await;
    let (mut alice, held) = server.one_of_each("alice").await;
    drop(held);
    let id = server.person_named("alice").await.id;
    close(&mut alice, "alice").await;
    let last = server.now().plus(i64::from(DAY) - 1);
    let late = last.plus(1);
    let due = server.read(move |db| deletions::list_due(db, late, 9)).await;
    assert_eq!(due, [id]);
    // The button was pressed in time, and is written after the cleaning looked.
    server.write(move |tx| deletion::restore(tx, last, id, None)).await.expect("because it is in time");
    let before = server.count("security_log").await;
    deletion::erase(&server.app.store, late, id).await.expect("because the database of a test works");
    assert_eq!((server.count("security_log").await, server.person_named("alice").await.id), (before, id));
}

/// A table that names people and is not erased would keep them for ever, or stop the erasing.
#[test]
fn every_table_that_names_people_is_erased() {
    const ERASING: &str = include_str!("../../src/store/erasing.rs");
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut named = Vec::new();
    for migration in std::fs::read_dir(folder).expect("because the folder is there") {
        let path = migration.expect("because it was listed").path().join("up.sql");
        let sql = std::fs::read_to_string(path).expect("because every migration has one");
        for table in sql.split("CREATE TABLE ").skip(1) {
            let (head, body) = table.split_once('(').expect("because a table has columns");
            if body.split(");").next().unwrap_or_default().contains("REFERENCES users") {
                named.push(head.trim().to_owned());
            }
        }
    }
    assert!(named.len() > 10, "{named:?}");
    let missing: Vec<_> = named.iter().filter(|table| !ERASING.contains(&format!("{table}::"))).collect();
    assert!(missing.is_empty(), "src/store/erasing.rs does not erase {missing:?}");
}
