//! What a person does with a browser, and what they see.

use std::time::{Duration, Instant};

use actix_web::rt::time::sleep;
use fantoccini::elements::Element;
use fantoccini::wd::{WebDriverCompatibleCommand, WindowHandle};
use fantoccini::{Client, Locator};
use serde_json::{Value, json};
use ureq::http::Method;
use url::Url;

use super::chromium::Chromium;
use super::gatepost::{Gatepost, PASSWORD};

/// How long a page may take before the test fails: a machine that does other things too is slow, not wrong.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a page is looked at meanwhile.
const GLANCE: Duration = Duration::from_millis(40);
/// The Enter key, as WebDriver writes it.
pub const ENTER: &str = "\u{E007}";
/// The Tab key.
pub const TAB: &str = "\u{E004}";

/// A browser of its own, with an empty profile.
pub struct Browser {
    pub(super) client: Client,
    _chromium: Chromium,
}

/// Lives through a journey twice: with scripts, and in a browser that runs none.
pub async fn with_and_without_scripts(journey: impl AsyncFn(Browser)) {
    println!("with scripts");
    journey(Browser::start().await).await;
    println!("without scripts");
    journey(Browser::start().await.without_scripts().await).await;
}

impl Browser {
    /// A browser that finds this machine and no other.
    pub async fn start() -> Self {
        let (chromium, client) = Chromium::start().await;
        Self { client, _chromium: chromium }
    }

    /// Goes to an address, and waits for the page.
    pub async fn open(&self, address: &str) {
        self.client.goto(address).await.unwrap_or_else(|error| panic!("{address}: {error}"));
    }

    /// Goes to an address whose page need not load.
    pub async fn head_for(&self, address: &str) {
        if let Err(error) = self.client.goto(address).await {
            assert!(error.to_string().contains("net::ERR_"), "{address}: {error}");
        }
    }

    /// The address in the address bar.
    pub async fn address(&self) -> Url {
        self.client.current_url().await.expect("because a page is open")
    }

    /// Waits until the address bar begins so.
    pub async fn arrive(&self, beginning: &str) -> Url {
        let began = Instant::now();
        loop {
            let address = self.address().await;
            if address.as_str().starts_with(beginning) {
                return address;
            }
            if began.elapsed() > PATIENCE {
                let page = self.text("body").await;
                panic!("the browser is at {address}, not at {beginning}…; its page reads:\n{page}");
            }
            sleep(GLANCE).await;
        }
    }

    /// Waits until the page's heading reads so.
    pub async fn arrive_at_heading(&self, heading: &str) {
        self.until(&format!("document.querySelector('h1')?.textContent.trim() === {}", json!(heading))).await;
    }

    /// Waits until a script's expression is true. A page that is just leaving has no answer; the next one has.
    pub async fn until(&self, expression: &str) {
        let (began, script) = (Instant::now(), format!("return ({expression});"));
        while !matches!(self.client.execute(&script, Vec::new()).await, Ok(Value::Bool(true))) {
            if began.elapsed() > PATIENCE {
                let (address, page) = (self.address().await, self.text("body").await);
                panic!("never became true: {expression}\nat {address}, whose page reads:\n{page}");
            }
            sleep(GLANCE).await;
        }
    }

    /// Waits until the first element that fits reads so, as a part of it, and answers all of it.
    pub async fn read(&self, css: &str, part: &str) -> String {
        let part = json!(part);
        self.until(&format!("!!document.querySelector({})?.innerText.includes({part})", json!(css))).await;
        self.text(css).await
    }

    /// The first element that fits, as soon as there is one.
    pub async fn find(&self, css: &str) -> Element {
        let found = self.client.wait().at_most(PATIENCE).every(GLANCE).for_element(Locator::Css(css)).await;
        match found {
            Ok(element) => element,
            Err(error) => panic!("{css} at {}: {error}", self.address().await),
        }
    }

    /// How many elements fit.
    pub async fn count(&self, css: &str) -> usize {
        self.client.find_all(Locator::Css(css)).await.expect("because the selector is right").len()
    }

    /// What a person reads there, on the page that is open. A page that is just leaving takes its elements along;
    /// the next one is read.
    pub async fn text(&self, css: &str) -> String {
        let began = Instant::now();
        loop {
            match self.find(css).await.text().await {
                Ok(text) => return text,
                Err(error) if began.elapsed() > PATIENCE => panic!("{css}: {error}"),
                Err(_) => sleep(GLANCE).await,
            }
        }
    }

    /// Types into a field; its content before is replaced.
    pub async fn fill(&self, css: &str, text: &str) {
        let field = self.find(css).await;
        field.clear().await.unwrap_or_else(|error| panic!("{css}: {error}"));
        field.send_keys(text).await.unwrap_or_else(|error| panic!("{css}: {error}"));
    }

    /// Types into several fields, each by its id, presses the button with these words, and waits for the answer.
    pub async fn send(&self, fields: &[(&str, &str)], words: &str) {
        for (id, text) in fields {
            self.fill(&format!("#{id}"), text).await;
        }
        self.follow(words).await;
    }

    /// Does something that leads to another page, and waits until that one is there. The page that answers may look
    /// like this one, so this one is marked first.
    pub(super) async fn answered(&self, action: impl Future<Output = ()>) {
        self.evaluate("window.isAnswered = false").await;
        action.await;
        self.until("window.isAnswered === undefined && document.readyState !== 'loading'").await;
    }

    /// Clicks the link or button with these words, and waits for the page that it leads to.
    pub async fn follow(&self, words: &str) {
        self.answered(self.click_words(words)).await;
    }

    /// Clicks, and waits for the page that it leads to.
    pub async fn follow_to(&self, css: &str) {
        self.answered(self.click(css)).await;
    }

