//! Removing rows a batch at a time, so that no request's write waits long behind it.

/// Rows of one table per batch.
pub(super) const BATCH: i64 = 200;

/// Removes one batch of the rows of a table that a condition names; says how many went.
macro_rules! remove {
    ($tx:expr, $table:ident, $which:expr) => {{
        let rows = $table::table.filter($which).select($table::id);
        let ids: Vec<i64> = rows.limit($crate::store::batch::BATCH).load($tx)?;
        diesel::delete($table::table.filter($table::id.eq_any(ids))).execute($tx)?
    }};
}

pub(super) use remove;
