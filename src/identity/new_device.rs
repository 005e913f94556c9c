//! Whether a person was seen signing in from here before: with this browser, in this network, in the last
//! 90 days (ours). What is new is told to them.

use super::emailed_links::requester;
use super::session::Origin;
use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::known_network::prefix;
use crate::domain::seen_device::{KNOWN_FOR, SeenDevice};
use crate::domain::session::browser_in_words;
use crate::domain::user::User;
use crate::mail::Mail;
use crate::mail::warnings::NewDevice;
use crate::store::{Database, Result, known_networks, seen_devices};

/// Notes from where somebody signs in. `true` when that is new for this person, and not their very first
/// time.
///
/// # Errors
/// When the store fails.
pub fn record(tx: &mut Database, now: UnixTime, (user, origin): (Id<User>, &Origin)) -> Result<bool> {
    let (browser, network) = (browser_in_words(&origin.user_agent), prefix(&origin.address));
    let seen = seen_devices::list(tx, user)?;
    let known = seen.iter().find(|device| device.browser == browser && device.network == network);
    if let Some(device) = known {
        seen_devices::touch(tx, now, device)?;
        return Ok(!device.is_known(now));
    }
    // The first row stays: without it, a thief would come as a first visitor after a long absence.
    let expires_at = (!seen.is_empty()).then(|| now.plus(KNOWN_FOR));
    let (id, user_id) = (Id::next(now), user);
    seen_devices::insert(tx, &SeenDevice { id, user_id, browser, network, last_seen_at: now, expires_at })?;
    Ok(!seen.is_empty())
}

/// The network that somebody's wrong codes count for: where the person came in before, that one alone; all
/// others are one. So whoever guesses elsewhere closes nothing where the person is at home.
///
/// # Errors
/// When the store fails.
pub(super) fn counted_network(db: &mut Database, now: UnixTime, (user, origin): (Id<User>, &Origin)) -> Result<String> {
    let network = prefix(&origin.address);
    Ok(if known_networks::is_known(db, now, (user, &network))? { network } else { String::new() })
}

/// Notes from where somebody signs in, with a letter about what is new.
///
/// # Errors
/// When the store fails.
pub fn record_and_notify(
    tx: &mut Database,
    now: UnixTime,
    mail: &Mail,
    (user, origin): (&User, &Origin),
) -> Result<()> {
    if !record(tx, now, (user.id, origin))? {
        return Ok(());
    }
    mail.warn(tx, (user, &requester(now, origin)), &NewDevice { username: user.username.clone() })
}
