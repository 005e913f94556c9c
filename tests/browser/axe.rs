//! axe-core, the accessibility engine of others, over every page of which a picture is taken. It is no part of the
//! tree: `scripts/test` installs it and names its file in `GATEPOST_AXE`. Without it our own checks stay.

use std::env;
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::harness::Browser;

static ENGINE: LazyLock<Option<String>> = LazyLock::new(|| {
    let path = env::var_os("GATEPOST_AXE")?;
    Some(std::fs::read_to_string(path).expect("because GATEPOST_AXE names the engine's file"))
});

/// Panics at the first page that the engine finds fault with, as the page stands: light or dark, wide or narrow.
pub async fn inspect(browser: &Browser, name: &str) {
    let Some(engine) = ENGINE.as_deref() else { return };
    // Into the page by the debugger: the page's own policy lets no such script in.
    if browser.evaluate("typeof axe").await != "object" {
        browser.devtools("Runtime.evaluate", json!({ "expression": engine })).await;
    }
    let faults = browser.evaluate(FAULTS).await;
    assert_eq!(faults, Value::Array(Vec::new()), "{name}: axe-core finds fault");
}

/// All rules, the ones that are only good practice too; what it could not decide is no fault.
const FAULTS: &str = "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.map(
    ({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html + ' ' + node.failureSummary).join(' ; ')}`))";

#[actix_web::test]
async fn the_engine_finds_a_fault_where_there_is_one() {
    if ENGINE.is_none() {
        return;
    }
    let browser = Browser::start().await;
    browser.open("data:text/html,<html lang=en><title>x</title><main><h1>x</h1><img src=x></main>").await;
    browser.devtools("Runtime.evaluate", json!({ "expression": ENGINE.as_deref() })).await;
    let faults = browser.evaluate(FAULTS).await.to_string();
    assert!(faults.contains("image-alt"), "{faults}");
}
