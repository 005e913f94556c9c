//! "This was not me": ends everything, gives nothing to a thief, and gives the account back to its owner.

use actix_web::http::Method;
use serde_json::json;

use crate::harness::browser::Browser;
use crate::harness::html::Page;
use crate::harness::mailbox::{Mailbox, ReceivedEmail, spawn_with_mail};
use crate::harness::{self, PASSWORD, Server, confidential, execute};

const NEW: &str = "another horse, another battery";
const DAY: u32 = 86_400;

async fn press(browser: &mut Browser, link: &str) -> Page {
    let page = browser.open(link).await;
    assert_eq!(page.heading(), "Was this not you?", "{}", page.text());
    browser.submit(page.form_with("End everything")).await
}

/// A thief who knows the password makes `to` the account's address.
async fn steal_address(server: &Server, mailbox: &Mailbox, username: &str, to: &str) -> Vec<ReceivedEmail> {
    let mut thief = server.browser();
    let log_in = thief.open("/login").await;
    thief.log_in_at(&log_in, username, PASSWORD).await;
    let page = thief.open("/account/profile").await;
    thief.submit(page.form_with("Change address").fill("email", to).fill("password", PASSWORD)).await;
    let mut messages = mailbox.take(server).await;
    let proof = messages.iter().find(|message| message.to == to).expect("because the new address is asked").link();
    let page = thief.open(&proof).await;
    thief.submit(page.form_with("Confirm address").fill("password", PASSWORD)).await;
    messages.extend(mailbox.take(server).await);
    messages
}

fn report_links(messages: &[ReceivedEmail], to: &str) -> Vec<String> {
    let of_them = messages.iter().filter(|message| message.to == to);
    let lines = of_them.flat_map(|message| message.whole.lines().filter(|line| line.contains("/not-me?key=")));
    let links = lines.filter(|line| line.starts_with("http")).map(|line| line.trim().to_owned());
    links.map(|link| link[link.find("/not-me").expect("because it was found")..].to_owned()).collect()
}

#[actix_web::test]
async fn the_link_ends_everything_and_leads_to_a_new_password() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let (mut alice, held) = server.one_of_each("alice").await;
    let app = server.application(confidential()).await;
    app.tokens(&mut alice).await;
    mailbox.take(&server).await;
    server
        .log_in("alice")
        .await
        .post("/v3/account/security/email/update", &json!({ "email": "thief@evil.example", "password": PASSWORD }))
        .await
        .success();
    let messages = mailbox.take(&server).await;
    let links = report_links(&messages, "alice@people.example");
    let (link, mut owner) = (links.first().expect("because the old address is told"), server.browser());
    for _ in 0..2 {
        assert_eq!(owner.open(link).await.heading(), "Was this not you?", "looking changes nothing");
    }
    assert_eq!(alice.open("/account").await.heading(), "Your account");
    let page = press(&mut owner, link).await;
    assert_eq!(page.heading(), "Set a new password", "a fresh letter is proof enough");
    assert_eq!(alice.open("/account").await.heading(), "Log in");
    for (kind, token) in held.each() {
        let valid = server.program(token).get("/v3/validate").await.success();
        assert_eq!(valid["valid"], json!(false), "{kind}");
    }
    let log_in = alice.open("/login").await;
    assert_eq!(alice.log_in_at(&log_in, "alice", PASSWORD).await.status, 400, "the old password works no more");
    let pending =
        messages.iter().find(|message| message.to == "thief@evil.example").expect("because it was asked").link();
    assert_eq!(server.browser().open(&pending).await.status, 404, "the change that waited is over");
    let page = owner.submit(page.form_with("Set password").fill("password", NEW)).await;
    assert_eq!(page.heading(), "Your account");
    assert_eq!(server.browser().open(link).await.status, 404, "the link works once");
    assert_eq!(owner.open(&app.request().path()).await.heading(), "Allow this app?", "nothing is remembered");
    let told: Vec<String> = mailbox.take(&server).await.into_iter().map(|message| message.subject).collect();
    assert!(told.contains(&"Set a new password to get back in".to_owned()), "{told:?}");
}

