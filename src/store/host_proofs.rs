//! The table `host_proofs`: who has proven which origin.

use diesel::prelude::*;

use super::{Database, Result};
use crate::clock::UnixTime;
use crate::domain::host_proof::HostProof;
use crate::domain::id::Id;
use crate::domain::user::User;
use crate::schema::host_proofs;

/// Who has proven an origin.
pub fn list(db: &mut Database, origin: &str) -> Result<Vec<HostProof>> {
    let rows = host_proofs::table.filter(host_proofs::origin.eq(origin)).order(host_proofs::id);
    Ok(rows.select(HostProof::as_select()).load(db)?)
}

/// What an account has proven.
pub fn list_of(db: &mut Database, owner: Id<User>) -> Result<Vec<HostProof>> {
    let rows = host_proofs::table.filter(host_proofs::owner_id.eq(owner)).order(host_proofs::origin);
    Ok(rows.select(HostProof::as_select()).load(db)?)
}

/// How many origins an account has proven.
pub fn count_of(db: &mut Database, owner: Id<User>) -> Result<i64> {
    Ok(host_proofs::table.filter(host_proofs::owner_id.eq(owner)).count().get_result(db)?)
}

/// Adds a proof. One that is there already is a conflict.
pub fn insert(tx: &mut Database, proof: &HostProof) -> Result<()> {
    diesel::insert_into(host_proofs::table).values(proof).execute(tx)?;
    Ok(())
}

/// Notes that the file was read again.
pub fn touch(tx: &mut Database, id: Id<HostProof>, at: UnixTime) -> Result<()> {
    diesel::update(host_proofs::table.filter(host_proofs::id.eq(id))).set(host_proofs::proven_at.eq(at)).execute(tx)?;
    Ok(())
}

/// Ends a proof. `false` when it has ended, or is another's.
pub fn delete(tx: &mut Database, owner: Id<User>, id: Id<HostProof>) -> Result<bool> {
    let row = host_proofs::table.filter(host_proofs::id.eq(id)).filter(host_proofs::owner_id.eq(owner));
    Ok(diesel::delete(row).execute(tx)? == 1)
}
