//! The table `used_proofs`.

use diesel::prelude::*;

use super::{Database, Result, on};
use crate::domain::used_proof::UsedProof;
use crate::schema::used_proofs;

/// Whether a proof was used before.
pub fn is_used(tx: &mut Database, proof: &UsedProof) -> Result<bool> {
    let row = used_proofs::table.filter(used_proofs::digest.eq(&proof.digest)).select(used_proofs::id);
    Ok(on!(tx, |c| row.get_result::<i64>(c)).optional()?.is_some())
}

/// Records the use of a proof. Fails with [`super::StoreError::Conflict`] when another transaction used it at the
/// same time: the unique index decides the race.
pub fn insert(tx: &mut Database, proof: &UsedProof) -> Result<()> {
    on!(tx, |c| diesel::insert_into(used_proofs::table).values(proof).execute(c))?;
    Ok(())
}
