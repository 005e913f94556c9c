//! No tab, no hour, no Back button breaks it (`docs/decisions/0043-tabs.md`): one browser with ten tabs, driven at
//! random. Two people take turns at it, log out in one tab while another waits, go back, reload, come back after
//! hours or weeks. Every tab ends at its own redirect URI with its own `state`, or stands on a page that goes on.

use gatepost::domain::client::ClientType;
use gatepost::domain::registration::Draft;

use crate::harness::browser::Browser;
use crate::harness::dice::{Dice, seeds};
use crate::harness::html::Page;
use crate::harness::http::parameter;
use crate::harness::pages::{log_in_path_with, returns_to};
use crate::harness::{self, PASSWORD, Server, random_word};

const TABS: usize = 10;
const STEPS: usize = 120;
const SEEDS: std::ops::Range<u64> = 1..13;
const PEOPLE: [&str; 2] = ["alice", "bob"];
/// Steps after which a person who only presses the obvious button must have arrived.
const PATIENCE: usize = 6;

/// One tab: where it began, where it must end, the pages that Back leads to.
struct Tab {
    start: String,
    goal: String,
    state: String,
    pages: Vec<Page>,
    is_done: bool,
}

impl Tab {
    fn page(&self) -> &Page {
        self.pages.last().expect("because a tab shows a page")
    }

    /// Takes in what came; a tab that was sent away must have come to its own app with its own state.
    fn arrive(&mut self, page: Page) {
        if let Some(away) = page.away.as_deref() {
            assert!(away.starts_with(&self.goal), "{} was sent to {away}", self.start);
            assert_eq!(parameter(away, "state").as_deref(), Some(self.state.as_str()), "{}: {away}", self.start);
            self.is_done = true;
            return;
        }
        assert!(page.status < 500, "{}: {} {}", self.start, page.status, page.text());
        let goes_on = !page.forms().is_empty() || !page.attributes("main a[href]", "href").is_empty();
        assert!(goes_on, "{}: no way on from {}: {}", self.start, page.url, page.text());
        self.pages.push(page);
    }
}

/// Tabs of all kinds: by code and by the login redirect, of three apps, some of which ask for the password again.
async fn begin(server: &Server, browser: &mut Browser, dice: &mut Dice) -> Vec<Tab> {
    let (mut by_code, mut by_redirect) = (Vec::new(), Vec::new());
    for name in ["one", "two", "three"] {
        let redirect_uris = vec![format!("https://{name}.example/callback")];
        let draft = Draft { redirect_uris, ..Draft::new(name, ClientType::Confidential) };
        by_code.push(server.application(draft).await);
        let back = format!("https://{name}.example/in");
        server.application(returns_to(&[&back])).await;
        by_redirect.push(back);
    }
    let mut tabs = Vec::new();
    for _ in 0..TABS {
        let (which, state) = (dice.below(3), random_word(12));
        let (start, goal) = match dice.below(4) {
            0 => (log_in_path_with(&by_redirect[which], &[("state", &state)]), by_redirect[which].clone()),
            kind => {
                let request = by_code[which].request().with("state", &state);
                let request = if kind == 1 { request.with("prompt", "login") } else { request };
                (request.path(), by_code[which].redirect_uri())
            }
        };
        let mut tab = Tab { start, goal, state, pages: Vec::new(), is_done: false };
        tab.arrive(browser.open(&tab.start).await);
        tabs.push(tab);
    }
    tabs
}

/// The obvious thing to do on a page.
async fn go_on(browser: &mut Browser, tab: &Tab, person: &str) -> Page {
    let page = tab.page();
    match page.heading().as_str() {
        "Log in" => browser.log_in_at(page, person, PASSWORD).await,
        "Allow this app?" | "Continue to this address?" => browser.submit(page.decision("allow")).await,
        // A page that says what happened has one way on: the button of its form, or a link.
        _ => match page.forms().into_iter().next() {
            Some(form) => browser.submit(form).await,
            None => {
                let links = page.attributes("main a[href]", "href");
                let target = page.url.join(&links[0]).expect("because a link is an address");
                browser.open(target.as_str()).await
            }
        },
    }
}

/// One thing that somebody does at random.
async fn step(server: &Server, browser: &mut Browser, tabs: &mut [Tab], dice: &mut Dice) {
    let chosen = dice.below(tabs.len());
    let (tab, person) = (&mut tabs[chosen], PEOPLE[dice.below(PEOPLE.len())]);
    match dice.below(12) {
        // Back: the page as it was, from the browser's memory.
        0 | 1 if tab.pages.len() > 1 => drop(tab.pages.pop()),
        2 => tab.arrive(browser.open(tab.page().url.clone().as_str()).await),
        3 => server.advance(3_600),
        4 if dice.below(6) == 0 => server.advance(15 * 86_400),
        5 if dice.below(3) == 0 => {
            let page = browser.open("/logout").await;
            if page.forms().iter().any(|form| form.has_button("Log out")) {
                browser.submit(page.form_with("Log out")).await;
            }
        }
        6 if dice.below(2) == 0 => {
            let page = browser.open("/login").await;
            if page.heading() == "Log in" {
                browser.log_in_at(&page, person, PASSWORD).await;
            }
        }
        7 if tab.page().heading() == "Log in" => {
            let wrong = browser.log_in_at(&tab.page().clone(), person, "not the password").await;
            tab.arrive(wrong);
        }
        8 if tab.page().text().contains("Use another account") => {
            let other = tab.page().link("Use another account");
            tab.arrive(browser.open(&other).await);
        }
        9 if dice.below(4) == 0 && tab.page().heading() != "Log in" => {
            let forms = tab.page().forms();
            if forms.iter().any(|form| form.has_button("Cancel")) {
                tab.arrive(browser.submit(tab.page().decision("deny")).await);
            }
        }
        _ => tab.arrive(go_on(browser, tab, person).await),
    }
}

#[actix_web::test]
async fn ten_tabs_driven_at_random_each_end_at_their_own_app_with_their_own_state() {
    for seed in seeds(SEEDS) {
        let server = harness::spawn_with(&[("rate_limits.enabled", "false")]).await;
        for person in PEOPLE {
            server.person(person).await;
        }
        let mut dice = Dice::new(seed);
        let mut browser = server.browser();
        let mut tabs = begin(&server, &mut browser, &mut dice).await;
        for _ in 0..STEPS {
            let mut open: Vec<Tab> = Vec::new();
            let (done, waiting): (Vec<Tab>, Vec<Tab>) = tabs.into_iter().partition(|tab| tab.is_done);
            open.extend(waiting);
            if open.is_empty() {
                tabs = done;
                break;
            }
            step(&server, &mut browser, &mut open, &mut dice).await;
            tabs = done.into_iter().chain(open).collect();
        }
        // Whoever then only presses the obvious button arrives.
        for tab in &mut tabs {
            for _ in 0..PATIENCE {
                if !tab.is_done {
                    tab.arrive(go_on(&mut browser, tab, "alice").await);
                }
            }
            let way: Vec<String> = tab.pages.iter().map(|page| format!("{} ({})", page.url, page.heading())).collect();
            assert!(tab.is_done, "{} ended at {}", tab.start, way.join("\n"));
        }
    }
}
