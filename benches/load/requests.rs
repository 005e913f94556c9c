//! What is asked: whole requests, written once before the clock runs.

use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::drive::Request;
use crate::proofs;
use crate::seed::{Credentials, Seeded};

/// What the ceiling is asked.
pub fn hello(address: SocketAddr) -> Request {
    get(address, "/")
}

/// RFC 8414 §3.1.
pub fn metadata(address: SocketAddr) -> Request {
    get(address, "/.well-known/oauth-authorization-server")
}

/// What makes the requests of one round.
pub type Requests<'a> = Box<dyn Fn() -> Arc<Vec<Request>> + 'a>;

/// Every scenario with its requests, which are sent in turn. Those that work once are made anew for each
/// round, `fresh` of them.
pub fn scenarios(address: SocketAddr, seeded: &Seeded, fresh: usize) -> Vec<(&'static str, Requests<'_>)> {
    let introspect = |token: &String| post(address, "/oauth/introspect", &seeded.api, &format!("token={token}"));
    let refresh = |(client, token): &(Credentials, String)| {
        post(address, "/oauth/token", client, &format!("grant_type=refresh_token&refresh_token={token}"))
    };
    let itself = |scope: &'static str| {
        let form = format!("grant_type=client_credentials&scope={scope}");
        move |client: &Credentials| post(address, "/oauth/token", client, &form)
    };
    let poll = |(client, code): &(Credentials, String)| {
        let grant = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code";
        post(address, "/oauth/token", client, &format!("grant_type={grant}&device_code={code}"))
    };
    let who = |token: &String| get_with(address, "/oauth/userinfo", &format!("Authorization: Bearer {token}\r\n"));
    let bound: Requests<'_> = Box::new(move || Arc::new(proofs::requests(address, seeded, fresh)));
    vec![
        ("metadata", again(vec![metadata(address)])),
        ("JWKS", again(vec![get(address, "/oauth/jwks")])),
        ("introspection", again(seeded.access_tokens.iter().map(introspect).collect())),
        ("userinfo", again(seeded.openid_tokens.iter().map(who).collect())),
        ("refresh", again(seeded.refresh_tokens.iter().map(refresh).collect())),
        ("client credentials", again(seeded.programs.iter().map(itself("load")).collect())),
        ("JWT access tokens", again(seeded.programs.iter().map(itself("signed")).collect())),
        ("bound tokens (DPoP)", bound),
        ("device polling", again(seeded.devices.iter().map(poll).collect())),
    ]
}

fn again<'a>(requests: Vec<Request>) -> Requests<'a> {
    let requests = Arc::new(requests);
    Box::new(move || Arc::clone(&requests))
}

fn get(address: SocketAddr, path: &str) -> Request {
    get_with(address, path, "")
}

fn get_with(address: SocketAddr, path: &str, headers: &str) -> Request {
    format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n").into_bytes()
}

fn post(address: SocketAddr, path: &str, by: &Credentials, form: &str) -> Request {
    post_with(address, path, (by, ""), form)
}

/// A form from a client, with further headers.
pub fn post_with(address: SocketAddr, path: &str, (by, headers): (&Credentials, &str), form: &str) -> Request {
    // Ids and secrets of ours are letters, digits and `_`: coded as a form they stay what they are.
    let basic = STANDARD.encode(format!("{}:{}", by.client_id, by.client_secret));
    format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Basic {basic}\r\n{headers}\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    )
    .into_bytes()
}
