//! Pushed authorization requests (RFC 9126): checked when they come, found again by their name.

use super::authorization::{self, AuthorizationRefusal, AuthorizationRequest};
use super::parameters::Parameters;
use super::problem::{INVALID_REQUEST_URI, PUSHED_TOO_LARGE, REPEATED_PARAMETER, REQUEST_URI_PUSHED, TOO_MANY_PUSHED};
use super::request_start::{self, RequestStart};
use super::{Refusal, Result};
use crate::clock::UnixTime;
use crate::domain::client::Client;
use crate::domain::id::Id;
use crate::domain::pushed_request::{PushedRequestRecord, URN};
use crate::domain::token::{PushedRequest, Token};
use crate::outcome::Error;
use crate::store::turns::{self, Turn};
use crate::store::{Database, StoreError, clients, pushed_requests};
use crate::tokens::TokenSettings;

/// What is kept of a request: what the authorization endpoint reads. What authenticated the client is no
/// part of it (§2.1), and what nobody reads only fills the table.
const KNOWN: [&str; 17] = [
    "client_id", "response_type", "redirect_uri", "state", "scope", "response_mode", "code_challenge",
    "code_challenge_method", "resource", "nonce", "prompt", "max_age", "login_hint", "id_token_hint", "dpop_jkt",
    "ui_locales", "acr_values",
];
/// The most bytes of one request that are kept (`docs/decisions/0029-anonymous-rows.md`).
const MAX_KEPT: usize = 8_192;
/// Requests that may wait from one network for a browser, over all clients with which anybody can push (ours).
const MOST_WAITING: i64 = 100;
/// Requests of one network that are kept at all: also those whose person takes a while (ours).
const MOST_KEPT: i64 = 1_000;

/// Where a request's parameters come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The browser brought them.
    Sent,
    /// The client pushes them (RFC 9126 §2.1).
    Pushing,
    /// The client pushed them, and the browser brought their name (RFC 9126 §4).
    Pushed {
        /// The row.
        id: Id<PushedRequestRecord>,
        /// Whether it was decided about, or its time is over.
        is_over: bool,
        /// Whether it is kept for a person who takes a while.
        is_held: bool,
    },
}

/// Examines what an authenticated client pushes, as the authorization endpoint would (§2.1).
///
/// # Errors
/// Why it is refused.
pub fn examine(
    db: &mut Database,
    token_settings: &TokenSettings,
    (client, parameters): (&Client, &Parameters),
) -> Result<Parameters> {
    if parameters.get("request_uri").is_some() {
        return Err(REQUEST_URI_PUSHED.because("a request_uri was pushed"));
    }
    let mut pushed = parameters.clone();
    // With Basic the body may leave it out; both name the same client.
    if pushed.get("client_id").is_none() {
        pushed.add("client_id".to_owned(), client.client_id.clone());
    }
    match authorization::examine(db, token_settings, (&pushed, Source::Pushing)) {
        Ok(_) if pushed.to_form(&KNOWN).len() > MAX_KEPT => {
            Err(PUSHED_TOO_LARGE.because("what would be kept of the pushed request is over 8 KiB"))
        }
        Ok(_) => Ok(pushed),
        Err(Error::Failed(error)) => Err(error.into()),
        Err(Error::Refused(AuthorizationRefusal::Page(refusal))) => Err(Error::Refused(refusal)),
        Err(Error::Refused(AuthorizationRefusal::Redirect(refused))) => Err(Error::Refused(refused.refusal)),
    }
}

/// Whether one more request may wait. A client that somebody answers for may push many; as another one
/// anybody could fill the table, and with several of them several times over (ours).
///
/// # Errors
/// [`TOO_MANY_PUSHED`].
pub fn admit(db: &mut Database, now: UnixTime, client: &Client, network: &str) -> Result<()> {
    if !client.is_anybodys() {
        return Ok(());
    }
    let is_full = pushed_requests::count_fresh(db, now, network)? >= MOST_WAITING
        || pushed_requests::count_kept(db, now, network)? >= MOST_KEPT;
    if is_full { Err(TOO_MANY_PUSHED.because("too many requests of this network wait")) } else { Ok(()) }
}

