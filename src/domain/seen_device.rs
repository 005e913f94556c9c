//! Seen devices: the browsers and networks of a person's sign-ins, so that a sign-in from a new one can be reported to
//! them.

use diesel::prelude::*;

use super::id::Id;
use super::user::User;
use crate::clock::UnixTime;

/// Seconds that a browser and network stay known after the last sign-in: 90 days (Gatepost's own choice).
pub const KNOWN_FOR: i64 = 90 * 86_400;

/// A browser in a network.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::seen_devices)]
pub struct SeenDevice {
    pub id: Id<SeenDevice>,
    pub user_id: Id<User>,
    /// The name of the browser or program, one of Gatepost's own names.
    pub browser: String,
    /// The network of the address, which one household or company shares.
    pub network: String,
    pub last_seen_at: UnixTime,
    /// When the row is deleted; absent for the first row of a person, which stays as a sign that they signed in before.
    pub expires_at: Option<UnixTime>,
}

impl SeenDevice {
    /// Whether it is still known.
    pub fn is_known(&self, now: UnixTime) -> bool {
        now.since(self.last_seen_at) < KNOWN_FOR
    }
}
