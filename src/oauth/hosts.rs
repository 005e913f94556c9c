//! Whose a host is. Pages of one host read each other's tokens, so whoever proves that a host is theirs owns it, and
//! nobody reserves another's: owners who have proven nothing live side by side where their addresses do not overlap.

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
use crate::store::turns::{self, Turn};
use crate::store::{Database, StoreError, host_proofs, login_return_hosts, security_log, users};

/// What keeps an owner from registering an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// Somebody else has proven that the host is theirs.
    Proven,
    /// Another owner's application returns to the same pages.
    Shared,
}

/// What keeps an owner, or somebody who is nobody here yet, from registering an address.
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
        return Ok(None); // everybody has this device
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

/// What an owner reads who cannot register an address.
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

/// Refuses the new addresses of an application that are, or may be, another owner's. The operator is not asked this:
/// they may register what they like. The hosts are held until the commit, so that of two owners who come at once
/// the second sees the first.
///
/// # Errors
/// What is wrong, for the owner.
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
        users::lock(tx, owner)?; // first, as everywhere
    }
    let origins: Vec<String> = added.iter().map(|url| url.address().origin()).collect();
    turns::take(tx, &origins.iter().map(|origin| Turn::Host(origin)).collect::<Vec<_>>())?;
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

/// Who asks for a host, and what its file says.
#[derive(Clone, Copy, Debug)]
pub struct Read<'a> {
    /// The server's issuer, which the words in the file are made for.
    pub issuer: &'a str,
    /// The host.
    pub host: &'a ProvableOrigin,
    /// The words in its file; none when there is no such file.
    pub words: &'a [String],
}

/// Takes in what the file of a host says, at the word of one who asks for it: whether they are its owner. Those who
/// proved it once, and are in the file no more, have lost it: hosts change hands.
///
/// # Errors
/// [`TooManyHosts`].
pub fn record_host_file(
    tx: &mut Database,
    now: UnixTime,
    asker: Id<User>,
    read: Read,
    from: &Origin,
) -> Result<bool, Error<TooManyHosts>> {
    let origin = read.host.origin();
    users::lock(tx, asker)?; // first, as everywhere
    turns::take(tx, &[Turn::Host(&origin)])?;
    let is_named = |owner: Id<User>| read.words.contains(&word_of(read.issuer, owner));
    let held = host_proofs::list(tx, &origin)?;
    let is_owner = is_named(asker);
    for lost in held.iter().filter(|proof| !is_named(proof.owner_id) && (is_owner || proof.owner_id == asker)) {
        // Where another account asks from is not theirs to know.
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

/// Gives up a host. `false` when that is another's, or was given up before.
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
    users::lock(tx, owner)?; // first, as everywhere
    let Some(proof) = host_proofs::list_of(tx, owner)?.into_iter().find(|proof| proof.id == id) else {
        return Ok(false);
    };
    turns::take(tx, &[Turn::Host(&proof.origin)])?;
    if !host_proofs::delete(tx, owner, id)? {
        return Ok(false);
    }
    security_log::append(tx, now, owner, (SecurityEvent::HostLost, &proof.origin), Some(from))?;
    Ok(true)
}
