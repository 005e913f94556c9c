//! Settings: `config check` refuses what `serve` would, and nothing shows a password.

use std::ffi::OsStr;
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;

use crate::harness::program::Home;

#[test]
fn what_serve_refuses_config_check_refuses_in_the_same_words() {
    for (settings, words) in [
        (&[("listen", "localhost")][..], "listen"),
        (&[("listen", "300.1.1.1:80")], "listen"),
        (&[("listen", "192.0.2.1:0")], "192.0.2.1"),
        (&[("ops_listen", "nowhere.invalid:1")], "nowhere.invalid"),
        (&[("listen", "127.0.0.1:4"), ("ops_listen", "127.0.0.1:4")], "ops_listen"),
        (&[("public_url", "id.example.com")], "public_url"),
        (&[("registration", "opne")], "registration"),
        (&[("registration", "example.org,")], "registration"),
        (&[("lifetimes.session_idle", "299")], "300"),
        (&[("lifetimes.session_idle", "7200"), ("lifetimes.session_max", "3600")], "session_max"),
        (&[("lifetimes.refresh_idle", "7200"), ("lifetimes.refresh_max", "3600")], "refresh_max"),
        (&[("lifetimes.user_token", "7200"), ("lifetimes.user_token_max", "3600")], "user_token_max"),
        (&[("drain", "-1")], "drain"),
        (&[("mail.from", "nobody")], "mail.from"),
        (&[("mail.url", "imap://mail.example")], "mail.url"),
        (&[("mail.url", "log:"), ("mail.url_file", "x")], "mail.url"),
        (&[("mail.url_file", "lost")], "lost"),
        (&[("database_url", "mysql://db/x")], "sqlite://"),
        (&[("secret", "1:beef")], "secret"),
        (&[("secret_file", "open.key")], "chmod 600"),
        (&[("secret_file", "broken.key")], "hexadecimal"),
        (&[("secret_file", "no-folder/base.key")], "no-folder/base.key"),
        (&[("database_url", "sqlite://no-folder/gatepost.db")], "no-folder/gatepost.db"),
        (&[("database_url", "sqlite://.")], "folder"),
        (&[("listen", "127.0.0.1:1")], "127.0.0.1:1"),
    ] {
        // An administrator may listen everywhere.
        if settings == [("listen", "127.0.0.1:1")] && TcpListener::bind("127.0.0.1:1").is_ok() {
            continue;
        }
        let mut home = Home::new();
        if settings.iter().any(|(key, _)| *key == "secret") {
            home.unset("secret_file");
        }
        settings.iter().for_each(|(key, value)| home.set(key, value));
        for (name, mode) in [("open.key", 0o644), ("broken.key", 0o600)] {
            std::fs::write(home.file(name), "1:beef").expect("because the folder is ours");
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(home.file(name), mode).expect("because the file is ours");
        }
        let before = home.names();
        let (checked, served) = (home.refusal(&["config", "check"]), home.refusal(&["serve"]));
        assert!(checked.contains(words), "{settings:?}: {checked}");
        assert_eq!(checked, served, "{settings:?}");
        assert_eq!(home.names(), before, "{settings:?} left something behind");
    }
}

#[test]
fn a_running_server_does_not_hinder_the_check_of_its_own_settings() {
    let home = Home::new();
    let server = home.serve();
    let mut same = Home::new();
    same.set("listen", server.announced("listening on"));
    same.set("ops_listen", server.announced("ops listening on"));
    assert_eq!(same.ask(&["config", "check"], ""), "the settings can be used\n");
}

#[test]
fn a_variable_of_somebody_else_may_hold_anything_and_one_of_ours_is_named_when_it_is_not_utf_8() {
    let home = Home::new();
    let not_utf_8 = OsStr::from_bytes(b"\xff\xfe");
    for (name, refusal) in [("OTHER", None), ("GATEPOST_MAIL_FROM", Some("GATEPOST_MAIL_FROM is not UTF-8"))] {
        let output = home.command(&["config", "check"]).env(name, not_utf_8).output().expect("because it was built");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(i32::from(refusal.is_some())), "{name}: {said}");
        assert!(said.contains(refusal.unwrap_or_default()), "{name}: {said}");
    }
}

/// Every way in which a secret is given, and every command that speaks of settings.
#[test]
fn no_password_is_printed_by_config_or_by_a_refusal() {
    let database = "postgres://gatepost:hunter2@127.0.0.1:1,127.0.0.1:2/x?connect_timeout=1&password=hunter2";
    let mail = "smtp://gatepost:hunter2@mail.example:587";
    let key = format!("1:{}", "c0ffee5e".repeat(8));
    for is_file in [false, true] {
        let mut home = Home::new();
        home.unset("secret_file");
        for (secret, value) in [("database_url", database), ("mail.url", mail), ("secret", key.as_str())] {
            let name = secret.replace('.', "_");
            std::fs::write(home.file(&name), format!("{value}\n")).expect("because the folder is ours");
            let mode = std::fs::Permissions::from_mode(0o440);
            std::fs::set_permissions(home.file(&name), mode).expect("because the file is ours");
            if is_file {
                home.unset(secret);
                home.set(&format!("{secret}_file"), &name);
            } else {
                home.set(secret, value);
            }
        }
        for arguments in
            [&["config", "show"][..], &["config", "show", "--json"], &["config", "check"], &["user", "list"]]
        {
            let output = home.run(arguments, "");
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8_lossy(&said);
            assert!(!said.is_empty() && !said.contains("panicked"), "{arguments:?}: {said}");
            for secret in ["hunter2", "c0ffee5e"] {
                assert!(!said.contains(secret), "{arguments:?} shows {secret}: {said}");
            }
            if arguments.starts_with(&["config", "show"]) {
                assert!(said.contains("gatepost:…@127.0.0.1:1,127.0.0.1:2") && said.contains("mail.example"), "{said}");
            }
        }
    }
}

/// A secret that an orchestrator hands over: by value, or in a file that only our group reads.
#[test]
fn a_server_starts_on_secrets_of_every_form() {
    let made = Home::new();
    made.ask(&["migrate"], "");
    let key = std::fs::read_to_string(made.file("base.key")).expect("because it was made");
    let url = made.sqlite_file().map(|file| format!("sqlite://{}", file.display()));
    let Some(url) = url else { return };
    for mode in [0o400, 0o440, 0o600, 0o640] {
        let mut home = Home::new();
        for (key, text) in [("database_url", url.as_str()), ("secret", key.as_str())] {
            let file = home.file(key);
            std::fs::write(&file, text).expect("because the folder is ours");
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(&file, mode).expect("because the file is ours");
            home.unset(key);
            home.set(&format!("{key}_file"), &file.display().to_string());
        }
        home.serve().stop();
    }
}
