//! Second factors on the account's own pages: setting them up, taking them away, what is told by letter and
//! written into the log, and what the database holds of them.

use actix_web::http::Method;
use diesel::sql_types::Text;
use diesel::{QueryableByName, RunQueryDsl};
use gatepost::identity::factors;

use crate::harness::factors::{Authenticator, Equipped};
use crate::harness::mailbox::spawn_with_mail;
use crate::harness::{self, PASSWORD, Server};
use crate::signing_keys::run;

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    text: String,
}

async fn events(server: &Server, username: &str) -> Vec<String> {
    let id = server.person_named(username).await.id.number();
    let sql = format!("SELECT event AS text FROM security_log WHERE user_id = {id} ORDER BY id");
    let rows = server.read(move |db| Ok(gatepost::on!(db, |c| diesel::sql_query(&sql).load::<Line>(c))?)).await;
    let own = ["totp.", "recovery_codes.", "device."];
    rows.into_iter().map(|line| line.text).filter(|event| own.iter().any(|begin| event.starts_with(begin))).collect()
}

#[actix_web::test]
async fn an_app_is_set_up_by_picture_or_text_and_counts_once_it_shows_a_code() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let mut alice = server.signed_in("alice").await;
    mailbox.take(&server).await;
    let page = alice.open("/account/security").await;
    assert!(page.text().contains("Whoever has your password can log in as you"), "{}", page.text());
    let page = alice.open(&page.link("Set up an authenticator app")).await;
    let policy = page.header("content-security-policy").unwrap_or_default();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(page.attributes("svg", "role"), ["img"]);
    assert!(page.attributes("svg [style], svg[style], svg script", "class").is_empty(), "nothing inline");
    let app = Authenticator::reading(&page);
    for (code, what) in [(app.wrong(server.now()), "clock"), (String::new(), "six digits"), ("1".repeat(9_000), "six")]
    {
        let page = alice.submit(page.form_with("Set it up").fill("code", &code)).await;
        assert_eq!(page.status, 400);
        assert!(page.alert().contains(what), "{}", page.alert());
        assert_eq!(Authenticator::reading(&page).code(server.now(), 0), app.code(server.now(), 0), "the same picture");
    }
    assert_eq!((server.count("totp_factors").await, mailbox.take(&server).await.len()), (0, 0));
    let code = app.code(server.now(), 0);
    let page = alice.submit(page.form_with("Set it up").fill("code", &code)).await;
    let codes = page.all("[data-secret]");
    assert_eq!((codes.len(), server.count("recovery_codes").await), (10, 10));
    let message = mailbox.take_one(&server).await;
    assert_eq!((message.subject.as_str(), message.to.contains("alice@")), ("An authenticator app was set up", true));
    assert_eq!(events(&server, "alice").await, ["totp.add", "recovery_codes.create"]);
    let page = alice.open(&page.link("I saved them")).await;
    assert!(page.text().contains("is set up") && page.text().contains("10 of 10 are left"), "{}", page.text());
    // The code that set it up is used.
    let mut browser = server.browser();
    let page = browser.first_step("/login", "alice").await;
    assert_eq!(browser.second_step(&page, &code).await.status, 400);
    // A reload of the form makes nothing new of the old picture: its code is an hour old at most.
    server.advance(3_600);
    assert_eq!(alice.open("/account/security/totp").await.heading(), "Confirm that it is you");
}

#[actix_web::test]
async fn another_persons_picture_and_an_old_one_set_nothing_up() {
    let server = harness::spawn().await;
    let (mut alice, mut bob) = (server.signed_in("alice").await, server.signed_in("bob").await);
    let page = alice.open("/account/security/totp").await;
    let app = Authenticator::reading(&page);
    let form = page.form_with("Set it up").fill("code", &app.code(server.now(), 0));
    let answered = bob.submit(form.clone()).await;
    assert_eq!(answered.heading(), "Set up an authenticator app", "a new picture");
    for offer in ["", "x", "1:AAAA:BBBB"] {
        alice.submit(form.clone().fill("offer", offer)).await;
    }
    assert_eq!(server.count("totp_factors").await, 0);
}

