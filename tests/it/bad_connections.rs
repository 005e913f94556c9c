//! Bytes that no client library sends: the server refuses them, and goes on serving everybody else.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use crate::harness::{self, Server};

/// Sends raw bytes, closes the sending side, and reads the first line of the answer, if there is one.
fn exchange(server: &Server, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address).expect("because the server listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("because the time is not zero");
    // The server may have refused and closed before everything was sent.
    let sent = stream.write_all(bytes).and_then(|()| stream.shutdown(Shutdown::Write));
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}, after {sent:?}"),
    }
    String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
}

#[actix_web::test]
async fn garbage_floods_and_broken_bodies_are_refused_and_nobody_else_notices() {
    let server = harness::spawn().await;
    let post = "POST /oauth/token HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-www-form-urlencoded\r\n";
    let many = (0..5_000).map(|number| format!("x-{number}: {}\r\n", "y".repeat(100))).collect::<String>();
    let cases: Vec<Vec<u8>> = vec![
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"GET\r\n\r\n".to_vec(),
        b"GET /login HTTP/9.9\r\n\r\n".to_vec(),
        b"GET /%zz%%00\xff HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".to_vec(),
        format!("GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n", "a".repeat(200_000)).into_bytes(),
        format!("GET /login HTTP/1.1\r\nhost: localhost\r\n{many}\r\n").into_bytes(),
        format!("GET /login HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n", "y".repeat(300_000)).into_bytes(),
        format!("{post}content-length: 1000\r\nconnection: close\r\n\r\ngrant_type=refresh_token").into_bytes(),
        format!("{post}content-length: -1\r\n\r\nx").into_bytes(),
        format!("{post}content-length: 5\r\ncontent-length: 6\r\n\r\nhello!").into_bytes(),
        format!("{post}transfer-encoding: chunked\r\nconnection: close\r\n\r\nzz\r\nhello\r\n").into_bytes(),
        format!("{post}transfer-encoding: chunked\r\nconnection: close\r\n\r\n5\r\nhel").into_bytes(),
        format!("{post}transfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n0\r\n\r\nGET /account HTTP/1.1\r\n\r\n")
            .into_bytes(),
    ];
    for case in cases {
        let line = exchange(&server, &case);
        let start = String::from_utf8_lossy(&case[..case.len().min(120)]).into_owned();
        assert!(!line.contains(" 5") && !line.contains(" 2"), "{line} for {start}");
        assert_eq!(server.http.get("/login").await.status, 200, "after {start}");
    }
}

#[actix_web::test]
async fn a_body_without_a_length_is_measured_while_it_comes() {
    let server = harness::spawn().await;
    let chunk = format!("4000\r\n{}\r\n", "a".repeat(0x4000));
    let head = "POST /oauth/token HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\
                content-type: application/x-www-form-urlencoded\r\n\r\n";
    let line = exchange(&server, format!("{head}{}0\r\n\r\n", chunk.repeat(5)).as_bytes());
    assert!(line.contains(" 413 "), "{line}");
}

#[actix_web::test]
async fn clients_that_nobody_registered_are_counted_by_their_network_and_switch_off_no_limit() {
    let server = harness::spawn_with(&[("trusted_proxies", "127.0.0.1")]).await;
    let app = server.application(harness::confidential()).await;
    let ask = async |client: &str, secret: &str, from: &str| {
        let form = [("client_id", client), ("client_secret", secret), ("token", "x")];
        server.http.post("/oauth/introspect", &[("x-forwarded-for", from)], &form).await
    };
    for number in 0..100 {
        assert_eq!(ask(&format!("made-up-{number}"), "x", "192.0.2.1").await.status, 401);
    }
    let refused = ask("made-up", "x", "192.0.2.9").await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("900")));
    assert_eq!(ask(app.client_id(), app.secret(), "192.0.2.1").await.status, 200, "who is registered goes on");
    assert_eq!(ask("made-up", "x", "198.51.100.1").await.status, 401, "another network");
    for _ in 0..100 {
        assert_eq!(ask(app.client_id(), "wrong", "192.0.2.1").await.status, 401);
    }
    assert_eq!(ask(app.client_id(), app.secret(), "192.0.2.1").await.status, 429, "its own limit holds");
}

/// OAuth 2.1 §2.4.1: secrets are not to be guessed; nobody closes a client to others by failing.
#[actix_web::test]
async fn a_hundred_wrong_secrets_close_a_client_to_their_network_only() {
    let server = harness::spawn_with(&[("trusted_proxies", "127.0.0.1")]).await;
    let app = server.application(harness::confidential()).await;
    let ask = async |secret: &str, from: &str| {
        let form = [("client_id", app.client_id()), ("client_secret", secret), ("token", "x")];
        server.http.post("/oauth/introspect", &[("x-forwarded-for", from)], &form).await
    };
    for _ in 0..100 {
        assert_eq!(ask("wrong", "192.0.2.1").await.status, 401);
    }
    let refused = ask(app.secret(), "192.0.2.9").await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("900")));
    assert_eq!(ask(app.secret(), "198.51.100.1").await.status, 200);
}
