//! A passkey where something else was shown before: as the second step after a password, as the proof that
//! it is still the same person, as the word that lets a program in, and what applications hear of it.

use serde_json::json;

use crate::harness::authenticator::Authenticator;
use crate::harness::browser::Browser;
use crate::harness::html::{Form, Page};
use crate::harness::{self, PASSWORD, Server, confidential, execute, jwt};

const OWN: &str = "/account/security/passkeys";
const REFUSED: &str = "This passkey did not work. Try again, or go on without it.";

/// A server on which alice has a passkey and an authenticator app.
async fn with_two_steps() -> (Server, Browser, Authenticator) {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let authenticator = alice.add_passkey(&server).await;
    // The app's seed is nothing to a passkey.
    let id = server.person_named("alice").await.id.number();
    let sql = format!(
        "INSERT INTO totp_factors (id, user_id, secret_encrypted, last_step, created_at) VALUES (1, {id}, 'nothing', 0, 0)"
    );
    server.write(move |tx| execute(tx, &sql)).await;
    (server, alice, authenticator)
}

/// A server that requires a second factor, where alice has a passkey and nothing else.
async fn where_it_is_required() -> (Server, Authenticator) {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let mut authenticator = alice.add_passkey(&server).await;
    let server = server.restart(&[("second_factor.required", "true")]).await;
    authenticator.origin = server.app.public.origin.clone();
    (server, authenticator)
}

/// The page after the right password.
async fn second_step(browser: &mut Browser, at: &str) -> Page {
    let page = browser.open(at).await;
    let page = browser.log_in_at(&page, "alice", PASSWORD).await;
    assert_eq!(page.heading(), "One more step", "{}", page.text());
    page
}

/// The answer to one form, sent by another.
fn moved(answer: &Form, other: Form) -> Form {
    let names = ["credential_id", "client_data", "authenticator_data", "signature", "user_handle"];
    names.into_iter().fold(other, |form, name| form.fill(name, answer.value(name).unwrap_or_default()))
}

#[actix_web::test]
async fn a_passkey_finishes_the_second_step_and_the_person_goes_on_to_where_they_were_going() {
    let (server, _, mut authenticator) = with_two_steps().await;
    let app = server.application(confidential()).await;
    let mut browser = server.browser();
    let before = server.count("sessions").await;
    let page = second_step(&mut browser, &app.request().path()).await;
    assert!(page.html.contains(&authenticator.name()), "the browser is told which passkeys will do");
    assert_eq!(server.count("sessions").await, before, "nothing is open yet");
    let answer = authenticator.answer(&page);
    let page = browser.submit(answer.clone()).await;
    assert_eq!(page.heading(), "Allow this app?", "{}", page.text());
    assert_eq!(server.count("sessions WHERE methods = 'pwd pop user mfa'").await, 1);
    let page = server.browser().submit(answer).await;
    assert_eq!((page.status, page.heading().as_str()), (400, "Log in"), "the step works once");
    assert_eq!(server.count("sessions").await, before + 1);
}

#[actix_web::test]
async fn no_other_passkey_and_no_other_challenge_finishes_a_second_step() {
    let (server, _, mut authenticator) = with_two_steps().await;
    let mut mallory = server.signed_in("mallory").await;
    let mut foreign = mallory.add_passkey(&server).await;
    let before = server.count("sessions").await;
    let mut browser = server.browser();
    let page = second_step(&mut browser, "/login").await;
    let page = browser.submit(foreign.answer(&page)).await;
    assert_eq!((page.status, page.heading().as_str(), page.alert().as_str()), (400, "One more step", REFUSED));
    // Alice's own passkey, but for another step, and for the log-in page.
    let other = second_step(&mut server.browser(), "/login").await;
    let step = page.forms().iter().find_map(|form| form.value("step").map(str::to_owned));
    let step = step.expect("because the page has a step");
    for other in [other, server.browser().open("/login").await] {
        let moved = moved(&authenticator.answer(&other), page.passkey_form());
        assert_eq!(moved.value("step"), Some(step.as_str()));
        assert_eq!(browser.submit(moved).await.alert(), REFUSED);
    }
    assert_eq!(server.count("sessions").await, before);
    let page = browser.submit(authenticator.answer(&page)).await;
    assert_eq!(page.heading(), "Your account", "the step waited all the while");
}

#[actix_web::test]
async fn where_a_second_factor_is_required_a_passkey_is_one() {
    let (server, mut authenticator) = where_it_is_required().await;
    let mut browser = server.browser();
    let page = second_step(&mut browser, "/login").await;
    assert!(page.forms().iter().all(|form| form.value("code").is_none()), "{}", page.html);
    let page = browser.submit(authenticator.answer(&page)).await;
    assert_eq!(page.heading(), "Your account", "{}", page.text());
    let page = server.browser().present(&mut authenticator, "/login").await;
    assert_eq!(page.heading(), "Your account", "by itself it is two factors");
}

#[actix_web::test]
async fn where_a_second_factor_is_required_the_last_one_stays() {
    let (server, mut authenticator) = where_it_is_required().await;
    let mut alice = server.browser();
    let page = second_step(&mut alice, "/login").await;
    alice.submit(authenticator.answer(&page)).await;
    let remove = alice.open(OWN).await.form_with("Remove the passkey Chrome on Linux");
    let page = alice.submit(remove.clone()).await;
    assert!(page.alert().starts_with("This server requires a second step"), "{}", page.alert());
    alice.set_up_app(&server).await;
    let page = alice.open("/account/security").await;
    alice.submit(page.form_with("Remove the authenticator app")).await;
    assert_eq!(server.count("totp_factors").await, 0, "the passkey is a second factor too");
    alice.set_up_app(&server).await;
    assert_eq!(alice.submit(remove).await.status, 200);
    assert_eq!(server.count("passkeys").await, 0);
}

