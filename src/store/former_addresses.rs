//! The table `former_addresses`.

use diesel::prelude::*;

use super::{Database, Result, on};
use crate::clock::UnixTime;
use crate::domain::former_address::FormerAddress;
use crate::domain::id::Id;
use crate::domain::user::User;
use crate::schema::former_addresses;

/// Lists a person's former addresses that can still be restored, oldest first.
pub fn list(tx: &mut Database, now: UnixTime, user: Id<User>) -> Result<Vec<FormerAddress>> {
    let rows = former_addresses::table
        .filter(former_addresses::user_id.eq(user))
        .filter(former_addresses::expires_at.gt(now))
        .order(former_addresses::id);
    Ok(on!(tx, |c| rows.select(FormerAddress::as_select()).load(c))?)
}

/// Inserts an address that was replaced.
pub fn insert(tx: &mut Database, address: &FormerAddress) -> Result<()> {
    on!(tx, |c| diesel::insert_into(former_addresses::table).values(address).execute(c))?;
    Ok(())
}

/// Deletes an address that was restored, and later ones, which did not belong to the account's owner.
pub fn delete_since(tx: &mut Database, address: &FormerAddress) -> Result<()> {
    let rows = former_addresses::table
        .filter(former_addresses::user_id.eq(address.user_id))
        .filter(former_addresses::id.ge(address.id));
    on!(tx, |c| diesel::delete(rows).execute(c))?;
    Ok(())
}
