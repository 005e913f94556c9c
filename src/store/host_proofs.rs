//! The table `host_proofs`: which account has proven which origin.

use diesel::prelude::*;

use super::{Database, Result, on};
use crate::clock::UnixTime;
use crate::domain::host_proof::HostProof;
use crate::domain::id::Id;
use crate::domain::user::User;
use crate::schema::host_proofs;

/// Lists the proofs of an origin.
pub fn list(db: &mut Database, origin: &str) -> Result<Vec<HostProof>> {
    let rows = host_proofs::table.filter(host_proofs::origin.eq(origin)).order(host_proofs::id);
    Ok(on!(db, |c| rows.select(HostProof::as_select()).load(c))?)
}

/// Lists the proofs of an account.
pub fn list_of(db: &mut Database, owner: Id<User>) -> Result<Vec<HostProof>> {
    let rows = host_proofs::table.filter(host_proofs::owner_id.eq(owner)).order(host_proofs::origin);
    Ok(on!(db, |c| rows.select(HostProof::as_select()).load(c))?)
}

/// Counts the proofs of an account.
pub fn count_of(db: &mut Database, owner: Id<User>) -> Result<i64> {
    Ok(on!(db, |c| host_proofs::table.filter(host_proofs::owner_id.eq(owner)).count().get_result(c))?)
}

/// Inserts a proof. A proof that exists already is a conflict.
pub fn insert(tx: &mut Database, proof: &HostProof) -> Result<()> {
    on!(tx, |c| diesel::insert_into(host_proofs::table).values(proof).execute(c))?;
    Ok(())
}

/// Records that the proof file was read again.
pub fn touch(tx: &mut Database, id: Id<HostProof>, at: UnixTime) -> Result<()> {
    on!(tx, |c| diesel::update(host_proofs::table.filter(host_proofs::id.eq(id)))
        .set(host_proofs::proven_at.eq(at))
        .execute(c))?;
    Ok(())
}

/// Deletes a proof. `false` when it was deleted before, or is another account's.
pub fn delete(tx: &mut Database, owner: Id<User>, id: Id<HostProof>) -> Result<bool> {
    let row = host_proofs::table.filter(host_proofs::id.eq(id)).filter(host_proofs::owner_id.eq(owner));
    Ok(on!(tx, |c| diesel::delete(row).execute(c))? == 1)
}
