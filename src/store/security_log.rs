//! The table `security_log`: rows are added, read, and removed when they are old; never changed.

use diesel::prelude::*;

use super::{Database, Result, users};
use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::security_log::{SecurityEntry, SecurityEvent};
use crate::domain::session::Origin;
use crate::domain::user::User;
use crate::schema::security_log;

/// Adds an entry to a person's log.
pub fn append(
    tx: &mut Database,
    now: UnixTime,
    user: Id<User>,
    what: (SecurityEvent, &str),
    origin: Option<&Origin>,
) -> Result<()> {
    // One after the other: each carries a digest over the one before.
    users::lock(tx, user)?;
    let last = security_log::table.filter(security_log::user_id.eq(user)).order(security_log::id.desc());
    let before: Option<String> = last.select(security_log::link).first(tx).optional()?;
    let entry = SecurityEntry::new(now, user, what, origin, &before.unwrap_or_default());
    diesel::insert_into(security_log::table).values(&entry).execute(tx)?;
    Ok(())
}

/// Whether a person's log tells of such an event after `since`.
pub fn has_since(tx: &mut Database, user: Id<User>, event: SecurityEvent, since: UnixTime) -> Result<bool> {
    let rows = security_log::table
        .filter(security_log::user_id.eq(user))
        .filter(security_log::event.eq(event))
        .filter(security_log::at.gt(since));
    Ok(diesel::select(diesel::dsl::exists(rows.select(security_log::id))).get_result::<bool>(tx)?)
}
