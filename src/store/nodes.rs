//! The table `nodes`.

use diesel::prelude::*;

use super::named_locks::{self, NamedLock};
use super::{Database, Result, on};
use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::node::NodeRecord;
use crate::schema::nodes;

/// Lists all numbers that were ever leased. The transaction holds the turn, so what it writes afterwards is based
/// on the current leases.
pub fn list_for_lease(tx: &mut Database) -> Result<Vec<NodeRecord>> {
    named_locks::acquire(tx, &[NamedLock::Nodes])?;
    Ok(on!(tx, |c| nodes::table.order(nodes::id).select(NodeRecord::as_select()).load(c))?)
}

/// Writes a lease, in place of an earlier one of this number.
pub fn put(tx: &mut Database, node: &NodeRecord) -> Result<()> {
    on!(tx, |c| diesel::delete(nodes::table.filter(nodes::id.eq(node.id))).execute(c))?;
    on!(tx, |c| diesel::insert_into(nodes::table).values(node).execute(c))?;
    Ok(())
}

/// Changes the end of a lease. `false` when another node holds the number now.
pub fn extend(tx: &mut Database, (id, holder): (Id<NodeRecord>, i64), expires_at: UnixTime) -> Result<bool> {
    let row = nodes::table.filter(nodes::id.eq(id)).filter(nodes::holder.eq(holder));
    Ok(on!(tx, |c| diesel::update(row).set(nodes::expires_at.eq(expires_at)).execute(c))? == 1)
}
