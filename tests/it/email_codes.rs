//! The six digits beside a mailed link: for the browser that asked, five tries, one use.

use actix_web::http::Method;

use crate::harness::browser::Browser;
use crate::harness::html::Page;
use crate::harness::mailbox::{ReceivedEmail, spawn_with_mail};
use crate::harness::{PASSWORD, Server};

const FORM: [(&str, &str); 2] =
    [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];

async fn sign_up(server: &Server, username: &str) -> (Browser, Page) {
    let mut browser = server.browser();
    let page = browser.open("/register").await;
    let form = page.form_with("Create account").fill("username", username).fill("password", PASSWORD);
    let page = browser.submit(form.fill("email", &format!("{username}@people.example"))).await;
    (browser, page)
}

fn code_of(message: &ReceivedEmail) -> String {
    let (_, rest) = message.whole.split_once("where you asked: ").expect("because it has a code");
    rest.chars().take(7).collect()
}

fn another(code: &str) -> String {
    wrong(code, 1)
}

/// The code that lies `by` after this one.
fn wrong(code: &str, by: u32) -> String {
    let number: u32 = code.replace(' ', "").parse().expect("because it is a number");
    format!("{:06}", (number + by) % 1_000_000)
}

#[actix_web::test]
async fn a_new_person_types_the_code_on_the_page_after_signing_up() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let (mut carol, page) = sign_up(&server, "carol").await;
    assert_eq!(page.url.path(), "/account");
    let message = mailbox.take_one(&server).await;
    let code = code_of(&message);
    let wrong = carol.submit(page.form_with("Confirm address").fill("code", &another(&code))).await;
    assert_eq!((wrong.status, wrong.url.path()), (400, "/account/profile"));
    assert!(wrong.alert().contains("4 more tries"), "{}", wrong.text());
    let done = carol.submit(wrong.form_with("Confirm address").fill("code", &format!(" {code} "))).await;
    assert_eq!(done.one("[role=status].notice"), "Your e-mail address is confirmed.");
    let user = server.person_named("carol").await;
    assert_eq!(user.verified_email_folded.as_deref(), Some("carol@people.example"));
    assert_eq!(server.browser().open(&message.link()).await.status, 404, "the link ends with it");
    let again =
        carol.bare(Method::POST, "/account/profile", &FORM, &format!("part=code&code={}", code.replace(' ', ""))).await;
    assert_eq!(again.status, 400, "it works once");
}

#[actix_web::test]
async fn it_works_in_no_other_browser() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let (mut carol, _) = sign_up(&server, "carol").await;
    let code = code_of(&mailbox.take_one(&server).await).replace(' ', "");
    let mut other_session = server.browser();
    other_session.sign_in("carol").await;
    let mut other_person = server.signed_in("mallory").await;
    for browser in [&mut other_session, &mut other_person] {
        let page = browser.open("/account/profile").await;
        assert!(!page.forms().iter().any(|form| form.has_button("Confirm address")), "no field is offered");
        let body = format!("part=code&code={code}");
        assert_eq!(browser.bare(Method::POST, "/account/profile", &FORM, &body).await.status, 400);
    }
    let page = carol.open("/account/profile").await;
    assert_eq!(carol.submit(page.form_with("Confirm address").fill("code", &code)).await.status, 200);
}

#[actix_web::test]
async fn five_wrong_tries_end_the_code_and_leave_the_link() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let (mut carol, page) = sign_up(&server, "carol").await;
    let message = mailbox.take_one(&server).await;
    let code = code_of(&message);
    let form = page.form_with("Confirm address");
    for by in 1..=5 {
        let page = carol.submit(form.clone().fill("code", &wrong(&code, by))).await;
        assert_eq!((page.status, page.alert().contains("last try")), (400, by == 5), "{}", page.text());
    }
    let late = carol.submit(form.fill("code", &code)).await;
    assert_eq!(late.status, 400, "{}", late.text());
    assert!(!late.forms().iter().any(|form| form.has_button("Confirm address")));
    let mut reader = server.browser();
    let verify = reader.open(&message.link()).await;
    reader.submit(verify.form_with("Confirm address").fill("password", PASSWORD)).await;
    assert!(server.person_named("carol").await.email_verified_at.is_some());
}

