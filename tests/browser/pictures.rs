//! How the pages look: a picture of each, light and dark, for a desk and for a phone, into the folder `pictures` of
//! cargo's temporary folder for tests; and what pictures cannot show: that nothing sticks out of a small window, and
//! what the first page weighs. The README's picture is a copy of `consent-readme.png`.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::axe;
use crate::harness::{Browser, Gatepost, PASSWORD};
use crate::portraits;

const LONG_NAME: &str = "Kartographisches-Feldnotizverzeichnis-ohne-Leerzeichen";

/// Takes every picture of the page that is open, and measures it.
pub async fn portray(browser: &Browser, name: &str) {
    portraits::sits(name, &browser.text("h1").await);
    for scheme in ["light", "dark"] {
        wear(browser, scheme).await;
        for width in [1_100, 360] {
            resize(browser, (width, 760), 1).await;
            keep(browser, &format!("{name}-{scheme}-{width}"), Value::Null).await;
        }
        axe::inspect(browser, &format!("{name}, {scheme}")).await;
    }
    // The smallest window that must do without sideways scrolling, and 1280 pixels zoomed to 400 % (WCAG 2.2, 1.4.10).
    for (size, density) in [((320, 640), 1), ((320, 256), 4)] {
        resize(browser, size, density).await;
        let too_wide = browser.evaluate(TOO_WIDE).await;
        assert_eq!(too_wide, json!([]), "{name} sticks out of a window of {size:?} pixels");
    }
    browser.devtools("Emulation.clearDeviceMetricsOverride", json!({})).await;
    assert_eq!(browser.evaluate(UNFIT).await, json!([]), "{name} is unfit for a screen reader or a thumb");
    let bytes = browser.evaluate(BYTES).await.as_f64().expect("because it is a sum");
    assert!(bytes < 20_000.0, "{name} weighs {bytes} bytes");
}

/// Sees that the page that is open fits the smallest window, and keeps a picture of it.
pub async fn fits_a_phone(browser: &Browser, name: &str) {
    resize(browser, (320, 640), 1).await;
    assert_eq!(browser.evaluate(TOO_WIDE).await, json!([]), "{name} sticks out of 320 pixels");
    keep(browser, &format!("{name}-320"), Value::Null).await;
    browser.devtools("Emulation.clearDeviceMetricsOverride", json!({})).await;
}

/// What a screen reader or a thumb stumbles over: fields without a label, buttons without words, ids that lead
/// nowhere or stand twice, headings that skip a level, and targets under 24 pixels (WCAG 2.2, 2.5.8; links in a
/// sentence are exempt).
const UNFIT: &str = "(() => {
    const all = (css) => [...document.querySelectorAll(css)], out = [];
    const seen = (element) => element.getClientRects().length > 0;
    const say = (what, element) => out.push(what + ': ' + element.outerHTML.slice(0, 120));
    for (const field of all('input:not([type=hidden]), select, textarea'))
      if (seen(field) && !field.labels.length && !field.ariaLabel) say('no label', field);
    for (const thing of all('button, a, summary'))
      if (seen(thing) && !thing.textContent.trim() && !thing.ariaLabel) say('no words', thing);
    for (const name of ['aria-describedby', 'aria-labelledby', 'aria-controls', 'for'])
      for (const element of all(`[${name}]`))
        for (const id of element.getAttribute(name).split(' '))
          if (!document.getElementById(id)) say('leads nowhere', element);
    for (const element of all('[id]'))
      if (all('#' + CSS.escape(element.id)).length > 1) say('twice', element);
    const levels = all('h1, h2, h3, h4').filter(seen).map((heading) => +heading.tagName[1]);
    if (levels.filter((level) => level === 1).length !== 1) out.push('not one h1: ' + levels);
    if (levels.some((level, index) => index > 0 && level > levels[index - 1] + 1)) out.push('skips: ' + levels);
    for (const target of all('button, summary, a, .choice, input:not([type=hidden], [type=radio], [type=checkbox]), select')) {
      const { width, height } = target.getBoundingClientRect();
      const isInline = target.matches('a') && getComputedStyle(target).display === 'inline';
      if (seen(target) && !isInline && !target.matches('.skip') && Math.min(width, height) < 24) say('small', target);
    }
    return out;
})()";

/// What sticks out to the right, unless it scrolls by itself; the page as a whole when it scrolls sideways.
const TOO_WIDE: &str = "(() => {
    const page = document.documentElement, limit = page.clientWidth + 0.5;
    const scrolls = (element) => element.closest('pre, .vh, .skip');
    const out = [...document.querySelectorAll('body *')]
      .filter((element) => element.getBoundingClientRect().right > limit && !scrolls(element))
      .map((element) => element.outerHTML.slice(0, 120));
    return page.scrollWidth > page.clientWidth ? ['the page', ...out] : out;
})()";

/// What the page and its parts weigh packed, cached or not; headers are not counted.
const BYTES: &str = "['navigation', 'resource'].flatMap((type) => performance.getEntriesByType(type))
    .reduce((sum, entry) => sum + entry.encodedBodySize, 0)";