    /// Presses Enter in the field that has the focus, and waits for the answer.
    pub async fn submit(&self) {
        self.answered(self.press(ENTER)).await;
    }

    /// Presses keys where the focus is.
    pub async fn press(&self, keys: &str) {
        let focused = self.client.active_element().await.expect("because a page has a focus");
        focused.send_keys(keys).await.expect("because the focused element takes keys");
    }

    /// Clicks something that leads to no other page.
    pub async fn click(&self, css: &str) {
        self.find(css).await.click().await.unwrap_or_else(|error| panic!("{css}: {error}"));
    }

    /// Clicks the link or button with these words, which lead to no other page.
    pub async fn click_words(&self, words: &str) {
        let path = format!("//*[self::a or self::button][normalize-space(.)='{words}']");
        let found = self.client.wait().at_most(PATIENCE).every(GLANCE).for_element(Locator::XPath(&path)).await;
        let found = found.unwrap_or_else(|error| panic!("{words}: {error}"));
        found.click().await.unwrap_or_else(|error| panic!("{words}: {error}"));
    }

    /// The Back button.
    pub async fn back(&self) {
        self.client.back().await.expect("because there is a page before");
    }

    /// The Reload button.
    pub async fn reload(&self) {
        self.client.refresh().await.expect("because a page is open");
    }

    /// Into the first frame of the page.
    pub async fn enter_frame(&self) {
        self.client.enter_frame(0).await.expect("because the page has a frame");
    }

    /// Back out of a frame.
    pub async fn leave_frame(&self) {
        self.client.enter_parent_frame().await.expect("because a frame is open");
    }

    /// The value of a script's expression; a promise is waited for.
    pub async fn evaluate(&self, expression: &str) -> Value {
        let script = format!("return await ({expression});");
        self.client.execute(&script, Vec::new()).await.unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// The HTTP status of the page that is open.
    pub async fn status(&self) -> Value {
        self.evaluate("performance.getEntriesByType('navigation')[0].responseStatus").await
    }

    /// A command of the Chrome DevTools Protocol.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.extension("goog/cdp/execute", json!({ "cmd": command, "params": parameters })).await
    }

    /// The tab that is in front.
    pub async fn tab(&self) -> WindowHandle {
        self.client.window().await.expect("because a tab is open")
    }

    /// Opens a tab and turns to it.
    pub async fn open_tab(&self) -> WindowHandle {
        let handle = self.client.new_window(true).await.expect("because a browser has room for a tab").handle;
        self.turn_to(&handle).await;
        handle
    }

    /// Brings a tab to the front.
    pub async fn turn_to(&self, tab: &WindowHandle) {
        self.client.switch_to_window(tab.clone()).await.expect("because the tab is open");
    }

    /// Forgets every cookie of the page's origin: the session is over, as after a long pause.
    pub async fn forget_cookies(&self) {
        self.client.delete_all_cookies().await.expect("because cookies can be deleted");
    }

    /// Switches scripts of pages off; ours still run.
    pub async fn without_scripts(self) -> Self {
        self.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
        self
    }

    /// Logs in as alice on the page that is open.
    pub async fn give_password(&self) {
        self.identify("alice", PASSWORD).await;
    }

    /// Types a name and a password into the page that is open, presses Enter, and waits for the answer.
    pub async fn identify(&self, name: &str, password: &str) {
        self.fill("input[name=username]", name).await;
        self.fill("input[name=password]", password).await;
        self.submit().await;
    }

    /// Logs in as alice, on the way to nowhere.
    pub async fn log_in(&self, server: &Gatepost) {
        self.open(&server.at("/login")).await;
        self.give_password().await;
        self.arrive(&server.at("/account")).await;
    }

    /// Logs out, by the page that asks.
    pub async fn log_out(&self, server: &Gatepost) {
        self.open(&server.at("/logout")).await;
        self.follow("Log out").await;
        self.arrive_at_heading("You are logged out").await;
    }

    /// Ends the visit: what the console said must be what was expected, line by line, no more and no less.
    pub async fn leave(self, expected: &[&str]) {
        let said = self.console().await;
        let is_expected =
            said.len() == expected.len() && said.iter().zip(expected).all(|(line, part)| line.contains(part));
        assert!(is_expected, "the console said {said:#?}, expected {expected:#?}");
        self.client.close().await.expect("because the browser runs");
    }

    /// What the console said since it was last read: every violation of a policy, error and warning; not that logging
    /// out cleared the cache, which Chromium mentions or not, as it comes.
    pub async fn console(&self) -> Vec<String> {
        let entries = self.extension("se/log", json!({ "type": "browser" })).await;
        let entries = entries.as_array().expect("because a log is a list");
        let lines = entries.iter().map(|entry| format!("{}: {}", entry["source"], entry["message"]));
        // The browser's own pages (its list of downloads) have scripts too.
        lines.filter(|line| !line.contains("Clear-Site-Data header on") && !line.contains("\"chrome://")).collect()
    }

    async fn extension(&self, path: &str, body: Value) -> Value {
        self.issue(path, Some(body)).await
    }

    /// A command that fantoccini does not know; without a body it is a question.
    pub(super) async fn issue(&self, path: &str, body: Option<Value>) -> Value {
        let answer = self.client.issue_cmd(Extension { path: path.to_owned(), body }).await;
        answer.unwrap_or_else(|error| panic!("{path}: {error}"))
    }
}

/// A command of chromedriver's own, or of WebDriver.
#[derive(Debug)]
struct Extension {
    path: String,
    body: Option<Value>,
}

impl WebDriverCompatibleCommand for Extension {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _address: &Url) -> (Method, Option<String>) {
        match &self.body {
            Some(body) => (Method::POST, Some(body.to_string())),
            None => (Method::GET, None),
        }
    }
}
