//! The pages for a person's own tokens: what the form offers, makes and refuses, and what the list says.

use actix_web::http::Method;
use gatepost::domain::user::Role;
use serde_json::{Value, json};

use crate::harness::browser::Browser;
use crate::harness::html::{Form, Page};
use crate::harness::token_holders::{STUDIO_SESSION, TILES};
use crate::harness::{self, PASSWORD, Server};

const NEW: &str = "/account/tokens/new";
const LIST: &str = "/account/tokens";
const STREAMING: &str = "read_only/dataset_streaming";

async fn empty_form(browser: &mut Browser) -> Form {
    browser.open(NEW).await.form_with("Make the token").fill("name", "desk")
}

async fn make(browser: &mut Browser, name: &str, resource: &str) -> String {
    let form = empty_form(browser).await.fill("name", name).fill("resource", resource);
    let page = browser.submit(form).await;
    assert_eq!((page.status, page.heading().as_str()), (200, "Your new token"), "{}", page.text());
    page.secret()
}

/// What a living token is, as `/auth/check` tells an API: its kind and its list.
async fn checked(server: &Server, token: &str) -> (u16, String, Value) {
    let headers = [("x-original-method", "GET"), ("x-original-uri", "/v3/path/42")];
    let answer = server.program(token).send(Method::GET, "/auth/check", &headers, &Value::Null).await;
    let header = |name: &str| answer.header(name).unwrap_or_default().to_owned();
    (answer.status, header("x-auth-kind"), serde_json::from_str(&header("x-auth-access")).unwrap_or_default())
}

async fn count_personal(server: &Server) -> i64 {
    server.count("tokens WHERE kind IN ('personal', 'studio', 'fileset')").await
}

#[actix_web::test]
async fn the_form_makes_a_token_for_chosen_resources_and_shows_it_once() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let form = empty_form(&mut alice).await.fill("resource", " 42 \n\nroads\n42").fill("tier", "edit");
    let page = alice.submit(form.choose("expires_in", "86400")).await;
    let token = page.secret();
    assert!(page.text().contains("On 42, roads: change the data in it"), "{}", page.text());
    assert!(page.text().contains("It ends in 24 hours"), "{}", page.text());
    let line = page.one("#try-it");
    assert!(line.contains(&token) && line.contains(&format!("{}/v3/validate", server.issuer())), "{line}");
    let (status, kind, list) = checked(&server, &token).await;
    assert_eq!((status, kind.as_str(), list.as_array().map(Vec::len)), (200, "personal", Some(2)));
    assert_eq!(list[0]["access"]["accessTier"], json!("edit"));
    let page = alice.open(LIST).await;
    assert!(!page.html.contains(&token) && page.text().contains(&format!("gpp_…{}", &token[token.len() - 4..])));
    server.advance(86_400);
    assert_eq!(checked(&server, &token).await.0, 401, "it lives a day");
}

#[actix_web::test]
async fn a_form_that_is_sent_again_makes_nothing_twice() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let form = empty_form(&mut alice).await.fill("resource", "42");
    assert_eq!(alice.submit(form.clone()).await.heading(), "Your new token");
    let again = alice.submit(form).await;
    assert_eq!((again.url.path(), again.heading().as_str()), (LIST, "Tokens"));
    assert_eq!(count_personal(&server).await, 1);
}

#[actix_web::test]
async fn every_kind_that_the_form_offers_can_be_made() {
    let server = harness::spawn().await;
    server.api(TILES, &["tiles: see your tiles"], false).await;
    let mut alice = server.signed_in("alice").await;
    let kinds = alice.open(NEW).await.attributes("input[name=kind]", "value");
    assert_eq!(kinds.len(), 8, "{kinds:?}");
    assert_eq!((kinds[0].as_str(), kinds[7].as_str()), ("resources", "read_write/all"), "narrow ones first");
    for kind in &kinds {
        let form = empty_form(&mut alice).await.choose("kind", kind).fill("resource", "42");
        let form = if kind == "api" { form.choose("scope.tiles", "true") } else { form };
        let page = alice.submit(form).await;
        assert_eq!((page.status, page.heading().as_str()), (200, "Your new token"), "{kind}: {}", page.text());
        let prefix = match kind.as_str() {
            "resources" | "api" => "gpp_",
            "fileset" => "gpf_",
            _ => "gps_",
        };
        assert!(page.secret().starts_with(prefix), "{kind}");
        let life = if prefix == "gps_" { "It ends in 24 hours" } else { "It ends in 30 days" };
        assert!(page.text().contains(life), "{kind}: {}", page.text());
    }
    let text = alice.open(LIST).await.text();
    assert!(text.contains("See your tiles") && text.contains("Read the fileset 42"), "{text}");
}

