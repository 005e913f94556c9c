//! Every command of the program: none makes a database that is not there, and each answers a program in JSON.

use std::collections::{BTreeMap, BTreeSet};

use clap::CommandFactory;
use gatepost::cli::Arguments;
use serde_json::{Value, json};

use crate::harness::PASSWORD;
use crate::harness::program::Home;

/// One call of a command. `{client_id}` and `{token}` are what calls before it answered.
struct Call {
    arguments: &'static [&'static str],
    input: &'static str,
}

const fn call(arguments: &'static [&'static str]) -> Call {
    Call { arguments, input: "" }
}

const fn fed(arguments: &'static [&'static str], input: &'static str) -> Call {
    Call { arguments, input }
}

/// Every command but those that go on running, in an order in which each works.
const CALLS: &[Call] = &[
    call(&["migrate"]),
    call(&["config", "check"]),
    call(&["config", "show"]),
    fed(&["user", "create", "--username", "alice", "--email", "alice@people.example", "--password-stdin"], PASSWORD),
    call(&["user", "create", "--username", "bob", "--email", "bob@people.example"]),
    call(&["user", "list"]),
    call(&["user", "show", "alice"]),
    call(&["user", "disable", "bob"]),
    call(&["user", "enable", "bob"]),
    fed(&["user", "reset-password", "bob"], "another horse battery"),
    call(&["user", "reset-password", "--link", "bob"]),
    call(&["user", "remove-factors", "bob"]),
    call(&["user", "invite", "--email", "carol@people.example"]),
    call(&["user", "delete", "bob"]),
    call(&["user", "keep", "bob"]),
    call(&["user", "delete", "--now", "bob"]),
    call(&["client", "create", "--name", "Maps", "--owner", "alice", "--redirect-uri", "https://maps.example/in"]),
    call(&["client", "list"]),
    call(&["client", "show", "{client_id}"]),
    call(&["client", "update", "{client_id}", "--name", "More maps"]),
    call(&["client", "rotate-secret", "{client_id}"]),
    call(&["client", "disable", "{client_id}"]),
    call(&["client", "enable", "{client_id}"]),
    call(&["client", "registration-token"]),
    call(&["client", "delete", "{client_id}"]),
    call(&["api", "create", "--identifier", "https://api.example", "--name", "Maps", "--scope", "maps:read: See"]),
    call(&["api", "list"]),
    call(&["api", "show", "https://api.example"]),
    call(&["api", "rotate-secret", "https://api.example"]),
    call(&["api", "delete", "https://api.example"]),
    call(&["keys", "list"]),
    call(&["keys", "rotate"]),
    fed(&["user", "create", "--username", "dora", "--email", "dora@people.example"], ""),
    call(&["resource", "create", "--id", "map", "--owner", "alice"]),
    call(&["resource", "share", "--id", "map", "--user", "dora", "--tier", "view"]),
    call(&["resource", "list"]),
    call(&["resource", "unshare", "--id", "map", "--user", "dora"]),
    fed(&["token", "inspect"], "{token}"),
    fed(&["token", "revoke"], "{token}"),
    fed(&["token", "revoke"], "{token}"),
    call(&["log", "show"]),
    call(&["log", "verify"]),
    call(&["backup", "copy.db"]),
    call(&["restore", "copy.db"]),
];

/// Commands that go on running; they answer line by line.
const RUNNING: &[&str] = &["serve", "demo"];
/// What may make a database, and what never opens one.
const MAKERS: &[&str] = &["migrate", "restore", "config"];

fn leaves(command: &clap::Command, path: &str, found: &mut BTreeSet<String>) {
    let name = |inner: &clap::Command| format!("{path} {}", inner.get_name()).trim().to_owned();
    let inner: Vec<_> = command.get_subcommands().filter(|inner| inner.get_name() != "help").collect();
    if inner.is_empty() {
        found.insert(path.to_owned());
    }
    inner.iter().for_each(|inner| leaves(inner, &name(inner), found));
}

#[test]
fn every_command_is_in_the_table() {
    let mut all = BTreeSet::new();
    leaves(&Arguments::command(), "", &mut all);
    let is_called = |name: &str| {
        let words: Vec<&str> = name.split(' ').collect();
        RUNNING.contains(&name) || CALLS.iter().any(|call| call.arguments.starts_with(&words))
    };
    let missing: Vec<&String> = all.iter().filter(|name| !is_called(name)).collect();
    assert!(missing.is_empty(), "give these a line in CALLS: {missing:?}");
}

#[test]
fn no_command_makes_a_database_or_a_key_where_there_is_none() {
    let home = Home::new();
    for Call { arguments, .. } in CALLS.iter().filter(|call| !MAKERS.contains(&call.arguments[0])) {
        let said = home.refusal(arguments);
        let is_told = said.contains("there is no database") || said.contains("PostgreSQL does this");
        assert!(is_told, "{arguments:?}: {said}");
        assert_eq!(home.names(), Vec::<String>::new(), "after {arguments:?}");
    }
    // On PostgreSQL an empty schema stays empty: the first migration is still to come.
    home.ask(&["migrate"], "");
    home.ask(&["user", "list"], "");
}

