//! What strangers send is no fault of ours: whatever it is, the log of a running server has no line of level
//! ERROR about it.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use gatepost::web::routes;

use crate::harness::binary::Binary;

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// Sends bytes, closes the sending side, and waits until the server has answered or closed.
fn send(server: &Binary, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).expect("because the server listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("because the time is not zero");
    // The server may have refused and closed before everything was sent.
    drop(stream.write_all(bytes).and_then(|()| stream.shutdown(Shutdown::Write)));
    let (mut answer, mut chunk) = (Vec::new(), [0; 16_384]);
    while let Ok(length @ 1..) = stream.read(&mut chunk) {
        answer.extend_from_slice(&chunk[..length]);
        // A server that did not read all of a body closes a second later: nobody waits for that.
        if is_whole(&answer) {
            break;
        }
    }
    answer
}

/// Whether an answer has as many bytes as its head says; an interim one (RFC 9110 §15.2) is no answer.
fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let text = text.strip_prefix("HTTP/1.1 100 Continue\r\n\r\n").unwrap_or(&text);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.and_then(|length| length.parse().ok()).is_some_and(|length: usize| body.len() >= length)
}

fn request(line: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    let head =
        format!("{line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n");
    [head.as_bytes(), body].concat()
}

fn part(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// Bodies that are wrong in many ways, with their type.
fn bodies() -> Vec<(&'static str, Vec<u8>)> {
    let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    let assertion =
        format!("{}.{}.{}", part(r#"{"alg":"ES256"}"#), part(r#"{"iss":"a\u0000b","sub":"a\u0000b"}"#), part("x"));
    let signed = format!(
        "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion={assertion}"
    );
    let many = "a=1&".repeat(300);
    let nul = r#"{"username":"a\u0000","password":"b\u0000","email":"c\u0000@x.example","message":"\u0000","client_id":"\u0000",
        "client_name":"\u0000","redirect_uris":["https://a.example/\u0000"],"scope":"a\u0000","contacts":["\u0000"],
        "credentials":["\u0000"],"token":"\u0000","userId":"\u0000","validationToken":"\u0000","validFor":1e300}"#;
    vec![
        (FORM, b"client_id=%00&username=%00&token=%00&state=%00&key=%00".to_vec()),
        (FORM, b"client_id=\xff\xfe&username=\xff".to_vec()),
        (FORM, b"client_id=\0&username=\0".to_vec()),
        (FORM, many.into_bytes()),
        (FORM, signed.into_bytes()),
        (FORM, "grant_type=refresh_token&client_id=&refresh_token=&max_age=99999999999999999999".into()),
        (JSON, nul.into()),
        (JSON, br#"{"a":"\ud800"}"#.to_vec()),
        (JSON, deep.into_bytes()),
        (JSON, b"{\"a\":\xff}".to_vec()),
        (JSON, br#"{"expires":-9223372036854775809,"validFor":18446744073709551616,"accessList":{}}"#.to_vec()),
        ("text/plain; charset=\"", b"x".to_vec()),
    ]
}

/// Headers that are wrong in many ways.
fn headers() -> Vec<Vec<(&'static str, String)>> {
    let basic = |text: &[u8]| format!("Basic {}", STANDARD.encode(text));
    vec![
        vec![("authorization", basic(b"\0:\0"))],
        vec![("authorization", basic(b"%00:%00"))],
        vec![("authorization", basic(b"a\xff:b"))],
        vec![("authorization", "Bearer \u{e9}\u{1f5fa}".to_owned())],
        vec![("authorization", "Bearer gpa_%00".to_owned())],
        vec![("authorization", "DPoP x".to_owned()), ("dpop", format!("{}.{}.{}", part("{}"), part("{}"), part("")))],
        vec![("cookie", "gatepost=%00; gatepost-session=%00; id=%00; gatepost-remembered=%00.%00".to_owned())],
        vec![("x-forwarded-for", "%00, \u{e9}, [::".to_owned()), ("user-agent", "\u{e9}\u{1f5fa}".to_owned())],
        vec![
            ("origin", "null".to_owned()),
            ("sec-fetch-site", "x".to_owned()),
            ("idempotency-key", "\u{e9}".to_owned()),
        ],
        vec![("x-original-method", "GET".to_owned()), ("x-original-uri", "/v3/path/%00?token=%00".to_owned())],
        vec![("accept-encoding", "gzip;q=x".to_owned()), ("content-encoding", "gzip".to_owned())],
        vec![("expect", "100-continue".to_owned()), ("upgrade", "websocket".to_owned())],
        vec![("range", "bytes=9-1".to_owned()), ("if-none-match", "\"".to_owned())],
    ]
}

fn broken() -> Vec<Vec<u8>> {
    let post = format!("POST /oauth/token HTTP/1.1\r\nhost: localhost\r\ncontent-type: {FORM}\r\n");
    let many = (0..5_000).map(|number| format!("x-{number}: {}\r\n", "y".repeat(100))).collect::<String>();
    vec![
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        b"GET\r\n\r\n".to_vec(),
        b"GET /login HTTP/9.9\r\n\r\n".to_vec(),
        b"GET /login HTTP/1.1\r\nhost\0: x\r\n\r\n".to_vec(),
        b"GET /%zz%%00\xff HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".to_vec(),
        format!("GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n", "a".repeat(200_000)).into_bytes(),
        format!("GET /login HTTP/1.1\r\nhost: localhost\r\n{many}\r\n").into_bytes(),
        format!("{post}content-length: 1000\r\nconnection: close\r\n\r\ngrant_type=refresh_token").into_bytes(),
        format!("{post}content-length: -1\r\n\r\nx").into_bytes(),
        format!("{post}content-length: 5\r\ncontent-length: 6\r\n\r\nhello!").into_bytes(),
        format!("{post}transfer-encoding: chunked\r\nconnection: close\r\n\r\nzz\r\nhello\r\n").into_bytes(),
        format!("{post}transfer-encoding: chunked\r\nconnection: close\r\n\r\n5\r\nhel").into_bytes(),
        format!("{post}content-length: 70000\r\nconnection: close\r\n\r\n{}", "a".repeat(70_000)).into_bytes(),
        format!("{post}transfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n0\r\n\r\nGET /account HTTP/1.1\r\n\r\n")
            .into_bytes(),
        b"GET /login HTTP/1.1\r\nhost: localhost\r\n\r\nGARBAGE".to_vec(),
    ]
}

#[test]
fn no_malformed_request_of_a_stranger_is_an_error_line() {
    let server = Binary::start(&[("dynamic_registration", "open"), ("log.level", "info")]);
    let ann = ["user", "create", "--username", "ann", "--email", "ann@example.org", "--password-stdin"];
    server.run(&ann, "correct horse 9\n");
    for bytes in broken() {
        send(&server, &bytes);
    }
    for address in routes::addresses() {
        let (method, path) = (&address.route.method, &address.path);
        let named = path
            .replace("{name}", "%00")
            .replace("{id}", "a%00b")
            .replace("{client_id}", "%00")
            .replace("{user}", "%00");
        let plain = path.replace("{name}", "x").replace("{id}", "7").replace("{client_id}", "x").replace("{user}", "8");
        let lines = [
            format!("{method} {named}"),
            format!("{method} {plain}/%00"),
            format!("{method} {plain}?client_id=%00&token=%00&key=%00&username=%00&referer=%00"),
            format!("{method} {plain}?client_id=%ff&token=%ff&{}", "a=1&".repeat(300)),
            format!(
                "{method} {plain}?token=x&key=x&user_code=\u{e9}&request_uri=urn:ietf:params:oauth:request_uri:gpq_x"
            ),
        ];
        for line in lines {
            let answer = send(&server, &request(&line, &[], b""));
            assert!(!answer.starts_with(b"HTTP/1.1 5"), "{line}: {}", String::from_utf8_lossy(&answer));
        }
        let line = format!("{method} {plain}");
        for set in headers() {
            let set: Vec<(&str, &str)> = set.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let answer = send(&server, &request(&line, &set, b""));
            assert!(!answer.starts_with(b"HTTP/1.1 5"), "{line} {set:?}: {}", String::from_utf8_lossy(&answer));
        }
        if *method != "GET" {
            for (media_type, body) in bodies() {
                let answer = send(&server, &request(&line, &[("content-type", media_type)], &body));
                let text = String::from_utf8_lossy(&answer);
                assert!(
                    !text.starts_with("HTTP/1.1 5"),
                    "{line} {}: {text}",
                    String::from_utf8_lossy(&body[..body.len().min(80)])
                );
            }
        }
    }
    // The log comes by a pipe: what was said before this line has arrived when the line has.
    send(&server, &request("POST /oauth/token", &[("content-type", FORM)], b"client_id=the-last-one"));
    let since = Instant::now();
    while !server.log().contains("INFO") && since.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let log = server.log();
    assert!(log.contains("INFO"), "the log is read: {log}");
    let wrong: Vec<&str> = log.lines().filter(|line| line.contains("ERROR") || line.contains("panicked")).collect();
    assert!(wrong.is_empty(), "{} lines, such as {:?}", wrong.len(), &wrong[..wrong.len().min(5)]);
}
