//! The table `device_codes`.

use diesel::prelude::*;

use super::{Database, Result, on};
use crate::clock::UnixTime;
use crate::domain::client::Client;
use crate::domain::device_code::{DeviceCodeRecord, GRACE, UserCode};
use crate::domain::grant::Grant;
use crate::domain::id::Id;
use crate::schema::{clients, device_codes, grants};

/// Finds the device code with this id.
pub fn find(tx: &mut Database, id: Id<DeviceCodeRecord>) -> Result<Option<DeviceCodeRecord>> {
    let row = device_codes::table.filter(device_codes::id.eq(id));
    Ok(on!(tx, |c| row.select(DeviceCodeRecord::as_select()).get_result(c)).optional()?)
}

/// Finds the device with this user code, and its application.
pub fn find_by_user_code(tx: &mut Database, code: &UserCode) -> Result<Option<(DeviceCodeRecord, Client)>> {
    let row = device_codes::table.inner_join(clients::table).filter(device_codes::user_code_digest.eq(code.digest()));
    Ok(on!(tx, |c| row.select((DeviceCodeRecord::as_select(), Client::as_select())).get_result(c)).optional()?)
}

/// Inserts a device that waits for a decision. A user code that exists already is a conflict.
pub fn insert(tx: &mut Database, device: &DeviceCodeRecord) -> Result<()> {
    on!(tx, |c| diesel::insert_into(device_codes::table).values(device).execute(c))?;
    Ok(())
}

/// Counts the devices of a network (an address's prefix) that no person allowed and that have not expired, over all
/// clients.
pub fn count_waiting(tx: &mut Database, now: UnixTime, network: &str) -> Result<i64> {
    let rows = device_codes::table
        .filter(device_codes::network.eq(network))
        .filter(device_codes::expires_at.gt(now))
        .filter(device_codes::grant_id.is_null());
    Ok(on!(tx, |c| rows.count().get_result(c))?)
}

/// Records the grant that the person allowed. `false` when the device was decided about before, or has expired.
pub fn approve(tx: &mut Database, now: UnixTime, id: Id<DeviceCodeRecord>, grant: Id<Grant>) -> Result<bool> {
    let row = device_codes::table
        .filter(device_codes::id.eq(id))
        .filter(device_codes::grant_id.is_null())
        .filter(device_codes::denied_at.is_null())
        .filter(device_codes::expires_at.gt(now));
    Ok(on!(tx, |c| diesel::update(row).set(device_codes::grant_id.eq(Some(grant))).execute(c))? == 1)
}

/// Records that the person denied it. `false` when the device was decided about before, or has expired.
pub fn deny(tx: &mut Database, now: UnixTime, id: Id<DeviceCodeRecord>) -> Result<bool> {
    let row = device_codes::table
        .filter(device_codes::id.eq(id))
        .filter(device_codes::grant_id.is_null())
        .filter(device_codes::denied_at.is_null())
        .filter(device_codes::expires_at.gt(now));
    Ok(on!(tx, |c| diesel::update(row).set(device_codes::denied_at.eq(Some(now))).execute(c))? == 1)
}

/// Revokes the grants of devices that never fetched their tokens; returns how many were revoked.
pub fn end_unfetched(tx: &mut Database, now: UnixTime) -> Result<usize> {
    let unfetched = device_codes::table
        .filter(device_codes::redeemed_at.is_null())
        .filter(device_codes::expires_at.le(now.plus(-GRACE)))
        .filter(device_codes::grant_id.is_not_null())
        .select(device_codes::grant_id);
    let rows = grants::table.filter(grants::id.nullable().eq_any(unfetched)).filter(grants::revoked_at.is_null());
    Ok(on!(tx, |c| diesel::update(rows).set(grants::revoked_at.eq(Some(now))).execute(c))?)
}

/// Marks an allowed device code as redeemed; the database decides a race.
pub fn redeem(tx: &mut Database, now: UnixTime, id: Id<DeviceCodeRecord>) -> Result<bool> {
    let row = device_codes::table
        .filter(device_codes::id.eq(id))
        .filter(device_codes::grant_id.is_not_null())
        .filter(device_codes::redeemed_at.is_null());
    Ok(on!(tx, |c| diesel::update(row).set(device_codes::redeemed_at.eq(Some(now))).execute(c))? == 1)
}
