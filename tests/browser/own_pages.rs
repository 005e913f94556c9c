//! A person's own pages: the profile and its address, sessions, apps, and the security log.

use std::fs;
use std::path::Path;
use std::time::Duration;

use actix_web::rt::time::sleep;
use serde_json::json;

use crate::harness::{App, Browser, Gatepost, PASSWORD, digits, with_and_without_scripts};

const MAILBOX: &str = "alice@mail.example";
const NEW_MAILBOX: &str = "alice@other.example";

#[actix_web::test]
async fn a_profile_is_written_and_read_again() {
    with_and_without_scripts(async |browser| {
        let server = Gatepost::start();
        browser.log_in(&server).await;
        browser.follow("Edit your profile").await;
        browser.arrive_at_heading("Profile").await;
        browser.fill("#about", "Counts herons.").await;
        browser.send(&[("homepage", "herons")], "Save profile").await;
        browser.find("[role=alert]").await;
        browser.click("[name=allow_contact]").await;
        browser.send(&[("username", "Alice-H"), ("homepage", "https://herons.example/")], "Save profile").await;
        browser.read("[role=status]", "Saved.").await;
        browser.open(&server.at("/account/profile")).await;
        let said = "['username', 'about', 'homepage'].map((id) => document.getElementById(id).value)";
        assert_eq!(browser.evaluate(said).await, json!(["Alice-H", "Counts herons.", "https://herons.example/"]));
        browser.log_out(&server).await;
        browser.open(&server.at("/login")).await;
        browser.identify("alice-h", PASSWORD).await;
        browser.arrive(&server.at("/account")).await;
        browser.leave(&["400 (Bad Request)"]).await;
    })
    .await;
}

/// Asks for another address and sees that the old one stays; the letter to the new one.
async fn change_address(server: &Gatepost, browser: &Browser) -> crate::harness::ReceivedEmail {
    browser.log_in(server).await;
    browser.open(&server.at("/account/profile")).await;
    browser.send(&[("email", NEW_MAILBOX), ("password", "a guess")], "Change address").await;
    browser.read("[role=alert]", "The password is wrong.").await;
    browser.send(&[("email", NEW_MAILBOX), ("password", PASSWORD)], "Change address").await;
    browser.read(".plate", &format!("Waiting for confirmation: {NEW_MAILBOX}")).await;
    server.email(MAILBOX, "Your e-mail address is about to change").await;
    let message = server.email(NEW_MAILBOX, "Confirm your new e-mail address").await;
    browser.open(&server.at("/account")).await;
    assert!(browser.text("dl").await.contains(&format!("{MAILBOX} Confirmed")), "the old one stays");
    message
}

/// Both addresses hear of it, and the account shows the new one.
async fn see_new_address(server: &Gatepost, browser: &Browser) {
    for mailbox in [MAILBOX, NEW_MAILBOX] {
        server.email(mailbox, "Your e-mail address was changed").await;
    }
    browser.open(&server.at("/account")).await;
    assert!(browser.text("dl").await.contains(&format!("{NEW_MAILBOX} Confirmed")));
}

#[actix_web::test]
async fn an_address_changes_by_the_link_of_its_letter_and_both_addresses_are_told() {
    with_and_without_scripts(async |browser| {
        let server = Gatepost::start();
        let message = change_address(&server, &browser).await;
        browser.open(&server.at(&message.link_with("/verify?"))).await;
        browser.arrive_at_heading("Confirm your e-mail address").await;
        browser.send(&[("password", PASSWORD)], "Confirm address").await;
        browser.arrive_at_heading("Your account").await;
        see_new_address(&server, &browser).await;
        browser.leave(&["400 (Bad Request)"]).await;
    })
    .await;
}

#[actix_web::test]
async fn an_address_changes_by_six_digits_or_stays_when_the_change_is_cancelled() {
    with_and_without_scripts(async |browser| {
        let server = Gatepost::start();
        change_address(&server, &browser).await;
        browser.open(&server.at("/account/profile")).await;
        browser.follow("Cancel the change").await;
        browser.read("[role=status]", "Your address stays as it is.").await;
        browser.send(&[("email", NEW_MAILBOX), ("password", PASSWORD)], "Change address").await;
        browser.find("#code").await;
        let code = digits(&server.email(NEW_MAILBOX, "Confirm your new e-mail address").await);
        browser.send(&[("code", &code)], "Confirm address").await;
        browser.read("[role=status]", "Your e-mail address is confirmed.").await;
        see_new_address(&server, &browser).await;
        browser.leave(&["400 (Bad Request)"]).await;
    })
    .await;
}

