//! What is asked: whole requests, written once before the clock runs.

use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::chain::Chain;
use crate::drive::{Request, Source};
use crate::proofs;
use crate::seed::{Credentials, PASSWORD, Seeded};

/// Connections of most rows.
pub const CONNECTIONS: usize = 32;

/// Which requests of the ceiling a row is compared to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ceiling {
    /// A GET without a body.
    Get,
    /// A POST whose body is read.
    Post,
}

impl Ceiling {
    /// What it is asked.
    pub fn source(self, address: SocketAddr) -> Source {
        let form = format!("token={}", "x".repeat(48));
        let by = Credentials { client_id: "x".repeat(24), client_secret: "x".repeat(48) };
        match self {
            Self::Get => prepared(vec![get(address, "/")]),
            Self::Post => prepared(vec![post(address, "/", &by, &form)]),
        }
    }
}

/// One kind of request, driven beside the ceiling.
pub struct Scenario<'a> {
    /// What it is called.
    pub name: &'static str,
    /// What it is compared to.
    pub ceiling: Ceiling,
    /// Connections that are kept open.
    pub connections: usize,
    /// Makes what is sent in one round.
    pub source: Box<dyn Fn() -> Source + 'a>,
}

impl<'a> Scenario<'a> {
    fn new(name: &'static str, ceiling: Ceiling, source: Source) -> Self {
        Self { name, ceiling, connections: CONNECTIONS, source: Box::new(move || source.clone()) }
    }

    fn over(self, connections: usize) -> Self {
        Self { connections, ..self }
    }
}

/// RFC 8414 §3.1.
pub fn metadata(address: SocketAddr) -> Request {
    get(address, "/.well-known/oauth-authorization-server")
}

/// The same as all that is sent.
pub fn metadata_alone(address: SocketAddr) -> Source {
    prepared(vec![metadata(address)])
}

/// Programs that ask for a token of their own.
pub fn client_credentials(address: SocketAddr, seeded: &Seeded, scope: &str) -> Source {
    let form = format!("grant_type=client_credentials&scope={scope}");
    prepared(seeded.programs.iter().map(|client| post(address, "/oauth/token", client, &form)).collect())
}

/// An API that judges tokens spread over the whole table (RFC 7662).
pub fn introspection(address: SocketAddr, seeded: &Seeded) -> Source {
    let ask = |token: &String| post(address, "/oauth/introspect", &seeded.api, &format!("token={token}"));
    prepared(seeded.access_tokens.iter().map(ask).collect())
}

/// A proxy that judges requests with such tokens.
pub fn forward_auth(address: SocketAddr, seeded: &Seeded) -> Source {
    let ask = |token: &String| {
        let forwarded = "X-Original-Method: GET\r\nX-Original-URI: /v3/projects";
        get_with(address, "/auth/check", &format!("Authorization: Bearer {token}\r\n{forwarded}\r\n"))
    };
    prepared(seeded.access_tokens.iter().map(ask).collect())
}

/// People who log in by the API of programs.
pub fn log_ins(address: SocketAddr, seeded: &Seeded) -> Source {
    let ask = |name: &String| {
        let body = format!("{{\"username\":\"{name}\",\"password\":\"{PASSWORD}\"}}");
        let length = body.len();
        format!(
            "POST /v3/account/login HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    };
    prepared(seeded.people.iter().map(ask).collect())
}

/// Every scenario. The requests that work once are made anew for each round, `fresh` of them.
pub fn scenarios(address: SocketAddr, seeded: &Seeded, fresh: usize) -> Vec<Scenario<'_>> {
    let bearer = |path: &'static str, tokens: &[String]| {
        let ask = |token: &String| get_with(address, path, &format!("Authorization: Bearer {token}\r\n"));
        prepared(tokens.iter().map(ask).collect())
    };
    let refresh = |(client, token): &(Credentials, String)| {
        post(address, "/oauth/token", client, &format!("grant_type=refresh_token&refresh_token={token}"))
    };
    let poll = |(client, code): &(Credentials, String)| {
        let grant = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code";
        post(address, "/oauth/token", client, &format!("grant_type={grant}&device_code={code}"))
    };
    let chains = seeded.chains.iter().take(CONNECTIONS);
    let chains =
        Source::Chains(Arc::new(chains.map(|token| Chain::begin(address, &seeded.public_client, token)).collect()));
    let bound = move || prepared(proofs::requests(address, seeded, fresh));
    let opaque = || client_credentials(address, seeded, "load");
    let (read, write) = (Ceiling::Get, Ceiling::Post);
    vec![
        Scenario::new("metadata", read, metadata_alone(address)),
        Scenario::new("JWKS", read, prepared(vec![get(address, "/oauth/jwks")])),
        Scenario::new("log-in page", read, prepared(vec![get(address, "/login")])),
        Scenario::new("introspection", write, introspection(address, seeded)),
        Scenario::new("/auth/check", write, forward_auth(address, seeded)),
        Scenario::new("/v3/account", write, bearer("/v3/account", &seeded.access_tokens)),
        Scenario::new("userinfo", write, bearer("/oauth/userinfo", &seeded.openid_tokens)),
        Scenario::new("client credentials", write, opaque()),
        Scenario::new("client credentials, 256 connections", write, opaque()).over(256),
        Scenario::new("refresh, 32 chains", write, chains),
        Scenario::new("refresh without rotation", write, {
            prepared(seeded.refresh_tokens.iter().map(refresh).collect())
        }),
        Scenario::new("JWT access tokens (ES256)", write, client_credentials(address, seeded, "signed")),
        Scenario { name: "bound tokens (DPoP)", ceiling: write, connections: CONNECTIONS, source: Box::new(bound) },
        Scenario::new("device polling", write, prepared(seeded.devices.iter().map(poll).collect())),
    ]
}

fn prepared(requests: Vec<Request>) -> Source {
    Source::Prepared(Arc::new(requests))
}

fn get(address: SocketAddr, path: &str) -> Request {
    get_with(address, path, "")
}

fn get_with(address: SocketAddr, path: &str, headers: &str) -> Request {
    format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n").into_bytes()
}

fn post(address: SocketAddr, path: &str, by: &Credentials, form: &str) -> Request {
    post_as(address, path, &basic(by), form)
}

/// The header line with which a client authenticates.
pub fn basic(by: &Credentials) -> String {
    // Ids and secrets of ours are letters, digits and `_`: coded as a form they stay what they are.
    let pair = STANDARD.encode(format!("{}:{}", by.client_id, by.client_secret));
    format!("Authorization: Basic {pair}\r\n")
}

/// A form with further header lines.
pub fn post_as(address: SocketAddr, path: &str, headers: &str, form: &str) -> Request {
    format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\n{headers}\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    )
    .into_bytes()
}
