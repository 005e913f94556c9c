//! The table `pushed_requests`. A request is used by one statement, so only once.

use diesel::prelude::*;

use super::{Database, Result, on};
use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::pushed_request::PushedRequestRecord;
use crate::schema::pushed_requests;

/// Finds the pushed request with this id.
pub fn find(tx: &mut Database, id: Id<PushedRequestRecord>) -> Result<Option<PushedRequestRecord>> {
    let row = pushed_requests::table.filter(pushed_requests::id.eq(id));
    Ok(on!(tx, |c| row.select(PushedRequestRecord::as_select()).get_result(c)).optional()?)
}

/// Counts the requests that were pushed from one network and that a browser may still open, over all clients,
/// including used ones.
pub fn count_fresh(tx: &mut Database, now: UnixTime, network: &str) -> Result<i64> {
    let rows = pushed_requests::table
        .filter(pushed_requests::network.eq(network))
        .filter(pushed_requests::expires_at.gt(now))
        .filter(pushed_requests::kept_until.gt(now));
    Ok(on!(tx, |c| rows.count().get_result(c))?)
}

/// Counts the requests that were pushed from one network and are still stored.
pub fn count_kept(tx: &mut Database, now: UnixTime, network: &str) -> Result<i64> {
    let rows =
        pushed_requests::table.filter(pushed_requests::network.eq(network)).filter(pushed_requests::kept_until.gt(now));
    Ok(on!(tx, |c| rows.count().get_result(c))?)
}

/// Keeps a request longer, because a browser opened it in time.
pub fn extend(tx: &mut Database, id: Id<PushedRequestRecord>, until: UnixTime) -> Result<()> {
    let row = pushed_requests::table
        .filter(pushed_requests::id.eq(id))
        .filter(pushed_requests::kept_until.eq(pushed_requests::expires_at));
    on!(tx, |c| diesel::update(row).set(pushed_requests::kept_until.eq(until)).execute(c))?;
    Ok(())
}

/// Inserts a new pushed request.
pub fn insert(tx: &mut Database, request: &PushedRequestRecord) -> Result<()> {
    on!(tx, |c| diesel::insert_into(pushed_requests::table).values(request).execute(c))?;
    Ok(())
}

/// Marks a request as used; the database decides a race.
pub fn consume(tx: &mut Database, now: UnixTime, id: Id<PushedRequestRecord>) -> Result<bool> {
    let row = pushed_requests::table.filter(pushed_requests::id.eq(id)).filter(pushed_requests::used_at.is_null());
    Ok(on!(tx, |c| diesel::update(row).set(pushed_requests::used_at.eq(Some(now))).execute(c))? == 1)
}