#[actix_web::test]
async fn an_old_letter_that_lies_about_causes_a_fresh_one_and_opens_nothing_itself() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    server.signed_in("alice").await;
    let mut elsewhere = server.browser();
    elsewhere.headers.push(("user-agent".to_owned(), "Mozilla/5.0 (iPhone) Safari/600".to_owned()));
    elsewhere.sign_in("alice").await;
    let link = mailbox.take_one(&server).await.link();
    server.advance(29 * DAY);
    let mut stranger = server.browser();
    let page = press(&mut stranger, &link).await;
    assert_eq!(page.heading(), "Everything was ended");
    assert!(page.text().contains("alice@people.example"), "{}", page.text());
    assert_eq!(stranger.open("/account").await.heading(), "Log in");
    let message = mailbox.take_one(&server).await;
    assert_eq!(
        (message.to.as_str(), message.subject.as_str()),
        ("alice@people.example", "Set a new password to get back in")
    );
    let mut owner = server.browser();
    let page = owner.open(&message.link()).await;
    assert_eq!(owner.submit(page.form_with("Set password").fill("password", NEW)).await.heading(), "Your account");
}

#[actix_web::test]
async fn links_end_after_thirty_days_and_wrong_ones_say_nothing() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    server.person("alice").await;
    let messages = steal_address(&server, &mailbox, "alice", "new@people.example").await;
    let mine = report_links(&messages, "new@people.example").remove(0);
    server.advance(30 * DAY);
    let mut browser = server.browser();
    for link in
        [mine.as_str(), "/not-me", "/not-me?key=", "/not-me?key=x", &format!("/not-me?key={}", "é".repeat(3_000))]
    {
        let page = browser.open(link).await;
        assert_eq!((page.status, page.heading().as_str()), (404, "This link is over"), "{link}");
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
        assert_eq!(browser.bare(Method::POST, link, &headers, "").await.status, 404, "{link}");
    }
}

#[actix_web::test]
async fn a_link_of_another_kind_and_a_foreign_form_end_nothing() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let mut alice = server.signed_in("alice").await;
    let mut nobody = server.browser();
    let page = nobody.open("/reset").await;
    nobody.submit(page.form_with("Send the link").fill("username", "alice")).await;
    let key = mailbox.take_one(&server).await.key();
    assert_eq!(nobody.open(&format!("/not-me?key={key}")).await.status, 404);
    let foreign = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "cross-site")];
    for path in ["/account/not-me", "/not-me?key=x"] {
        assert_eq!(alice.bare(Method::POST, path, &foreign, "").await.status, 403, "{path}");
    }
    assert_eq!(alice.open("/account").await.heading(), "Your account");
}

/// The thief has the password, changes the address, and has the letters of the new one.
#[actix_web::test]
async fn the_old_address_takes_the_account_back_and_the_thiefs_letters_end() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    server.person("alice").await;
    let messages = steal_address(&server, &mailbox, "alice", "thief@evil.example").await;
    let (of_owner, of_thief) =
        (report_links(&messages, "alice@people.example"), report_links(&messages, "thief@evil.example"));
    assert!(of_owner.len() >= 2 && !of_thief.is_empty(), "both are told");
    // The thief uses a letter of theirs first: it opens no way around the owner.
    let mut thief = server.browser();
    let page = press(&mut thief, &of_thief[0]).await;
    thief.submit(page.form_with("Set password").fill("password", "the thief's own words")).await;
    assert_eq!(thief.open("/account").await.heading(), "Your account");
    let more = report_links(&mailbox.take(&server).await, "thief@evil.example");
    server.advance(6 * DAY);
    let mut owner = server.browser();
    let page = owner.open(&of_owner[0]).await;
    assert!(page.text().contains("alice@people.example becomes its e-mail address again"), "{}", page.text());
    let page = press(&mut owner, &of_owner[0]).await;
    assert_eq!(page.heading(), "Everything was ended", "after days, a fresh letter goes");
    let fresh = mailbox.take_one(&server).await;
    assert_eq!(fresh.to, "alice@people.example");
    assert_eq!(thief.open("/account").await.heading(), "Log in");
    for link in of_thief.iter().chain(&more) {
        assert_eq!(thief.open(link).await.status, 404, "the thief cannot go the same way");
    }
    let page = owner.open(&fresh.link()).await;
    owner.submit(page.form_with("Set password").fill("password", NEW)).await;
    let user = server.person_named("alice").await;
    assert_eq!(user.verified_email_folded.as_deref(), Some("alice@people.example"));
}

#[actix_web::test]
async fn the_first_of_several_addresses_wins_and_only_for_seven_days() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    server.person("alice").await;
    let first = steal_address(&server, &mailbox, "alice", "one@evil.example").await;
    let second = steal_address(&server, &mailbox, "alice", "two@evil.example").await;
    let owner = report_links(&first, "alice@people.example").remove(0);
    press(&mut server.browser(), &owner).await;
    let user = server.person_named("alice").await;
    assert_eq!(user.verified_email_folded.as_deref(), Some("alice@people.example"));
    for link in report_links(&second, "one@evil.example").iter().chain(&report_links(&second, "two@evil.example")) {
        assert_eq!(server.browser().open(link).await.status, 404);
    }
    server.person("bob").await;
    let messages = steal_address(&server, &mailbox, "bob", "bobs-new@people.example").await;
    let old = report_links(&messages, "bob@people.example").remove(0);
    server.advance(7 * DAY);
    assert_eq!(server.browser().open(&old).await.status, 404, "whoever reads an old mailbox has a week, not a month");
}

