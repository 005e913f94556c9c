//! A deletion in progress: an account that will be erased, with the user name and email address for signing in to
//! restore it.

use diesel::prelude::*;

use super::id::Id;
use super::user::User;
use crate::clock::UnixTime;

/// Seconds in which a deleted account can be restored (`docs/decisions/0033-held-user-names.md`).
pub const GRACE: i64 = 86_400;

/// An account whose deletion has begun.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::deletions)]
pub struct Deletion {
    /// The row ID of the person.
    pub id: Id<User>,
    /// The user name, case-folded for comparison.
    pub username_folded: String,
    /// The verified email address, case-folded for comparison.
    pub email_folded: Option<String>,
    pub erases_at: UnixTime,
}

impl Deletion {
    /// Whether the account can still be restored.
    pub fn is_restorable(&self, now: UnixTime) -> bool {
        now < self.erases_at
    }
}
