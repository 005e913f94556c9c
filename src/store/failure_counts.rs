//! The table `failure_counts`.

use diesel::prelude::*;

use super::{Database, Result, StoreError, on};
use crate::clock::UnixTime;
use crate::domain::failure_count::FailureCount;
use crate::schema::failure_counts;

/// Lists the counters with these names whose windows have not expired.
pub fn list(tx: &mut Database, now: UnixTime, [a, b, c]: [&str; 3]) -> Result<Vec<FailureCount>> {
    // Three comparisons make one statement that is prepared once; a list of variable length does not.
    let named = failure_counts::counter.eq(a).or(failure_counts::counter.eq(b)).or(failure_counts::counter.eq(c));
    let rows = failure_counts::table.filter(named).filter(failure_counts::expires_at.gt(now));
    Ok(on!(tx, |c| rows.select(FailureCount::as_select()).load(c))?)
}

/// Adds failures to a counter and returns its new state. An expired window starts again; if two nodes start one at
/// the same time, that is a conflict.
pub fn add(tx: &mut Database, now: UnixTime, more: &FailureCount) -> Result<FailureCount> {
    let row = failure_counts::table.filter(failure_counts::counter.eq(&more.counter));
    let raised = on!(tx, |c| diesel::update(row.filter(failure_counts::expires_at.gt(now)))
        .set(failure_counts::failures.eq(failure_counts::failures + more.failures))
        .returning(failure_counts::all_columns)
        .get_result(c))
    .optional()?;
    if let Some(count) = raised {
        return Ok(count);
    }
    if more.failures <= 0 {
        return Ok(more.clone()); // there is no counter to subtract from
    }
    begin(tx, now, more)
}

/// Starts a counter, or its next window. If another transaction has just started it, that is a conflict.
fn begin(tx: &mut Database, now: UnixTime, first: &FailureCount) -> Result<FailureCount> {
    let row = failure_counts::table.filter(failure_counts::counter.eq(&first.counter));
    let begun = on!(tx, |c| diesel::update(row.filter(failure_counts::expires_at.le(now)))
        .set((
            failure_counts::window_started_at.eq(first.window_started_at),
            failure_counts::failures.eq(first.failures),
            failure_counts::expires_at.eq(first.expires_at),
        ))
        .returning(failure_counts::all_columns)
        .get_result(c))
    .optional()?;
    if let Some(count) = begun {
        return Ok(count);
    }
    on!(tx, |c| diesel::insert_into(failure_counts::table).values(first).execute(c))?;
    Ok(first.clone())
}

/// The result of a try that is to be counted.
#[derive(Clone, Debug)]
pub enum Raised {
    /// The state of the counter with this try.
    Counted(FailureCount),
    /// The state of the counter, which had reached its limit.
    Full(FailureCount),
}

/// Counts one more try, unless the counter has reached `most`. One statement decides, however many nodes count.
pub fn raise(tx: &mut Database, now: UnixTime, one: &FailureCount, most: i64) -> Result<Raised> {
    let row = failure_counts::table.filter(failure_counts::counter.eq(&one.counter));
    let open = row.filter(failure_counts::expires_at.gt(now));
    let raised = on!(tx, |c| diesel::update(open.filter(failure_counts::failures.lt(most)))
        .set(failure_counts::failures.eq(failure_counts::failures + one.failures))
        .returning(failure_counts::all_columns)
        .get_result(c))
    .optional()?;
    if let Some(count) = raised {
        return Ok(Raised::Counted(count));
    }
    match on!(tx, |c| open.select(FailureCount::as_select()).get_result(c)).optional()? {
        Some(full) if full.failures >= most => Ok(Raised::Full(full)),
        // Another transaction started it between the two queries: this one is run again.
        Some(_) => Err(StoreError::Conflict),
        // Not `add`: a counter that another transaction has started meanwhile may be full.
        None => begin(tx, now, one).map(Raised::Counted),
    }
}

/// Subtracts one counted try, unless its window has expired. A counter that reaches zero is deleted.
pub fn take_back(tx: &mut Database, counted: &FailureCount) -> Result<()> {
    let row = failure_counts::table.filter(failure_counts::counter.eq(&counted.counter));
    let row = row.filter(failure_counts::window_started_at.eq(counted.window_started_at));
    on!(tx, |c| diesel::update(row).set(failure_counts::failures.eq(failure_counts::failures - 1)).execute(c))?;
    on!(tx, |c| diesel::delete(row.filter(failure_counts::failures.le(0))).execute(c))?;
    Ok(())
}

/// Deletes a counter, because the right person has authenticated.
pub fn delete(tx: &mut Database, counter: &str) -> Result<()> {
    on!(tx, |c| diesel::delete(failure_counts::table.filter(failure_counts::counter.eq(counter))).execute(c))?;
    Ok(())
}
