//! What is asked: whole requests, written once before the clock runs.

use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::drive::Request;
use crate::seed::{Credentials, Seeded};

/// What the ceiling is asked.
pub fn hello(address: SocketAddr) -> Request {
    get(address, "/")
}

/// RFC 8414 §3.1.
pub fn metadata(address: SocketAddr) -> Request {
    get(address, "/.well-known/oauth-authorization-server")
}

/// Every scenario with its requests, which are sent in turn.
pub fn scenarios(address: SocketAddr, seeded: &Seeded) -> [(&'static str, Vec<Request>); 5] {
    let introspect = |token: &String| post(address, "/oauth/introspect", &seeded.api, &format!("token={token}"));
    let refresh = |(client, token): &(Credentials, String)| {
        post(address, "/oauth/token", client, &format!("grant_type=refresh_token&refresh_token={token}"))
    };
    let itself = |client: &Credentials| post(address, "/oauth/token", client, "grant_type=client_credentials");
    let poll = |(client, code): &(Credentials, String)| {
        let grant = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code";
        post(address, "/oauth/token", client, &format!("grant_type={grant}&device_code={code}"))
    };
    [
        ("metadata", vec![metadata(address)]),
        ("introspection", seeded.access_tokens.iter().map(introspect).collect()),
        ("refresh", seeded.refresh_tokens.iter().map(refresh).collect()),
        ("client credentials", seeded.programs.iter().map(itself).collect()),
        ("device polling", seeded.devices.iter().map(poll).collect()),
    ]
}

fn get(address: SocketAddr, path: &str) -> Request {
    format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").into_bytes()
}

fn post(address: SocketAddr, path: &str, by: &Credentials, form: &str) -> Request {
    // Ids and secrets of ours are letters, digits and `_`: coded as a form they stay what they are.
    let basic = STANDARD.encode(format!("{}:{}", by.client_id, by.client_secret));
    format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Basic {basic}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    )
    .into_bytes()
}
