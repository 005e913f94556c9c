//! The tables `resources` and `resource_shares`.

use diesel::prelude::*;

use super::{Database, Result};
use crate::domain::access_list::Tier;
use crate::domain::id::Id;
use crate::domain::resource::{Resource, ResourceShare};
use crate::domain::user::User;
use crate::schema::{resource_shares, resources};

/// Folders in folders that are followed; deeper ones count as circles.
const DEPTH: usize = 64;

/// The resource with this name.
pub fn find(tx: &mut Database, path: &str) -> Result<Option<Resource>> {
    Ok(resources::table.filter(resources::path.eq(path)).select(Resource::as_select()).get_result(tx).optional()?)
}

/// A resource and what it lies in, from the inside out.
pub fn list_with_ancestors(tx: &mut Database, path: &str) -> Result<Vec<Resource>> {
    let mut line: Vec<Resource> = find(tx, path)?.into_iter().collect();
    while let Some(parent) = line.last().and_then(|resource| resource.parent_id)
        && line.len() < DEPTH
    {
        let row = resources::table.filter(resources::id.eq(parent));
        line.push(row.select(Resource::as_select()).get_result(tx)?);
    }
    Ok(line)
}

/// Adds a resource. A taken name is a conflict.
pub fn insert(tx: &mut Database, resource: &Resource) -> Result<()> {
    diesel::insert_into(resources::table).values(resource).execute(tx)?;
    Ok(())
}

/// All resources, oldest first.
pub fn list(tx: &mut Database) -> Result<Vec<Resource>> {
    Ok(resources::table.order(resources::id).select(Resource::as_select()).load(tx)?)
}

/// What a person holds by sharing on this very resource.
pub fn find_share(tx: &mut Database, resource: Id<Resource>, user: Id<User>) -> Result<Option<ResourceShare>> {
    let row = resource_shares::table
        .filter(resource_shares::resource_id.eq(resource))
        .filter(resource_shares::user_id.eq(user));
    Ok(row.select(ResourceShare::as_select()).get_result(tx).optional()?)
}

/// Shares a resource, or changes how far.
pub fn share(tx: &mut Database, new: &ResourceShare) -> Result<()> {
    match find_share(tx, new.resource_id, new.user_id)? {
        Some(old) => {
            let row = diesel::update(resource_shares::table.filter(resource_shares::id.eq(old.id)));
            row.set(resource_shares::tier.eq(new.tier)).execute(tx)?;
        }
        None => {
            diesel::insert_into(resource_shares::table).values(new).execute(tx)?;
        }
    }
    Ok(())
}

/// Takes a share back.
pub fn unshare(tx: &mut Database, resource: Id<Resource>, user: Id<User>) -> Result<bool> {
    let row = resource_shares::table
        .filter(resource_shares::resource_id.eq(resource))
        .filter(resource_shares::user_id.eq(user));
    Ok(diesel::delete(row).execute(tx)? == 1)
}

/// The tier that a person holds on a registered resource at this moment: everything on what is
/// theirs, the highest share on it or on what it lies in. The outer `None` is a path that the
/// platform did not tell us of.
pub fn find_tier(tx: &mut Database, user: Id<User>, path: &str) -> Result<Option<Option<Tier>>> {
    let line = list_with_ancestors(tx, path)?;
    if line.is_empty() {
        return Ok(None);
    }
    let mut highest = None;
    for resource in line {
        if resource.owner_id == user {
            return Ok(Some(Some(Tier::Admin)));
        }
        highest = highest.max(find_share(tx, resource.id, user)?.map(|share| share.tier));
    }
    Ok(Some(highest))
}
