//! Whose a host is: owners live side by side until one proves, by a file on the host, that it is theirs.

use std::sync::Arc;

use futures_util::future::join_all;
use gatepost::domain::registration::Draft;
use gatepost::oauth::clients::{self, By};
use gatepost::outcome::{Error, transact};
use gatepost::tokens::revoke;
use serde_json::{Value, json};

use crate::harness::browser::Browser;
use crate::harness::client_documents::ClientDocuments;
use crate::harness::html::Page;
use crate::harness::pages::{log_in_path, returns_to};
use crate::harness::{self, Server};

const FILE: &str = "https://hub.example/.well-known/gatepost.json";

/// What the console answers to this person who registers these return URLs: nothing when it takes them.
async fn register(server: &Server, username: &str, urls: &[&str]) -> Option<String> {
    let owner = server.person_named(username).await.id;
    let (now, rules, mut draft) = (server.now(), server.app.config.registration_rules(), returns_to(urls));
    draft.name = format!("App of {username}");
    let made = transact(&server.app.store, move |tx| {
        clients::register(tx, now, &rules, (By::Owner(owner), draft.clone()), None)
    });
    match made.await {
        Ok(_) => None,
        Err(Error::Refused(problems)) => problems.into_iter().next().map(|problem| problem.message),
        Err(Error::Failed(error)) => panic!("{error}"),
    }
}

async fn with_people(names: &[&str]) -> (Server, Arc<ClientDocuments>, Vec<Browser>) {
    let server = harness::spawn().await;
    let documents = ClientDocuments::of(&server);
    let mut browsers = Vec::new();
    for name in names {
        browsers.push(server.signed_in(name).await);
    }
    (server, documents, browsers)
}

async fn word(browser: &mut Browser) -> Value {
    let file: Value = browser.open("/developer/hosts").await.one("#content").parse().expect("because it is JSON");
    file["owners"][0].clone()
}

async fn prove(browser: &mut Browser, host: &str) -> Page {
    let page = browser.open("/developer/hosts").await;
    let form = page.forms().into_iter().find(|form| form.has_button("Read the file")).expect("because it is there");
    browser.submit(form.fill("host", host)).await
}

async fn app_at(browser: &mut Browser, url: &str) -> String {
    browser.open(&log_in_path(url)).await.text()
}

#[actix_web::test]
async fn owners_who_proved_nothing_live_side_by_side_where_their_addresses_do_not_overlap() {
    let (server, _documents, mut people) = with_people(&["ann", "ben", "cay"]).await;
    assert_eq!(register(&server, "ann", &["https://hub.example/user/ann/"]).await, None);
    assert_eq!(register(&server, "ben", &["https://hub.example/user/ben/"]).await, None);
    for taken in [
        "https://hub.example/user/ann/", "https://hub.example/user/ann/notebook", "=https://hub.example/user/ann/",
        "https://hub.example/user/", "https://hub.example/user/%61nn/x", "https://HUB.example:443/user/ben/",
    ] {
        let message = register(&server, "cay", &[taken]).await;
        assert!(message.as_ref().is_some_and(|message| message.contains("hub.example")), "{taken}: {message:?}");
    }
    for free in [
        "https://hub.example/user/cay/", "https://hub.example/", "=https://hub.example/user/",
        "https://hub.example:8443/user/ann/", "https://sub.hub.example/user/ann/", "http://localhost:5173/user/ann/",
    ] {
        assert_eq!(register(&server, "cay", &[free]).await, None, "{free}");
    }
    let text = app_at(&mut people[0], "https://hub.example/user/ben/x").await;
    assert!(text.contains("App of ben"), "{text}");
}

#[actix_web::test]
async fn who_proves_a_host_owns_it_and_nobody_reserves_it_before_them() {
    let (server, documents, mut people) = with_people(&["mallory", "good", "alice"]).await;
    let squatted = ["https://hub.example/", "https://hub.example/in", "https://hub.example/maps/"];
    assert_eq!(register(&server, "mallory", &squatted).await, None);
    assert!(app_at(&mut people[2], "https://hub.example/in").await.contains("App of mallory"));
    let refusal = register(&server, "good", &["https://hub.example/in"]).await;
    assert!(refusal.is_some_and(|message| message.contains("prove it under Developer, Hosts")));
    let file = json!({ "owners": [word(&mut people[1]).await] });
    documents.put(FILE, &file, None);
    let page = prove(&mut people[1], "hub.example").await;
    assert!(page.one("[role=status].notice").contains("hub.example is yours"), "{}", page.text());
    // What was squatted leads nowhere from now on, registered again or not.
    for url in squatted {
        let text = app_at(&mut people[2], url).await;
        assert!(!text.contains("App of mallory") && text.contains("Another account has proven"), "{text}");
    }
    assert!(register(&server, "mallory", &["https://hub.example/new"]).await.is_some());
    assert_eq!(register(&server, "good", &["https://hub.example/in", "https://hub.example/maps/"]).await, None);
    assert!(app_at(&mut people[2], "https://hub.example/in").await.contains("App of good"));
    assert!(app_at(&mut people[2], "https://hub.example/maps/7").await.contains("App of good"));
    let page = people[1].open("/account/log").await;
    assert!(page.text().contains("You proved that a host is yours"), "{}", page.text());
}

