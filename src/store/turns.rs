//! Turns: what is read and then written, one transaction after the other.
//!
//! PostgreSQL runs write transactions side by side, and each sees only what others have committed. So a limit
//! that is counted and then filled ("at most ten wait"), or a rule over rows that need not exist ("a host is
//! one owner's"), is broken by two who look at the same moment. Such a rule takes its turn before it looks:
//!
//! ```text
//! turns::take(tx, &[Turn::Host(&host)])?;   // waits until nobody else holds it; kept until the commit
//! if hosts::find_owner(tx, &host)? … { refuse }
//! hosts::insert(tx, …)?;
//! ```
//!
//! - Take it inside [`Store::write`](super::Store::write), before the question. In a read it holds nothing.
//! - What belongs to one person (their applications, tokens, passkeys, letters) takes the person's row
//!   instead: [`super::users::lock`]. A rule that one row can decide needs no turn: a conditional update
//!   (`UPDATE … WHERE used_at IS NULL`) or a unique index picks the winner.
//! - Take all that a transaction needs in one call, and people's rows first. Two that wait for each other all
//!   the same are found by the database, and one of them is run again.
//! - On SQLite this does nothing: one writer at a time holds everything.

use aws_lc_rs::digest::{SHA256, digest};
use diesel::RunQueryDsl;
use diesel::sql_types::BigInt;

use super::{Database, Result};

/// What one transaction at a time may look at and then change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn<'a> {
    /// Who owns a host that login return URLs lie at.
    Host(&'a str),
    /// What waits for somebody and was made from one network: pushed requests, devices, remote sessions.
    Waiting(&'a str),
    /// The first person, and the links that make them.
    SetUp,
    /// The numbers that nodes lease.
    Nodes,
    /// The identifiers of APIs: two spellings may be one address.
    Apis,
    /// What lies in what, among the platform's resources.
    ResourceTree,
}

impl Turn<'_> {
    /// The number of the lock: of kind and name together.
    fn number(self) -> i64 {
        let (kind, name) = match self {
            Self::Host(host) => ("host", host),
            Self::Waiting(network) => ("waiting", network),
            Self::SetUp => ("set-up", ""),
            Self::Nodes => ("nodes", ""),
            Self::Apis => ("apis", ""),
            Self::ResourceTree => ("resource tree", ""),
        };
        let digest = digest(&SHA256, format!("gatepost turn\0{kind}\0{name}").as_bytes());
        digest.as_ref()[..8].iter().fold(0, |number, byte| (number << 8) | i64::from(*byte))
    }
}

/// Waits for these turns and keeps them until the transaction ends.
///
/// # Errors
/// [`StoreError::Unavailable`](super::StoreError) when somebody holds one for longer than the database lets
/// anybody wait.
pub fn take(tx: &mut Database, turns: &[Turn<'_>]) -> Result<()> {
    if turns.iter().any(|turn| matches!(turn, Turn::Apis)) {
        tx.read_rows();
    }
    let mut numbers: Vec<i64> = turns.iter().map(|turn| turn.number()).collect();
    // In one order, so that two who need the same never wait for each other.
    numbers.sort_unstable();
    numbers.dedup();
    for number in numbers {
        let Some(connection) = tx.for_query_of_postgres()? else { return Ok(()) };
        diesel::sql_query("SELECT pg_advisory_xact_lock($1)").bind::<BigInt, _>(number).execute(connection)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_and_name_has_a_number_of_its_own() {
        let turns = [
            Turn::Host("a"),
            Turn::Host("b"),
            Turn::Waiting("a"),
            Turn::SetUp,
            Turn::Nodes,
            Turn::Apis,
            Turn::ResourceTree,
        ];
        let numbers: std::collections::BTreeSet<i64> = turns.iter().map(|turn| turn.number()).collect();
        assert_eq!(numbers.len(), turns.len());
    }
}
