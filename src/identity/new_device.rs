//! Whether a user signed in with this browser from this network in the last 90 days (ours). A sign-in from a
//! new combination causes an email.

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

/// Records the browser and network of a sign-in. Returns `true` when they are new for this user, except at the
/// user's first sign-in.
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
    // The first row never expires: without any row, an attacker's sign-in after a long absence would count as
    // the first one.
    let expires_at = (!seen.is_empty()).then(|| now.plus(KNOWN_FOR));
    let (id, user_id) = (Id::next(now), user);
    seen_devices::insert(tx, &SeenDevice { id, user_id, browser, network, last_seen_at: now, expires_at })?;
    Ok(!seen.is_empty())
}

/// Returns the name under which wrong codes of a user are counted: the network, if the user signed in from it
/// before; an empty text for all other networks together. So a guesser elsewhere cannot lock the user out of a
/// known network.
///
/// # Errors
/// When the store fails.
pub(super) fn counted_network(db: &mut Database, now: UnixTime, (user, origin): (Id<User>, &Origin)) -> Result<String> {
    let network = prefix(&origin.address);
    Ok(if known_networks::is_known(db, now, (user, &network))? { network } else { String::new() })
}

/// Records the browser and network of a sign-in, and emails the user when they are new.
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