#[actix_web::test]
async fn one_session_ends_and_then_all_others_but_this_one() {
    with_and_without_scripts(async |browser| {
        let server = Gatepost::start();
        let others = [server.log_in_elsewhere(), server.log_in_elsewhere(), server.log_in_elsewhere()];
        let living = || others.iter().filter(|other| server.is_logged_in(other)).count();
        browser.log_in(&server).await;
        assert_eq!(living(), 3);
        browser.follow("See your sessions").await;
        browser.arrive_at_heading("Sessions").await;
        assert_eq!((browser.count(".rows .facts").await, browser.text(".good").await), (4, "This one".to_owned()));
        browser.follow_to(".rows > li:not(:has(.good)) .end").await;
        browser.until("document.querySelectorAll('.rows .facts').length === 3").await;
        assert_eq!(living(), 2);
        browser.follow("End all others").await;
        browser.until("document.querySelectorAll('.rows .facts').length === 1").await;
        assert_eq!(living(), 0);
        browser.follow_to(".rows .end").await;
        browser.arrive_at_heading("Log in").await;
        browser.leave(&[]).await;
    })
    .await;
}

#[actix_web::test]
async fn an_app_that_is_removed_has_no_token_from_then_on() {
    with_and_without_scripts(async |browser| {
        let server = Gatepost::start();
        let app = App::grateful(&server);
        browser.open(&app.link()).await;
        browser.give_password().await;
        browser.follow("Allow").await;
        browser.arrive_at_heading("Thank you").await;
        let token = app.last_token(&server);
        assert_eq!(server.try_token(&token), 200);
        browser.open(&server.at("/account/apps")).await;
        let row = browser.text(".rows > li").await;
        assert!(row.contains("Field Notes") && row.contains("Live tokens"), "{row}");
        browser.follow("Remove Field Notes").await;
        browser.read(".rows", "No apps yet.").await;
        assert_eq!(server.try_token(&token), 401);
        browser.leave(&[]).await;
    })
    .await;
}

/// The file that a download writes, as soon as it is whole.
async fn downloaded(folder: &Path, ending: &str) -> String {
    for _ in 0..100 {
        let files = fs::read_dir(folder).expect("because the folder is ours");
        let mut paths = files.map(|entry| entry.expect("because the folder is ours").path());
        if let Some(path) = paths.find(|path| path.extension().is_some_and(|found| found == ending)) {
            return fs::read_to_string(path).expect("because it is text");
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("no .{ending} came");
}

#[actix_web::test]
async fn the_security_log_is_filtered_and_downloaded() {
    with_and_without_scripts(async |browser| {
        let (server, folder) = (Gatepost::start(), tempfile::tempdir().expect("because the system has one"));
        let allow = json!({ "behavior": "allow", "downloadPath": folder.path() });
        browser.devtools("Browser.setDownloadBehavior", allow).await;
        browser.log_in(&server).await;
        browser.set_up_app(&server).await;
        browser.open(&server.at("/account/log")).await;
        let all = browser.text(".rows").await;
        assert!(all.contains("An authenticator app was set up") && all.contains("logged in"), "{all}");
        browser.click("#kind option[value=password]").await;
        browser.follow("Show").await;
        browser.arrive(&server.at("/account/log?kind=password")).await;
        let some = browser.text(".rows").await;
        assert!(some.contains("An authenticator app was set up") && !some.contains("logged in"), "{some}");
        for (words, ending) in [("Download CSV", "csv"), ("Download JSON", "json")] {
            browser.click_words(words).await;
            let file = downloaded(folder.path(), ending).await;
            assert!(file.contains("totp.add") && !file.contains("session"), "{file}");
        }
        browser.click("#kind option[value=developer]").await;
        browser.follow("Show").await;
        browser.read(".rows", "Nothing of this kind happened").await;
        browser.follow("See everything").await;
        browser.read(".rows", "An authenticator app was set up").await;
        browser.leave(&[]).await;
    })
    .await;
}
