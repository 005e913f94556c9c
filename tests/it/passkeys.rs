//! Passkeys: adding one, logging in with nothing else, and everything that must open nothing.

use crate::harness::authenticator::{Authenticator, PRESENT_AND_VERIFIED, options};
use crate::harness::browser::Browser;
use crate::harness::html::Page;
use crate::harness::mailbox::spawn_with_mail;
use crate::harness::pages::{RETURN_URL, returns_to};
use crate::harness::{self, Server, confidential, execute};

const OWN: &str = "/account/security/passkeys";
const NEW: &str = "/account/security/passkeys/new";
const REFUSED: &str = "This passkey did not work. Try again, or go on without it.";

/// A server with alice, who has one passkey.
async fn with_passkey() -> (Server, Browser, Authenticator) {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let authenticator = alice.add_passkey(&server).await;
    (server, alice, authenticator)
}

async fn present(server: &Server, authenticator: &mut Authenticator) -> Page {
    server.browser().present(authenticator, "/login").await
}

async fn sessions(server: &Server) -> i64 {
    server.count("sessions").await
}

#[actix_web::test]
async fn a_passkey_is_added_listed_and_lets_its_person_in_by_itself() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let mut alice = server.signed_in("alice").await;
    assert!(alice.open(OWN).await.text().contains("No passkeys yet"));
    let mut authenticator = alice.add_passkey(&server).await;
    let message = mailbox.take_one(&server).await;
    assert_eq!((message.to.as_str(), message.subject.as_str()), ("alice@people.example", "A passkey was added"));
    assert!(message.whole.contains("Chrome on Linux"), "{}", message.whole);
    let page = alice.open(OWN).await;
    for words in ["Chrome on Linux", "On one device", "21 Nov 2026, 12:00 UTC", "never"] {
        assert!(page.text().contains(words), "{words}: {}", page.text());
    }
    let mut other = server.browser();
    server.advance(3_600);
    let page = other.present(&mut authenticator, "/login").await;
    assert_eq!((page.status, page.heading().as_str()), (200, "Your account"), "{}", page.text());
    assert!(other.open(OWN).await.text().contains("a moment ago"), "its use is noted");
    assert!(other.open(NEW).await.heading() == "Add a passkey", "who just used a passkey is not asked again");
    assert_eq!(server.count("security_log WHERE event = 'passkey.add' AND subject = 'Chrome on Linux'").await, 1);
}

#[actix_web::test]
async fn whoever_logs_in_with_a_passkey_goes_on_to_where_they_were_going() {
    let (server, _, mut authenticator) = with_passkey().await;
    let app = server.application(confidential()).await;
    let mut browser = server.browser();
    let page = browser.open(&app.request().path()).await;
    assert_eq!(page.heading(), "Log in");
    let page = browser.submit(authenticator.answer(&page)).await;
    assert_eq!(page.heading(), "Allow this app?", "{}", page.text());
    let other = server.application(returns_to(&[RETURN_URL])).await;
    let mut browser = server.browser();
    let page = browser.open(&format!("/login?referer={RETURN_URL}")).await;
    let page = browser.submit(authenticator.answer(&page)).await;
    assert!(page.text().contains("app.example"), "{}: {}", other.client.name, page.text());
    // An application that wants a new log-in is content with a passkey.
    let mut alice = server.signed_in("alicia").await;
    let mut own = alice.add_passkey(&server).await;
    let page = alice.open(&format!("{}&prompt=login", app.request().path())).await;
    assert_eq!(page.heading(), "Log in");
    let page = alice.submit(own.answer(&page)).await;
    assert_eq!(page.heading(), "Allow this app?", "{}", page.text());
}

