//! `/account/profile`: the name, what a person says about themselves, and their address.

use actix_web::http::Method;
use serde_json::json;

use crate::harness::html::{Form, Page};
use crate::harness::mailbox::spawn_with_mail;
use crate::harness::{self, PASSWORD};

const PROFILE: &str = "/account/profile";

fn profile_form(page: &Page) -> Form {
    page.form_with("Save profile")
}

fn address_form(page: &Page, email: &str, password: &str) -> Form {
    page.form_with("Change address").fill("email", email).fill("password", password)
}

#[actix_web::test]
async fn a_person_edits_what_programs_see_of_them() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let page = alice.open(PROFILE).await;
    assert_eq!(profile_form(&page).value("username"), Some("alice"));
    let about = "Maps of the north. 地図\r\n\r\nWrite to me.";
    let form = profile_form(&page).fill("about", about).fill("homepage", "  https://alice.example/~a  ");
    let page = alice.submit(form.untick("allow_contact").fill("username", " alice.maps ")).await;
    assert_eq!((page.status, page.one("[role=status].notice")), (200, "Saved.".to_owned()));
    assert!(page.one(".site").contains("alice.maps"), "the frame knows the new name at once");
    let account = server.log_in("alice.maps").await.get("/v3/account").await.success();
    assert_eq!(account["username"], "alice.maps");
    let said = json!({ "about": "Maps of the north. 地図\n\nWrite to me.", "homepage": "https://alice.example/~a",
        "picture": null, "allowContact": false });
    assert_eq!(account["profile"], said, "a line's end is one character");
    let page = alice.open(PROFILE).await;
    let emptied = profile_form(&page).fill("about", " \r\n ").fill("homepage", "").choose("allow_contact", "yes");
    assert_eq!(alice.submit(emptied).await.status, 200);
    let profile = &server.log_in("alice.maps").await.get("/v3/account").await.success()["profile"];
    assert_eq!(
        (&profile["about"], &profile["homepage"], &profile["allowContact"]),
        (&json!(null), &json!(null), &json!(true))
    );
}

#[actix_web::test]
async fn a_field_that_cannot_be_taken_is_named_and_nothing_is_lost() {
    let server = harness::spawn().await;
    server.person("bob").await;
    let mut alice = server.signed_in("alice").await;
    let page = alice.open(PROFILE).await;
    let long = "é".repeat(1_501);
    for (field, value) in [
        ("username", ""),
        ("username", "BOB"),
        ("username", "a b"),
        ("username", "alice@people.example"),
        ("username", "\u{430}lice"),
        ("username", &"a".repeat(65)),
        ("about", &long),
        ("homepage", "alice.example"),
        ("homepage", "javascript:alert(1)"),
        ("homepage", "https://"),
        ("homepage", &format!("https://a/{}", "x".repeat(260))),
    ] {
        let form = profile_form(&page).fill("about", "Typed with care").fill(field, value);
        let refused = alice.submit(form).await;
        assert_eq!(refused.status, 400, "{field}: {value}");
        assert_eq!(refused.attributes("[aria-invalid]", "name"), [field], "{value}");
        if field != "about" {
            assert_eq!(refused.one("#about"), "Typed with care", "{field}: {value}");
        }
    }
    assert_eq!(alice.submit(profile_form(&page).fill("about", &"é".repeat(1_500))).await.status, 200);
    let user = server.person_named("alice").await;
    assert_eq!((user.username.as_str(), user.about.map(|about| about.chars().count())), ("alice", Some(1_500)));
}

