//! Which addresses an owner may register, and what each of them means: one address, a folder, a whole site, a
//! private network, a host in another alphabet.

use gatepost::domain::registration::FieldProblem;
use gatepost::oauth::clients::{self, By};
use gatepost::outcome::{Error, transact};

use crate::harness::application::Application;
use crate::harness::pages::{log_in_path, returns_to};
use crate::harness::{self, Server};

/// Registers these in the console, or answers what the console says of each.
async fn register(server: &Server, urls: &[&str]) -> Result<Application, Vec<String>> {
    let owner = server.person(&format!("owner-{}", harness::random_word(8))).await.id;
    let (now, rules, draft) = (server.now(), server.app.config.registration_rules(), returns_to(urls));
    let written = draft.clone();
    let tried = transact(&server.app.store, move |tx| clients::refuse_with(tx, &rules, &written, vec![nothing()]));
    match tried.await {
        Err(Error::Refused(problems)) if problems.len() > 1 => {
            assert_eq!(problems.len(), urls.len() + 1, "{problems:?}");
            Err(problems.into_iter().map(|problem| problem.message).collect())
        }
        Err(Error::Failed(error)) => panic!("{error} at {now:?}"),
        _ => Ok(server.register(By::Owner(owner), draft).await),
    }
}

/// A problem of no field, so that nothing is written.
fn nothing() -> FieldProblem {
    FieldProblem { field: "", message: String::new() }
}

#[actix_web::test]
async fn a_whole_site_and_a_folder_meant_alone_are_asked_once_and_then_automatic() {
    for (registered, url, below) in [
        ("https://app.example/", "https://app.example", "https://app.example/in"),
        ("https://app.example", "https://app.example/", "https://app.example/in"),
        ("=https://app.example/maps/", "https://app.example/maps/", "https://app.example/maps/7"),
    ] {
        let server = harness::spawn().await;
        server.application(returns_to(&[registered])).await;
        let mut alice = server.signed_in("alice").await;
        let page = alice.open(&log_in_path(url)).await;
        let first = alice.press_continue(&page).await.away().to_owned();
        let page = alice.open(&log_in_path(url)).await;
        assert_eq!(page.status, 303, "{registered}: {}", page.text());
        let plain = format!("{}/?token=gpu_", url.trim_end_matches('/'));
        assert!(first.starts_with(&plain) && page.away().starts_with(&plain), "{registered}: {first}");
        let page = alice.open(&log_in_path(below)).await;
        assert_eq!((page.status, page.away.as_deref()), (400, None), "{registered} is no folder");
        let page = alice.open(&log_in_path(&format!("{url}?page=2"))).await;
        assert!(page.asks_to_continue(), "{registered}: another query is another address: {}", page.text());
    }
}

#[actix_web::test]
async fn a_folder_and_the_same_address_alone_may_stand_side_by_side() {
    let server = harness::spawn().await;
    let app = server.application(returns_to(&["https://app.example/maps/", "=https://app.example/maps/"])).await;
    let kept = app.client.login_return_urls.to_vec();
    assert_eq!(kept, ["https://app.example/maps/", "=https://app.example/maps/"]);
    let mut alice = server.signed_in("alice").await;
    let page = alice.open(&log_in_path("https://app.example/maps/")).await;
    alice.press_continue(&page).await;
    assert_eq!(alice.open(&log_in_path("https://app.example/maps/")).await.status, 303);
    assert!(alice.open(&log_in_path("https://app.example/maps/7")).await.asks_to_continue());
}

#[actix_web::test]
async fn the_console_says_which_address_stands_for_itself_and_which_for_all_below_it() {
    let server = harness::spawn().await;
    let mut owner = server.signed_in("owner").await;
    let id = server.person_named("owner").await.id;
    let urls =
        ["https://app.example", "https://app.example/maps/", "=https://app.example/a/", "https://app.example/in"];
    let app = server.register(By::Owner(id), returns_to(&urls)).await;
    let page = owner.open(&format!("/developer/apps/{}", app.client_id())).await;
    for meaning in [
        "https://app.example/ this address alone", "https://app.example/maps/ and every address below it",
        "https://app.example/a/ this address alone", "https://app.example/in this address alone",
        "Comes back as https://app.example/in?token=TOKEN",
    ] {
        assert!(page.text().contains(meaning), "{meaning}: {}", page.text());
    }
    // What the form shows is what it takes: saved again, nothing changes.
    owner.submit(page.form_with("Save changes")).await;
    let again = owner.open(&format!("/developer/apps/{}", app.client_id())).await;
    let field =
        |page: &harness::html::Page| page.form_with("Save changes").value("login_return_urls").map(str::to_owned);
    assert_eq!(field(&page), field(&again));
    assert!(field(&page).is_some_and(|text| text.contains("\n=https://app.example/a/\n")));
}

