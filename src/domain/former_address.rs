//! A proven address that was replaced. For a while whoever reads its letters may put it back: a thief who
//! changes the address must not get rid of its owner by that.

use diesel::prelude::*;

use super::id::Id;
use super::user::User;
use crate::clock::UnixTime;

/// Seconds in which an address may be put back: seven days (ours).
pub const RESTORABLE: i64 = 7 * 86_400;

/// One address that was a person's.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::former_addresses)]
pub struct FormerAddress {
    /// The row; the older the address, the smaller.
    pub id: Id<FormerAddress>,
    /// Whose it was.
    pub user_id: Id<User>,
    /// The address as its owner wrote it.
    pub email: String,
    /// The address as it is compared.
    pub email_folded: String,
    /// Until when it may be put back.
    pub expires_at: UnixTime,
}
