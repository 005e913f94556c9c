//! Forward auth attacked: for every byte in a path, written and in code, whatever a server behind us might
//! make of it, a personal token for one resource reaches no other one (`docs/decisions/0038-forward-auth.md`).

use std::collections::BTreeSet;

use actix_web::http::Method;
use serde_json::{Value, json};

use crate::harness;

/// The bytes that a part of a path is decoded to.
fn decoded(text: &[u8]) -> Vec<u8> {
    let digit = |at: usize| text.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let (mut out, mut at) = (Vec::new(), 0);
    while at < text.len() {
        match (text[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high * 16 + low).expect("because two digits are one byte"));
                at += 3;
            }
            (byte, _, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

/// Dots resolved, empty segments dropped; parameters cut off where a server does that.
fn resolved(path: &[u8], cuts_parameters: bool) -> Vec<Vec<u8>> {
    let mut segments: Vec<Vec<u8>> = Vec::new();
    for segment in path.split(|byte| *byte == b'/') {
        let name =
            if cuts_parameters { segment.split(|byte| *byte == b';').next().unwrap_or_default() } else { segment };
        match name {
            b"" | b"." => {}
            b".." => drop(segments.pop()),
            name => segments.push(name.to_ascii_lowercase()),
        }
    }
    segments
}

/// All resources that some server could take this path to name: Express cuts at `#`, Jetty and Tomcat cut
/// parameters, some decode early or twice, some take `\` for `/`, C programs end at NUL.
fn readings(path: &[u8]) -> BTreeSet<Option<Vec<u8>>> {
    let mut all = BTreeSet::new();
    for times in 0..=2 {
        for decodes_first in [false, true] {
            for cuts in 0..16_u8 {
                let mut text = path.to_vec();
                let decode = |text: Vec<u8>| (0..times).fold(text, |text, _| decoded(&text));
                if decodes_first {
                    text = decode(text);
                }
                for (bit, end) in [(1, b'#'), (2, b'?'), (4, 0)] {
                    if cuts & bit != 0 {
                        text = text.split(|byte| *byte == end).next().unwrap_or_default().to_vec();
                    }
                }
                if cuts & 8 != 0 {
                    text = text.iter().map(|byte| if *byte == b'\\' { b'/' } else { *byte }).collect();
                }
                for cuts_parameters in [false, true] {
                    let segments = resolved(&text, cuts_parameters);
                    let segments = if decodes_first { segments } else { segments.into_iter().map(decode).collect() };
                    let is_path = segments.len() > 2 && segments[0] == b"v3" && segments[1] == b"path";
                    all.insert(is_path.then(|| segments[2].to_ascii_lowercase()));
                }
            }
        }
    }
    all
}

/// Where the byte goes.
const TEMPLATES: [&str; 9] = [
    "/v3/path/secret@", "/v3/path/secret@x/map", "/v3/path/map@", "/v3/path/map@secret", "/v3/path@/secret",
    "/v3/path/@/secret", "/v3/path/map/@./secret", "/v3/path@x/../secret/map", "@/v3/path/secret",
];

#[actix_web::test]
async fn no_byte_in_a_path_leads_a_token_for_one_resource_to_another() {
    let server = harness::spawn().await;
    server.person("alice").await;
    let program = server.log_in("alice").await;
    let made = program.make_token(json!([{ "pathId": "map", "accessTier": "edit" }])).await;
    let program = server.program(made["token"].as_str().expect("because it was just made"));
    let (mut asked, mut passed) = (0, 0);
    for template in TEMPLATES {
        for byte in 0..=u8::MAX {
            let code = format!("%{byte:02x}");
            let mut forms = vec![code.clone(), format!("%25{byte:02X}"), format!("..{code}")];
            // What HTTP carries anywhere in a header, and the tests' client with it.
            forms.extend((0x21..0x7f).contains(&byte).then(|| char::from(byte).to_string()));
            for form in forms {
                let path = template.replace('@', &form);
                let headers = [("x-original-method", "GET"), ("x-original-uri", path.as_str())];
                let answer = program.send(Method::GET, "/auth/check", &headers, &Value::Null).await;
                asked += 1;
                if answer.status != 200 {
                    assert_eq!(answer.status, 403, "{path}");
                    continue;
                }
                passed += 1;
                // HTTP itself ends a path at `?` (RFC 9112 §3.2.1): all servers agree on that one.
                let path = path.split('?').next().unwrap_or_default();
                assert_eq!(readings(path.as_bytes()), BTreeSet::from([Some(b"map".to_vec())]), "{path}");
            }
        }
    }
    assert!(asked > 7_000 && passed > 0, "{passed} of {asked}");
}

#[actix_web::test]
async fn no_method_and_no_second_header_makes_a_write_a_read() {
    let server = harness::spawn().await;
    server.person("alice").await;
    let program = server.log_in("alice").await;
    let made = program.make_token(json!([{ "pathId": "map", "accessTier": "view" }])).await;
    let program = server.program(made["token"].as_str().expect("because it was just made"));
    let uri = ("x-original-uri", "/v3/path/map");
    for method in [
        "POST", "PUT", "PATCH", "DELETE", "post", "Delete", "TRACE", "CONNECT", "PROPFIND", "BREW", "GET,POST",
        "GET, POST", "GET POST", "GET;x", "GETS", "GE", "G%45T", "\"GET\"", "*", "-", "_",
    ] {
        let answer =
            program.send(Method::GET, "/auth/check", &[("x-original-method", method), uri], &Value::Null).await;
        assert_eq!(answer.status, 403, "{method}");
    }
    for method in ["GET", "HEAD", "get", "Head"] {
        let answer =
            program.send(Method::GET, "/auth/check", &[("x-original-method", method), uri], &Value::Null).await;
        assert_eq!(answer.status, 200, "{method}");
    }
    let get = ("x-original-method", "GET");
    for more in [
        ("x-original-method", "GET"),
        ("x-original-method", "DELETE"),
        ("x-original-uri", "/v3/path/map"),
        ("x-original-uri", "/v3/path/secret"),
        ("x-forwarded-method", "DELETE"),
        ("x-forwarded-uri", "/v3/path/secret"),
    ] {
        let answer = program.send(Method::GET, "/auth/check", &[get, uri, more], &Value::Null).await;
        assert_eq!(answer.status, 403, "{more:?}");
    }
}
