//! The platform's resources, for platforms that report them: a small tree with owners and shares.

use diesel::prelude::*;

use super::access_list::Tier;
use super::id::Id;
use super::user::User;
use crate::clock::UnixTime;

/// A resource of the platform.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::resources)]
pub struct Resource {
    pub id: Id<Resource>,
    /// The ID of the resource at the platform.
    pub path: String,
    /// The folder that contains it. Access to a folder includes everything inside.
    pub parent_id: Option<Id<Resource>>,
    pub owner_id: Id<User>,
    /// When the platform registered it.
    pub created_at: UnixTime,
    /// The access tier of the public, on the resource and everything inside, without a token.
    pub public_tier: Option<Tier>,
}

impl Resource {
    /// Whether the public may have this tier: the public may only read.
    pub fn may_be_public(tier: Tier) -> bool {
        tier <= Tier::ViewPlus
    }
}

/// The access tier of another person on a resource.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::resource_shares)]
pub struct ResourceShare {
    pub id: Id<ResourceShare>,
    pub resource_id: Id<Resource>,
    pub user_id: Id<User>,
    pub tier: Tier,
}

/// The maximum length of a resource ID, in characters.
pub const MAX_PATH: usize = 200;

/// The maximum depth of nested folders; a deeper resource cannot be registered.
pub const MAX_DEPTH: usize = 64;

/// Returns the canonical spelling of a resource ID: a UUID is written in lower case.
pub fn canonical(path: &str) -> String {
    let is_uuid = path.len() == 36
        && path.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    if is_uuid { path.to_ascii_lowercase() } else { path.to_owned() }
}

/// Whether a text can be a resource ID.
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
