//! An account that will be erased, with the name and address that its person signs in with to keep it.

use diesel::prelude::*;

use super::id::Id;
use super::user::User;
use crate::clock::UnixTime;

/// Seconds in which a deleted account may be kept after all (`docs/decisions/0033-held-user-names.md`).
pub const GRACE: i64 = 86_400;

/// One account on its way out.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::deletions)]
pub struct Deletion {
    /// The person.
    pub id: Id<User>,
    /// The name as it was compared.
    pub username_folded: String,
    /// The proven address as it was compared.
    pub email_folded: Option<String>,
    /// When it is erased.
    pub erases_at: UnixTime,
}

impl Deletion {
    /// Whether it can still be undone.
    pub fn is_restorable(&self, now: UnixTime) -> bool {
        now < self.erases_at
    }
}
