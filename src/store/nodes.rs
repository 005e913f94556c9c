//! The table `nodes`.

use diesel::prelude::*;

use super::turns::{self, Turn};
use super::{Database, Result};
use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::node::NodeRecord;
use crate::schema::nodes;

/// All numbers that were ever leased. Whoever asks has its turn: what it writes afterwards is still right.
pub fn list_for_lease(tx: &mut Database) -> Result<Vec<NodeRecord>> {
    turns::take(tx, &[Turn::Nodes])?;
    Ok(nodes::table.order(nodes::id).select(NodeRecord::as_select()).load(tx)?)
}

/// Leases a number to somebody, whoever had it before.
pub fn put(tx: &mut Database, node: &NodeRecord) -> Result<()> {
    diesel::delete(nodes::table.filter(nodes::id.eq(node.id))).execute(tx)?;
    diesel::insert_into(nodes::table).values(node).execute(tx)?;
    Ok(())
}

/// Lets a lease end at another time. `false` when somebody else holds the number now.
pub fn extend(tx: &mut Database, (id, holder): (Id<NodeRecord>, i64), expires_at: UnixTime) -> Result<bool> {
    let row = nodes::table.filter(nodes::id.eq(id)).filter(nodes::holder.eq(holder));
    Ok(diesel::update(row).set(nodes::expires_at.eq(expires_at)).execute(tx)? == 1)
}
