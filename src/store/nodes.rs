//! The table `nodes`.

use diesel::prelude::*;

use super::turns::{self, Turn};
use super::{Database, Result, on};
use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::node::NodeRecord;
use crate::schema::nodes;

/// All numbers that were ever leased. Whoever asks has its turn: what it writes afterwards is still right.
pub fn list_for_lease(tx: &mut Database) -> Result<Vec<NodeRecord>> {
    turns::take(tx, &[Turn::Nodes])?;
    Ok(on!(tx, |c| nodes::table.order(nodes::id).select(NodeRecord::as_select()).load(c))?)
}

/// Leases a number to somebody, whoever had it before.
pub fn put(tx: &mut Database, node: &NodeRecord) -> Result<()> {
    on!(tx, |c| diesel::delete(nodes::table.filter(nodes::id.eq(node.id))).execute(c))?;
    on!(tx, |c| diesel::insert_into(nodes::table).values(node).execute(c))?;
    Ok(())
}

/// Lets a lease end at another time. `false` when somebody else holds the number now.
pub fn extend(tx: &mut Database, (id, holder): (Id<NodeRecord>, i64), expires_at: UnixTime) -> Result<bool> {
    let row = nodes::table.filter(nodes::id.eq(id)).filter(nodes::holder.eq(holder));
    Ok(on!(tx, |c| diesel::update(row).set(nodes::expires_at.eq(expires_at)).execute(c))? == 1)
}