#[actix_web::test]
async fn http_of_a_private_network_is_the_operators_to_allow_and_always_asks() {
    let private = ["http://192.168.1.5/in", "http://nas/in", "http://gis.internal:8080/maps/", "http://[fd00::1]/in"];
    let strict = harness::spawn().await;
    let problems = register(&strict, &private).await.err().expect("because plain http is not allowed");
    assert!(problems[..4].iter().all(|problem| problem.contains("allow_insecure_http")), "{problems:?}");
    let mut alice = strict.signed_in("alice").await;
    for url in private {
        let page = alice.open(&log_in_path(url)).await;
        assert_eq!(page.status, 400);
        assert!(page.text().contains("allow_insecure_http") && !page.text().contains("Register"), "{}", page.text());
    }
    let lenient = harness::spawn_with(&[("allow_insecure_http", "true")]).await;
    register(&lenient, &private).await.expect("because the operator allows it");
    let mut alice = lenient.signed_in("alice").await;
    for url in private {
        for _ in 0..2 {
            let page = alice.open(&log_in_path(url)).await;
            assert!(page.asks_to_continue() && page.text().contains("not encrypted"), "{url}: {}", page.text());
            assert!(alice.press_continue(&page).await.away().starts_with(&format!("{url}?token=")));
        }
    }
    let public = register(&lenient, &["http://app.example/in"]).await.err().expect("because it is public");
    assert!(public[0].contains("use https"), "{public:?}");
    for url in ["http://app.example/in", "http://8.8.8.8/in", "http://192.168.1.6/in"] {
        assert_eq!(alice.open(&log_in_path(url)).await.status, 400, "{url}");
    }
}

#[actix_web::test]
async fn people_cannot_be_asked_to_confirm_an_insecure_address() {
    let settings = [("allow_insecure_http", "true"), ("login_redirect.unregistered", "confirm")];
    let server = harness::spawn_with(&settings).await;
    let page = server.signed_in("alice").await.open(&log_in_path("http://192.168.1.5/in")).await;
    assert_eq!((page.status, page.away.as_deref()), (400, None), "{}", page.text());
}

#[actix_web::test]
async fn each_address_that_cannot_be_registered_is_refused_for_its_true_reason() {
    let server = harness::spawn().await;
    let cases = [
        ("https://*.app.example/in", "wildcards"),
        ("https://app.example./in", "no dot at the end"),
        ("https://ⓔvil.test/in", "write the host as browsers write it"),
        ("https://app.example/in#x", "from # on"),
        ("https://app.example/a b", "space"),
        ("https://app.example/a;b", "semicolons"),
        ("http://app.example/in", "use https"),
        ("app.example/in", "whole https address"),
    ];
    let urls = cases.map(|(url, _)| url);
    let problems = register(&server, &urls).await.err().expect("because all are wrong");
    for ((url, reason), problem) in cases.iter().zip(&problems) {
        assert!(problem.starts_with(url) && problem.contains(reason), "{url}: {problem}");
    }
}

#[actix_web::test]
async fn a_host_in_another_alphabet_is_one_host_in_every_spelling() {
    let server = harness::spawn().await;
    let app = server.application(returns_to(&["https://Bücher.example/in"])).await;
    assert_eq!(app.client.login_return_urls.as_str(), "https://xn--bcher-kva.example/in");
    let mut alice = server.signed_in("alice").await;
    for url in ["https://bücher.example/in", "https://xn--bcher-kva.example/in", "https://BÜCHER.example/in"] {
        let location = alice.come_back_to(url).await;
        assert!(location.starts_with("https://xn--bcher-kva.example/in?token="), "{url}: {location}");
    }
}

/// The delivery is the developer's to say: the console chooses none, and shows what comes back in each way.
#[actix_web::test]
async fn the_console_chooses_no_delivery_and_shows_the_address_that_comes_back() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    let page = alice.open("/developer/apps/new").await;
    assert!(page.attributes("input[name=login_delivery][checked]", "value").is_empty());
    let form = page.form_with("Register app").fill("client_name", "Atlas");
    // Without a login return URL there is nothing to deliver.
    let page = alice.submit(form.clone()).await;
    assert_eq!((page.status, page.heading()), (200, "Atlas".to_owned()));
    assert!(page.attributes("input[name=login_delivery][checked]", "value").is_empty(), "nor when the first is added");
    let change = page.form_with("Save changes").fill("login_return_urls", "https://atlas.example/in?a=1");
    let again = alice.submit(change.clone()).await;
    assert_eq!(
        (again.status, again.one("#login_delivery-problem")),
        (400, "Choose how your page gets the token.".into())
    );
    for (delivery, expected) in [
        ("query", "https://atlas.example/in?a=1&token=TOKEN"),
        ("fragment", "https://atlas.example/in?a=1#token=TOKEN&state=STATE"),
        ("code", "https://atlas.example/in?a=1#login_code=CODE&state=STATE"),
    ] {
        assert_eq!(again.one(&format!("[data-comes-back={delivery}]")), expected);
        let saved = alice.submit(change.clone().choose("login_delivery", delivery)).await;
        assert!(saved.text().contains(&format!("Comes back as {expected}")), "{}", saved.text());
        assert_eq!(saved.attributes("input[name=login_delivery][checked]", "value"), [delivery]);
    }
    let other = alice
        .bare(actix_web::http::Method::POST, page.url.path(), &OWN, "client_name=Atlas&login_delivery=pigeon")
        .await;
    assert_eq!(other.status, 400);
}

const OWN: [(&str, &str); 2] =
    [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];

#[actix_web::test]
async fn what_is_registered_in_the_form_that_it_had_before_means_what_it_meant() {
    let server = harness::spawn().await;
    let app = server.application(returns_to(&["https://app.example/in"])).await;
    let key = app.client.id.number();
    // As earlier versions wrote it.
    let sql = format!(
        "UPDATE clients SET login_return_urls = 'https://app.example/maps/ https://app.example/in?a=1' WHERE id = {key}"
    );
    server.write(move |tx| harness::execute(tx, &sql)).await;
    let mut alice = server.signed_in("alice").await;
    for url in ["https://app.example/maps/", "https://app.example/maps/7", "https://app.example/in?a=1"] {
        assert!(alice.open(&log_in_path(url)).await.asks_to_continue(), "{url}");
    }
    assert_eq!(alice.open(&log_in_path("https://app.example/in?a=2")).await.status, 400);
}
