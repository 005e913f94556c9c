//! Failures of one counter in one window, as all nodes see them.

use diesel::prelude::*;

use super::id::Id;
use crate::clock::UnixTime;

/// One counter.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::failure_counts)]
pub struct FailureCount {
    /// The row.
    pub id: Id<FailureCount>,
    /// What is counted, as a keyed digest.
    pub counter: String,
    /// When its window began.
    pub since: UnixTime,
    /// Failures since then.
    pub failures: i64,
    /// When its window ends.
    pub expires_at: UnixTime,
}