#[actix_web::test]
async fn an_answer_works_once_and_for_five_minutes() {
    let (server, _, mut authenticator) = with_passkey().await;
    let mut browser = server.browser();
    let page = browser.open("/login").await;
    let answer = authenticator.answer(&page);
    assert_eq!(browser.submit(answer.clone()).await.heading(), "Your account");
    let before = sessions(&server).await;
    let again = server.browser().submit(answer).await;
    assert_eq!((again.status, again.alert().as_str()), (400, REFUSED), "a replay");
    let challenge = options(&page, "get")["challenge"].as_str().expect("because there is one").to_owned();
    let newly_signed = authenticator.sign(again.passkey_form(), &challenge);
    assert_eq!(server.browser().submit(newly_signed).await.alert(), REFUSED, "a challenge that was used");
    let page = server.browser().open("/login").await;
    let late = authenticator.answer(&page);
    server.advance(301);
    assert_eq!(server.browser().submit(late).await.alert(), REFUSED, "six minutes later");
    assert_eq!(sessions(&server).await, before);
    assert_eq!(present(&server, &mut authenticator).await.heading(), "Your account", "a new one works");
}

#[actix_web::test]
async fn the_same_answer_at_the_same_moment_opens_one_session() {
    let (server, _, mut authenticator) = with_passkey().await;
    let page = server.browser().open("/login").await;
    let answer = authenticator.answer(&page);
    let before = sessions(&server).await;
    let tries = (0..8).map(|_| {
        let (mut browser, answer) = (server.browser(), answer.clone());
        async move { browser.submit(answer).await.status }
    });
    let statuses = futures_util::future::join_all(tries).await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 400].contains(status)), "{statuses:?}");
    assert_eq!(sessions(&server).await, before + 1);
}

/// Has an authenticator, or whoever stands between, say what is not so.
type Lie = fn(&mut Authenticator);

const LIES: [(&str, Lie); 8] = [
    ("another site", |device| device.origin = "https://evil.test".to_owned()),
    ("another port", |device| device.origin = "http://localhost:1".to_owned()),
    ("another relying party", |device| device.rp_id = "evil.test".to_owned()),
    ("a frame of another site", |device| device.is_framed = true),
    ("a person who was not verified", |device| device.flags = 0x01),
    ("nobody there", |device| device.flags = 0x00),
    ("a key that began to sync", |device| device.flags = PRESENT_AND_VERIFIED | 0x08),
    ("another account", |device| device.user_handle = vec![0; 8]),
];

#[actix_web::test]
async fn whatever_is_wrong_with_an_answer_nothing_is_opened_and_the_words_are_the_same() {
    let (server, mut alice, honest) = with_passkey().await;
    let mut mallory = server.signed_in("mallory").await;
    let mut foreign = mallory.add_passkey(&server).await;
    let before = sessions(&server).await;
    let mut device = honest;
    for (what, lie) in LIES {
        let (origin, rp_id, user_handle) = (device.origin.clone(), device.rp_id.clone(), device.user_handle.clone());
        lie(&mut device);
        let page = present(&server, &mut device).await;
        assert_eq!((page.status, page.alert().as_str()), (400, REFUSED), "{what}");
        assert!(page.attributes("[data-gone]", "data-gone").is_empty(), "{what}: the passkey is not gone");
        assert!(page.attributes("[aria-invalid]", "name").is_empty(), "{what}: no field was wrong");
        (device.origin, device.rp_id, device.user_handle) = (origin, rp_id, user_handle);
        (device.flags, device.is_framed) = (PRESENT_AND_VERIFIED, false);
    }
    // Somebody else's passkey says that it is alice's, or signs under the name of hers.
    let own = std::mem::replace(&mut foreign.user_handle, device.user_handle.clone());
    assert_eq!(present(&server, &mut foreign).await.alert(), REFUSED);
    let own_id = std::mem::replace(&mut foreign.id, device.id.clone());
    assert_eq!(present(&server, &mut foreign).await.alert(), REFUSED);
    (foreign.user_handle, foreign.id) = (own, own_id);
    // A challenge of the page that adds passkeys, one that nobody gave, and none.
    let page = server.browser().open("/login").await;
    assert_eq!(page.forms().len(), 1, "programs find the one form that they know");
    let form = page.passkey_form();
    let adding = options(&alice.open(NEW).await, "create")["challenge"].as_str().expect("because it asks").to_owned();
    for challenge in [adding.as_str(), "AAAA", ""] {
        let signed = device.sign(form.clone(), challenge);
        assert_eq!(server.browser().submit(signed).await.alert(), REFUSED, "{challenge}");
    }
    assert_eq!(sessions(&server).await, before);
    assert_eq!(present(&server, &mut device).await.heading(), "Your account", "the honest one works all the while");
    assert_eq!(present(&server, &mut foreign).await.heading(), "Your account");
}