#[actix_web::test]
async fn a_link_fills_the_form_in_and_sends_nothing() {
    let server = harness::spawn().await;
    server.api(TILES, &["tiles: see your tiles", "paint: change your tiles"], false).await;
    let mut alice = server.signed_in("alice").await;
    let page = alice.open(&format!("{NEW}?name=Desk%20%26%20field&resource=42%0Aroads&expires_in=10800")).await;
    assert!(page.text().contains("A link filled this in."), "{}", page.text());
    let form = page.form_with("Make the token");
    assert_eq!((form.value("name"), form.value("resource")), (Some("Desk & field"), Some("42\nroads")));
    let chosen = |page: &Page, name: &str| page.attributes(&format!("input[name={name}][checked]"), "value");
    assert_eq!((chosen(&page, "kind"), chosen(&page, "expires_in")), (vec!["resources".into()], vec!["10800".into()]));
    let page = alice.open(&format!("{NEW}?scope=tiles%20unheard-of&expires_in=never")).await;
    assert_eq!((chosen(&page, "kind"), chosen(&page, "expires_in")), (vec!["api".into()], vec!["never".into()]));
    assert_eq!(page.attributes("input[name^=scope][checked]", "name"), ["scope.tiles"]);
    let page = alice.open(&format!("{NEW}?kind={STREAMING}&expires_in=3600&tier=nonsense")).await;
    assert_eq!(
        (chosen(&page, "kind"), chosen(&page, "studio_expires_in")),
        (vec![STREAMING.into()], vec!["3600".into()])
    );
    assert!(!alice.open(NEW).await.text().contains("A link filled this in."));
    assert_eq!(alice.open(&format!("{NEW}?name=a&name=b")).await.status, 400);
    assert_eq!(count_personal(&server).await, 0);
}

#[actix_web::test]
async fn every_wrong_field_is_named_and_nothing_that_was_typed_is_lost() {
    let server = harness::spawn().await;
    server.api(TILES, &["tiles: see your tiles"], false).await;
    let mut alice = server.signed_in("alice").await;
    let (long, many, far) = ("ü".repeat(101), "7\n".repeat(501), "x".repeat(201));
    let base = [("name", "desk"), ("kind", "resources"), ("resource", "42"), ("expires_in", "86400")];
    for (changed, field) in [
        (&[("name", "")][..], "name"),
        (&[("name", long.as_str())], "name"),
        (&[("name", "two\nlines")], "name"),
        (&[("kind", "")], "kind"),
        (&[("kind", "read_write/dataset_streaming")], "kind"),
        (&[("kind", "all")], "kind"),
        (&[("resource", "")], "resource"),
        (&[("resource", " \n ")], "resource"),
        (&[("resource", many.as_str())], "resource"),
        (&[("resource", far.as_str())], "resource"),
        (&[("kind", "fileset"), ("resource", "a\nb")], "resource"),
        (&[("kind", "fileset"), ("resource", "a/b")], "resource"),
        (&[("tier", "everything")], "tier"),
        (&[("kind", "api")], "scope"),
        (&[("kind", "api"), ("scope", "tiles projects")], "scope"),
        (&[("kind", "api"), ("scope", "unheard-of")], "scope"),
        (&[("expires_in", "")], "expires_in"),
        (&[("expires_in", "0")], "expires_in"),
        (&[("expires_in", "-1")], "expires_in"),
        (&[("expires_in", "soon")], "expires_in"),
        (&[("expires_in", "days"), ("days", "0")], "days"),
        (&[("expires_in", "days"), ("days", "36501")], "days"),
        (&[("expires_in", "days")], "days"),
        // 9,999 minutes and one second more.
        (&[("kind", STREAMING), ("expires_in", "599941")], "expires_in"),
        (&[("kind", STREAMING), ("studio_expires_in", "604800")], "studio_expires_in"),
    ] {
        let mut form = base.to_vec();
        form.retain(|(name, _)| !changed.iter().any(|(other, _)| other == name));
        form.extend_from_slice(changed);
        let page = post(&mut alice, &form).await;
        assert_eq!(page.status, 400, "{changed:?}: {}", page.text());
        assert_eq!(page.attributes("[role=alert] a", "href"), [format!("#{field}")], "{changed:?}");
        assert_eq!(page.attributes(&format!("#{field}"), "id").len(), 1, "the link leads to the field {field}");
        assert!(!page.one(&format!("#{field}-problem")).is_empty(), "{field}");
    }
    let page = post(&mut alice, &[("kind", "fileset"), ("expires_in", "days"), ("days", "x")]).await;
    assert_eq!(page.attributes("[role=alert] a", "href"), ["#name", "#resource", "#days"]);
    let page =
        post(&mut alice, &[("kind", "api"), ("scope.tiles", "true"), ("expires_in", "days"), ("days", "4")]).await;
    let kept = page.attributes("input[checked]", "value");
    assert_eq!(kept[..3], ["api", "true", "days"], "{kept:?}");
    assert_eq!(page.form_with("Make the token").value("days"), Some("4"));
    assert_eq!(count_personal(&server).await, 0);
}

