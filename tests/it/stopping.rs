//! A server that is told to stop finishes what it began, and is ended by nothing else.

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;

use crate::harness::PASSWORD;
use crate::harness::program::{Home, Process, get, until};

const PERSON: &[&str] =
    &["user", "create", "--username", "alice", "--email", "alice@people.example", "--password-stdin"];

/// A connection on which a request may be sent in parts.
struct Caller {
    stream: BufReader<TcpStream>,
}

impl Caller {
    fn to(process: &Process) -> Self {
        let stream = TcpStream::connect(process.announced("listening on")).expect("because the server listens");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("because it is a time");
        Self { stream: BufReader::new(stream) }
    }

    fn send(&mut self, text: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).expect("because the connection is open");
    }

    /// Everything until the server closes.
    fn rest(&mut self) -> String {
        let mut answer = Vec::new();
        self.stream.read_to_end(&mut answer).expect("because the server ends its answer");
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// The head and body of an answer that says how long it is.
    fn answer(&mut self) -> String {
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.stream.read_exact(&mut byte).expect("because the server answers");
            answer.push(byte[0]);
        }
        let head = String::from_utf8_lossy(&answer).to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let mut body = vec![0; length.unwrap_or_default()];
        self.stream.read_exact(&mut body).expect("because the server said how much comes");
        head
    }
}

#[test]
fn a_stopping_server_says_so_answers_on_and_loses_nothing_that_was_in_flight() {
    // It would drain for an hour; the second signal ends that.
    let home = Home::with(&[("drain", "3600")]);
    home.ask(&["migrate"], "");
    home.ask(PERSON, PASSWORD);
    let mut server = home.serve();
    let metadata = "/.well-known/openid-configuration";
    let ready = |server: &Process| get(&server.ops_url("/readyz"), "content-length").map(|(status, _)| status);
    assert_eq!(ready(&server), Some(200));
    let (mut idle, mut busy) = (Caller::to(&server), Caller::to(&server));
    idle.send(&format!("GET {metadata} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    let before = idle.answer();
    assert!(before.starts_with("http/1.1 200") && !before.contains("connection: close"), "{before}");
    let log_in = format!("{{\"username\":\"alice\",\"password\":\"{PASSWORD}\"}}");
    let (first, last) = log_in.split_at(10);
    let head = "POST /v3/account/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json";
    busy.send(&format!("{head}\r\nContent-Length: {}\r\n\r\n{first}", log_in.len()));

    server.signal(Signal::TERM);
    until("readiness drops", || ready(&server) == Some(503));
    assert_eq!(get(&server.ops_url("/healthz"), "content-length").map(|(status, _)| status), Some(200));
    assert_eq!(get(&server.url(metadata), "connection"), Some((200, "close".to_owned())), "on a new connection");
    idle.send(&format!("GET {metadata} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    let after = idle.answer();
    assert!(after.starts_with("http/1.1 200") && after.contains("connection: close"), "{after}");
    assert!(server.is_running());

    server.signal(Signal::TERM);
    let address = server.announced("listening on").to_owned();
    until("the door closes", || TcpStream::connect(&address).is_err());
    busy.send(last);
    let answer = busy.rest();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"token\""), "{answer}");
    server.end_well();
    if let Some(file) = home.sqlite_file() {
        // The file alone is whole: nothing is left in the write-ahead log.
        let log = file.with_extension("db-wal");
        assert_eq!(std::fs::metadata(&log).map_or(0, |log| log.len()), 0);
        let mut alone = Home::new();
        std::fs::copy(file, alone.sqlite_file().expect("because both are SQLite")).expect("because both are ours");
        alone.set("secret_file", &home.file("base.key").display().to_string());
        let shown = alone.ask(&["log", "show", "--json", "--user", "alice"], "");
        assert!(shown.contains("\"event\""), "the log-in is lost: {shown}");
    }
}

#[test]
fn signals_that_mean_something_else_do_not_end_the_server() {
    let home = Home::new();
    let mut server = home.serve();
    for signal in [Signal::HUP, Signal::QUIT, Signal::USR1, Signal::USR2, Signal::XFSZ, Signal::PIPE] {
        for _ in 0..2 {
            server.signal(signal);
            let answered = get(&server.url("/login"), "content-type").map(|(status, _)| status);
            assert_eq!(answered, Some(200), "after {signal:?}");
            assert!(server.is_running(), "{signal:?}");
        }
    }
    server.stop();
}

#[test]
fn a_server_goes_on_when_nobody_reads_what_it_says() {
    let home = Home::with(&[("log.level", "trace")]);
    let mut server = home.serve();
    server.deafen();
    for _ in 0..5 {
        // Each writes to the log.
        server.signal(Signal::HUP);
        assert_eq!(get(&server.url("/oauth/authorize?client_id=nobody"), "date").map(|(status, _)| status), Some(400));
        assert_eq!(get(&server.url("/login"), "date").map(|(status, _)| status), Some(200));
    }
    server.stop();
}

/// `gatepost user list | head -1`, for every kind of output: one line, a record, a list.
#[test]
fn a_command_whose_reader_leaves_ends_quietly() {
    let home = Home::new();
    home.ask(&["migrate"], "");
    home.ask(PERSON, PASSWORD);
    for arguments in [
        &["user", "list"][..],
        &["user", "list", "--json"],
        &["user", "show", "alice"],
        &["user", "disable", "alice"],
        &["log", "show"],
        &["config", "show"],
        &["config", "check"],
        &["migrate"],
    ] {
        let mut child = home.command(arguments).stderr(Stdio::piped()).spawn().expect("because it was built");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("because it was started here");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), said.as_ref()), (Some(1), ""), "{arguments:?}");
    }
    // What it was asked to do is done.
    assert!(home.ask(&["user", "show", "alice", "--json"], "").contains("\"disabled\": true"));
}