#[actix_web::test]
async fn adding_removing_and_new_codes_need_a_fresh_proof() {
    let server = harness::spawn().await;
    let Equipped { browser: mut alice, .. } = server.equipped("alice").await;
    let open = alice.open("/account/security/totp").await;
    let app = Authenticator::reading(&open);
    server.advance(901);
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
    let stale = open.form_with("Set it up").fill("code", &app.code(server.now(), 0)).encode();
    for (path, body) in [
        ("/account/security/totp", stale.as_str()),
        ("/account/security/totp/remove", ""),
        ("/account/security/recovery-codes", ""),
    ] {
        let answer = alice.bare(Method::POST, path, &headers, body).await;
        let location = answer.location().unwrap_or_default().to_owned();
        assert!(location.starts_with("/account/confirm?next=%2Faccount%2Fsecurity"), "{path}: {location}");
    }
    assert_eq!(events(&server, "alice").await, ["totp.add", "recovery_codes.create"]);
    // The password is asked for; the factor was shown at this session when it was set up.
    let page = alice.open("/account/security/totp").await;
    assert_eq!(page.heading(), "Confirm that it is you");
    assert!(page.attributes("#code", "name").is_empty());
    let page = alice.submit(page.form_with("Go on").fill("password", PASSWORD)).await;
    assert_eq!(page.heading(), "Set up an authenticator app");
}

#[actix_web::test]
async fn a_session_from_before_shows_the_new_factor_before_anything_sensitive() {
    let server = harness::spawn().await;
    let mut old = server.signed_in("alice").await;
    let mut alice = server.browser();
    alice.sign_in("alice").await;
    let (app, _) = alice.set_up_app(&server).await;
    server.advance(30);
    let page = old.open("/account/tokens/new").await;
    assert_eq!(page.heading(), "Confirm that it is you");
    let wrong = old.submit(page.form_with("Go on").fill("code", &app.wrong(server.now()))).await;
    assert_eq!(wrong.status, 400);
    assert_eq!(old.open("/account/tokens/new").await.heading(), "Confirm that it is you");
    let page = old.submit(page.form_with("Go on").fill("code", &app.code(server.now(), 0))).await;
    assert_eq!(page.heading(), "Make a token");
    // Both are asked for after a while at a session that never saw the factor.
    let mut third = server.browser();
    let page = third.first_step("/login", "alice").await;
    third.second_step(&page, &app.code(server.now(), 30)).await;
    server.advance(901);
    let page = third.open("/account/tokens/new").await;
    assert!(page.attributes("#code", "name").is_empty(), "the factor was shown at the log-in");
    assert_eq!(page.attributes("#password", "name"), ["password"]);
}

#[actix_web::test]
async fn removing_the_app_takes_its_recovery_codes_along_and_is_told() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let Equipped { browser: mut alice, codes, .. } = server.equipped("alice").await;
    mailbox.take(&server).await;
    let page = alice.open("/account/security").await;
    let page = alice.submit(page.form_with("Remove the authenticator app")).await;
    assert!(page.text().contains("The authenticator app is removed"), "{}", page.text());
    assert_eq!(mailbox.take_one(&server).await.subject, "Your authenticator app was removed");
    assert_eq!((server.count("totp_factors").await, server.count("recovery_codes").await), (0, 0));
    assert_eq!(events(&server, "alice").await, ["totp.add", "recovery_codes.create", "totp.remove"]);
    assert_eq!(server.browser().sign_in("alice").await.url.path(), "/account");
    assert!(!codes.is_empty());
    let answer = alice.open("/account/security").await;
    assert!(answer.forms().iter().all(|form| !form.has_button("Make new ones")), "no factor, no codes");
}

