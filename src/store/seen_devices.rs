//! The table `seen_devices`.

use diesel::prelude::*;

use super::{Database, Result};
use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::seen_device::{FAMILIAR, SeenDevice};
use crate::domain::user::User;
use crate::schema::seen_devices;

/// From where a person was seen.
pub fn list(tx: &mut Database, user: Id<User>) -> Result<Vec<SeenDevice>> {
    let rows = seen_devices::table.filter(seen_devices::user_id.eq(user)).order(seen_devices::id);
    Ok(rows.select(SeenDevice::as_select()).load(tx)?)
}

/// Adds one.
pub fn insert(tx: &mut Database, device: &SeenDevice) -> Result<()> {
    diesel::insert_into(seen_devices::table).values(device).execute(tx)?;
    Ok(())
}

/// Notes that it was seen again; the row that never goes stays so.
pub fn touch(tx: &mut Database, now: UnixTime, device: &SeenDevice) -> Result<()> {
    let expires_at = device.expires_at.map(|_before| now.plus(FAMILIAR));
    let row = diesel::update(seen_devices::table.filter(seen_devices::id.eq(device.id)));
    row.set((seen_devices::last_seen_at.eq(now), seen_devices::expires_at.eq(expires_at))).execute(tx)?;
    Ok(())
}

/// Makes everything unfamiliar again: a thief may have been there.
pub fn forget(tx: &mut Database, user: Id<User>) -> Result<()> {
    let rows = seen_devices::table.filter(seen_devices::user_id.eq(user));
    diesel::update(rows).set(seen_devices::last_seen_at.eq(UnixTime::from_seconds(0))).execute(tx)?;
    Ok(())
}
