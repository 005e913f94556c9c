//! A person who has a keyboard and nothing else.

use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use serde_json::{Value, json};

use super::browser::{Browser, ENTER, TAB};

/// The Shift key, as WebDriver writes it.
const SHIFT: char = '\u{E008}';
/// The space bar.
pub const SPACE: &str = " ";
/// The arrow that leads to the next choice.
pub const DOWN: &str = "\u{E015}";
/// More stops than any page of ours has up to where somebody wants to go: who needs more is caught in a trap.
const MOST_STOPS: usize = 60;

/// Where the focus is: nothing on the page itself, else the element, and what is wrong with how it shows.
const STOP: &str = "(() => {
    const element = document.activeElement;
    if (!element || element === document.body) return null;
    const { outlineStyle, outlineWidth } = getComputedStyle(element);
    const { left, right, top, bottom, width, height } = element.getBoundingClientRect();
    const faults = [];
    if (outlineStyle === 'none' || parseFloat(outlineWidth) < 2) faults.push('it has no outline');
    if (Math.min(width, height) < 2) faults.push('it has no size');
    if (right <= 0 || bottom <= 0 || left >= innerWidth || top >= innerHeight) faults.push('it is out of sight');
    return { html: element.outerHTML.slice(0, 160), faults };
})()";

impl Browser {
    /// Presses keys, wherever the focus is.
    pub async fn strike(&self, keys: &str) {
        for key in keys.chars() {
            let stroke = KeyActions::new("keyboard".to_owned())
                .then(KeyAction::Down { value: key })
                .then(KeyAction::Up { value: key });
            self.client.perform_actions(stroke).await.expect("because a browser takes keys");
        }
    }

    /// Presses Tab until the focus is on what has this accessible name; every stop on the way must be seen.
    pub async fn tab_to(&self, name: &str) {
        self.travel(name, false).await;
    }

    /// The same backwards, by Shift and Tab.
    pub async fn tab_back_to(&self, name: &str) {
        self.travel(name, true).await;
    }

    /// Tabs to what has this name, presses Enter there, and waits for the page that it leads to.
    pub async fn enter(&self, name: &str) {
        self.tab_to(name).await;
        self.answered(self.strike(ENTER)).await;
    }

    /// Tabs to the field of this name and types.
    pub async fn type_into(&self, name: &str, text: &str) {
        self.tab_to(name).await;
        self.strike(text).await;
    }

    /// The accessible name of what has the focus; nothing when that is the page itself.
    pub async fn focused_name(&self) -> Option<String> {
        let stop = self.evaluate(STOP).await;
        if stop.is_null() {
            return None;
        }
        assert_eq!(stop["faults"], json!([]), "the focus is on {}", stop["html"]);
        let element = self.client.active_element().await.expect("because a page has a focus").element_id();
        let label = self.issue(&format!("element/{}/computedlabel", element.as_ref()), None).await;
        Some(label.as_str().unwrap_or_default().to_owned())
    }

    async fn travel(&self, name: &str, is_backwards: bool) {
        let mut stops = Vec::new();
        while stops.len() < MOST_STOPS {
            self.press_tab(is_backwards).await;
            match self.focused_name().await {
                Some(found) if found == name => return,
                found => stops.push(found),
            }
        }
        panic!("no '{name}' at {}; the focus went to {stops:?}", self.address().await);
    }

    async fn press_tab(&self, is_backwards: bool) {
        if !is_backwards {
            return self.strike(TAB).await;
        }
        let tab = TAB.chars().next().expect("because it is a key");
        let strokes = KeyActions::new("keyboard".to_owned())
            .then(KeyAction::Down { value: SHIFT })
            .then(KeyAction::Down { value: tab })
            .then(KeyAction::Up { value: tab })
            .then(KeyAction::Up { value: SHIFT });
        self.client.perform_actions(strokes).await.expect("because a browser takes keys");
    }

    /// Whether the focus is inside an element, or on it.
    pub async fn is_focus_in(&self, css: &str) -> bool {
        let inside = format!("!!document.activeElement.closest({})", json!(css));
        self.evaluate(&inside).await == Value::Bool(true)
    }
}
