//! The log of refused requests of an application, with the exact cause, which only its owner may read.

use diesel::prelude::*;

use super::client::Client;
use super::id::Id;
use crate::clock::UnixTime;

/// Seconds that an entry is kept. One more day is added for all expired rows: 30 days in all (Gatepost's own choice).
pub const KEPT: i64 = 29 * 86_400;

/// An entry of the log. It contains fixed text, and the refused scope if there is one; never a secret or any other part
/// of a request.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::refusals)]
pub struct RefusalRecord {
    pub id: Id<RefusalRecord>,
    /// The client that sent the request, or that the request named.
    pub client_key: Id<Client>,
    /// The request ID, which the response contained.
    pub request_id: String,
    /// The path of the endpoint.
    pub endpoint: String,
    /// The error code of the response.
    pub error: String,
    /// The cause, as a fixed sentence; followed by the refused scope if there is one.
    pub cause: String,
    /// Whether the client was authenticated; otherwise any caller may have sent the request.
    pub is_client_authenticated: bool,
    /// How many refusals of the same second and kind followed that were not stored.
    pub dropped: i64,
    pub occurred_at: UnixTime,
}