#[actix_web::test]
async fn what_can_be_no_code_costs_no_try_and_a_code_is_read_as_people_write_it() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let (mut carol, page) = sign_up(&server, "carol").await;
    let code = code_of(&mailbox.take_one(&server).await);
    let form = page.form_with("Confirm address");
    for typed in ["", "12345", "1234567", "123456789012", "12345a", "–", &"9".repeat(5_000)] {
        let page = carol.submit(form.clone().fill("code", typed)).await;
        assert_eq!(page.status, 400, "{typed}");
        assert!(page.alert().contains("Type the six digits of the letter."), "{}", page.text());
    }
    let page = carol.submit(form.clone().fill("code", &another(&code))).await;
    assert!(page.alert().contains("4 more tries"), "nothing before was counted: {}", page.text());
    let wide = |digit: char| char::from_u32(digit as u32 + 0xFEE0).expect("because every digit has a wide form");
    let written: String = code.chars().map(|digit| if digit == ' ' { '–' } else { wide(digit) }).collect();
    assert_eq!(carol.submit(form.fill("code", &written)).await.status, 200, "{written}");
}

#[actix_web::test]
async fn a_code_that_is_used_up_does_not_bring_the_one_before_it_back() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let (mut carol, _) = sign_up(&server, "carol").await;
    let old = code_of(&mailbox.take_one(&server).await);
    let page = carol.open("/account/profile").await;
    let form = page.form_with("Change address").fill("email", "new@people.example").fill("password", PASSWORD);
    let page = carol.submit(form).await;
    let new = code_of(&mailbox.take_one(&server).await);
    let form = page.form_with("Confirm address");
    for by in (1..).filter(|by| wrong(&new, *by) != old.replace(' ', "")).take(5) {
        assert_eq!(carol.submit(form.clone().fill("code", &wrong(&new, by))).await.status, 400);
    }
    let page = carol.open("/account/profile").await;
    assert!(!page.forms().iter().any(|form| form.has_button("Confirm address")), "{}", page.text());
    let late = carol.submit(form.fill("code", &old)).await;
    assert_eq!(late.status, 400, "{}", late.text());
    assert!(server.person_named("carol").await.email_verified_at.is_none());
}

#[actix_web::test]
async fn a_changed_address_is_confirmed_by_its_code_too_and_a_new_letter_ends_the_old_code() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let mut alice = server.signed_in("alice").await;
    let page = alice.open("/account/profile").await;
    let form = page.form_with("Change address").fill("email", "new@people.example").fill("password", PASSWORD);
    let page = alice.submit(form).await;
    let old = code_of(&mailbox.take(&server).await[0]);
    alice.submit(page.form_with("Send the letter again")).await;
    let new = code_of(&mailbox.take_one(&server).await);
    if old != new {
        let page = alice.open("/account/profile").await;
        assert_eq!(alice.submit(page.form_with("Confirm address").fill("code", &old)).await.status, 400);
    }
    let page = alice.open("/account/profile").await;
    let done = alice.submit(page.form_with("Confirm address").fill("code", &new)).await;
    assert_eq!(done.status, 200, "{}", done.text());
    let user = server.person_named("alice").await;
    assert_eq!(user.verified_email_folded.as_deref(), Some("new@people.example"));
    let told: Vec<String> = mailbox.take(&server).await.into_iter().map(|message| message.to).collect();
    assert_eq!(told, ["alice@people.example", "new@people.example"], "both are told");
}

#[actix_web::test]
async fn a_code_is_no_secret_of_the_database_and_ends_with_the_day() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let (mut carol, page) = sign_up(&server, "carol").await;
    let code = code_of(&mailbox.take_one(&server).await).replace(' ', "");
    let digest = gatepost::domain::secret::sha256_base64url(code.as_bytes());
    assert_eq!(server.count(&format!("email_codes WHERE digest LIKE '%{digest}%' OR digest LIKE '%{code}%'")).await, 0);
    server.advance(86_400);
    assert_eq!(carol.submit(page.form_with("Confirm address").fill("code", &code)).await.status, 400);
    assert!(server.person_named("carol").await.email_verified_at.is_none());
}