#[actix_web::test]
async fn an_address_changes_once_the_new_one_is_confirmed() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let mut alice = server.signed_in("alice").await;
    let page = alice.open(PROFILE).await;
    for (email, password, field) in [
        ("", PASSWORD, "email"),
        ("no address", PASSWORD, "email"),
        ("a@b\r\nBcc: x@y", PASSWORD, "email"),
        (&format!("{}@x.example", "a".repeat(130)), PASSWORD, "email"),
        ("ALICE@people.example", PASSWORD, "email"),
        ("new@people.example", "not the password", "password"),
        ("new@people.example", "", "password"),
    ] {
        let refused = alice.submit(address_form(&page, email, password)).await;
        assert_eq!(
            (refused.status, refused.attributes("[aria-invalid]", "name")),
            (400, vec![field.to_owned()]),
            "{email}"
        );
    }
    assert!(mailbox.take(&server).await.is_empty());
    let page = alice.submit(address_form(&page, "  new@people.example ", PASSWORD)).await;
    assert!(page.text().contains("Waiting for confirmation: new@people.example"), "{}", page.text());
    let messages = mailbox.take(&server).await;
    let to: Vec<&str> = messages.iter().map(|message| message.to.as_str()).collect();
    assert_eq!(to, ["new@people.example", "alice@people.example"]);
    assert!(messages[1].link().starts_with("/not-me?key="));

    let page = alice.submit(page.form_with("Send the letter again")).await;
    assert_eq!(page.status, 200);
    let again = mailbox.take_one(&server).await;
    assert_eq!(again.to, "new@people.example");
    let mut elsewhere = server.browser();
    assert_eq!(elsewhere.open(&messages[0].link()).await.status, 404, "the link before is over");
    let verify = elsewhere.open(&again.link()).await;
    elsewhere.submit(verify.form_with("Confirm address").fill("password", PASSWORD)).await;
    let page = alice.open(PROFILE).await;
    assert_eq!(page.one("#address ~ p .theirs"), "new@people.example");
    assert!(!page.text().contains("Waiting"));
    let told: Vec<String> = mailbox.take(&server).await.into_iter().map(|message| message.to).collect();
    assert_eq!(told, ["alice@people.example", "new@people.example"]);
}

#[actix_web::test]
async fn a_change_that_waits_can_be_cancelled() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    let mut alice = server.signed_in("alice").await;
    let page = alice.open(PROFILE).await;
    let page = alice.submit(address_form(&page, "new@people.example", PASSWORD)).await;
    let link = mailbox.take(&server).await[0].link();
    let page = alice.submit(page.form_with("Cancel the change")).await;
    assert!(!page.text().contains("Waiting"), "{}", page.text());
    assert_eq!(server.browser().open(&link).await.status, 404);
    let nothing = alice
        .bare(
            Method::POST,
            PROFILE,
            &[("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")],
            "part=again",
        )
        .await;
    assert_eq!(nothing.status, 400, "nothing waits any more");
    assert!(mailbox.take(&server).await.is_empty());
}

/// Whether somebody has an address is told to its owner alone.
#[actix_web::test]
async fn a_taken_address_looks_like_a_free_one() {
    let (server, mailbox) = spawn_with_mail(&[]).await;
    server.person("bob").await;
    let mut alice = server.signed_in("alice").await;
    let page = alice.open(PROFILE).await;
    let free = alice.submit(address_form(&page, "free@people.example", PASSWORD)).await;
    let taken = alice.submit(address_form(&page, "bobb@people.example", PASSWORD)).await;
    let really = alice.submit(address_form(&page, "bob@people.example", PASSWORD)).await;
    let bare = |page: &Page, address: &str| page.text().replace(address, "X");
    assert_eq!(bare(&free, "free@people.example"), bare(&taken, "bobb@people.example"));
    assert_eq!(bare(&free, "free@people.example"), bare(&really, "bob@people.example"));
    let told = mailbox.take(&server).await;
    assert!(
        told.iter()
            .any(|message| message.to == "bob@people.example" && message.subject == "You already have an account")
    );
}

#[actix_web::test]
async fn without_letters_the_page_says_so() {
    let server = harness::spawn_with(&[("public_url", "https://id.example"), ("mail.url", "log:")]).await;
    let mut alice = server.signed_in("alice").await;
    let page = alice.open(PROFILE).await;
    assert!(page.text().contains("sends no letters"), "{}", page.text());
    assert!(!page.forms().iter().any(|form| form.has_button("Change address")));
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
    let body = "part=email&email=new%40people.example&password=correct+horse+battery";
    assert_eq!(alice.bare(Method::POST, PROFILE, &headers, body).await.status, 400);
}

#[actix_web::test]
async fn other_platforms_addresses_lead_here() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    assert_eq!(alice.open("/account-settings/profile").await.heading(), "Profile");
}