#[actix_web::test]
async fn new_recovery_codes_end_the_old_ones_and_are_shown_once() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let Equipped { browser: mut alice, codes, .. } = server.equipped("alice").await;
    mailbox.take(&server).await;
    let page = alice.open("/account/security").await;
    let page = alice.submit(page.form_with("Make new ones")).await;
    let new = page.all("[data-secret]");
    assert_eq!(new.len(), 10);
    assert!(new.iter().all(|code| !codes.contains(code)));
    assert_eq!(mailbox.take_one(&server).await.subject, "You have new recovery codes");
    let form = page.form_with("Save as a file").encode();
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
    let file = alice.bare(Method::POST, "/account/security/recovery-codes/file", &headers, &form).await;
    assert_eq!((file.status, file.header("content-type")), (200, Some("text/plain; charset=utf-8")));
    assert_eq!(file.header("content-disposition"), Some("attachment; filename=\"recovery-codes.txt\""));
    assert!(new.iter().all(|code| file.text().contains(code)), "{}", file.text());
    for codes in ["", "<script>", "1,2,3,4,5,6,7,8,9,10", &"123456789012,".repeat(10)] {
        let form = format!("codes={codes}");
        let answer = alice.bare(Method::POST, "/account/security/recovery-codes/file", &headers, &form).await;
        assert_eq!(answer.status, 400, "{codes}");
    }
    for (code, status) in [(&codes[0], 400), (&new[0], 200)] {
        let mut browser = server.browser();
        let page = browser.first_step("/login", "alice").await;
        assert_eq!(browser.second_step(&page, code).await.status, status);
    }
    let message = mailbox.take_one(&server).await;
    assert_eq!(message.subject, "A recovery code was used");
    assert!(message.whole.contains("You have 9 more"), "{}", message.whole);
    assert!(!alice.open("/account/security").await.html.contains(&new[1]));
}

#[actix_web::test]
async fn nothing_that_a_factor_rests_on_can_be_read_in_the_database() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let page = alice.open("/account/security/totp").await;
    let (app, secret) = (Authenticator::reading(&page), page.secret().replace(' ', ""));
    let page = alice.submit(page.form_with("Set it up").fill("code", &app.code(server.now(), 0))).await;
    let codes = page.all("[data-secret]");
    server.advance(30);
    let mut browser = server.browser();
    let page = browser.first_step("/login", "alice").await;
    let step = page.form_with("Log in").value("step").expect("because the form carries it").to_owned();
    let form = page.form_with("Log in").choose("remember", "yes").fill("code", &app.code(server.now(), 0));
    browser.submit(form).await;
    let cookie = browser.cookies()["gatepost-remembered"].clone();
    let Some(file) = server.sqlite_file() else { return };
    let mut bytes = Vec::new();
    for ending in ["", "-wal"] {
        bytes.extend(std::fs::read(format!("{}{ending}", file.display())).expect("because the file is there"));
    }
    let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("alice@people.example"), "the search finds nothing");
    let plain: Vec<String> = codes.iter().map(|code| code.replace(' ', "")).collect();
    for secret in codes.iter().chain(&plain).chain([&secret, &step[15..58].to_owned(), &cookie[15..58].to_owned()]) {
        assert!(!holds(secret), "{secret} is in the database");
    }
}

#[actix_web::test]
async fn an_operator_helps_somebody_who_lost_everything() {
    let server = harness::spawn().await;
    let Equipped { codes, .. } = server.equipped("alice").await;
    let mut waiting = server.browser();
    let page = waiting.first_step("/login", "alice").await;
    let (now, alice) = (server.now(), server.person_named("alice").await);
    run(&server, &["user", "remove-factors", "alice"]);
    assert!(!server.write(move |tx| factors::remove_all(tx, now, alice.id, None)).await, "there is nothing left");
    assert_eq!(waiting.second_step(&page, &codes[0]).await.heading(), "Log in", "what it asked for is gone");
    assert_eq!(server.browser().sign_in("alice").await.url.path(), "/account");
    assert_eq!(events(&server, "alice").await, ["totp.add", "recovery_codes.create", "totp.remove"]);
}

#[actix_web::test]
async fn the_platforms_address_of_this_page_leads_here() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    assert_eq!(alice.open("/account-settings/security").await.url.path(), "/account/security");
}
