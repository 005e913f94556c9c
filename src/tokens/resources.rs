//! What the platform tells us of its resources (`docs/decisions/0009-whose-resources.md`): by command, or by
//! the management API of an API that the operator runs.

use crate::clock::UnixTime;
use crate::domain::access_list::Tier;
use crate::domain::id::Id;
use crate::domain::resource::{MAX_DEPTH, Resource, ResourceShare, canonical, may_name};
use crate::domain::user::User;
use crate::outcome::Error;
use crate::store::turns::{self, Turn};
use crate::store::{Database, StoreError, resources};

/// Why nothing was changed, in words for the operator or the platform's developer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResourceRefusal {
    /// The name cannot be one.
    #[error("A resource's id has 1 to 200 characters, and no control characters.")]
    Name,
    /// Nobody registered it.
    #[error("No resource with this id is registered.")]
    Unknown,
    /// Nobody registered what it should lie in.
    #[error("The parent is not registered.")]
    UnknownParent,
    /// Somebody registered it before.
    #[error("A resource with this id is registered already.")]
    Taken,
    /// It would lie in itself, or deeper than is followed.
    #[error("A resource cannot lie in itself, nor deeper than 64 folders.")]
    TooDeep,
    /// Others lie in it.
    #[error("Other resources lie in it. Move or delete them first.")]
    NotEmpty,
    /// Nobody shared it with this person.
    #[error("It is not shared with this person.")]
    NotShared,
    /// Nobody shared it with the public.
    #[error("It is not shared with the public.")]
    NotPublic,
    /// The public would do more than read.
    #[error("The public can hold view or viewPlus.")]
    NotForPublic,
}

/// Where a resource lies and whose it is.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its id at the platform.
    pub path: String,
    /// What it lies in.
    pub parent: Option<String>,
    /// Whose it is.
    pub owner: Id<User>,
}

/// Registers a resource that is new.
///
/// # Errors
/// A name that is wrong or taken, or a parent that cannot be.
pub fn create(tx: &mut Database, now: UnixTime, place: &Place) -> Result<Resource, Error<ResourceRefusal>> {
    if resources::find(tx, &canonical(&place.path))?.is_some() {
        return Err(Error::Refused(ResourceRefusal::Taken));
    }
    put(tx, now, place)
}

/// Registers a resource, or gives it another place or owner.
///
/// # Errors
/// A name that is wrong, or a parent that cannot be.
pub fn put(tx: &mut Database, now: UnixTime, place: &Place) -> Result<Resource, Error<ResourceRefusal>> {
    if !may_name(&place.path) {
        return Err(Error::Refused(ResourceRefusal::Name));
    }
    let path = canonical(&place.path);
    // Two that move into each other would make a circle.
    turns::take(tx, &[Turn::ResourceTree])?;
    let line = match &place.parent {
        Some(parent) => resources::list_with_ancestors(tx, &canonical(parent))?,
        None => Vec::new(),
    };
    if place.parent.is_some() && line.is_empty() {
        return Err(Error::Refused(ResourceRefusal::UnknownParent));
    }
    if line.len() >= MAX_DEPTH || line.iter().any(|above| above.path == path) {
        return Err(Error::Refused(ResourceRefusal::TooDeep));
    }
    let parent_id = line.first().map(|parent| parent.id);
    if let Some(known) = resources::find(tx, &path)? {
        let moved = Resource { parent_id, owner_id: place.owner, ..known };
        resources::update(tx, &moved)?;
        return Ok(moved);
    }
    let (id, owner_id) = (Id::next(now), place.owner);
    let made = Resource { id, path, parent_id, owner_id, created_at: now, public_tier: None };
    resources::insert(tx, &made)?;
    Ok(made)
}

/// Lets somebody into a resource and what lies in it, or changes how far.
///
/// # Errors
/// An unknown resource.
pub fn share(
    tx: &mut Database,
    now: UnixTime,
    path: &str,
    (user, tier): (Id<User>, Tier),
) -> Result<(), Error<ResourceRefusal>> {
    let resource = find(tx, path)?;
    let share = ResourceShare { id: Id::next(now), resource_id: resource.id, user_id: user, tier };
    Ok(resources::share(tx, &share)?)
}

/// Takes back what somebody holds on a resource; their tokens lose it at once.
///
/// # Errors
/// An unknown resource, or one that is not shared with them.
pub fn unshare(tx: &mut Database, path: &str, user: Id<User>) -> Result<(), Error<ResourceRefusal>> {
    let resource = find(tx, path)?;
    match resources::unshare(tx, resource.id, user)? {
        true => Ok(()),
        false => Err(Error::Refused(ResourceRefusal::NotShared)),
    }
}

/// Lets everybody read a resource and what is in it without a token, or changes how far.
///
/// # Errors
/// An unknown resource, or a tier that is more than reading.
pub fn publish(tx: &mut Database, path: &str, tier: Tier) -> Result<(), Error<ResourceRefusal>> {
    if !Resource::may_be_public(tier) {
        return Err(Error::Refused(ResourceRefusal::NotForPublic));
    }
    let resource = find(tx, path)?;
    Ok(resources::set_public(tx, resource.id, Some(tier))?)
}

/// Takes back what everybody holds on a resource.
///
/// # Errors
/// An unknown resource, or one that is not shared with the public.
pub fn unpublish(tx: &mut Database, path: &str) -> Result<(), Error<ResourceRefusal>> {
    let resource = find(tx, path)?;
    if resource.public_tier.is_none() {
        return Err(Error::Refused(ResourceRefusal::NotPublic));
    }
    Ok(resources::set_public(tx, resource.id, None)?)
}

/// Forgets a resource: its name becomes one that nobody registered.
///
/// # Errors
/// An unknown resource, or one that others lie in.
pub fn delete(tx: &mut Database, path: &str) -> Result<(), Error<ResourceRefusal>> {
    turns::take(tx, &[Turn::ResourceTree])?;
    let resource = find(tx, path)?;
    match resources::delete(tx, resource.id)? {
        true => Ok(()),
        false => Err(Error::Refused(ResourceRefusal::NotEmpty)),
    }
}

fn find(tx: &mut Database, path: &str) -> Result<Resource, Error<ResourceRefusal>> {
    resources::find(tx, &canonical(path))?.ok_or(Error::Refused(ResourceRefusal::Unknown))
}

/// A resource as it is told of: names instead of row numbers.
#[derive(Clone, Debug)]
pub struct SharedResource {
    /// The resource.
    pub resource: Resource,
    /// What it lies in.
    pub parent: Option<String>,
    /// Who else holds what.
    pub shares: Vec<(Id<User>, Tier)>,
}

/// A page of resources, oldest first.
///
/// # Errors
/// When the store fails.
pub fn list(db: &mut Database, after: Option<&str>, size: i64) -> Result<Vec<SharedResource>, StoreError> {
    let after = match after {
        Some(path) => resources::find(db, &canonical(path))?.map(|resource| resource.id),
        None => None,
    };
    let page = resources::list(db, after, size)?;
    page.into_iter()
        .map(|resource| {
            let line = resources::list_with_ancestors(db, &resource.path)?;
            let shares = resources::list_shares(db, resource.id)?;
            let parent = line.get(1).map(|parent| parent.path.clone());
            Ok(SharedResource {
                resource,
                parent,
                shares: shares.iter().map(|share| (share.user_id, share.tier)).collect(),
            })
        })
        .collect()
}
