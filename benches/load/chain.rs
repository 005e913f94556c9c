//! A refresh token of a public client, which works once: every answer brings the next one.

use std::io::{Error, Result};
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::drive::Request;
use crate::requests::post_as;

/// What names the next token in an answer.
const NAME: &[u8] = b"\"refresh_token\":\"";

/// One chain. The connection that uses it holds it for a whole exchange.
pub struct Chain(Mutex<Link>);

/// The request with the token that is next.
pub struct Link {
    address: SocketAddr,
    client_id: String,
    request: Request,
}

impl Chain {
    /// A chain that begins with this token.
    pub fn begin(address: SocketAddr, client_id: &str, token: &str) -> Self {
        let request = refresh(address, client_id, token);
        Self(Mutex::new(Link { address, client_id: client_id.to_owned(), request }))
    }

    /// The link that is next; no two connections share a chain.
    pub fn lock(&self) -> MutexGuard<'_, Link> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Link {
    /// What is sent next.
    pub fn request(&self) -> &[u8] {
        &self.request
    }

    /// Takes the next token out of an answer.
    ///
    /// # Errors
    /// When there is none.
    pub fn advance(&mut self, answer: &[u8]) -> Result<()> {
        let none = || Error::other("a refresh brought no refresh token");
        let begin = answer.windows(NAME.len()).position(|part| part == NAME).ok_or_else(none)? + NAME.len();
        let length = answer[begin..].iter().position(|byte| *byte == b'"').ok_or_else(none)?;
        let token = std::str::from_utf8(&answer[begin..begin + length]).map_err(Error::other)?;
        self.request = refresh(self.address, &self.client_id, token);
        Ok(())
    }
}

fn refresh(address: SocketAddr, client_id: &str, token: &str) -> Request {
    let form = format!("grant_type=refresh_token&client_id={client_id}&refresh_token={token}");
    post_as(address, "/oauth/token", "", &form)
}
