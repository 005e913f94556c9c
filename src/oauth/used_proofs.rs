//! Single use of signed statements: a second statement with the same `jti` is a replay.

use crate::domain::used_proof::UsedProof;
use crate::outcome::{Error, transact};
use crate::store::{Store, StoreError, used_proofs};

/// The statement was used before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replayed;

/// Marks a verified statement as used. A unique index decides a race between nodes.
///
/// # Errors
/// [`Replayed`] when it was used before; or a failure of the store.
pub async fn use_up(store: &Store, proof: UsedProof) -> Result<(), Error<Replayed>> {
    let written = transact(store, move |tx| {
        if used_proofs::is_used(tx, &proof)? {
            return Err(Error::Refused(Replayed));
        }
        Ok(used_proofs::insert(tx, &proof)?)
    });
    match written.await {
        Err(Error::Failed(StoreError::Conflict)) => Err(Error::Refused(Replayed)),
        other => other,
    }
}
