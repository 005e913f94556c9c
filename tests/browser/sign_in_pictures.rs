//! Pictures of the pages between a password and an account, and of what the log says; how pictures are taken stands in
//! `pictures`.

use serde_json::json;

use crate::harness::{App, Browser, Gatepost, code};
use crate::pictures::portray;

#[actix_web::test]
async fn the_pages_of_the_second_step_fit_every_window() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    let app = App::grateful(&server);
    browser.log_in(&server).await;
    server.grow_stale(1_000);
    browser.open(&server.at("/account/tokens/new")).await;
    portray(&browser, "confirm").await;
    browser.send(&[("password", "a guess")], "Go on").await;
    browser.find("[role=alert]").await;
    portray(&browser, "confirm-error").await;
    browser.log_out(&server).await;
    browser.log_in(&server).await;
    let factors = browser.set_up_app(&server).await;
    browser.log_out(&server).await;
    browser.open(&app.link()).await;
    browser.give_password().await;
    browser.arrive_at_heading("One more step").await;
    portray(&browser, "second-step").await;
    browser.send(&[("code", "12")], "Log in").await;
    browser.find("[role=alert]").await;
    portray(&browser, "second-step-error").await;
    browser.click("[name=remember]").await;
    browser.send(&[("code", &factors.recovery_codes[0])], "Log in").await;
    browser.arrive_at_heading("Allow this app?").await;
    browser.log_out(&server).await;
    browser.log_in(&server).await;
    browser.open(&server.at("/account/tokens/new")).await;
    portray(&browser, "confirm-code").await;
    server.grow_stale(1_000);
    browser.reload().await;
    portray(&browser, "confirm-both").await;
    browser.open(&server.at("/account/log?kind=tokens")).await;
    portray(&browser, "log-nothing").await;
    browser.open(&server.at("/account/log?kind=password&days=30")).await;
    portray(&browser, "log-part").await;
    browser.leave(&["400 (Bad Request)", "400 (Bad Request)"]).await;
}

#[actix_web::test]
async fn the_page_that_sets_a_second_step_up_fits_every_window() {
    let (server, browser) = (Gatepost::start_with(&[("second_factor.required", "true")]), Browser::start().await);
    let app = App::grateful(&server);
    browser.open(&app.link()).await;
    browser.give_password().await;
    browser.arrive_at_heading("Set up a second step").await;
    portray(&browser, "second-step-set-up").await;
    let secret = browser.secret_on_page().await;
    browser.send(&[("code", "12")], "Set up and log in").await;
    browser.find("[role=alert]").await;
    portray(&browser, "second-step-set-up-error").await;
    browser.send(&[("code", &code(&secret))], "Set up and log in").await;
    browser.arrive_at_heading("Your recovery codes").await;
    browser.open(&server.at("/account/security")).await;
    portray(&browser, "security-required").await;
    browser.leave(&["400 (Bad Request)"]).await;
}

#[actix_web::test]
async fn the_page_for_a_mailed_code_and_the_one_that_posts_an_answer_fit_every_window() {
    let (server, browser) = (Gatepost::start_with(&[("second_factor.email_code", "true")]), Browser::start().await);
    let (app, browser) = (App::grateful(&server), browser.without_scripts().await);
    browser.open(&app.link_with(&server, "response_mode=form_post")).await;
    browser.give_password().await;
    browser.arrive_at_heading("One more step").await;
    let code = crate::harness::digits(&server.email("alice@mail.example", "Your code to log in").await);
    // Scripts may run again once the page stands: the accessibility engine needs them.
    let scripts =
        async |is_off: bool| browser.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": is_off })).await;
    scripts(false).await;
    portray(&browser, "second-step-mailed").await;
    scripts(true).await;
    browser.send(&[("code", &code)], "Log in").await;
    browser.follow("Allow").await;
    browser.arrive_at_heading("Going back to the app").await;
    scripts(false).await;
    portray(&browser, "form-post").await;
    browser.leave(&[]).await;
}

#[actix_web::test]
async fn the_page_for_too_many_tries_fits_every_window() {
    let server = Gatepost::start_with(&[("rate_limits.account_from_network", "3"), ("rate_limits.sign_ups", "1")]);
    let browser = Browser::start().await;
    browser.open(&server.at("/login")).await;
    for _ in 0..4 {
        browser.send(&[("username", "alice"), ("password", "wrong")], "Log in").await;
    }
    browser.read("[role=alert]", "Too many tries").await;
    portray(&browser, "log-in-throttled").await;
    for name in ["carol", "dave"] {
        browser.open(&server.at("/register")).await;
        let mailbox = format!("{name}@mail.example");
        let fields = [("username", name), ("email", &mailbox), ("password", "seven herons over water")];
        browser.send(&fields, "Create account").await;
        browser.forget_cookies().await;
    }
    browser.arrive_at_heading("Not now, please").await;
    portray(&browser, "register-throttled").await;
    let (bad, busy) = ("400 (Bad Request)", "429 (Too Many Requests)");
    browser.leave(&[bad, bad, bad, busy, busy]).await;
}
