//! Every page has its picture: the templates that are whole pages, each with a picture that shows it. A new template
//! fails the test below until a picture of its page is taken and named here.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const PORTRAITS: &[(&str, &str)] = &[
    ("account/apps.html", "apps"),
    ("account/confirm.html", "confirm"),
    ("account/delete.html", "delete"),
    ("account/index.html", "account"),
    ("account/log.html", "log"),
    ("account/new_passkey.html", "passkey-new"),
    ("account/new_token.html", "new-token"),
    ("account/passkeys.html", "passkeys"),
    ("account/password.html", "password"),
    ("account/profile.html", "profile"),
    ("account/recovery_codes.html", "recovery-codes"),
    ("account/security.html", "security"),
    ("account/sessions.html", "sessions"),
    ("account/token_made.html", "token-made"),
    ("account/tokens.html", "tokens-many"),
    ("account/totp.html", "totp"),
    ("consent.html", "consent"),
    ("continue.html", "continue"),
    ("demo/app.html", "demo"),
    ("developer/app.html", "app"),
    ("developer/hosts.html", "hosts"),
    ("developer/index.html", "developer"),
    ("developer/log.html", "app-log"),
    ("developer/new.html", "new-app"),
    ("device.html", "device"),
    ("device_decision.html", "device-decision"),
    ("error.html", "not-found"),
    ("form_post.html", "form-post"),
    ("home.html", "front"),
    ("invitation.html", "invitation"),
    ("restore_account.html", "keep"),
    ("log_in.html", "log-in"),
    ("log_out.html", "log-out"),
    ("log_out_of_app.html", "log-out-of-app"),
    ("message.html", "logged-out"),
    ("compromise_report.html", "not-me"),
    ("problem.html", "error-page-for-developers"),
    ("register.html", "register"),
    ("remote_session.html", "remote-session"),
    ("reset.html", "reset"),
    ("reset_finish.html", "reset-finish"),
    ("second_step.html", "second-step"),
    ("second_step_set_up.html", "second-step-set-up"),
    ("set_up.html", "set-up"),
    ("verify.html", "verify"),
];

/// Panics when a picture that stands for a template is taken of another page: the heading tells.
pub fn sits(picture: &str, heading: &str) {
    let Some((template, _)) = PORTRAITS.iter().find(|(_, own)| *own == picture) else { return };
    let headings = headings(&fs::read_to_string(templates().join(template)).expect("because the table names a file"));
    let fits = |own: &String| own == heading || own.contains("{{");
    assert!(headings.iter().any(fits), "{picture} is no picture of {template}: {heading}");
}

fn templates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("templates")
}

/// The words of each `h1`, without tags.
fn headings(template: &str) -> Vec<String> {
    let each = template.split("<h1").skip(1).filter_map(|rest| rest.split("</h1>").next());
    let words = |heading: &str| heading.split('<').filter_map(|part| part.split('>').nth(1)).collect::<String>();
    each.map(words).collect()
}

/// The templates that are whole pages: not a part, not a frame, not a letter.
fn pages() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![templates()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("because it is a folder of ours") {
            let path = entry.expect("because it was just listed").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).expect("because a template is text");
            let is_page = text.contains("{% extends") || (text.contains("<!doctype") && !text.contains("{% block"));
            let name = path.strip_prefix(templates()).expect("because it was found below").display().to_string();
            if is_page && !name.starts_with("mail/") {
                found.insert(name);
            }
        }
    }
    found
}

#[test]
fn every_page_has_its_picture() {
    let named: BTreeSet<String> = PORTRAITS.iter().map(|(template, _)| (*template).to_owned()).collect();
    assert_eq!(pages(), named, "a page and its picture stand in the table");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    let files = fs::read_dir(folder).expect("because these are our tests");
    let paths = files.map(|file| file.expect("because it was just listed").path());
    let tests: String = paths
        .filter(|path| path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("portraits.rs"))
        .map(|path| fs::read_to_string(path).expect("because it is text"))
        .collect();
    for (template, picture) in PORTRAITS {
        assert!(tests.contains(&format!("\"{picture}\"")), "no test takes the picture {picture} of {template}");
    }
}

#[test]
#[should_panic(expected = "is no picture of account/confirm.html")]
fn a_picture_of_another_page_is_found() {
    sits("confirm", "Your account");
}
