//! The pages by keyboard alone: Tab, Shift and Tab, Enter, Space, the arrows and typing. Nothing is clicked, and
//! every stop of the focus on the way is seen (WCAG 2.2, 2.1.1, 2.1.2, 2.4.7, 2.4.11).

use crate::harness::{App, Browser, DOWN, ENTER, Gatepost, PASSWORD, SPACE, Site, TAB, code, with_and_without_scripts};

/// Logs alice in on the page that is open: the focus waits in the first field.
async fn log_in(browser: &Browser) {
    browser.arrive_at_heading("Log in").await;
    assert_eq!(browser.focused_name().await.as_deref(), Some("Username or e-mail"));
    browser.strike("alice").await;
    browser.type_into("Password", PASSWORD).await;
    browser.strike(ENTER).await;
}

#[actix_web::test]
async fn a_person_logs_in_from_an_app_by_keyboard_and_goes_back_to_it() {
    with_and_without_scripts(async |browser| {
        let server = Gatepost::start();
        let site = Site::that_says("<h1>Welcome</h1>");
        let link = server.at(&format!("/logIn?referer={}", site.at("127.0.0.1", "/in")));
        browser.open(&link).await;
        browser.arrive_at_heading("Log in").await;
        browser.strike("alice").await;
        browser.type_into("Password", "a guess").await;
        browser.enter("Log in").await;
        // What went wrong has the focus; from there Tab leads into the form.
        browser.until("document.activeElement.getAttribute('role') === 'alert'").await;
        browser.strike(TAB).await;
        assert_eq!(browser.focused_name().await.as_deref(), Some("Username or e-mail"));
        browser.type_into("Password", PASSWORD).await;
        browser.strike(ENTER).await;
        browser.arrive_at_heading("Continue to this address?").await;
        let host = site.at("127.0.0.1", "");
        let button = format!("Continue to {}", host.trim_start_matches("http://"));
        browser.tab_to("Cancel").await;
        browser.tab_back_to(&button).await;
        browser.strike(SPACE).await;
        browser.arrive(&site.at("127.0.0.1", "/in?token=")).await;
        browser.leave(&["400 (Bad Request)"]).await;
    })
    .await;
}

#[actix_web::test]
async fn a_person_allows_an_app_and_removes_it_by_keyboard() {
    with_and_without_scripts(async |browser| {
        let server = Gatepost::start();
        let app = App::grateful(&server);
        browser.open(&app.link()).await;
        log_in(&browser).await;
        browser.arrive_at_heading("Allow this app?").await;
        assert_eq!(browser.focused_name().await, None, "neither answer has the focus by itself");
        browser.tab_to("Full address").await;
        browser.strike(SPACE).await;
        assert!(browser.text(".plate").await.contains(&app.redirect_uri()));
        browser.tab_to("Allow").await;
        browser.strike(SPACE).await;
        browser.arrive_at_heading("Thank you").await;
        let token = app.last_token(&server);
        browser.open(&server.at("/account")).await;
        browser.enter("See your apps").await;
        browser.arrive_at_heading("Apps").await;
        browser.enter("Remove Field Notes").await;
        browser.read(".rows", "No apps yet.").await;
        assert_eq!(server.try_token(&token), 401);
        browser.leave(&[]).await;
    })
    .await;
}

#[actix_web::test]
async fn the_first_stop_of_a_page_leads_past_what_stands_on_every_page() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    browser.log_in(&server).await;
    for path in ["/account", "/account/log", "/developer", "/errors/unregistered-redirect-uri"] {
        browser.open(&server.at(path)).await;
        browser.strike(TAB).await;
        assert_eq!(browser.focused_name().await.as_deref(), Some("Skip to content"), "{path}");
        browser.strike(ENTER).await;
        browser.until("document.activeElement.id === 'main'").await;
        browser.strike(TAB).await;
        assert!(!browser.is_focus_in("header").await, "{path}");
    }
    browser.leave(&[]).await;
}

/// From the front page to an account with an authenticator app.
async fn sign_up(server: &Gatepost, browser: &Browser) {
    browser.open(&server.at("/login")).await;
    browser.enter("Create one").await;
    browser.arrive_at_heading("Create an account").await;
    browser.type_into("Username", "carol").await;
    browser.type_into("E-mail", "carol@mail.example").await;
    browser.type_into("Password", PASSWORD).await;
    browser.enter("Create account").await;
    browser.arrive_at_heading("Your account").await;
    // The second step comes after the address is confirmed.
    let message = server.email("carol@mail.example", "Confirm your e-mail address").await;
    browser.open(&server.at(&message.link_with("/verify?"))).await;
    browser.type_into("Password", PASSWORD).await;
    browser.enter("Confirm address").await;
    browser.arrive_at_heading("Your account").await;
    browser.enter("Security").await;
    browser.arrive_at_heading("Security").await;
    browser.enter("Set up an authenticator app").await;
    browser.arrive_at_heading("Set up an authenticator app").await;
    browser.tab_to("Or type a secret into the app").await;
    browser.strike(SPACE).await;
    let secret = browser.text("#totp-secret").await;
    browser.type_into("Code", &code(&secret)).await;
    browser.strike(ENTER).await;
    browser.arrive_at_heading("Your recovery codes").await;
    browser.enter("I saved them").await;
}

