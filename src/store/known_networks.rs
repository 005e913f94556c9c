//! The table `known_networks`.

use diesel::prelude::*;

use super::{Database, Result, on, users};
use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::known_network::{KNOWN, KnownNetwork};
use crate::domain::user::User;
use crate::schema::known_networks;

/// Seconds after a success in which another one is not written.
const COARSE: i64 = 3_600;

fn find(tx: &mut Database, user: Id<User>, network: &str) -> Result<Option<KnownNetwork>> {
    let row =
        known_networks::table.filter(known_networks::user_id.eq(user)).filter(known_networks::network.eq(network));
    Ok(on!(tx, |c| row.select(KnownNetwork::as_select()).get_result(c)).optional()?)
}

/// Whether a person signed in from this network in the last 30 days.
pub fn is_known(tx: &mut Database, now: UnixTime, (user, network): (Id<User>, &str)) -> Result<bool> {
    Ok(find(tx, user, network)?.is_some_and(|known| now < known.expires_at))
}

/// Records that a person signed in from this network.
pub fn note(tx: &mut Database, now: UnixTime, (user, network): (Id<User>, &str)) -> Result<()> {
    let known = match find(tx, user, network)? {
        Some(known) => Some(known),
        None => {
            // Two browsers that sign in from a new network at once are recorded one after the other.
            users::lock(tx, user)?;
            find(tx, user, network)?
        }
    };
    match known {
        Some(known) if now.since(known.last_success_at) < COARSE => {}
        Some(known) => {
            let times = (known_networks::last_success_at.eq(now), known_networks::expires_at.eq(now.plus(KNOWN)));
            let row = known_networks::table.filter(known_networks::id.eq(known.id));
            on!(tx, |c| diesel::update(row).set(times).execute(c))?;
        }
        None => {
            let (network, expires_at) = (network.to_owned(), now.plus(KNOWN));
            let known = KnownNetwork { id: Id::next(now), user_id: user, network, last_success_at: now, expires_at };
            on!(tx, |c| diesel::insert_into(known_networks::table).values(&known).execute(c))?;
        }
    }
    Ok(())
}
