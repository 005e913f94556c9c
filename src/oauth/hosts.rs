//! Ownership of hosts. Pages of one host can read each other's tokens, so the account that proves its ownership of
//! a host owns it. An account without a proof reserves nothing: several such accounts may use one host where their
//! addresses do not overlap.

use crate::clock::UnixTime;
use crate::domain::client::Client;
use crate::domain::host_proof::{HostProof, MOST, ProvableOrigin, word_of};
use crate::domain::id::Id;
use crate::domain::login_return_url::LoginReturnUrl;
use crate::domain::registration::{FieldProblem, Registration};
use crate::domain::security_log::SecurityEvent;
use crate::domain::session::Origin;
use crate::domain::user::User;
use crate::outcome::Error;
use crate::store::named_locks::{self, NamedLock};
use crate::store::{Database, StoreError, host_proofs, login_return_hosts, security_log, users};

/// The reason why an owner cannot register an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// Another account has proven that it owns the host.
    Proven,
    /// Another owner's application returns to the same pages.
    Shared,
}

/// Returns the reason why an owner cannot register an address; `owner` is `None` for a caller without an account.
///
/// # Errors
/// When the store fails.
pub fn obstacle(
    db: &mut Database,
    owner: Option<Id<User>>,
    url: &LoginReturnUrl,
) -> Result<Option<Obstacle>, StoreError> {
    let address = url.address();
    if address.is_loopback() {
        return Ok(None); // every device has a loopback address
    }
    let proofs = host_proofs::list(db, &address.origin())?;
    if !proofs.is_empty() {
        let is_owner = proofs.iter().any(|proof| Some(proof.owner_id) == owner);
        return Ok((!is_owner).then_some(Obstacle::Proven));
    }
    let others = login_return_hosts::list_clients(db, address.host_name())?;
    let foreign = others.iter().filter(|other| other.is_active() && other.owner_id != owner);
    let is_shared = foreign.flat_map(Client::return_urls).any(|other| url.overlaps(&other));
    Ok(is_shared.then_some(Obstacle::Shared))
}

/// Explains to an owner why the address cannot be registered.
pub fn in_words(obstacle: Obstacle, url: &LoginReturnUrl) -> String {
    let host = url.address().host();
    let what = match obstacle {
        Obstacle::Proven => format!("Another account has proven that {host} is theirs."),
        Obstacle::Shared => format!("Another app here already returns to this part of {host}."),
    };
    let advice = match ProvableOrigin::of(&url.address().origin()) {
        Some(_) => "If the host is yours, prove it under Developer, Hosts, and try again.",
        None => "Ask your administrator.",
    };
    format!("{what} {advice}")
}

/// Refuses the new addresses of an application that are, or may be, another owner's. It is not called for the
/// operator, who may register any address. The hosts are locked until the commit, so that of two concurrent owners
/// the second sees the first.
///
/// # Errors
/// One problem for each refused address, in words for the owner.
pub(super) fn refuse_foreign(
    tx: &mut Database,
    owner: Option<Id<User>>,
    new: &Registration,
    old: Option<&Client>,
) -> Result<(), Error<Vec<FieldProblem>>> {
    let is_old = |text: &str| old.is_some_and(|old| old.login_return_urls.contains(text));
    let added = new.login_return_urls.iter().filter(|text| !is_old(text)).flat_map(str::parse);
    let added: Vec<LoginReturnUrl> = added.collect();
    if let Some(owner) = owner {
        users::lock(tx, owner)?; // the account first, as everywhere
    }
    let origins: Vec<String> = added.iter().map(|url| url.address().origin()).collect();
    named_locks::acquire(tx, &origins.iter().map(|origin| NamedLock::Host(origin)).collect::<Vec<_>>())?;
    let mut problems = Vec::new();
    for url in &added {
        if let Some(obstacle) = obstacle(tx, owner, url)? {
            problems.push(FieldProblem {
                field: "login_return_urls",
                message: format!("{url}: {}", in_words(obstacle, url)),
            });
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Error::Refused(problems)) }
}

/// An account has proven as many hosts as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyHosts;

/// The proof file that was read at a host.
#[derive(Clone, Copy, Debug)]
pub struct Read<'a> {
    /// The server's issuer, from which the words in the file are made.
    pub issuer: &'a str,
    pub host: &'a ProvableOrigin,
    /// The words in the file; empty when there is no file.
    pub words: &'a [String],
}

/// Records what the proof file of a host says, and returns whether it names `asker` as an owner. An account that
/// proved the host before and is no longer named loses it, because hosts change owners: `asker` in any case,
/// another account when `asker` is named.
///
/// # Errors
/// [`TooManyHosts`] when the file names `asker`, who already owns as many hosts as one account may.
pub fn record_host_file(
    tx: &mut Database,
    now: UnixTime,
    asker: Id<User>,
    read: Read,
    from: &Origin,
) -> Result<bool, Error<TooManyHosts>> {
    let origin = read.host.origin();
    users::lock(tx, asker)?; // the account first, as everywhere
    named_locks::acquire(tx, &[NamedLock::Host(&origin)])?;
    let is_named = |owner: Id<User>| read.words.contains(&word_of(read.issuer, owner));
    let held = host_proofs::list(tx, &origin)?;
    let is_owner = is_named(asker);
    for lost in held.iter().filter(|proof| !is_named(proof.owner_id) && (is_owner || proof.owner_id == asker)) {
        // Another account must not learn where the request of `asker` came from.
        let from = (lost.owner_id == asker).then_some(from);
        host_proofs::delete(tx, lost.owner_id, lost.id)?;
        security_log::append(tx, now, lost.owner_id, (SecurityEvent::HostLost, &lost.origin), from)?;
    }
    match held.iter().find(|proof| proof.owner_id == asker) {
        _ if !is_owner => {}
        Some(known) => host_proofs::touch(tx, known.id, now)?,
        None if host_proofs::count_of(tx, asker)? >= MOST => return Err(Error::Refused(TooManyHosts)),
        None => {
            let proof = HostProof { id: Id::next(now), origin, owner_id: asker, proven_at: now };
            host_proofs::insert(tx, &proof)?;
            security_log::append(tx, now, asker, (SecurityEvent::HostProven, &proof.origin), Some(from))?;
        }
    }
    Ok(is_owner)
}

/// Gives up a host. `false` when it is another account's, or was given up before.
///
/// # Errors
/// When the store fails.
pub fn give_up(
    tx: &mut Database,
    now: UnixTime,
    owner: Id<User>,
    id: Id<HostProof>,
    from: &Origin,
) -> Result<bool, StoreError> {
    users::lock(tx, owner)?; // the account first, as everywhere
    let Some(proof) = host_proofs::list_of(tx, owner)?.into_iter().find(|proof| proof.id == id) else {
        return Ok(false);
    };
    named_locks::acquire(tx, &[NamedLock::Host(&proof.origin)])?;
    if !host_proofs::delete(tx, owner, id)? {
        return Ok(false);
    }
    security_log::append(tx, now, owner, (SecurityEvent::HostLost, &proof.origin), Some(from))?;
    Ok(true)
}
