//! No tab, no hour, no Back button breaks it, in a real browser: tabs that wait for different answers, two people who
//! take turns, log-outs in between, Back and reload. `tests/it/tabs.rs` does the same with many more seeds, and with
//! time.

use fantoccini::wd::WindowHandle;

use crate::harness::{Answer, App, Browser, Dice, Gatepost, PASSWORD, seeds};

const TABS: usize = 6;
const STEPS: usize = 60;
const SEEDS: std::ops::Range<u64> = 1..2;
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// Steps after which a person who only presses the obvious button must have arrived.
const PATIENCE: usize = 6;

struct Tab {
    handle: WindowHandle,
    start: String,
    state: String,
}

async fn heading(browser: &Browser) -> String {
    browser.text("h1").await
}

async fn has_arrived(browser: &Browser, app: &App) -> bool {
    browser.address().await.as_str().starts_with(&app.redirect_uri())
}

/// The obvious thing to do on the page that is open.
async fn go_on(browser: &Browser, person: &str) {
    match heading(browser).await.as_str() {
        "Log in" => browser.identify(person, PASSWORD).await,
        "Allow this app?" => browser.follow("Allow").await,
        "Log out?" => browser.follow("Log out").await,
        other => panic!("what now? {other}: {}", browser.text("body").await),
    }
}

async fn log_out(browser: &Browser, server: &Gatepost) {
    browser.open(&server.at("/logout")).await;
    if heading(browser).await == "Log out?" {
        browser.follow("Log out").await;
        browser.arrive_at_heading("You are logged out").await;
    }
}

#[actix_web::test]
async fn tabs_driven_at_random_each_come_back_with_their_own_state() {
    for seed in seeds(SEEDS) {
        drive(Dice::new(seed)).await;
    }
}

async fn drive(mut dice: Dice) {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    server.create_user("bob");
    let app = App::start(&server, |_| Answer::Page("<h1>Back at the app</h1>".to_owned()));
    let side = browser.tab().await;
    let mut tabs = Vec::new();
    for number in 0..TABS {
        let state = format!("tab-{number}");
        let (id, back) = (&app.client_id, app.redirect_uri());
        let start = server.at(&format!(
            "/oauth/authorize?response_type=code&client_id={id}&redirect_uri={back}&state={state}\
             &code_challenge={CHALLENGE}&code_challenge_method=S256"
        ));
        let handle = browser.open_tab().await;
        browser.open(&start).await;
        tabs.push(Tab { handle, start, state });
    }
    for _ in 0..STEPS {
        let tab = &tabs[dice.below(TABS)];
        let person = ["alice", "bob"][dice.below(2)];
        browser.turn_to(&tab.handle).await;
        if has_arrived(&browser, &app).await {
            continue;
        }
        match dice.below(8) {
            0 => browser.open(&tab.start).await,
            1 => browser.reload().await,
            // Never past the first page of ours, where a tab began empty.
            2 if browser.evaluate("history.length").await.as_u64() > Some(3) => {
                browser.back().await;
                if browser.address().await.scheme() != "http" {
                    browser.open(&tab.start).await;
                }
            }
            3 => {
                browser.turn_to(&side).await;
                log_out(&browser, &server).await;
            }
            4 => browser.forget_cookies().await,
            _ => go_on(&browser, person).await,
        }
    }
    for tab in &tabs {
        browser.turn_to(&tab.handle).await;
        for _ in 0..PATIENCE {
            if !has_arrived(&browser, &app).await {
                go_on(&browser, "alice").await;
            }
        }
        let address = browser.address().await;
        let state = address.query_pairs().find(|(name, _)| name == "state").map(|(_, value)| value.into_owned());
        assert!(has_arrived(&browser, &app).await, "{} ended at {address}", tab.start);
        assert_eq!(state.as_deref(), Some(tab.state.as_str()), "{address}");
    }
    let codes: std::collections::BTreeSet<_> = app.answers().iter().map(|visit| visit.parameter("code")).collect();
    assert!(codes.len() >= TABS && !codes.contains(&None), "every tab has a code of its own: {codes:?}");
}
