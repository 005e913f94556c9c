//! User names that nobody else gets for a while: whoever took the name of a person who just left would be
//! taken for them.

use diesel::prelude::*;

use super::id::Id;
use super::user::User;
use crate::clock::UnixTime;

/// Seconds that a name is held: 90 days (`docs/decisions/0033-held-user-names.md`).
pub const HELD: i64 = 90 * 86_400;
/// Former names that are held for one person (ours). Whoever has as many takes no other one: else they would
/// reserve names without end, or let the first one go to somebody who waits for it.
pub const MOST_FORMER: i64 = 10;

/// One name.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::held_names)]
pub struct HeldName {
    /// The row.
    pub id: Id<HeldName>,
    /// For whom; they may be erased by now.
    pub user_id: Id<User>,
    /// The name as it is compared.
    pub username_folded: String,
    /// When it is free again.
    pub expires_at: UnixTime,
}
