//! The resources that the platform registers here (`docs/decisions/0009-whose-resources.md`): by command, or by
//! the management API of a first-party API.

use crate::clock::UnixTime;
use crate::domain::access_list::Tier;
use crate::domain::id::Id;
use crate::domain::resource::{MAX_DEPTH, Resource, ResourceShare, canonical, may_name};
use crate::domain::user::User;
use crate::outcome::Error;
use crate::store::named_locks::{self, NamedLock};
use crate::store::{Database, StoreError, resources};

/// Why nothing was changed, with a message for the operator or the platform's developer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResourceRefusal {
    /// The name is invalid.
    #[error("A resource's id has 1 to 200 characters, and no control characters.")]
    Name,
    /// The resource is not registered.
    #[error("No resource with this id is registered.")]
    Unknown,
    /// The parent is not registered.
    #[error("The parent is not registered.")]
    UnknownParent,
    /// The resource is registered already.
    #[error("A resource with this id is registered already.")]
    Taken,
    /// It would be its own ancestor, or deeper than [`MAX_DEPTH`].
    #[error("A resource cannot lie in itself, nor deeper than 64 folders.")]
    TooDeep,
    /// It has child resources.
    #[error("Other resources lie in it. Move or delete them first.")]
    NotEmpty,
    /// It is not shared with this user.
    #[error("It is not shared with this person.")]
    NotShared,
    #[error("It is not shared with the public.")]
    NotPublic,
    /// The tier is more than reading, which the public may not have.
    #[error("The public can hold view or viewPlus.")]
    NotForPublic,
}

/// The position and the owner of a resource.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its id at the platform.
    pub path: String,
    /// The id of its parent at the platform.
    pub parent: Option<String>,
    pub owner: Id<User>,
}

/// Registers a new resource.
///
/// # Errors
/// A name that is invalid or taken, or a parent that is unknown or too deep.
pub fn create(tx: &mut Database, now: UnixTime, place: &Place) -> Result<Resource, Error<ResourceRefusal>> {
    if resources::find(tx, &canonical(&place.path))?.is_some() {
        return Err(Error::Refused(ResourceRefusal::Taken));
    }
    put(tx, now, place)
}

/// Registers a resource, or changes its parent and owner.
///
/// # Errors
/// A name that is invalid, or a parent that is unknown or too deep.
pub fn put(tx: &mut Database, now: UnixTime, place: &Place) -> Result<Resource, Error<ResourceRefusal>> {
    if !may_name(&place.path) {
        return Err(Error::Refused(ResourceRefusal::Name));
    }
    let path = canonical(&place.path);
    // Concurrent moves of two resources into each other would make a cycle, so they run one after the other.
    named_locks::acquire(tx, &[NamedLock::ResourceTree])?;
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

/// Shares a resource and its descendants with a user, or changes their tier.
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

/// Ends a user's share of a resource; their tokens lose it at once.
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

/// Lets everyone read a resource and its descendants without a token, or changes the tier.
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

/// Ends the public access to a resource.
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

/// Deletes a resource: its name counts as unregistered from then on.
///
/// # Errors
/// An unknown resource, or one that has child resources.
pub fn delete(tx: &mut Database, path: &str) -> Result<(), Error<ResourceRefusal>> {
    named_locks::acquire(tx, &[NamedLock::ResourceTree])?;
    let resource = find(tx, path)?;
    match resources::delete(tx, resource.id)? {
        true => Ok(()),
        false => Err(Error::Refused(ResourceRefusal::NotEmpty)),
    }
}

fn find(tx: &mut Database, path: &str) -> Result<Resource, Error<ResourceRefusal>> {
    resources::find(tx, &canonical(path))?.ok_or(Error::Refused(ResourceRefusal::Unknown))
}

/// A resource for an API answer: names instead of row numbers.
#[derive(Clone, Debug)]
pub struct SharedResource {
    pub resource: Resource,
    /// The id of its parent at the platform.
    pub parent: Option<String>,
    /// The users with whom it is shared, with their tiers.
    pub shares: Vec<(Id<User>, Tier)>,
}

/// Lists a page of resources, oldest first, after the one named `after`.
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
