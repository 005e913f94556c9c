//! The platform's resources, where it tells us of them: a small tree with owners and shares.

use diesel::prelude::*;

use super::access_list::Tier;
use super::id::Id;
use super::user::User;
use crate::clock::UnixTime;

/// One resource.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::resources)]
pub struct Resource {
    /// The row.
    pub id: Id<Resource>,
    /// The name that the platform gives it.
    pub path: String,
    /// What it lies in; folder access covers everything inside.
    pub parent_id: Option<Id<Resource>>,
    /// Whose it is.
    pub owner_id: Id<User>,
    /// When the platform told us of it.
    pub created_at: UnixTime,
    /// How far everybody may read it and what is in it, without a token.
    pub public_tier: Option<Tier>,
}

impl Resource {
    /// Whether the public may be given this tier: the public reads, and does no more.
    pub fn may_be_public(tier: Tier) -> bool {
        tier <= Tier::ViewPlus
    }
}

/// What somebody else holds on a resource.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::resource_shares)]
pub struct ResourceShare {
    /// The row.
    pub id: Id<ResourceShare>,
    /// On what.
    pub resource_id: Id<Resource>,
    /// Who.
    pub user_id: Id<User>,
    /// How far.
    pub tier: Tier,
}

/// The longest name of a resource, in characters.
pub const MAX_PATH: usize = 200;

/// Folders in folders that are followed; nothing is registered deeper.
pub const MAX_DEPTH: usize = 64;

/// A resource's name as we spell it: a UUID is the same in capitals.
pub fn canonical(path: &str) -> String {
    let is_uuid = path.len() == 36
        && path.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    if is_uuid { path.to_ascii_lowercase() } else { path.to_owned() }
}

/// Whether a text can name a resource.
pub fn may_name(path: &str) -> bool {
    !path.is_empty() && path.chars().count() <= MAX_PATH && !path.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_the_same_in_capitals_and_other_names_are_not() {
        assert_eq!(canonical("46E1E919-8B73-42A3-A575-25C6D45FD93B"), "46e1e919-8b73-42a3-a575-25c6d45fd93b");
        assert_eq!(canonical("Folder"), "Folder");
        assert!(may_name("é".repeat(200).as_str()) && !may_name("é".repeat(201).as_str()));
        assert!(!may_name("") && !may_name("a\n"));
    }
}
