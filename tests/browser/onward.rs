//! Apps whose callback sends the person on to another origin. Chromium enforces `form-action` on every redirect after
//! a form's POST: a policy that names the app alone would stop the person halfway, after the code was issued.

use crate::harness::{Answer, App, Browser, Gatepost, Site};

/// An app whose callback leads on to a third party, on another port and another host name.
fn app_that_leads_on(server: &Gatepost) -> (App, Site) {
    let home = Site::that_says("<h1>At home</h1>");
    let address = home.at("localhost", "/home");
    (App::start(server, move |_| Answer::SeeOther(address.clone())), home)
}

#[actix_web::test]
async fn a_person_who_allows_an_app_arrives_where_its_callback_leads() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    let (app, home) = app_that_leads_on(&server);
    browser.open(&app.link()).await;
    browser.give_password().await;
    browser.follow("Allow").await;
    browser.arrive(&home.at("localhost", "/home")).await;
    browser.open(&app.link()).await;
    browser.follow("Cancel").await;
    browser.arrive_at_heading("At home").await;
    let answers = app.answers();
    assert!(answers[0].parameter("code").is_some() && answers[1].parameter("error").is_some(), "{answers:?}");
    assert_eq!(home.visits().len(), 2);
    browser.leave(&[]).await;
}

#[actix_web::test]
async fn a_person_whose_answer_is_posted_arrives_where_the_callback_leads() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    let (app, home) = app_that_leads_on(&server);
    browser.open(&app.link_with(&server, "response_mode=form_post")).await;
    browser.give_password().await;
    browser.follow("Allow").await;
    browser.arrive(&home.at("localhost", "/home")).await;
    let answers = app.answers();
    assert_eq!((answers.len(), answers[0].parameter("code")), (1, None), "nothing stood in an address: {answers:?}");
    browser.leave(&[]).await;
}

#[actix_web::test]
async fn an_answer_is_posted_by_a_button_where_no_scripts_run() {
    let server = Gatepost::start();
    let browser = Browser::start().await.without_scripts().await;
    let (app, home) = app_that_leads_on(&server);
    browser.open(&app.link_with(&server, "response_mode=form_post")).await;
    browser.give_password().await;
    browser.follow("Allow").await;
    browser.arrive_at_heading("Going back to the app").await;
    browser.follow("Continue").await;
    browser.arrive(&home.at("localhost", "/home")).await;
    browser.leave(&[]).await;
}

#[actix_web::test]
async fn a_person_who_leaves_the_log_in_page_arrives_where_the_callback_leads() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    let (app, home) = app_that_leads_on(&server);
    browser.open(&app.link()).await;
    browser.follow("Cancel").await;
    browser.arrive(&home.at("localhost", "/home")).await;
    assert_eq!(app.answers().len(), 1);
    browser.leave(&[]).await;
}

#[actix_web::test]
async fn a_person_who_continues_with_a_token_arrives_where_the_app_leads() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    let home = Site::that_says("<h1>At home</h1>");
    let address = home.at("localhost", "/home");
    let app = Site::start(move |_| Answer::SeeOther(address.clone()));
    let link = server.at(&format!("/logIn?referer={}", app.at("127.0.0.1", "/in")));
    browser.open(&link).await;
    browser.follow("Cancel").await;
    browser.arrive(&home.at("localhost", "/home")).await;
    browser.open(&link).await;
    browser.give_password().await;
    browser.follow_to("button[value=allow]").await;
    browser.arrive(&home.at("localhost", "/home")).await;
    browser.open(&link).await;
    browser.follow_to("button[value=deny]").await;
    browser.arrive(&home.at("localhost", "/home")).await;
    let came_back_with = |name| app.visits().iter().filter(|visit| visit.parameter(name).is_some()).count();
    assert_eq!((came_back_with("token"), came_back_with("error")), (1, 2), "{:?}", app.visits());
    browser.leave(&[]).await;
}
