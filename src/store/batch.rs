//! Removes rows in batches, so that no write of a request waits long behind it.

/// The most rows of one table per batch.
pub(super) const BATCH: i64 = 200;

/// Removes one batch of the rows of a table that match a condition; returns their number.
macro_rules! remove {
    ($tx:expr, $table:ident, $which:expr) => {{
        let rows = $table::table.filter($which).select($table::id);
        let ids: Vec<i64> = on!($tx, |c| rows.limit($crate::store::batch::BATCH).load(c))?;
        on!($tx, |c| diesel::delete($table::table.filter($table::id.eq_any(ids))).execute(c))?
    }};
}

pub(super) use remove;
