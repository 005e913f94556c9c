//! Pushed authorization requests (RFC 9126): checked when they arrive, found again by their `request_uri`.

use super::authorization::{self, AuthorizationRefusal, AuthorizationRequest};
use super::parameters::Parameters;
use super::problem::Problem;
use super::request_start::{self, RequestStart};
use super::{Refusal, Result};
use crate::clock::UnixTime;
use crate::domain::client::Client;
use crate::domain::id::Id;
use crate::domain::pushed_request::{PushedRequestRecord, URN};
use crate::domain::token::{PushedRequest, Token};
use crate::outcome::Error;
use crate::store::named_locks::{self, NamedLock};
use crate::store::{Database, StoreError, clients, pushed_requests};
use crate::tokens::TokenSettings;

/// The parameters that are stored: those that the authorization endpoint reads. The client's credentials are not
/// part of the request (§2.1), and unread parameters would only fill the table.
const KNOWN: [&str; 17] = [
    "client_id", "response_type", "redirect_uri", "state", "scope", "response_mode", "code_challenge",
    "code_challenge_method", "resource", "nonce", "prompt", "max_age", "login_hint", "id_token_hint", "dpop_jkt",
    "ui_locales", "acr_values",
];
/// The most bytes of one request that are kept (`docs/decisions/0029-anonymous-rows.md`).
const MAX_KEPT: usize = 8_192;
/// The most requests of one network that may wait for a browser, over all clients that unauthenticated callers can
/// use or create (ours).
const MOST_WAITING: i64 = 100;
/// The most requests of one network that are stored, with those that wait longer for a decision (ours).
const MOST_KEPT: i64 = 1_000;

/// The source of a request's parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The browser sent them.
    Sent,
    /// The client pushes them (RFC 9126 §2.1).
    Pushing,
    /// The client pushed them, and the browser sent their `request_uri` (RFC 9126 §4).
    Pushed {
        id: Id<PushedRequestRecord>,
        /// Whether it was decided about, or has expired.
        is_over: bool,
        /// Whether it is kept longer, for a person who has not decided yet.
        is_held: bool,
    },
}

/// Examines what an authenticated client pushes, as the authorization endpoint would (§2.1).
///
/// # Errors
/// The cause of the refusal, when the authorization endpoint would refuse the request.
pub fn examine(
    db: &mut Database,
    token_settings: &TokenSettings,
    (client, parameters): (&Client, &Parameters),
) -> Result<Parameters> {
    if parameters.get("request_uri").is_some() {
        return Err(Problem::RequestUriPushed.because("a request_uri was pushed"));
    }
    let mut pushed = parameters.clone();
    // With Basic authentication the body may omit it; both name the same client.
    if pushed.get("client_id").is_none() {
        pushed.add("client_id".to_owned(), client.client_id.clone());
    }
    match authorization::examine(db, token_settings, (&pushed, Source::Pushing)) {
        Ok(_) if pushed.to_form(&KNOWN).len() > MAX_KEPT => {
            Err(Problem::PushedTooLarge.because("what would be kept of the pushed request is over 8 KiB"))
        }
        Ok(_) => Ok(pushed),
        Err(Error::Failed(error)) => Err(error.into()),
        Err(Error::Refused(AuthorizationRefusal::Page(refusal))) => Err(Error::Refused(refusal)),
        Err(Error::Refused(AuthorizationRefusal::Redirect(refused))) => Err(Error::Refused(refused.refusal)),
    }
}

/// Checks that one more request may wait. Only clients that unauthenticated callers can use or create are limited,
/// all of them together per network: with one or several of those, anybody could fill the table (ours).
///
/// # Errors
/// [`Problem::TooManyPushed`] when the network has reached a limit.
pub fn admit(db: &mut Database, now: UnixTime, client: &Client, network: &str) -> Result<()> {
    if !client.is_anybodys() {
        return Ok(());
    }
    let is_full = pushed_requests::count_fresh(db, now, network)? >= MOST_WAITING
        || pushed_requests::count_kept(db, now, network)? >= MOST_KEPT;
    if is_full { Err(Problem::TooManyPushed.because("too many requests of this network wait")) } else { Ok(()) }
}

/// Stores a request that was examined and returns its `request_uri`.
///
/// # Errors
/// [`Problem::TooManyPushed`] when the network has reached a limit.
pub fn store_request(
    tx: &mut Database,
    now: UnixTime,
    token_settings: &TokenSettings,
    (client, parameters, network): (&Client, &Parameters, &str),
) -> Result<String> {
    named_locks::acquire(tx, &[NamedLock::Waiting(network)])?;
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

/// Returns the parameters that count: those that were pushed, and nothing else that the browser sends, when it
/// sends their `request_uri` (§4); otherwise those that the browser sends.
///
/// # Errors
/// A page when the `request_uri` is unknown or another client's: no redirect URI is known then.
pub fn resolve(
    db: &mut Database,
    now: UnixTime,
    sent: Parameters,
    request_start: Option<&RequestStart>,
) -> std::result::Result<(Parameters, Source), Error<AuthorizationRefusal>> {
    let page = |problem, cause| Error::Refused(AuthorizationRefusal::Page(Refusal { problem, cause }));
    let unknown = || page(Problem::InvalidRequestUri, "no request of this client was pushed under this request_uri");
    let Some(name) = sent.get("request_uri").and_then(|uri| uri.strip_prefix(URN)) else {
        return Ok((sent, Source::Sent));
    };
    if sent.is_repeated("request_uri") || sent.is_repeated("client_id") {
        return Err(page(Problem::RepeatedParameter, sent.repeated_cause()));
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

/// Keeps a pushed request, which a browser opened in time, for as long as its start time is accepted.
///
/// # Errors
/// When the store fails.
pub fn extend(tx: &mut Database, now: UnixTime, id: Id<PushedRequestRecord>) -> std::result::Result<(), StoreError> {
    pushed_requests::extend(tx, id, now.plus(request_start::LONGEST + 1))
}

/// Uses up a pushed request with the person's decision; returns whether this decision was the first one.
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

    /// Read only to refuse the request, or to find the pushed one.
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
