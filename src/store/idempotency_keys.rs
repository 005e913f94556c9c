//! The table `idempotency_keys`.

use diesel::prelude::*;

use super::{Database, Result, on};
use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::idempotency::IdempotencyKey;
use crate::domain::user::User;
use crate::schema::idempotency_keys;

/// Finds what a person created with this key, while it is remembered.
pub fn find(tx: &mut Database, now: UnixTime, user: Id<User>, digest: &str) -> Result<Option<IdempotencyKey>> {
    let row =
        idempotency_keys::table.filter(idempotency_keys::user_id.eq(user)).filter(idempotency_keys::digest.eq(digest));
    let found = on!(tx, |c| row.select(IdempotencyKey::as_select()).get_result(c)).optional()?;
    Ok(found.filter(|key| now < key.expires_at))
}

/// Records a creation; replaces an expired row with the same key. A row that has not expired is a conflict.
pub fn insert(tx: &mut Database, key: &IdempotencyKey) -> Result<()> {
    let old = idempotency_keys::table
        .filter(idempotency_keys::user_id.eq(key.user_id))
        .filter(idempotency_keys::digest.eq(&key.digest))
        .filter(idempotency_keys::expires_at.le(key.created_at));
    on!(tx, |c| diesel::delete(old).execute(c))?;
    on!(tx, |c| diesel::insert_into(idempotency_keys::table).values(key).execute(c))?;
    Ok(())
}
