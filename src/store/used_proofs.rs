//! The table `used_proofs`.

use diesel::prelude::*;

use super::{Database, Result, on};
use crate::domain::used_proof::UsedProof;
use crate::schema::used_proofs;

/// Whether it was used before.
pub fn is_used(tx: &mut Database, proof: &UsedProof) -> Result<bool> {
    let row = used_proofs::table.filter(used_proofs::digest.eq(&proof.digest)).select(used_proofs::id);
    Ok(on!(tx, |c| row.get_result::<i64>(c)).optional()?.is_some())
}

/// Notes its use. Somebody who used it at the same moment makes this fail with
/// [`super::StoreError::Conflict`]: the unique index picks the winner.
pub fn insert(tx: &mut Database, proof: &UsedProof) -> Result<()> {
    on!(tx, |c| diesel::insert_into(used_proofs::table).values(proof).execute(c))?;
    Ok(())
}
