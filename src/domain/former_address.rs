//! Former email addresses: verified addresses that were replaced. For a while, the reader of such an address can
//! restore it: a thief who changes the address must not lock out the owner.

use diesel::prelude::*;

use super::id::Id;
use super::user::User;
use crate::clock::UnixTime;

/// Seconds in which an address can be restored: seven days (Gatepost's own choice).
pub const RESTORABLE: i64 = 7 * 86_400;

/// A former email address of a person.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::former_addresses)]
pub struct FormerAddress {
    /// The row ID; an older address has a smaller one.
    pub id: Id<FormerAddress>,
    pub user_id: Id<User>,
    /// The address as its owner wrote it.
    pub email: String,
    /// The address, case-folded for comparison.
    pub email_folded: String,
    /// When the address can no longer be restored.
    pub expires_at: UnixTime,
}