#[actix_web::test]
async fn somebody_else_who_has_the_old_address_by_now_keeps_it() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let alice = server.person("alice").await;
    let messages = steal_address(&server, &mailbox, "alice", "thief@evil.example").await;
    let other = server.person("other").await;
    let (id, now) = (other.id, server.now());
    server
        .write(move |tx| {
            gatepost::store::users::prove_email(tx, now, id, ("alice@people.example", "alice@people.example"))
        })
        .await;
    let page = press(&mut server.browser(), &report_links(&messages, "alice@people.example").remove(0)).await;
    assert!(page.text().contains("Ask the people who run this server"), "{}", page.text());
    let left = server.read(move |db| gatepost::store::users::find(db, alice.id)).await.expect("because she is there");
    assert_eq!((left.email, left.password_digest), (None, None), "nobody gets in by the thief's mailbox");
}

/// Whoever sits in a session may press the button; it takes, and gives nothing.
#[actix_web::test]
async fn the_button_of_a_signed_in_person_gives_the_account_to_its_mailbox_only() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let mut thief = server.signed_in("alice").await;
    let page = press(&mut thief, "/account/not-me").await;
    assert_eq!(page.heading(), "Everything was ended");
    assert_eq!(thief.open("/account").await.heading(), "Log in");
    let message = mailbox.take_one(&server).await;
    assert_eq!(message.to, "alice@people.example");
    let mut owner = server.browser();
    let page = owner.open(&message.link()).await;
    assert_eq!(owner.submit(page.form_with("Set password").fill("password", NEW)).await.heading(), "Your account");
}

#[actix_web::test]
async fn pressing_it_while_the_address_is_a_thiefs_tells_the_owners_too() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let mut alice = server.signed_in("alice").await;
    steal_address(&server, &mailbox, "alice", "thief@evil.example").await;
    press(&mut alice, "/account/not-me").await;
    let messages = mailbox.take(&server).await;
    let back = report_links(&messages, "alice@people.example").remove(0);
    let page = press(&mut server.browser(), &back).await;
    assert_eq!(page.heading(), "Set a new password");
    let user = server.person_named("alice").await;
    assert_eq!(user.verified_email_folded.as_deref(), Some("alice@people.example"));
}

/// Without a letter nobody could come back, so the password stays.
#[actix_web::test]
async fn without_letters_the_session_stays_and_leads_to_another_password() {
    let server = harness::spawn_with(&[("public_url", "https://id.example"), ("mail.url", "log:")]).await;
    let mut elsewhere = server.signed_in("alice").await;
    let mut alice = server.browser();
    alice.sign_in("alice").await;
    let token = server.log_in("alice").await;
    let id = server.person_named("alice").await.id.number();
    let remembered = format!(
        "INSERT INTO remembered_browsers (id, digest, user_id, user_agent, address, created_at, expires_at) \
         VALUES (1, 'x', {id}, '', '', 0, {})",
        i64::MAX
    );
    server.write(move |tx| execute(tx, &remembered)).await;
    let page = press(&mut alice, "/account/not-me").await;
    assert_eq!(page.heading(), "Security");
    assert!(page.text().contains("Everything else was ended."), "{}", page.text());
    let page = alice.open(&page.link("Change your password")).await;
    assert_eq!(server.count("remembered_browsers").await, 0, "a thief's browser may be among them");
    assert_eq!(elsewhere.open("/account").await.heading(), "Log in");
    assert_eq!(server.account_status(token.token()).await, 401);
    let form = page.form_with("Change password").fill("current_password", PASSWORD).fill("new_password", NEW);
    assert_eq!(alice.submit(form).await.heading(), "Your password is changed");
}

#[actix_web::test]
async fn it_brings_back_an_account_that_a_thief_deleted() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let mut thief = server.signed_in("alice").await;
    let page = thief.open("/account/delete").await;
    thief.submit(page.form_with("Delete account").fill("confirm", "alice").fill("password", PASSWORD)).await;
    let link = report_links(&mailbox.take(&server).await, "alice@people.example").remove(0);
    let mut owner = server.browser();
    let page = press(&mut owner, &link).await;
    owner.submit(page.form_with("Set password").fill("password", NEW)).await;
    assert_eq!(owner.open("/account").await.heading(), "Your account");
    assert_eq!(server.count("deletions").await, 0);
}