async fn post(browser: &mut Browser, form: &[(&str, &str)]) -> Page {
    let mut wanted = browser.open(NEW).await.form_with("Make the token");
    wanted.replace(form);
    browser.submit(wanted).await
}

#[actix_web::test]
async fn days_and_studio_minutes_are_taken_up_to_their_edges() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    for (form, words) in [
        (&[("kind", "resources"), ("expires_in", "days"), ("days", " 12 ")][..], "It ends in 12 days"),
        (&[("kind", "resources"), ("expires_in", "days"), ("days", "36500")], "It ends in 36500 days"),
        (&[("kind", "resources"), ("expires_in", "never")], "It works until you revoke it."),
        (&[("kind", STREAMING), ("expires_in", "599940")], "It ends in 7 days"),
        (
            &[("kind", STREAMING), ("studio_expires_in", "never"), ("expires_in", "86400")],
            "It works until you revoke it.",
        ),
        (&[("kind", STREAMING), ("studio_expires_in", "3600"), ("expires_in", "never")], "It ends in 1 hour"),
    ] {
        let form = [&[("name", "desk"), ("resource", "42")][..], form].concat();
        let page = post(&mut alice, &form).await;
        assert!(page.text().contains(words), "{form:?}: {}", page.text());
    }
}

#[actix_web::test]
async fn the_operators_limits_and_the_persons_role_shape_the_form() {
    let settings = [("tokens.max_lifetime", "604800")];
    let server = harness::spawn_with(&settings).await;
    server.person_with("carol", Role::Consumer).await;
    let mut carol = server.browser();
    carol.sign_in("carol").await;
    let page = carol.open(NEW).await;
    assert_eq!(page.attributes("input[name=expires_in]", "value"), ["86400", "604800", "days"]);
    assert!(page.attributes("input[name=kind]", "value").iter().all(|kind| !kind.starts_with("read_write")));
    assert_eq!(page.attributes("#tier option", "value"), ["view", "viewPlus"]);
    let base = [("name", "desk"), ("kind", "resources"), ("resource", "42")];
    for (more, field) in [
        (&[("expires_in", "never")][..], "expires_in"),
        (&[("expires_in", "604801")], "expires_in"),
        (&[("expires_in", "days"), ("days", "8")], "days"),
        (&[("expires_in", "86400"), ("tier", "edit")], "resource"),
    ] {
        let page = post(&mut carol, &[&base[..], more].concat()).await;
        assert_eq!(
            (page.status, page.attributes("[role=alert] a", "href")),
            (400, vec![format!("#{field}")]),
            "{more:?}"
        );
    }
    let writes = [("name", "desk"), ("kind", "read_write/all"), ("expires_in", "86400")];
    assert_eq!(post(&mut carol, &writes).await.attributes("[role=alert] a", "href"), ["#kind"]);
    assert_eq!(count_personal(&server).await, 0);
}

#[actix_web::test]
async fn after_a_quarter_of_an_hour_the_password_is_asked_again_and_the_form_is_kept() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let form = empty_form(&mut alice).await.fill("resource", "42\nroads").choose("expires_in", "604800");
    server.advance(901);
    let page = alice.submit(form).await;
    assert_eq!((page.heading().as_str(), count_personal(&server).await), ("Confirm that it is you", 0));
    let wrong = alice.submit(page.form_with("Go on").fill("password", "guess")).await;
    assert_eq!((wrong.status, wrong.alert().is_empty()), (400, false));
    let page = alice.submit(wrong.form_with("Go on").fill("password", PASSWORD)).await;
    let form = page.form_with("Make the token");
    assert_eq!((form.value("name"), form.value("resource")), (Some("desk"), Some("42\nroads")));
    assert_eq!(page.attributes("input[name=expires_in][checked]", "value"), ["604800"]);
    assert_eq!(alice.submit(form).await.heading(), "Your new token");
}

