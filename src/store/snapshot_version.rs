//! The table `snapshot_version`: one number, which triggers change with every change of the snapshot's data.

use diesel::prelude::*;

use super::{Database, Result, on};
use crate::schema::snapshot_version;

/// Returns the version in the state that this transaction sees.
pub fn find(tx: &mut Database) -> Result<i64> {
    Ok(on!(tx, |c| snapshot_version::table
        .filter(snapshot_version::id.eq(1))
        .select(snapshot_version::version)
        .get_result(c))?)
}