#[actix_web::test]
async fn broken_empty_and_endless_answers_are_refused_like_wrong_ones() {
    let (server, _, mut authenticator) = with_passkey().await;
    let before = sessions(&server).await;
    let page = server.browser().open("/login").await;
    let right = authenticator.answer(&page);
    let long = "A".repeat(20_000);
    for field in ["credential_id", "client_data", "authenticator_data", "signature", "user_handle"] {
        let value = right.value(field).expect("because the form has it").to_owned();
        let changed = format!("{}{}", if value.starts_with('A') { 'B' } else { 'A' }, &value[1..]);
        for broken in ["", "%00", "ÄÖÜ", "AA==", &long, &changed, &value[..value.len() / 2]] {
            let page = server.browser().submit(right.clone().fill(field, broken)).await;
            assert_eq!((page.status, page.alert().as_str()), (400, REFUSED), "{field}: {broken:.20}");
        }
    }
    let huge = right.clone().fill("client_data", &"A".repeat(70_000));
    assert_eq!(server.browser().submit(huge).await.status, 413);
    assert_eq!(sessions(&server).await, before);
    assert_eq!(server.browser().submit(right).await.heading(), "Your account", "none of it used the challenge up");
}

#[actix_web::test]
async fn a_passkey_that_was_removed_opens_nothing_and_the_browser_learns_that_it_is_gone() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let mut alice = server.signed_in("alice").await;
    let mut authenticator = alice.add_passkey(&server).await;
    let page = alice.open(OWN).await;
    let known: Vec<String> = page.attributes("[data-accepted]", "data-accepted");
    assert!(known[0].contains(&authenticator.name()), "{known:?}");
    let page = alice.submit(page.form_with("Remove the passkey Chrome on Linux")).await;
    assert!(page.text().contains("No passkeys yet"), "{}", page.text());
    let subjects: Vec<String> = mailbox.take(&server).await.into_iter().map(|message| message.subject).collect();
    assert_eq!(subjects, ["A passkey was added", "A passkey was removed"]);
    assert_eq!(server.count("security_log WHERE event = 'passkey.remove'").await, 1);
    let page = present(&server, &mut authenticator).await;
    assert_eq!((page.status, page.alert().as_str()), (400, REFUSED));
    assert_eq!(page.attributes("[data-gone]", "data-gone"), [authenticator.name()]);
    assert_eq!(alice.open("/account").await.heading(), "Your account", "the session goes on");
}

#[actix_web::test]
async fn a_passkey_of_a_disabled_person_opens_nothing_until_they_are_enabled() {
    let (server, _, mut authenticator) = with_passkey().await;
    let alice = server.person_named("alice").await;
    server.disable(&alice, true).await;
    let page = present(&server, &mut authenticator).await;
    assert_eq!((page.status, page.alert().as_str()), (400, REFUSED));
    assert!(page.attributes("[data-gone]", "data-gone").is_empty());
    server.disable(&alice, false).await;
    assert_eq!(present(&server, &mut authenticator).await.heading(), "Your account");
}

#[actix_web::test]
async fn a_passkey_whose_counter_goes_back_is_stopped_and_its_person_told() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let mut alice = server.signed_in("alice").await;
    let mut authenticator = alice.add_passkey(&server).await;
    for _ in 0..3 {
        assert_eq!(present(&server, &mut authenticator).await.heading(), "Your account");
    }
    mailbox.take(&server).await;
    let before = sessions(&server).await;
    authenticator.counter = 1; // a copy that was made after the first use
    let page = present(&server, &mut authenticator).await;
    assert_eq!((page.status, page.alert().as_str()), (400, REFUSED));
    let message = mailbox.take_one(&server).await;
    assert_eq!(message.subject, "A passkey was stopped");
    assert_eq!(server.count("security_log WHERE event = 'passkey.suspect'").await, 1);
    // The copy only has to go on counting; the passkey stays stopped, and its person is told once.
    authenticator.counter = 100;
    assert_eq!(present(&server, &mut authenticator).await.alert(), REFUSED);
    assert_eq!(sessions(&server).await, before);
    assert!(mailbox.take(&server).await.is_empty());
    let page = alice.open(OWN).await;
    assert!(page.text().contains("Stopped"), "{}", page.text());
    let page = alice.submit(page.form_with("Remove the passkey Chrome on Linux")).await;
    assert!(page.text().contains("No passkeys yet"));
}