#[actix_web::test]
async fn the_list_says_what_happened_and_ends_one_the_unused_or_all() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    assert!(alice.open(LIST).await.text().contains("No tokens."));
    let mut tokens = Vec::new();
    for name in ["first", "second", "third", "fourth"] {
        tokens.push(make(&mut alice, name, "42\n2\n3\n4\n5\n6\n7").await);
        server.advance(1);
    }
    assert_eq!(checked(&server, &tokens[0]).await.0, 200);
    server.flush_uses().await;
    let page = alice.open(LIST).await;
    assert!(page.text().contains("On 42, 2, 3, 4, 5 and 2 more: see it"), "{}", page.text());
    assert!(page.text().contains("Last used a moment ago from 127.0.0.1"), "{}", page.text());
    assert_eq!(page.all(".rows h2"), ["fourth", "third", "second", "first"]);
    let page = alice.open(&format!("{LIST}?order=use")).await;
    assert_eq!(page.all(".rows h2").last().map(String::as_str), Some("first"));
    let label = format!("Revoke fourth, which ends in {}", &tokens[3][tokens[3].len() - 4..]);
    let page = alice.submit(page.form_with(&label)).await;
    assert_eq!(page.one("[role=status]"), "The token is revoked. Whatever still sends it is refused.");
    let page = alice.submit(page.form_with("Revoke the 2 never used")).await;
    assert_eq!(page.all(".rows h2"), ["first"]);
    assert_eq!([checked(&server, &tokens[1]).await.0, checked(&server, &tokens[0]).await.0], [401, 200]);
    make(&mut alice, "fifth", "1").await;
    let page = alice.open(LIST).await;
    let page = alice.submit(page.form_with("Revoke all 2 tokens")).await;
    assert!(page.text().contains("No tokens."), "{}", page.text());
    assert_eq!(checked(&server, &tokens[0]).await.0, 401);
    assert_eq!(alice.open(&format!("{LIST}?done=something")).await.all("[role=status]"), Vec::<String>::new());
}

#[actix_web::test]
async fn nobody_ends_the_token_of_somebody_else_by_the_page() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let token = make(&mut alice, "desk", "42").await;
    let list = alice.open(LIST).await;
    let form = list.form_with(&format!("Revoke desk, which ends in {}", &token[token.len() - 4..]));
    let mut mallory = server.signed_in("mallory").await;
    make(&mut mallory, "own", "42").await;
    assert_eq!(mallory.submit(form).await.status, 404);
    let own = mallory.open(LIST).await.text();
    assert!(own.contains("own") && !own.contains("desk"), "{own}");
    assert_eq!(checked(&server, &token).await.0, 200);
}

#[actix_web::test]
async fn the_generator_is_shown_on_request_and_replaced_with_or_without_what_it_made() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let generator = alice.generator().await;
    let made = server.studio_token(&generator, ("read_only", "all")).await;
    let page = alice.open(LIST).await;
    assert!(!page.html.contains(&generator) && page.text().contains("By the generator"), "{}", page.text());
    let shown = alice.submit(page.form_with("Show it")).await;
    assert_eq!(shown.secret(), generator);
    let page = alice.submit(shown.form_with("Replace the generator")).await;
    assert!(page.one("[role=status]").contains("The generator is replaced."));
    assert_eq!([checked(&server, &made).await.0, checked(&server, &generator).await.0], [200, 401]);
    let second = alice.generator().await;
    let child = server.studio_token(&second, ("read_only", "all")).await;
    let page = alice.open(LIST).await;
    alice.submit(page.form_with("Replace the generator").choose("ends_children", "true")).await;
    assert_eq!([checked(&server, &made).await.0, checked(&server, &child).await.0], [200, 401]);
    server.advance(901);
    let page = alice.open(LIST).await;
    assert_eq!(alice.submit(page.form_with("Show it")).await.heading(), "Confirm that it is you");
    let answer = alice.script(Method::GET, &format!("{STUDIO_SESSION}/generatortoken"), &Value::Null).await;
    assert_ne!(answer.status, 200, "nor by the door");
}

/// Uses are written down once a second; what waits counts as a use.
#[actix_web::test]
async fn a_use_that_is_not_written_down_yet_saves_a_token_from_being_unused() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let (used, unused) = (make(&mut alice, "used", "42").await, make(&mut alice, "unused", "42").await);
    assert_eq!(checked(&server, &used).await.0, 200);
    let page = alice.open(LIST).await;
    alice.submit(page.form_with("Revoke the one never used")).await;
    let is_valid =
        async |token: &str| server.program(token).get("/v3/validate").await.success()["valid"] == json!(true);
    assert!(is_valid(&used).await && !is_valid(&unused).await);
}

#[actix_web::test]
async fn a_use_is_what_opened_something_and_keeps_the_address_that_is_known() {
    let server = harness::spawn().await;
    let (foreign, ours) = (server.api(TILES, &[], false).await, server.api("https://a.example", &[], true).await);
    let mut alice = server.signed_in("alice").await;
    let token = make(&mut alice, "desk", "42").await;
    assert!(!foreign.is_active(&token).await);
    assert_eq!(server.program(&token).get("/v3/account").await.status, 403);
    server.flush_uses().await;
    assert!(alice.open(LIST).await.text().contains("Last used never"));
    assert_eq!(checked(&server, &token).await.0, 200);
    assert!(ours.is_active(&token).await);
    server.flush_uses().await;
    let text = alice.open(LIST).await.text();
    assert!(text.contains("from 127.0.0.1"), "{text}");
}
