//! The failures of one rate-limit counter in one window, shared by all nodes.

use diesel::prelude::*;

use super::id::Id;
use crate::clock::UnixTime;

/// A rate-limit counter as it is stored.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::failure_counts)]
pub struct FailureCount {
    pub id: Id<FailureCount>,
    /// The name of the counter, as a keyed digest.
    pub counter: String,
    /// When the window began.
    pub window_started_at: UnixTime,
    /// Failures in the window so far.
    pub failures: i64,
    /// When the window ends.
    pub expires_at: UnixTime,
}