#[actix_web::test]
async fn an_authenticator_that_does_not_count_works_again_and_again() {
    let (server, _, mut authenticator) = with_passkey().await;
    for _ in 0..3 {
        authenticator.counter = u32::MAX; // the next one is 0
        assert_eq!(present(&server, &mut authenticator).await.heading(), "Your account");
    }
}

#[actix_web::test]
async fn wrong_passwords_never_close_the_door_to_a_passkey() {
    let (server, _, mut authenticator) = with_passkey().await;
    let mut mallory = server.browser();
    let mut page = mallory.open("/login").await;
    for _ in 0..12 {
        page = mallory.log_in_at(&page, "alice", "wrong password").await;
    }
    assert_eq!(page.status, 429);
    assert_eq!(present(&server, &mut authenticator).await.heading(), "Your account");
}

#[actix_web::test]
async fn adding_a_passkey_needs_a_new_proof_after_fifteen_minutes() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let page = alice.open(NEW).await;
    let asked = options(&page, "create");
    assert_eq!(asked["authenticatorSelection"]["residentKey"], "required");
    assert_eq!(asked["authenticatorSelection"]["userVerification"], "required");
    assert_eq!((&asked["attestation"], &asked["rp"]["id"]), (&"none".into(), &"localhost".into()));
    server.advance(899);
    let page = alice.open(NEW).await;
    let form = Authenticator::new(&server).create(&page);
    server.advance(2);
    let page = alice.submit(form).await;
    assert_eq!(page.heading(), "Confirm that it is you", "the fifteen minutes ended before the form was sent");
    assert_eq!(server.count("passkeys").await, 0);
    assert_eq!(alice.open(NEW).await.heading(), "Confirm that it is you");
    let page = alice.open(NEW).await;
    let page = alice.submit(page.form_with("Go on").fill("password", harness::PASSWORD)).await;
    assert_eq!(page.heading(), "Add a passkey", "and on to where they were going");
    alice.add_passkey(&server).await;
    server.advance(901);
    let page = alice.open(OWN).await;
    let page = alice.submit(page.form_with("Remove the passkey Chrome on Linux")).await;
    assert_eq!(page.heading(), "Confirm that it is you", "removing needs it too");
    assert_eq!(server.count("passkeys").await, 1);
}

#[actix_web::test]
async fn a_passkey_is_added_once_by_the_session_that_asked_and_to_one_person() {
    let (server, mut alice, mut authenticator) = with_passkey().await;
    let held = options(&alice.open(NEW).await, "create")["excludeCredentials"][0]["id"].clone();
    assert_eq!(held, authenticator.name(), "the browser is told which ones are there");
    // The same passkey again, for another person.
    let mut mallory = server.signed_in("mallory").await;
    let page = mallory.open(NEW).await;
    let page = mallory.submit(authenticator.create(&page)).await;
    assert_eq!((page.status, page.alert().as_str()), (400, "This passkey was added before."));
    // Another session's challenge, and one that was used or is old.
    let page = alice.open(NEW).await;
    let mut device = Authenticator::new(&server);
    let form = device.create(&page);
    let over = "That took longer than five minutes, or was sent twice. Try again.";
    assert_eq!(mallory.submit(form.clone()).await.alert(), over, "another's challenge");
    assert_eq!(alice.submit(form.clone()).await.heading(), "Passkeys");
    assert_eq!(alice.submit(form).await.alert(), over);
    let form = Authenticator::new(&server).create(&alice.open(NEW).await);
    server.advance(301);
    assert_eq!(alice.submit(form).await.alert(), over);
    // A device that does not verify its person, and one that answers for another site.
    for lie in [LIES[0].1, LIES[2].1, LIES[4].1] {
        let mut device = Authenticator::new(&server);
        lie(&mut device);
        let form = device.create(&alice.open(NEW).await);
        let page = alice.submit(form).await;
        assert!(page.alert().starts_with("This device's answer cannot be used"), "{}", page.alert());
    }
    assert_eq!(server.count("passkeys").await, 2);
}