#[actix_web::test]
async fn nobody_keeps_an_owner_from_proving_a_host_by_asking_for_it_again_and_again() {
    let server = harness::spawn_with(&[("trusted_proxies", "127.0.0.0/8")]).await;
    let documents = ClientDocuments::of(&server);
    let (mut mallory, mut good) = (server.signed_in("mallory").await, server.signed_in("good").await);
    mallory.headers.push(("x-forwarded-for".to_owned(), "192.0.2.1".to_owned()));
    good.headers.push(("x-forwarded-for".to_owned(), "198.51.100.1".to_owned()));
    let file = json!({ "owners": [word(&mut good).await] });
    documents.put(FILE, &file, None);
    let mut answers = Vec::new();
    for _ in 0..40 {
        answers.push(prove(&mut mallory, "hub.example").await.text().contains("Too many tries"));
    }
    assert_eq!((answers[29], answers[30]), (false, true));
    let page = prove(&mut good, "hub.example").await;
    assert!(page.one("[role=status].notice").contains("hub.example is yours"), "{}", page.text());
}

#[actix_web::test]
async fn a_file_proves_for_exactly_those_that_it_names() {
    let (server, documents, mut people) = with_people(&["ann", "ben"]).await;
    let (ann, ben) = (word(&mut people[0]).await, word(&mut people[1]).await);
    assert_ne!(ann, ben);
    for file in [json!({ "owners": [] }), json!({ "owners": [ben] }), json!([ann]), json!({ "owner": ann })] {
        documents.put(FILE, &file, None);
        let page = prove(&mut people[0], "hub.example").await;
        assert_eq!((page.status, page.all("#host-problem p").len()), (400, 1), "{file}: {}", page.text());
    }
    documents.take(FILE, false);
    assert!(prove(&mut people[0], "hub.example").await.text().contains("cannot be reached"));
    documents.take(FILE, true);
    assert!(prove(&mut people[0], "hub.example").await.text().contains("There is no file"));
    assert_eq!(server.count("host_proofs").await, 0);
    server.advance(3_600);
    documents.put("https://shared.example/.well-known/gatepost.json", &json!({ "owners": [ann, ben] }), None);
    for browser in &mut people {
        assert_eq!(prove(browser, "https://shared.example/any/page").await.status, 200);
        assert_eq!(prove(browser, "shared.example").await.status, 200, "again does no harm");
    }
    assert_eq!(server.count("host_proofs").await, 2);
}

#[actix_web::test]
async fn a_host_that_changes_hands_is_its_new_owners() {
    let (server, documents, mut people) = with_people(&["old", "new", "alice"]).await;
    let (old, new) = (word(&mut people[0]).await, word(&mut people[1]).await);
    documents.put(FILE, &json!({ "owners": [old] }), None);
    prove(&mut people[0], "hub.example").await;
    assert_eq!(register(&server, "old", &["https://hub.example/in"]).await, None);
    // Somebody who is not in the file takes nothing away from those who are, nor while it cannot be read.
    assert_eq!(prove(&mut people[1], "hub.example").await.status, 400);
    documents.take(FILE, false);
    assert_eq!(prove(&mut people[1], "hub.example").await.status, 400);
    assert_eq!(server.count("host_proofs").await, 1);
    documents.put(FILE, &json!({ "owners": [new] }), None);
    assert_eq!(prove(&mut people[1], "hub.example").await.status, 200);
    assert_eq!(register(&server, "new", &["https://hub.example/in"]).await, None);
    assert!(app_at(&mut people[2], "https://hub.example/in").await.contains("App of new"));
    let log = people[0].open("/account/log").await;
    assert!(log.text().contains("A host no longer counts as yours"), "{}", log.text());
    // The one who lost it learns so, and who gives it up leaves it to all.
    assert_eq!(prove(&mut people[0], "hub.example").await.status, 400);
    let page = people[1].open("/developer/hosts").await;
    let form = page.forms().into_iter().find(|form| form.has_button("Give up hub.example"));
    people[1].submit(form.expect("because it is theirs")).await;
    assert_eq!(server.count("host_proofs").await, 0);
}

