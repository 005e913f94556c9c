//! A line of what was refused to an application: the exact cause, which only its owner may read.

use diesel::prelude::*;

use super::client::Client;
use super::id::Id;
use crate::clock::UnixTime;

/// Seconds that a line is kept, beside the day that everything stays after its end: 30 days in all (ours).
pub const KEPT: i64 = 29 * 86_400;

/// One line. It holds fixed words of ours, and a scope that is refused; never a secret or any
/// other part of a request.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::refusals)]
pub struct RefusalRecord {
    /// The row.
    pub id: Id<RefusalRecord>,
    /// Whose request it was, or seemed to be.
    pub client_key: Id<Client>,
    /// The name of the request, which the answer carried.
    pub request_id: String,
    /// The address that was asked, below ours.
    pub endpoint: String,
    /// The error code that was answered.
    pub error: String,
    /// Why, in one fixed sentence; behind it a scope that is refused.
    pub cause: String,
    /// Whether the application had proved that it is the one; otherwise anybody can have caused it.
    pub is_proven: bool,
    /// Refusals after it, of the same second and kind, that were not written down.
    pub dropped: i64,
    /// When.
    pub at: UnixTime,
}
