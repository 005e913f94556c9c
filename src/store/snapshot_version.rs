//! The table `snapshot_version`: one number, which triggers change with every change of what the snapshot keeps.

use diesel::prelude::*;

use super::{Database, Result, on};
use crate::schema::snapshot_version;

/// The version that counts in this transaction.
pub fn find(tx: &mut Database) -> Result<i64> {
    Ok(on!(tx, |c| snapshot_version::table
        .filter(snapshot_version::id.eq(1))
        .select(snapshot_version::version)
        .get_result(c))?)
}