#[actix_web::test]
async fn a_passkey_has_the_browser_remembered_like_a_code() {
    let (server, _, mut authenticator) = with_two_steps().await;
    let mut browser = server.browser();
    let page = second_step(&mut browser, "/login").await;
    // Its script adds the box of the form beside it.
    browser.submit(authenticator.answer(&page).bring("remember", "yes")).await;
    assert_eq!(server.count("remembered_browsers").await, 1);
    let mut again = server.browser();
    again.put_cookie("gatepost-remembered", &browser.cookies()["gatepost-remembered"]);
    let page = again.open("/login").await;
    assert_eq!(again.log_in_at(&page, "alice", PASSWORD).await.heading(), "Your account");
}

#[actix_web::test]
async fn a_passkey_confirms_that_it_is_still_the_same_person() {
    let (server, mut alice, mut authenticator) = with_two_steps().await;
    let mut mallory = server.signed_in("mallory").await;
    let mut foreign = mallory.add_passkey(&server).await;
    server.advance(901);
    let page = alice.open(&format!("{OWN}/new")).await;
    assert_eq!(page.heading(), "Confirm that it is you");
    let page = alice.submit(foreign.answer(&page)).await;
    assert_eq!((page.status, page.alert().as_str()), (400, REFUSED), "another's passkey");
    let answer = authenticator.answer(&page);
    assert_eq!(mallory.submit(answer.clone()).await.heading(), "Confirm that it is you", "another's session");
    let page = alice.submit(answer.clone()).await;
    assert_eq!(page.heading(), "Add a passkey", "and on to where they were going");
    server.advance(901);
    let page = alice.submit(answer).await;
    assert_eq!(page.heading(), "Confirm that it is you", "an answer works once");
}

#[actix_web::test]
async fn a_remembered_browser_shows_the_required_passkey_before_what_is_sensitive() {
    let (server, mut authenticator) = where_it_is_required().await;
    let mut browser = server.browser();
    let page = second_step(&mut browser, "/login").await;
    browser.submit(authenticator.answer(&page).bring("remember", "yes")).await;
    let mut again = server.browser();
    again.put_cookie("gatepost-remembered", &browser.cookies()["gatepost-remembered"]);
    again.sign_in("alice").await;
    let page = again.open("/account/security/totp").await;
    assert_eq!(page.heading(), "Confirm that it is you");
    assert!(page.forms().iter().all(|form| form.value("password").is_none()), "the password was shown just now");
    let page = again.submit(authenticator.answer(&page)).await;
    assert_eq!(page.heading(), "Set up an authenticator app");
}

#[actix_web::test]
async fn a_passkey_lets_a_waiting_program_in() {
    let (server, mut alice, mut authenticator) = with_two_steps().await;
    let start = "/v3/account/security/remoteSession";
    let id = server.nobody().post(start, &json!({})).await.member("id");
    let other = server.nobody().post(start, &json!({})).await.member("id");
    let page = alice.open(&format!("/login?session={other}")).await;
    let challenge_of_another = authenticator.answer(&page);
    let page = alice.open(&format!("/login?session={id}")).await;
    let refused = alice.submit(moved(&challenge_of_another, page.passkey_form())).await;
    assert_eq!(refused.alert(), REFUSED, "it was shown for another program");
    let page = alice.submit(authenticator.answer(&page)).await;
    assert_eq!(page.heading(), "The program is logged in", "{}", page.text());
    let given = server.nobody().post(&format!("{start}/{id}/exercise"), &json!({})).await;
    assert_eq!(server.account_status(&given.member("token")).await, 200);
}

#[actix_web::test]
async fn applications_hear_that_a_passkey_was_two_factors() {
    let (server, _, mut authenticator) = with_two_steps().await;
    let app = server.application(crate::openid::relying(confidential())).await;
    let mut browser = server.browser();
    browser.present(&mut authenticator, "/login").await;
    let granted = app.request().with("scope", "openid").approve(&mut browser).await;
    let tokens = app.exchange(&granted).await.expect("because this is the code's first use");
    let claims = jwt::verified(&server, tokens.id_token()).await.claims;
    assert_eq!((&claims["acr"], &claims["amr"]), (&json!("2"), &json!(["pop", "user", "mfa"])));
}

/// An application that asks for two factors (`acr_values=2`) from somebody who logged in by password.
#[actix_web::test]
async fn whoever_has_a_passkey_can_show_two_factors_to_an_application_that_wants_them() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let mut authenticator = alice.add_passkey(&server).await;
    let app = server.application(crate::openid::relying(confidential())).await;
    let path = app.request().with("scope", "openid").with("acr_values", "2").path();
    let page = alice.open(&path).await;
    assert_eq!(page.heading(), "Confirm that it is you", "{}", page.text());
    assert!(page.forms().iter().all(|form| form.value("password").is_none()), "a password is no second factor");
    let page = alice.submit(authenticator.answer(&page)).await;
    assert_eq!(page.heading(), "Allow this app?", "{}", page.text());
}