#[actix_web::test]
async fn nobody_ends_anothers_proof_and_no_private_host_is_asked() {
    let (server, documents, mut people) = with_people(&["ann", "mallory"]).await;
    documents.put(FILE, &json!({ "owners": [word(&mut people[0]).await] }), None);
    prove(&mut people[0], "hub.example").await;
    let page = people[0].open("/developer/hosts").await;
    let form = page.forms().into_iter().find(|form| form.has_button("Give up hub.example"));
    assert_eq!(people[1].submit(form.expect("because it is theirs")).await.status, 404);
    let reads = documents.reads();
    for host in ["localhost", "127.0.0.1", "http://hub.example", "10.0.0.1", "[::1]", "nas", "me@hub.example", ""] {
        assert_eq!(prove(&mut people[1], host).await.status, 400, "{host}");
    }
    assert_eq!((documents.reads(), server.count("host_proofs").await), (reads, 1));
}

#[actix_web::test]
async fn what_the_operator_vouches_for_counts_beside_what_is_proven() {
    let (server, documents, mut people) = with_people(&["good", "alice"]).await;
    server.application(returns_to(&["https://hub.example/official"])).await;
    documents.put(FILE, &json!({ "owners": [word(&mut people[0]).await] }), None);
    prove(&mut people[0], "hub.example").await;
    let text = app_at(&mut people[1], "https://hub.example/official").await;
    assert!(text.contains("Map studio") && text.contains("Verified"), "{text}");
}

/// On both databases: two who come at once are one after the other.
#[actix_web::test]
async fn of_two_owners_who_register_overlapping_addresses_at_once_one_gets_them() {
    let (server, _documents, _people) = with_people(&["ann", "ben"]).await;
    for round in 0..25 {
        let (wide, narrow) =
            (format!("https://h{round}.example/user/"), format!("https://h{round}.example/user/ben/in"));
        let (wide, narrow) = ([wide.as_str()], [narrow.as_str()]);
        let both = join_all([register(&server, "ann", &wide), register(&server, "ben", &narrow)]).await;
        let taken = both.iter().filter(|refusal| refusal.is_none()).count();
        assert_eq!(taken, 1, "round {round}: {both:?}");
    }
}

/// Addresses of several hosts in opposite order must not wait for each other for ever.
#[actix_web::test]
async fn owners_who_name_the_same_hosts_in_another_order_do_not_block_each_other() {
    let (server, _documents, _people) = with_people(&["ann", "ben"]).await;
    for round in 0..10 {
        let a = [format!("https://a{round}.example/x/"), format!("https://b{round}.example/x/")];
        let (first, second) = ([a[0].as_str(), a[1].as_str()], [a[1].as_str(), a[0].as_str()]);
        let both = join_all([register(&server, "ann", &first), register(&server, "ben", &second)]).await;
        assert_eq!(both.iter().filter(|refusal| refusal.is_none()).count(), 1, "round {round}: {both:?}");
    }
}

#[actix_web::test]
async fn one_who_proves_and_one_who_registers_at_once_never_both_hold_an_address() {
    let (server, documents, mut people) = with_people(&["good", "mallory", "alice"]).await;
    let file = json!({ "owners": [word(&mut people[0]).await] });
    for round in 0..5 {
        let host = format!("h{round}.example");
        documents.put(&format!("https://{host}/.well-known/gatepost.json"), &file, None);
        let url = format!("https://{host}/in");
        let urls = [url.as_str()];
        let (proven, _) =
            futures_util::future::join(prove(&mut people[0], &host), register(&server, "mallory", &urls)).await;
        assert_eq!(proven.status, 200, "{}", proven.text());
        let text = app_at(&mut people[2], &url).await;
        assert!(!text.contains("App of mallory"), "{text}");
        server.advance(3_600);
    }
}

/// The number of applications that each host leads to.
async fn hosts(server: &Server) -> Vec<(&'static str, i64)> {
    let mut found = Vec::new();
    for host in ["app.example", "127.0.0.1", "[::1]", "other.example", ""] {
        found.push((host, server.count(&format!("login_return_hosts WHERE host = '{host}'")).await));
    }
    found
}

#[actix_web::test]
async fn an_application_is_found_by_each_of_its_hosts() {
    let server = harness::spawn().await;
    let urls =
        ["https://app.example/in", "=https://app.example:8443/maps/", "http://127.0.0.1:8765/x?y=https://z.example/"];
    let app = server.application(returns_to(&urls)).await;
    let six = server.application(returns_to(&["http://[::1]:3000/in", "https://app.example/in"])).await;
    let kept = [("app.example", 2), ("127.0.0.1", 1), ("[::1]", 1), ("other.example", 0), ("", 0)];
    assert_eq!(hosts(&server).await, kept);
    let (now, client, rules) = (server.now(), app.client.clone(), server.app.config.registration_rules());
    server
        .write(move |tx| {
            let moved =
                Draft { login_return_urls: vec!["https://other.example/in".to_owned()], ..clients::draft_of(&client) };
            let updated = clients::update(tx, now, &rules, (&client, moved), None);
            updated.expect("because the draft is right");
            revoke::delete_client(tx, now, six.client.id)
        })
        .await;
    assert_eq!(
        hosts(&server).await,
        [("app.example", 0), ("127.0.0.1", 0), ("[::1]", 0), ("other.example", 1), ("", 0)]
    );
}
