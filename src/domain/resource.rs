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
