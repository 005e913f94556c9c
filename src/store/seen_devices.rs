//! The table `seen_devices`.

use diesel::prelude::*;

use super::{Database, Result, on};
use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::seen_device::{KNOWN_FOR, SeenDevice};
use crate::domain::user::User;
use crate::schema::seen_devices;

/// Lists the devices and networks from which a person was seen.
pub fn list(tx: &mut Database, user: Id<User>) -> Result<Vec<SeenDevice>> {
    let rows = seen_devices::table.filter(seen_devices::user_id.eq(user)).order(seen_devices::id);
    Ok(on!(tx, |c| rows.select(SeenDevice::as_select()).load(c))?)
}

/// Inserts a device that was seen for the first time.
pub fn insert(tx: &mut Database, device: &SeenDevice) -> Result<()> {
    on!(tx, |c| diesel::insert_into(seen_devices::table).values(device).execute(c))?;
    Ok(())
}

/// Records that a device was seen again; a row that never expires stays without an expiry.
pub fn touch(tx: &mut Database, now: UnixTime, device: &SeenDevice) -> Result<()> {
    let expires_at = device.expires_at.map(|_before| now.plus(KNOWN_FOR));
    let row = diesel::update(seen_devices::table.filter(seen_devices::id.eq(device.id)));
    on!(tx, |c| row.set((seen_devices::last_seen_at.eq(now), seen_devices::expires_at.eq(expires_at))).execute(c))?;
    Ok(())
}

/// Makes every device of a person count as new again, because an attacker may have used one.
pub fn forget(tx: &mut Database, user: Id<User>) -> Result<()> {
    let rows = seen_devices::table.filter(seen_devices::user_id.eq(user));
    on!(tx, |c| diesel::update(rows).set(seen_devices::last_seen_at.eq(UnixTime::from_seconds(0))).execute(c))?;
    Ok(())
}