/// Makes a token for a resource and three months.
async fn make_token(browser: &Browser) {
    browser.enter("Tokens").await;
    browser.arrive_at_heading("Tokens").await;
    browser.enter("Make a token").await;
    browser.arrive_at_heading("Make a token").await;
    browser.type_into("What is it for?", "Field station").await;
    browser.type_into("Ids of the resources", "42").await;
    browser.tab_to("30 days").await;
    browser.strike(DOWN).await;
    assert_eq!(browser.focused_name().await.as_deref(), Some("90 days"));
    browser.enter("Make the token").await;
    browser.arrive_at_heading("Your new token").await;
    let page = browser.text("main").await;
    assert!(page.contains("On 42: see it") && page.contains("It ends in 90 days"), "{page}");
    browser.enter("I saved it").await;
    browser.arrive_at_heading("Tokens").await;
}

#[actix_web::test]
async fn an_account_is_made_kept_safe_used_and_deleted_by_keyboard() {
    with_and_without_scripts(async |browser| {
        let server = Gatepost::start();
        sign_up(&server, &browser).await;
        browser.arrive_at_heading("Security").await;
        browser.enter("Profile").await;
        browser.arrive_at_heading("Profile").await;
        browser.type_into("About you", "Counts herons.").await;
        browser.tab_to("Others may write to me By e-mail, ten a day at most. Nobody sees your address.").await;
        browser.strike(SPACE).await;
        browser.enter("Save profile").await;
        browser.read("[role=status]", "Saved.").await;
        assert_eq!(browser.text("#about").await, "Counts herons.");
        make_token(&browser).await;
        browser.enter("Overview").await;
        browser.arrive_at_heading("Your account").await;
        browser.enter("Delete your account").await;
        browser.arrive_at_heading("Delete your account").await;
        browser.type_into("Type your user name", "carol").await;
        browser.type_into("Your password", PASSWORD).await;
        browser.enter("Delete account").await;
        browser.arrive_at_heading("Your account is closed").await;
        browser.leave(&[]).await;
    })
    .await;
}

#[actix_web::test]
async fn sessions_end_by_keyboard() {
    with_and_without_scripts(async |browser| {
        let server = Gatepost::start();
        let other = server.log_in_elsewhere();
        browser.open(&server.at("/account/sessions")).await;
        log_in(&browser).await;
        browser.arrive_at_heading("Sessions").await;
        browser.enter("End the session An unknown program, 127.0.0.1").await;
        browser.until("document.querySelectorAll('.rows .facts').length === 1").await;
        assert!(!server.is_logged_in(&other));
        browser.enter("Log out alice").await;
        browser.arrive_at_heading("Log out?").await;
        browser.enter("Log out").await;
        browser.arrive_at_heading("You are logged out").await;
        browser.leave(&[]).await;
    })
    .await;
}

#[actix_web::test]
async fn an_app_is_registered_changed_and_deleted_by_keyboard() {
    with_and_without_scripts(async |browser| {
        let server = Gatepost::start();
        browser.open(&server.at("/developer")).await;
        log_in(&browser).await;
        browser.arrive_at_heading("Your apps").await;
        browser.enter("Register an app").await;
        browser.arrive_at_heading("Register an app").await;
        browser.type_into("Name", "Herons").await;
        browser.type_into("Redirect URIs", "https://herons.example/callback").await;
        browser.enter("Register app").await;
        browser.arrive_at_heading("Herons").await;
        assert_eq!(browser.count("[data-secret]").await, 1);
        browser.type_into("Parameters that vary", "page").await;
        browser.enter("Save changes").await;
        browser.read("[role=status]", "Saved.").await;
        browser.tab_to("1 day").await;
        browser.strike(DOWN).await;
        assert_eq!(browser.focused_name().await.as_deref(), Some("7 days"));
        browser.enter("Make a new secret").await;
        browser.read("main", "Your new secret").await;
        browser.type_into("Type the name of this app", "Herons").await;
        browser.enter("Delete app").await;
        browser.arrive_at_heading("Your apps").await;
        browser.read(".rows", "No apps yet.").await;
        browser.leave(&[]).await;
    })
    .await;
}

#[actix_web::test]
#[should_panic(expected = "it has no outline")]
async fn a_focus_that_cannot_be_seen_is_found() {
    let browser = Browser::start().await;
    browser.open("data:text/html,<style>*{outline:none}</style><button>Go on</button>").await;
    browser.tab_to("Go on").await;
}

#[actix_web::test]
#[should_panic(expected = "no 'Go on'")]
async fn a_trap_is_found() {
    let browser = Browser::start().await;
    let trap = "<input aria-label=Trap onkeydown='event.preventDefault()'><button>Go on</button>";
    browser.open(&format!("data:text/html,<style>:focus{{outline:2px solid}}</style>{trap}")).await;
    browser.tab_to("Go on").await;
}
