//! The table `signing_keys`.

use std::sync::Arc;

use diesel::prelude::*;

use super::snapshot::all_or_read;
use super::{Database, Result, on};
use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::signing_key::{SigningAlgorithm, SigningKeyRecord};
use crate::schema::signing_keys;

/// Lists all keys, also ended ones: RSA first, each algorithm in the order of its numbers.
pub fn list(tx: &mut Database) -> Result<Arc<Vec<SigningKeyRecord>>> {
    all_or_read(
        tx,
        |snapshot| &snapshot.signing_keys,
        |tx| {
            let rows = signing_keys::table.order((signing_keys::algorithm.desc(), signing_keys::number));
            Ok(on!(tx, |c| rows.select(SigningKeyRecord::as_select()).load(c))?)
        },
    )
}

/// Finds the newest key of an algorithm.
pub fn find_newest(tx: &mut Database, algorithm: SigningAlgorithm) -> Result<Option<SigningKeyRecord>> {
    Ok(list(tx)?.iter().rfind(|key| key.algorithm == algorithm).cloned())
}

/// Inserts a key. A number that exists already is a conflict: another node was faster.
pub fn insert(tx: &mut Database, key: &SigningKeyRecord) -> Result<()> {
    tx.note_change();
    on!(tx, |c| diesel::insert_into(signing_keys::table).values(key).execute(c))?;
    Ok(())
}

/// Writes when a key is replaced by its successor, and when it ends.
pub fn retire(tx: &mut Database, id: Id<SigningKeyRecord>, (retires_at, ends_at): (UnixTime, UnixTime)) -> Result<()> {
    tx.note_change();
    let row = diesel::update(signing_keys::table.filter(signing_keys::id.eq(id)));
    on!(tx, |c| row
        .set((signing_keys::retires_at.eq(Some(retires_at)), signing_keys::ends_at.eq(Some(ends_at))))
        .execute(c))?;
    Ok(())
}

/// Ends all keys of an algorithm that are still valid.
pub fn end_all(tx: &mut Database, now: UnixTime, algorithm: SigningAlgorithm) -> Result<()> {
    tx.note_change();
    let alive = signing_keys::ends_at.is_null().or(signing_keys::ends_at.gt(now));
    let rows = signing_keys::table.filter(signing_keys::algorithm.eq(algorithm)).filter(alive);
    let end = (signing_keys::retires_at.eq(Some(now)), signing_keys::ends_at.eq(Some(now)));
    on!(tx, |c| diesel::update(rows).set(end).execute(c))?;
    Ok(())
}

/// Erases the private part of ended keys, and removes rows that ended before `before`.
pub fn clean(tx: &mut Database, now: UnixTime, before: UnixTime) -> Result<usize> {
    tx.note_change();
    // A withdrawn key has ended on every clock.
    let has_ended = signing_keys::ends_at.le(now).or(signing_keys::ends_at.eq(signing_keys::retires_at));
    let ended = signing_keys::table.filter(has_ended).filter(signing_keys::private_key_encrypted.is_not_null());
    let erased =
        on!(tx, |c| diesel::update(ended).set(signing_keys::private_key_encrypted.eq(None::<String>)).execute(c))?;
    let gone = signing_keys::table.filter(signing_keys::ends_at.lt(before));
    Ok(erased + on!(tx, |c| diesel::delete(gone).execute(c))?)
}