/// Keeps a request that was examined; answers its `request_uri`.
///
/// # Errors
/// [`TOO_MANY_PUSHED`].
pub fn keep(
    tx: &mut Database,
    now: UnixTime,
    token_settings: &TokenSettings,
    (client, parameters, network): (&Client, &Parameters, &str),
) -> Result<String> {
    turns::take(tx, &[Turn::Waiting(network)])?;
    admit(tx, now, client, network)?;
    let name = Token::<PushedRequest>::generate(Id::next(now));
    let record = PushedRequestRecord {
        id: name.id(),
        digest: name.digest(),
        client_key: client.id,
        parameters: parameters.to_form(&KNOWN),
        created_at: now,
        expires_at: now.plus(token_settings.lifetimes.par),
        used_at: None,
        network: network.to_owned(),
        kept_until: now.plus(token_settings.lifetimes.par),
    };
    pushed_requests::insert(tx, &record)?;
    Ok(format!("{URN}{}", name.expose()))
}

/// The parameters that count: those that were pushed, when the browser brings their name (§4), and
/// nothing else of what it brings; else those that it brings.
///
/// # Errors
/// A page when the name is not one of ours, or another client's: where to answer is not known.
pub fn resolve(
    db: &mut Database,
    now: UnixTime,
    sent: Parameters,
    request_start: Option<&RequestStart>,
) -> std::result::Result<(Parameters, Source), Error<AuthorizationRefusal>> {
    let page = |problem, cause| Error::Refused(AuthorizationRefusal::Page(Refusal { problem, cause }));
    let unknown = || page(&INVALID_REQUEST_URI, "no request of this client was pushed under this request_uri");
    let Some(name) = sent.get("request_uri").and_then(|uri| uri.strip_prefix(URN)) else {
        return Ok((sent, Source::Sent));
    };
    if sent.is_repeated("request_uri") || sent.is_repeated("client_id") {
        return Err(page(&REPEATED_PARAMETER, sent.repeated_cause()));
    }
    let name = Token::<PushedRequest>::parse(name).map_err(|_malformed| unknown())?;
    let record = pushed_requests::find(db, name.id())?.filter(|record| record.digest.matches(&name.digest()));
    let record = record.ok_or_else(unknown)?;
    let client = clients::find(db, record.client_key)?;
    if client.is_none_or(|client| sent.get("client_id") != Some(client.client_id.as_str())) {
        return Err(unknown());
    }
    let pushed = Parameters::parse(record.parameters.as_bytes()).map_err(|_unreadable| unknown())?;
    let is_over = !record.is_open(now, request_start.map(|request_start| request_start.at));
    Ok((pushed, Source::Pushed { id: record.id, is_over, is_held: record.is_held() }))
}

/// Keeps a pushed request that a browser brought in time for as long as its beginning is believed.
///
/// # Errors
/// When the store fails.
pub fn hold(tx: &mut Database, now: UnixTime, id: Id<PushedRequestRecord>) -> std::result::Result<(), StoreError> {
    pushed_requests::hold(tx, id, now.plus(request_start::LONGEST + 1))
}

/// Uses a pushed request up by the person's decision; whether it was the first one.
///
/// # Errors
/// When the store fails.
pub fn consume(
    tx: &mut Database,
    now: UnixTime,
    request: &AuthorizationRequest,
) -> std::result::Result<bool, StoreError> {
    match request.pushed {
        Some(id) => pushed_requests::consume(tx, now, id),
        None => Ok(true),
    }
}

#[cfg(test)]
mod tests {
    use super::KNOWN;

    /// Read to be refused, wherever they come from; or to find what was pushed.
    const REFUSED: [&str; 3] = ["registration", "request", "request_uri"];

    #[test]
    fn what_the_authorization_endpoint_reads_is_kept_when_it_is_pushed() {
        let readers = [include_str!("authorization.rs"), include_str!("interaction.rs"), include_str!("scopes.rs")];
        let reads = readers.iter().flat_map(|source| source.split("parameters.get(\"").skip(1));
        let names: Vec<&str> = reads.filter_map(|rest| rest.split('"').next()).collect();
        assert!(names.contains(&"acr_values") && names.contains(&"scope"), "the sources are read: {names:?}");
        for name in names {
            assert!(KNOWN.contains(&name) || REFUSED.contains(&name), "{name} would be dropped from a pushed request");
        }
    }
}