#[actix_web::test]
async fn a_person_has_twenty_passkeys_at_most() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    for _ in 0..20 {
        alice.add_passkey(&server).await;
    }
    assert!(alice.open(OWN).await.text().contains("as many as there can be"));
    let form = Authenticator::new(&server).create(&alice.open(NEW).await);
    let page = alice.submit(form).await;
    assert!(page.alert().starts_with("You have 20 passkeys already"), "{}", page.alert());
    assert_eq!(server.count("passkeys").await, 20);
}

#[actix_web::test]
async fn a_passkey_has_the_name_that_its_person_gives_it() {
    let (server, mut alice, _) = with_passkey().await;
    let mut mallory = server.signed_in("mallory").await;
    let page = alice.open(OWN).await;
    let form = page.form_with("Save the name of Chrome on Linux");
    let renamed = alice.submit(form.clone().fill("name", "  Schlüssel <b>am</b> Bund ")).await;
    assert!(renamed.text().contains("Schlüssel <b>am</b> Bund"), "{}", renamed.text());
    let about = "subject = 'Chrome on Linux is now Schlüssel <b>am</b> Bund'";
    assert_eq!(server.count(&format!("security_log WHERE event = 'passkey.rename' AND {about}")).await, 1);
    for name in ["", "   ", "a\nb", &"x".repeat(61)] {
        let page = alice.submit(form.clone().fill("name", name)).await;
        assert_eq!((page.status, page.alert().as_str()), (400, "A name has 1 to 60 characters on one line."));
    }
    assert_eq!(mallory.submit(form.fill("name", "mine")).await.status, 404, "nobody names another's");
    let remove = alice.open(OWN).await.form_with("Remove the passkey Schlüssel <b>am</b> Bund");
    assert_eq!(mallory.submit(remove).await.status, 404, "or removes it");
    assert_eq!(server.count("passkeys WHERE name = 'Schlüssel <b>am</b> Bund'").await, 1);
}

#[actix_web::test]
async fn whoever_has_nothing_but_one_passkey_cannot_remove_it() {
    let (server, mut alice, mut authenticator) = with_passkey().await;
    server.write(|tx| execute(tx, "UPDATE users SET password_digest = NULL WHERE username = 'alice'")).await;
    let remove = alice.open(OWN).await.form_with("Remove the passkey Chrome on Linux");
    let page = alice.submit(remove.clone()).await;
    assert!(page.alert().starts_with("This passkey is your only way in"), "{}", page.alert());
    assert_eq!(present(&server, &mut authenticator).await.heading(), "Your account");
    // A stopped one lets nobody in, so it does not count; a working one does.
    let mut second = alice.add_passkey(&server).await;
    server.write(|tx| execute(tx, "UPDATE passkeys SET suspected_at = 1 WHERE last_used_at IS NULL")).await;
    assert!(alice.submit(remove.clone()).await.alert().starts_with("This passkey is your only way in"));
    server.write(|tx| execute(tx, "UPDATE passkeys SET suspected_at = NULL")).await;
    assert_eq!(alice.submit(remove).await.status, 200);
    assert_eq!(present(&server, &mut second).await.heading(), "Your account");
}

#[actix_web::test]
async fn where_the_server_is_a_number_no_passkey_is_asked_for() {
    let server = harness::spawn_with(&[("public_url", "http://127.0.0.1:{port}")]).await;
    let page = server.browser().open("/login").await;
    assert!(!page.html.contains("passkey"), "{}", page.html);
    let mut alice = server.signed_in("alice").await;
    assert!(alice.open(NEW).await.text().contains("Passkeys do not work here"));
}
