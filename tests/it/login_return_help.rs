//! The page for an address that nobody registered: what it tells a developer is true, and the console takes it.

use gatepost::oauth::clients::By;

use crate::harness::client_documents::ClientDocuments;
use crate::harness::pages::{RETURN_URL, log_in_path, returns_to};
use crate::harness::{self, public};

/// Addresses that are return URLs: whatever the page says of them must be true.
const ADDRESSES: [&str; 12] = [
    "https://app.example", "https://app.example/", "https://app.example/in", "https://app.example/maps/",
    "https://app.example/maps/?zoom=1&token=old", "https://app.example/in?a=1&state=x#/route",
    "https://app.example/a*b/%20?q=%2F..%2F", "https://bücher.example/", "https://app.example:8443/maps/",
    "https://xn--bcher-kva.example/x/", "https://10.0.0.1/in", "https://app.example/=x",
];

#[actix_web::test]
async fn every_address_that_it_says_to_register_is_taken_by_the_form_that_it_opens() {
    for url in ADDRESSES {
        let server = harness::spawn().await;
        let mut alice = server.signed_in("alice").await;
        let page = alice.open(&log_in_path(url)).await;
        assert_eq!((page.status, page.away.as_deref()), (400, None), "{url}");
        assert!(page.text().contains("Register this address"), "{url}: {}", page.text());
        let page = alice.open(&page.link("Register a new app")).await;
        assert!(page.one("[role=status].notice").contains("Save it only if"), "{url}: {}", page.text());
        assert_eq!(server.count("clients").await, 0, "a link registers nothing");
        let form = page.form_with("Register app").fill("client_name", "Atlas").choose("login_delivery", "query");
        let page = alice.submit(form).await;
        assert_eq!(page.status, 200, "{url}: {}", page.text());
        let page = alice.open(&log_in_path(url)).await;
        let location = alice.press_continue(&page).await.away().to_owned();
        assert!(location.contains("token=gpu_"), "{url}: {location}");
        if !url.contains('#') {
            assert_eq!(alice.open(&log_in_path(url)).await.status, 303, "{url}: the second time needs no click");
        }
    }
}

#[actix_web::test]
async fn a_developer_may_add_the_address_to_an_app_that_they_have() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let owner = server.person_named("alice").await.id;
    let app = server.register(By::Owner(owner), returns_to(&[RETURN_URL])).await;
    server.register(By::Owner(owner), public()).await;
    let page = alice.open(&log_in_path("https://app.example/maps/")).await;
    assert_eq!(page.all("main .actions a").len(), 3, "{}", page.text());
    let link = page.attributes("main .actions a", "href");
    let link = link.iter().find(|link| link.contains(app.client_id())).expect("because the app is theirs");
    let page = alice.open(link).await;
    let form = page.form_with("Save changes");
    assert_eq!(form.value("login_return_urls"), Some("https://app.example/in\n=https://app.example/maps/"));
    assert_eq!(page.attributes("input[name=login_delivery][checked]", "value"), ["query"], "as it is");
    alice.submit(form).await;
    assert!(alice.open(&log_in_path("https://app.example/maps/")).await.asks_to_continue());
    assert_eq!(alice.open(&log_in_path("https://app.example/maps/7")).await.status, 400, "the address alone");
}

#[actix_web::test]
async fn somebody_who_is_not_logged_in_reads_what_to_do_and_is_shown_no_apps() {
    let server = harness::spawn().await;
    let page = server.browser().open(&log_in_path("https://app.example/in")).await;
    assert!(page.text().contains("Log in here first") && page.all("main .actions a").is_empty(), "{}", page.text());
}

#[actix_web::test]
async fn where_another_owner_is_in_the_way_the_page_leads_to_the_proof() {
    let server = harness::spawn().await;
    let documents = ClientDocuments::of(&server);
    let ann = server.person("ann").await.id;
    server.register(By::Owner(ann), returns_to(&["https://app.example/q?tenant=1"])).await;
    let mut ben = server.signed_in("ben").await;
    let asked = "https://app.example/q?tenant=2";
    for browser in [&mut server.browser(), &mut ben] {
        let page = browser.open(&log_in_path(asked)).await;
        assert!(
            page.text().contains("prove it under Developer") && !page.text().contains("Register this"),
            "{}",
            page.text()
        );
    }
    let page = ben.open(&log_in_path(asked)).await;
    let page = ben.open(&page.link("Prove that app.example is yours")).await;
    let file: serde_json::Value = page.one("#content").parse().expect("because the page shows JSON");
    documents.put(&page.one("#file"), &file, None);
    let page = ben.submit(page.forms().remove(0)).await;
    assert!(page.one("[role=status].notice").contains("app.example is yours"), "{}", page.text());
    let page = ben.open(&log_in_path(asked)).await;
    assert!(page.text().contains("Register this address"), "{}", page.text());
}

#[actix_web::test]
async fn a_link_fills_in_only_what_could_be_registered() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    for value in
        ["javascript:alert(1)", "https://*.x/", "%22%3E%3Cscript%3E", "https://a.example/%0Ahttps://b.example/", ""]
    {
        let page = alice.open(&format!("/developer/apps/new?login_return_url={value}")).await;
        assert_eq!(page.form_with("Register app").value("login_return_urls"), Some(""), "{value}");
        assert!(page.all("[role=status].notice").is_empty(), "{value}");
    }
}
