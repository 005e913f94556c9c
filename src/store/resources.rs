//! The tables `resources` and `resource_shares`.

use std::collections::BTreeMap;

use diesel::prelude::*;

use super::{Database, Result, on};
use crate::domain::access_list::Tier;
use crate::domain::id::Id;
use crate::domain::resource::{MAX_DEPTH, Resource, ResourceShare};
use crate::domain::user::User;
use crate::schema::{resource_shares, resources};

/// Finds the resource with this path.
pub fn find(tx: &mut Database, path: &str) -> Result<Option<Resource>> {
    Ok(on!(tx, |c| resources::table.filter(resources::path.eq(path)).select(Resource::as_select()).get_result(c))
        .optional()?)
}

/// Lists a resource and its ancestors, the parent before the grandparent.
pub fn list_with_ancestors(tx: &mut Database, path: &str) -> Result<Vec<Resource>> {
    let mut line: Vec<Resource> = find(tx, path)?.into_iter().collect();
    while let Some(parent) = line.last().and_then(|resource| resource.parent_id)
        && line.len() < MAX_DEPTH
    {
        let row = resources::table.filter(resources::id.eq(parent));
        line.push(on!(tx, |c| row.select(Resource::as_select()).get_result(c))?);
    }
    Ok(line)
}

/// Inserts a resource. A path that exists already is a conflict.
pub fn insert(tx: &mut Database, resource: &Resource) -> Result<()> {
    on!(tx, |c| diesel::insert_into(resources::table).values(resource).execute(c))?;
    Ok(())
}

/// Writes the parent and the owner of a resource.
pub fn update(tx: &mut Database, resource: &Resource) -> Result<()> {
    let row = diesel::update(resources::table.filter(resources::id.eq(resource.id)));
    let (parent, owner) = (resource.parent_id, resource.owner_id);
    on!(tx, |c| row.set((resources::parent_id.eq(parent), resources::owner_id.eq(owner))).execute(c))?;
    Ok(())
}

/// Sets the tier that every person has on a resource; `None` ends public access.
pub fn set_public(tx: &mut Database, id: Id<Resource>, tier: Option<Tier>) -> Result<()> {
    let row = diesel::update(resources::table.filter(resources::id.eq(id)));
    on!(tx, |c| row.set(resources::public_tier.eq(tier)).execute(c))?;
    Ok(())
}

/// Deletes a resource and its shares. `false` when it contains other resources.
pub fn delete(tx: &mut Database, id: Id<Resource>) -> Result<bool> {
    let inside = resources::table.filter(resources::parent_id.eq(id)).count();
    if on!(tx, |c| inside.get_result::<i64>(c))? > 0 {
        return Ok(false);
    }
    on!(tx, |c| diesel::delete(resource_shares::table.filter(resource_shares::resource_id.eq(id))).execute(c))?;
    on!(tx, |c| diesel::delete(resources::table.filter(resources::id.eq(id))).execute(c))?;
    Ok(true)
}

/// Lists a page of resources, oldest first, after `after`.
pub fn list(tx: &mut Database, after: Option<Id<Resource>>, size: i64) -> Result<Vec<Resource>> {
    let after = after.unwrap_or(Id::from_number(0));
    let page = resources::table.filter(resources::id.gt(after)).order(resources::id);
    Ok(on!(tx, |c| page.limit(size).select(Resource::as_select()).load(c))?)
}

/// Lists the shares of this resource, without those of its ancestors.
pub fn list_shares(tx: &mut Database, resource: Id<Resource>) -> Result<Vec<ResourceShare>> {
    let rows = resource_shares::table.filter(resource_shares::resource_id.eq(resource)).order(resource_shares::id);
    Ok(on!(tx, |c| rows.select(ResourceShare::as_select()).load(c))?)
}

/// Finds the share of a person on this resource, without those on its ancestors.
pub fn find_share(tx: &mut Database, resource: Id<Resource>, user: Id<User>) -> Result<Option<ResourceShare>> {
    let row = resource_shares::table
        .filter(resource_shares::resource_id.eq(resource))
        .filter(resource_shares::user_id.eq(user));
    Ok(on!(tx, |c| row.select(ResourceShare::as_select()).get_result(c)).optional()?)
}

/// Inserts a share of a resource, or changes its tier.
pub fn share(tx: &mut Database, new: &ResourceShare) -> Result<()> {
    match find_share(tx, new.resource_id, new.user_id)? {
        Some(old) => {
            let row = diesel::update(resource_shares::table.filter(resource_shares::id.eq(old.id)));
            on!(tx, |c| row.set(resource_shares::tier.eq(new.tier)).execute(c))?;
        }
        None => {
            on!(tx, |c| diesel::insert_into(resource_shares::table).values(new).execute(c))?;
        }
    }
    Ok(())
}

/// Deletes a share. `false` when there was none.
pub fn unshare(tx: &mut Database, resource: Id<Resource>, user: Id<User>) -> Result<bool> {
    let row = resource_shares::table
        .filter(resource_shares::resource_id.eq(resource))
        .filter(resource_shares::user_id.eq(user));
    Ok(on!(tx, |c| diesel::delete(row).execute(c))? == 1)
}

/// Finds the tier of a person on a registered resource at this moment: `admin` on their own resources, else the
/// highest of the shares and public tiers of the resource and its ancestors. The outer `None` means a path that the
/// platform did not register here.
pub fn find_tier(tx: &mut Database, user: Id<User>, path: &str) -> Result<Option<Option<Tier>>> {
    Tiers::default().find(tx, user, path)
}

/// A cache of one person's tiers: the entries of a list are often in the same folder.
#[derive(Debug, Default)]
pub struct Tiers(BTreeMap<i64, Option<Tier>>);

impl Tiers {
    /// Like [`find_tier`], but reads each resource only once.
    pub fn find(&mut self, tx: &mut Database, user: Id<User>, path: &str) -> Result<Option<Option<Tier>>> {
        let Some(mut resource) = find(tx, path)? else { return Ok(None) };
        let (mut line, mut above) = (Vec::new(), None);
        loop {
            if let Some(known) = self.0.get(&resource.id.number()) {
                above = *known;
                break;
            }
            let (id, parent) = (resource.id, resource.parent_id);
            line.push((id, resource.owner_id == user, resource.public_tier));
            let Some(parent) = parent.filter(|_| line.len() < MAX_DEPTH) else { break };
            resource = on!(tx, |c| resources::table
                .filter(resources::id.eq(parent))
                .select(Resource::as_select())
                .get_result(c))?;
        }
        for (id, is_own, public) in line.into_iter().rev() {
            let here = if is_own { Some(Tier::Admin) } else { find_share(tx, id, user)?.map(|share| share.tier) };
            above = above.max(here).max(public);
            self.0.insert(id.number(), above);
        }
        Ok(Some(above))
    }
}