/// Light or dark, and at once: a picture taken during a transition shows neither.
async fn wear(browser: &Browser, scheme: &str) {
    let features = [("prefers-color-scheme", scheme), ("prefers-reduced-motion", "reduce")];
    let features = features.map(|(name, value)| json!({ "name": name, "value": value }));
    browser.devtools("Emulation.setEmulatedMedia", json!({ "features": features })).await;
}

async fn resize(browser: &Browser, (width, height): (u32, u32), density: u32) {
    let size = json!({ "width": width, "height": height, "deviceScaleFactor": density, "mobile": false });
    browser.devtools("Emulation.setDeviceMetricsOverride", size).await;
}

/// Writes a picture of a part of the page, or of all of it.
async fn keep(browser: &Browser, name: &str, part: Value) {
    let mut how = json!({ "format": "png", "captureBeyondViewport": true });
    let part = if part.is_null() { browser.evaluate(WHOLE).await } else { part };
    how["clip"] = part;
    let answer = browser.devtools("Page.captureScreenshot", how).await;
    let picture = STANDARD.decode(answer["data"].as_str().unwrap_or_default()).expect("because it is base64");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures");
    fs::create_dir_all(&folder).expect("because cargo's folder is ours");
    fs::write(folder.join(format!("{name}.png")), picture).expect("because the folder was just made");
}

const WHOLE: &str = "({ x: 0, y: 0, width: innerWidth, scale: 1,
    height: Math.max(innerHeight, document.documentElement.scrollHeight) })";
/// The column with the page's content.
const COLUMN: &str = "(() => {
    const { x, width, bottom } = document.querySelector('.gate').getBoundingClientRect();
    return { x: x - 16, y: 0, width: width + 32, height: bottom, scale: 1 };
})()";

#[actix_web::test]
async fn the_pages_of_a_stranger_fit_every_window() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    server.create_client("Field Notes", &["--login-return-url", "https://fieldnotes.example/in"]);
    server.create_client(LONG_NAME, &["--login-return-url", &long_address("in")]);
    let asking = |address: &str| server.at(&format!("/logIn?referer={address}"));
    for (name, address) in [
        ("front", server.at("/")),
        ("log-in", server.at("/login")),
        ("log-in-asking", asking("https://fieldnotes.example/in")),
        ("log-in-asking-long", asking(&long_address("in"))),
        ("register", server.at("/register")),
        ("error-unregistered-redirect", unregistered_redirect(&server)),
        ("error-unregistered-return", asking("https://stranger.example/in")),
        ("error-page-for-developers", server.at("/errors/unregistered-redirect-uri")),
        ("not-found", server.at("/nowhere")),
    ] {
        browser.open(&address).await;
        portray(&browser, name).await;
    }
    browser.open(&server.at("/login")).await;
    browser.identify("nobody", "guess").await;
    browser.find("[role=alert]").await;
    portray(&browser, "log-in-error").await;
    browser.open(&server.at("/register")).await;
    browser.fill("#username", "alice").await;
    browser.fill("#email", "a@mail.example").await;
    browser.fill("#password", "password").await;
    browser.follow("Create account").await;
    browser.find("[role=alert]").await;
    portray(&browser, "register-error").await;
    let failures =
        ["400 (Bad Request)", "400 (Bad Request)", "404 (Not Found)", "400 (Bad Request)", "400 (Bad Request)"];
    browser.leave(&failures).await;
}

#[actix_web::test]
async fn the_pages_that_ask_a_person_fit_every_window() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    server.create_user("bob");
    let addresses = ["--redirect-uri", "https://fieldnotes.example/callback"];
    let returns = ["--login-return-url", "https://fieldnotes.example/in"];
    let client = server.create_client("Field Notes", &[addresses, returns].concat());
    let local = server.create_client("Field Notes for the desk", &["--redirect-uri", "http://127.0.0.1/callback"]);
    let (redirect, back) = (long_address("callback"), long_address("in"));
    let long = server.create_client(LONG_NAME, &["--redirect-uri", &redirect, "--login-return-url", &back]);
    let asking = |address: &str| server.at(&format!("/logIn?referer={address}"));
    browser.open(&server.at("/login")).await;
    browser.identify("bob", PASSWORD).await;
    browser.arrive(&server.at("/account")).await;
    for (name, address) in [
        ("consent", consent(&server, &client)),
        ("consent-this-device", consent(&server, &local)),
        ("consent-long", consent(&server, &long)),
        ("continue", asking("https://fieldnotes.example/in")),
        ("continue-this-device", asking("http://127.0.0.1:8000/in")),
        ("continue-long", asking(&back)),
    ] {
        browser.open(&address).await;
        portray(&browser, name).await;
        if browser.count("details:not([open])").await > 0 {
            browser.click("summary").await;
            portray(&browser, &format!("{name}-opened")).await;
        }
    }
    browser.open(&consent(&server, &client)).await;
    wear(&browser, "light").await;
    resize(&browser, (1_100, 760), 1).await;
    let column = browser.evaluate(COLUMN).await;
    keep(&browser, "consent-readme", column).await;
    browser.leave(&[]).await;
}

