//! What people allowed and what the operator vouched for was an app as it was then: whoever sends its answers
//! elsewhere starts anew, and nobody gets between another app and its people.

use gatepost::domain::client::{ClientType, LoginDelivery};
use gatepost::domain::registration::Draft;
use gatepost::oauth::clients::{self, By};
use gatepost::outcome::{Error, transact};

use crate::harness::application::Application;
use crate::harness::http::parameter;
use crate::harness::pages::{log_in_path, returns_to};
use crate::harness::{self, Server, confidential};

const IN: &str = "https://nice.example/in";

fn nice(redirect_uri: &str, login_return_url: &str) -> Draft {
    Draft {
        login_return_urls: vec![login_return_url.to_owned()],
        redirect_uris: vec![redirect_uri.to_owned()],
        ..Draft::new("Nice maps", ClientType::Confidential)
    }
}

/// An application of the person "owner" that the operator vouches for.
async fn owned(server: &Server, draft: Draft) -> Application {
    let owner = server.person_named("owner").await.id;
    server.register(By::Operator(owner), draft).await
}

/// What the console answers to somebody who registers these return URLs.
async fn refused(server: &Server, username: &str, urls: &[&str]) -> Option<String> {
    let owner = server.person(username).await.id;
    let (now, rules, draft) = (server.now(), server.app.config.registration_rules(), returns_to(urls));
    let made = transact(&server.app.store, move |tx| {
        clients::register(tx, now, &rules, (By::Owner(owner), draft.clone()), None)
    });
    match made.await {
        Ok(_) => None,
        Err(Error::Refused(problems)) => problems.into_iter().next().map(|problem| problem.message),
        Err(Error::Failed(error)) => panic!("{error}"),
    }
}

#[actix_web::test]
async fn an_app_with_a_new_address_asks_everybody_again_and_loses_the_operators_marks() {
    let server = harness::spawn().await;
    let mut owner = server.signed_in("owner").await;
    let mut alice = server.signed_in("alice").await;
    let app = owned(&server, nice("https://nice.example/cb", IN)).await;
    app.tokens(&mut alice).await;
    let page = alice.open(&log_in_path(IN)).await;
    alice.press_continue(&page).await;
    assert!(parameter(alice.open(&app.request().path()).await.away(), "code").is_some(), "she allowed it");
    let own = format!("/developer/apps/{}", app.client_id());
    // Taking an address away changes nothing for anybody; the name alone is the operator's business.
    let save = |page: &harness::html::Page| page.form_with("Save changes");
    let page = owner.open(&own).await;
    owner.submit(save(&page)).await;
    assert!(parameter(alice.open(&app.request().path()).await.away(), "code").is_some(), "nothing has changed");
    assert_eq!(server.count("clients WHERE verified_at IS NOT NULL").await, 1);
    let page = owner.open(&own).await;
    let addresses = "https://nice.example/cb\nhttps://evil.example/cb";
    owner.submit(save(&page).fill("redirect_uris", addresses)).await;
    assert_eq!(alice.open(&app.request().path()).await.heading(), "Allow this app?");
    assert!(alice.open(&log_in_path(IN)).await.asks_to_continue());
    assert_eq!(server.count("clients WHERE verified_at IS NOT NULL").await, 0, "the operator vouched for less");
}

#[actix_web::test]
async fn the_operators_own_app_is_no_longer_theirs_once_its_owner_calls_it_otherwise() {
    let server = harness::spawn().await;
    let mut owner = server.signed_in("owner").await;
    let app = owned(&server, nice("https://nice.example/cb", IN)).await;
    let id = app.client.id;
    server.write(move |tx| gatepost::store::clients::set_first_party(tx, id, true)).await;
    let page = owner.open(&format!("/developer/apps/{}", app.client_id())).await;
    owner.submit(page.form_with("Save changes").fill("client_name", "Your Bank")).await;
    assert_eq!(server.count("clients WHERE is_first_party OR verified_at IS NOT NULL").await, 0);
}

#[actix_web::test]
async fn a_token_that_would_travel_less_safely_is_asked_about_again() {
    let server = harness::spawn().await;
    let mut owner = server.signed_in("owner").await;
    let mut alice = server.signed_in("alice").await;
    let draft = Draft { login_delivery: LoginDelivery::Code, ..nice("https://nice.example/cb", IN) };
    let app = owned(&server, draft).await;
    app.tokens(&mut alice).await;
    let page = owner.open(&format!("/developer/apps/{}", app.client_id())).await;
    owner.submit(page.form_with("Save changes").choose("login_delivery", "query")).await;
    assert_eq!(alice.open(&app.request().path()).await.heading(), "Allow this app?");
}

#[actix_web::test]
async fn nobody_gets_between_an_app_that_the_operator_vouches_for_and_its_people() {
    let server = harness::spawn().await;
    let mut alice = server.signed_in("alice").await;
    assert_eq!(refused(&server, "mallory", &["https://good.example/start"]).await, None);
    // The operator knows whose host it is: theirs counts, also where the stranger's fits more closely.
    server.application(Draft { name: "Good app".to_owned(), ..returns_to(&["https://good.example/start/"]) }).await;
    server.application(Draft { name: "Good app".to_owned(), ..returns_to(&["https://good.example/start"]) }).await;
    let page = alice.open(&log_in_path("https://good.example/start")).await;
    assert!(page.text().contains("Good app") && page.text().contains("Verified"), "{}", page.text());
}

#[actix_web::test]
async fn an_old_session_proves_itself_before_it_touches_secrets_or_deletes_an_app() {
    let server = harness::spawn().await;
    let mut owner = server.signed_in("owner").await;
    let app = owned(&server, confidential()).await;
    let own = format!("/developer/apps/{}", app.client_id());
    let page = owner.open(&own).await;
    server.advance(901);
    let end = format!("End the secret that ends in {}", &app.secret()[app.secret().len() - 4..]);
    let delete = page.form_with("Delete app").fill("confirm", &app.client.name);
    for form in [page.form_with("Make a new secret"), page.form_with(&end), delete] {
        assert_eq!(owner.submit(form).await.heading(), "Confirm that it is you");
    }
    assert_eq!(server.count("client_secrets WHERE expires_at IS NULL").await, 1);
    assert_eq!(owner.open(&own).await.heading(), app.client.name, "looking needs no proof");
}
