//! Held user names: names that no other person can take for a while. A new owner of a former name would be mistaken for
//! the previous one.

use diesel::prelude::*;

use super::id::Id;
use super::user::User;
use crate::clock::UnixTime;

/// Seconds that a name is held: 90 days (`docs/decisions/0033-held-user-names.md`).
pub const HELD: i64 = 90 * 86_400;
/// The maximum number of former names that are held for one person (Gatepost's own limit). A person with that many
/// cannot change their name: otherwise they could reserve names without limit, or release the first one to another
/// person who waits for it.
pub const MOST_FORMER: i64 = 10;

/// A held user name.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::reserved_usernames)]
pub struct HeldName {
    pub id: Id<HeldName>,
    /// The person that it is held for; the account may be erased already.
    pub user_id: Id<User>,
    /// The name, case-folded for comparison.
    pub username_folded: String,
    /// When the name can be taken again.
    pub expires_at: UnixTime,
}
