//! From where a person was seen signing in, so that a sign-in from elsewhere can be told to them.

use diesel::prelude::*;

use super::id::Id;
use super::user::User;
use crate::clock::UnixTime;

/// Seconds that a browser and network stay familiar after they were last seen: 90 days (ours).
pub const KNOWN_FOR: i64 = 90 * 86_400;

/// One browser in one network.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::seen_devices)]
pub struct SeenDevice {
    /// The row.
    pub id: Id<SeenDevice>,
    /// Who signed in.
    pub user_id: Id<User>,
    /// The browser or program, in words of ours.
    pub browser: String,
    /// The part of the address that one household or company shares.
    pub network: String,
    /// When it last signed in.
    pub last_seen_at: UnixTime,
    /// When the row goes; a person's first one stays, and says that they were here.
    pub expires_at: Option<UnixTime>,
}

impl SeenDevice {
    /// Whether it is still familiar.
    pub fn is_known(&self, now: UnixTime) -> bool {
        now.since(self.last_seen_at) < KNOWN_FOR
    }
}