#[test]
fn a_database_is_not_begun_anew_under_a_key_that_had_one() {
    let (mut home, other) = (Home::new(), Home::new());
    home.ask(&["migrate"], "");
    let key = home.file("base.key").display().to_string();
    // The same key, and an empty place where the database was.
    let mut moved = Home::new();
    moved.set("secret_file", &key);
    let said = moved.refusal(&["serve"]);
    assert!(said.contains("base.key") && said.contains("backup"), "{said}");
    assert!(
        moved.database_password().is_none_or(|password| !said.contains(&password)),
        "it shows the password: {said}"
    );
    assert_eq!(moved.names(), Vec::<String>::new());
    if let Some(file) = moved.sqlite_file() {
        // What an orchestrator leaves behind is no database either.
        std::fs::write(file, "").expect("because the folder is ours");
        assert!(moved.refusal(&["serve"]).contains("base.key"));
        assert!(moved.refusal(&["user", "list"]).contains("there is no database"));
    }
    // Who wants a new one says so.
    moved.ask(&["migrate"], "");
    moved.serve().stop();
    // A key that is given by its value tells nothing of an earlier database.
    let text = std::fs::read_to_string(&key).expect("because it was made");
    let mut given = other;
    given.unset("secret_file");
    given.set("secret", &text);
    given.serve().stop();
    assert!(!given.file("base.key").exists());
    given.ask(&["user", "list"], "");
    home.set("secret_file", &home.file("lost.key").display().to_string());
    assert!(home.refusal(&["serve"]).contains("missing"));
}

/// What a program that goes on running says: an object in each line, by name.
fn lines(said: &[String]) -> BTreeMap<String, Value> {
    let line = |line: &String| match serde_json::from_str(line) {
        Ok(Value::Object(members)) => members,
        other => panic!("{line} is no object: {other:?}"),
    };
    said.iter().flat_map(line).collect()
}

/// A token of alice's, by the server that answers in JSON where it listens.
fn token(home: &Home) -> String {
    let server = home.start(&["serve", "--json"]);
    let said = lines(&server.said);
    let names: Vec<&str> = said.keys().map(String::as_str).collect();
    assert_eq!(names, ["listening_on", "ops_listening_on", "ready"]);
    let address = said["listening_on"].as_str().expect("because it is text");
    let body = json!({ "username": "alice", "password": PASSWORD }).to_string();
    let request = ureq::post(format!("http://{address}/v3/account/login")).header("content-type", "application/json");
    let mut answer = request.send(body).expect("because the password is right");
    let text = answer.body_mut().read_to_string().expect("because it is text");
    let answer: Value = serde_json::from_str(&text).expect("because it is JSON");
    server.stop();
    answer["token"].as_str().expect("because it was given").to_owned()
}

#[test]
fn every_command_answers_a_program_in_json() {
    let home = Home::new();
    let (mut client_id, mut a_token) = (String::new(), String::new());
    for Call { arguments, input } in CALLS {
        let is_file = matches!(arguments[0], "backup" | "restore");
        if is_file && home.sqlite_file().is_none() {
            continue; // PostgreSQL has programs of its own
        }
        if arguments[0] == "restore" {
            std::fs::remove_file(home.file("gatepost.db")).expect("because it was made");
            for side in ["gatepost.db-wal", "gatepost.db-shm"].map(|side| home.file(side)) {
                drop(std::fs::remove_file(side));
            }
        }
        if *input == "{token}" && a_token.is_empty() {
            a_token = token(&home);
        }
        let arguments: Vec<&str> =
            arguments.iter().map(|word| if *word == "{client_id}" { client_id.as_str() } else { word }).collect();
        let input = if *input == "{token}" { a_token.as_str() } else { input };
        let said = home.ask(&[arguments.as_slice(), &["--json"]].concat(), input);
        let answer: Value =
            serde_json::from_str(&said).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {said}"));
        assert!(answer.is_object() || answer.is_array(), "{arguments:?}: {said}");
        if arguments.starts_with(&["client", "create"]) {
            client_id = answer["client_id"].as_str().expect("because it was made").to_owned();
        }
    }
}

#[test]
fn the_demo_and_a_first_start_say_the_same_in_json() {
    let home = Home::new();
    let first = home.start(&["serve", "--json"]);
    let said = lines(&first.said);
    assert!(said["set_up"].as_str().is_some_and(|link| link.contains("/setup?link=")), "{said:?}");
    first.stop();
    let free = "127.0.0.1:0";
    let demo = home.start(&["--json", "demo", "--listen", free, "--app-listen", free, "--api-listen", free]);
    let said = lines(&demo.said);
    let names: Vec<&str> = said.keys().map(String::as_str).collect();
    assert_eq!(names, ["api", "app", "listening_on", "password", "ready"]);
    demo.stop();
}
