//! The table `security_log`: rows are inserted, read, and removed when they are old; they are never changed.

use diesel::prelude::*;

use super::{Database, Result, on};
use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::security_log::{SecurityEntry, SecurityEvent};
use crate::domain::session::Origin;
use crate::domain::user::User;
use crate::schema::{security_log, users};

/// Appends an entry to a person's log.
pub fn append(
    tx: &mut Database,
    now: UnixTime,
    user: Id<User>,
    what: (SecurityEvent, &str),
    origin: Option<&Origin>,
) -> Result<()> {
    // One at a time, because each entry contains a digest over the one before.
    super::users::lock(tx, user)?;
    let last = security_log::table.filter(security_log::user_id.eq(user)).order(security_log::id.desc());
    let before = on!(tx, |c| last.select(SecurityEntry::as_select()).first(c)).optional()?;
    let entry = SecurityEntry::new(now, user, what, origin, before.as_ref());
    on!(tx, |c| diesel::insert_into(security_log::table).values(&entry).execute(c))?;
    Ok(())
}

/// Whether a person's log has such an event after `since`.
pub fn has_since(tx: &mut Database, user: Id<User>, event: SecurityEvent, since: UnixTime) -> Result<bool> {
    let rows = security_log::table
        .filter(security_log::user_id.eq(user))
        .filter(security_log::event.eq(event))
        .filter(security_log::occurred_at.gt(since));
    Ok(on!(tx, |c| diesel::select(diesel::dsl::exists(rows.select(security_log::id))).get_result::<bool>(c))?)
}

/// Whether a person's log has such an event about `about` after `since`.
pub fn has_about_since(
    tx: &mut Database,
    user: Id<User>,
    (event, about): (SecurityEvent, &str),
    since: UnixTime,
) -> Result<bool> {
    let rows = security_log::table
        .filter(security_log::user_id.eq(user))
        .filter(security_log::event.eq(event))
        .filter(security_log::subject.eq(about))
        .filter(security_log::occurred_at.gt(since));
    Ok(on!(tx, |c| diesel::select(diesel::dsl::exists(rows.select(security_log::id))).get_result::<bool>(c))?)
}

/// A filter for the entries of the log.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Only these events; all events when empty.
    pub events: Vec<SecurityEvent>,
    /// Only entries at or after this time.
    pub since: Option<UnixTime>,
    /// Only entries older than this one.
    pub before: Option<Id<SecurityEntry>>,
}

/// Lists a person's entries, or those of all people, newest first.
pub fn list(tx: &mut Database, user: Option<Id<User>>, asked: &Asked, most: i64) -> Result<Vec<SecurityEntry>> {
    let found = on!(tx, |c| {
        let mut rows = security_log::table.select(SecurityEntry::as_select()).into_boxed();
        if let Some(user) = user {
            rows = rows.filter(security_log::user_id.eq(user));
        }
        if !asked.events.is_empty() {
            rows = rows.filter(security_log::event.eq_any(asked.events.clone()));
        }
        if let Some(since) = asked.since {
            rows = rows.filter(security_log::occurred_at.ge(since));
        }
        if let Some(before) = asked.before {
            rows = rows.filter(security_log::id.lt(before));
        }
        rows.order(security_log::id.desc()).limit(most).load(c)
    });
    Ok(found?)
}

/// Lists the entries of all people in the order of their chains, those after `after`, with the time at which the
/// account was created.
pub fn list_chained(
    tx: &mut Database,
    after: (Id<User>, Id<SecurityEntry>),
    most: i64,
) -> Result<Vec<(SecurityEntry, UnixTime)>> {
    let (person, entry) = after;
    let behind = security_log::user_id.gt(person).or(security_log::user_id.eq(person).and(security_log::id.gt(entry)));
    let rows = security_log::table.inner_join(users::table).filter(behind);
    let rows = rows.order((security_log::user_id, security_log::id)).limit(most);
    Ok(on!(tx, |c| rows.select((SecurityEntry::as_select(), users::created_at)).load(c))?)
}
