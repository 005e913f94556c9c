//! The node numbers of running servers, which are part of every ID that they generate.

use diesel::prelude::*;

use super::id::{Id, MAX_NODE};
use crate::clock::UnixTime;

/// Seconds of a lease (Gatepost's own choice). It is renewed once a minute.
pub const LEASE: i64 = 300;
/// Seconds before the end of its lease at which a server that could not renew it stops using its number: clocks differ
/// (Gatepost's own choice).
pub const MARGIN: i64 = 60;

/// A node number, and the server that leased it. The row ID is the number.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::nodes)]
pub struct NodeRecord {
    /// The node number.
    pub id: Id<NodeRecord>,
    /// A random number that only the server with the lease knows.
    pub holder: i64,
    pub leased_at: UnixTime,
    /// When the lease ends, unless it is renewed.
    pub expires_at: UnixTime,
}

/// Returns the node number for a server that starts: the preferred number, if no other server has leased it; otherwise
/// the highest number that was never leased; otherwise the number whose lease ended longest ago, so that a server that
/// was suspended past the end of its lease rarely uses the same number as its successor. Returns `None` when all
/// numbers are leased.
///
/// The highest number comes first, because servers from before this table used the number of the setting, which begins
/// at 0.
pub fn choose(nodes: &[NodeRecord], now: UnixTime, wanted: Option<u16>) -> Option<u16> {
    let record_of = |number: u16| nodes.iter().find(|node| node.id.number() == i64::from(number));
    let is_free = |number: &u16| record_of(*number).is_none_or(|node| node.expires_at <= now);
    if let Some(wanted) = wanted.filter(is_free) {
        return Some(wanted);
    }
    // A number that was never leased sorts before every ended lease.
    let ended = |number: &u16| record_of(*number).map(|node| node.expires_at);
    (0..=MAX_NODE).rev().filter(is_free).min_by_key(ended)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);

    fn leased(number: u16, seconds: i64) -> NodeRecord {
        let id = Id::from_number(i64::from(number));
        NodeRecord { id, holder: 1, leased_at: NOW, expires_at: NOW.plus(seconds) }
    }

    #[test]
    fn each_server_gets_a_number_that_no_other_holds() {
        let mut nodes = Vec::new();
        for expected in (0..=MAX_NODE).rev() {
            assert_eq!(choose(&nodes, NOW, None), Some(expected));
            nodes.push(leased(expected, LEASE));
        }
        assert_eq!(choose(&nodes, NOW, None), None);
        assert_eq!(choose(&nodes, NOW, Some(7)), None);
        assert_eq!(choose(&nodes, NOW.plus(LEASE), Some(7)), Some(7));
        nodes[5].expires_at = NOW.plus(-9);
        nodes[6].expires_at = NOW.plus(-10);
        assert_eq!(choose(&nodes, NOW, None), Some(MAX_NODE - 6), "the one that ended longest ago");
    }

    #[test]
    fn the_setting_counts_unless_another_server_holds_the_number() {
        assert_eq!(choose(&[], NOW, Some(0)), Some(0));
        assert_eq!(choose(&[leased(0, 1)], NOW, Some(0)), Some(MAX_NODE));
        assert_eq!(choose(&[leased(0, 0)], NOW, Some(0)), Some(0));
        assert_eq!(choose(&[leased(MAX_NODE, -1)], NOW, None), Some(MAX_NODE - 1), "one that nobody had");
    }
}