#[actix_web::test]
async fn the_pages_of_an_account_fit_every_window() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    let addresses = ["--redirect-uri", "https://fieldnotes.example/callback"];
    let returns = ["--login-return-url", "https://fieldnotes.example/in"];
    let client = server.create_client("Field Notes", &[addresses, returns].concat());
    server.create_client(LONG_NAME, &["--public"]);
    browser.log_in(&server).await;
    for name in ["apps", "sessions"] {
        browser.open(&server.at(&format!("/account/{name}"))).await;
        portray(&browser, &format!("{name}-first")).await;
    }
    browser.open(&consent(&server, &client)).await;
    browser.follow("Allow").await;
    browser.arrive("https://fieldnotes.example/").await;
    browser.open(&server.at("/logIn?referer=https://fieldnotes.example/in")).await;
    browser.follow_to("button[value=allow]").await;
    browser.arrive("https://fieldnotes.example/").await;
    let client_id = client["client_id"].as_str().unwrap_or_default();
    let (app, log) = (format!("/developer/apps/{client_id}"), format!("/developer/apps/{client_id}/log"));
    let wrong = format!("/oauth/authorize?client_id={client_id}&redirect_uri=https://elsewhere.example/");
    for (name, path) in [
        ("refused", wrong.as_str()),
        ("account", "/account"),
        ("sessions", "/account/sessions"),
        ("apps", "/account/apps"),
        ("log", "/account/log"),
        ("developer", "/developer"),
        ("app", &app),
        ("app-log", &log),
        ("hosts", "/developer/hosts"),
        ("new-app-offered", "/developer/apps/new?login_return_url=%3Dhttps://fieldnotes.example/app/"),
        ("new-app", "/developer/apps/new"),
    ] {
        browser.open(&server.at(path)).await;
        portray(&browser, name).await;
    }
    browser.fill("#client_name", "Field Notes 2").await;
    browser.fill("#redirect_uris", "http://fieldnotes.example/callback").await;
    browser.follow("Register app").await;
    browser.find("[role=alert]").await;
    portray(&browser, "new-app-error").await;
    browser.fill("#redirect_uris", "https://fieldnotes.example/callback").await;
    browser.follow("Register app").await;
    browser.find("[data-secret]").await;
    portray(&browser, "app-with-secret").await;
    browser.open(&server.at("/logout")).await;
    portray(&browser, "log-out").await;
    browser.follow("Log out").await;
    browser.arrive_at_heading("You are logged out").await;
    portray(&browser, "logged-out").await;
    browser.leave(&["400 (Bad Request)", "400 (Bad Request)"]).await;
}

#[actix_web::test]
async fn the_first_page_weighs_little_and_paints_without_scripts() {
    let (server, browser) = (Gatepost::start(), Browser::start().await);
    browser.open(&server.at("/login")).await;
    // The icon is no resource to the Performance API until a script asks for it, past the cache.
    browser.evaluate("fetch(document.querySelector('link[rel=icon]').href, { cache: 'reload' })").await;
    let sizes = browser.evaluate(WEIGHT).await;
    let parts: Vec<(String, u64)> = serde_json::from_value(sizes).expect("because it is a list of pairs");
    let total: u64 = parts.iter().map(|(_, bytes)| bytes).sum();
    assert!(parts.len() >= 4 && parts.iter().all(|(_, bytes)| *bytes > 0), "{parts:?}");
    assert!(total < 20_000, "{total} bytes: {parts:?}");
    browser.leave(&[]).await;

    let browser = Browser::start().await.without_scripts().await;
    browser.open(&server.at("/login")).await;
    browser.until("performance.getEntriesByName('first-contentful-paint').length === 1").await;
    assert_eq!(browser.count("button[data-show][hidden]").await, 1, "the page's script ran");
    browser.leave(&[]).await;
}

const WEIGHT: &str = "['navigation', 'resource'].flatMap((type) => performance.getEntriesByType(type))
    .map((entry) => [entry.name, entry.transferSize])";

fn long_address(end: &str) -> String {
    let host = format!("{}.example", "feldnotizverzeichnis-der-landesvermessung.".repeat(3).trim_end_matches('.'));
    format!("https://{host}/{}/{end}", "a-very-long-part-of-a-path".repeat(4))
}

fn unregistered_redirect(server: &Gatepost) -> String {
    let client = server.create_client("Moved Away", &["--redirect-uri", "https://fieldnotes.example/callback"]);
    let id = client["client_id"].as_str().unwrap_or_default();
    server.at(&format!("/oauth/authorize?response_type=code&client_id={id}&redirect_uri=https://stranger.example/"))
}

fn consent(server: &Gatepost, client: &Value) -> String {
    let id = client["client_id"].as_str().unwrap_or_default();
    let uri = client["redirect_uris"][0].as_str().unwrap_or_default();
    server.at(&format!("/oauth/authorize?response_type=code&client_id={id}&redirect_uri={uri}&state=1"))
}
