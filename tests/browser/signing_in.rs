//! Logging in with more than a password, again, and as somebody else. Passkeys are in `passkeys`.

use crate::harness::{App, Browser, Factors, Gatepost, PASSWORD, code, digits, next_code, with_and_without_scripts};

/// Alice with an authenticator app, logged out.
async fn equip(server: &Gatepost, browser: &Browser) -> Factors {
    browser.log_in(server).await;
    let factors = browser.set_up_app(server).await;
    browser.log_out(server).await;
    factors
}

#[actix_web::test]
async fn a_code_of_the_app_lets_a_browser_be_remembered_until_something_sensitive() {
    with_and_without_scripts(async |browser| {
        let server = Gatepost::start();
        let factors = equip(&server, &browser).await;
        browser.open(&server.at("/login?next=/account/apps")).await;
        // The address does as well as the name, however it is written.
        browser.identify("Alice@MAIL.example", PASSWORD).await;
        browser.arrive_at_heading("One more step").await;
        browser.click("[name=remember]").await;
        browser.send(&[("code", &next_code(&factors.secret))], "Log in").await;
        browser.arrive(&server.at("/account/apps")).await;
        browser.log_out(&server).await;
        browser.log_in(&server).await;
        // The browser skipped the second step: it is shown before anything that a thief would want.
        browser.open(&server.at("/account/tokens/new")).await;
        browser.arrive_at_heading("Confirm that it is you").await;
        assert_eq!(browser.count("#password").await, 0, "the password was typed just now");
        browser.send(&[("code", "000 000")], "Go on").await;
        browser.find("[role=alert]").await;
        browser.send(&[("code", &factors.recovery_codes[0])], "Go on").await;
        browser.arrive_at_heading("Make a token").await;
        browser.open(&server.at("/account/security")).await;
        browser.follow("Forget all browsers").await;
        browser.log_out(&server).await;
        browser.open(&server.at("/login")).await;
        browser.give_password().await;
        browser.arrive_at_heading("One more step").await;
        browser.leave(&["400 (Bad Request)"]).await;
    })
    .await;
}

#[actix_web::test]
async fn a_pause_of_a_quarter_of_an_hour_asks_for_the_password_before_something_sensitive() {
    with_and_without_scripts(async |browser| {
        let server = Gatepost::start();
        browser.log_in(&server).await;
        server.grow_stale(1_000);
        browser.open(&server.at("/account/tokens/new")).await;
        browser.arrive_at_heading("Confirm that it is you").await;
        browser.send(&[("password", "a guess")], "Go on").await;
        browser.find("[role=alert]").await;
        browser.send(&[("password", PASSWORD)], "Go on").await;
        browser.arrive_at_heading("Make a token").await;
        browser.leave(&["400 (Bad Request)"]).await;
    })
    .await;
}

#[actix_web::test]
async fn where_codes_are_mailed_the_letter_finishes_the_log_in() {
    with_and_without_scripts(async |browser| {
        let server = Gatepost::start_with(&[("second_factor.email_code", "true")]);
        let app = App::grateful(&server);
        browser.open(&app.link()).await;
        browser.give_password().await;
        browser.arrive_at_heading("One more step").await;
        let code = digits(&server.email("alice@mail.example", "Your code to log in").await);
        let wrong = if code == "000 000" { "111 111" } else { "000 000" };
        browser.send(&[("code", wrong)], "Log in").await;
        browser.read("[role=alert]", "This code is wrong. Type the six digits of the newest letter.").await;
        browser.send(&[("code", &code)], "Log in").await;
        browser.arrive_at_heading("Allow this app?").await;
        browser.leave(&["400 (Bad Request)"]).await;
    })
    .await;
}

#[actix_web::test]
async fn where_everybody_needs_a_second_step_it_is_set_up_on_the_way_to_the_app() {
    with_and_without_scripts(async |browser| {
        let server = Gatepost::start_with(&[("second_factor.required", "true")]);
        let app = App::grateful(&server);
        browser.open(&app.link()).await;
        browser.give_password().await;
        browser.arrive_at_heading("Set up a second step").await;
        let secret = browser.secret_on_page().await;
        browser.send(&[("code", "12")], "Set up and log in").await;
        browser.read("[role=alert]", "Type the six digits that your app shows.").await;
        browser.click("details summary").await;
        assert_eq!(browser.text("#totp-secret").await, secret, "the app has it already");
        browser.send(&[("code", &code(&secret))], "Set up and log in").await;
        assert_eq!(browser.recovery_codes_on_page().await.len(), 10);
        browser.follow("I saved them").await;
        browser.arrive_at_heading("Allow this app?").await;
        browser.follow("Allow").await;
        browser.arrive_at_heading("Thank you").await;
        browser.leave(&["400 (Bad Request)"]).await;
    })
    .await;
}

#[actix_web::test]
async fn an_app_that_asks_for_it_has_the_person_log_in_again_and_they_may_come_as_somebody_else() {
    with_and_without_scripts(async |browser| {
        let server = Gatepost::start();
        server.create_user("bob");
        let app = App::grateful(&server);
        browser.log_in(&server).await;
        browser.open(&app.link_with(&server, "prompt=login")).await;
        browser.arrive_at_heading("Log in").await;
        browser.fill("#password", PASSWORD).await;
        browser.submit().await;
        browser.arrive_at_heading("Allow this app?").await;
        server.grow_stale(100);
        browser.open(&app.link_with(&server, "max_age=60")).await;
        browser.arrive_at_heading("Log in").await;
        browser.open(&app.link_with(&server, "max_age=6000")).await;
        browser.arrive_at_heading("Allow this app?").await;
        browser.follow("Use another account").await;
        browser.arrive_at_heading("Log in").await;
        browser.identify("bob", PASSWORD).await;
        browser.arrive_at_heading("Allow this app?").await;
        assert!(browser.text("main").await.contains("You are logged in as bob"));
        browser.follow("Allow").await;
        browser.arrive_at_heading("Thank you").await;
        browser.open(&server.at("/account")).await;
        assert!(browser.text("main").await.contains("bob@mail.example"));
        browser.leave(&[]).await;
    })
    .await;
}
