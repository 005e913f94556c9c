//! Turns: serialize transactions that read something and then write by what they read.
//!
//! PostgreSQL runs write transactions concurrently, and each sees only what others have committed. So a limit that
//! is counted and then filled ("at most ten wait"), or a rule over rows that need not exist ("a host is one
//! owner's"), is broken by two transactions that read at the same time. Such a rule takes its turn before it reads:
//!
//! ```text
//! turns::take(tx, &[Turn::Host(&host)])?;   // waits until no other transaction holds it; kept until the commit
//! if hosts::find_owner(tx, &host)? … { refuse }
//! hosts::insert(tx, …)?;
//! ```
//!
//! - Take it inside [`Store::write`](super::Store::write), before the query. In a read it locks nothing.
//! - Rules about one person (their applications, tokens, passkeys, emails) lock the person's row instead:
//!   [`super::users::lock`]. A rule that one row can decide needs no turn: a conditional update
//!   (`UPDATE … WHERE used_at IS NULL`) or a unique index decides the race.
//! - Take all turns of a transaction in one call, and lock people's rows first. If two transactions still wait for
//!   each other, the database finds the deadlock, and one of them is run again.
//! - On SQLite this does nothing: there is only one writer at a time.

use aws_lc_rs::digest::{SHA256, digest};
use diesel::RunQueryDsl;
use diesel::sql_types::BigInt;

use super::{Database, Result};

/// Data that only one transaction at a time may read and then change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedLock<'a> {
    /// The owners of a host that login return URLs are at.
    Host(&'a str),
    /// The requests of one network that wait for a person: pushed requests, devices, remote sessions.
    Waiting(&'a str),
    /// The first user, and the links with which it is created.
    SetUp,
    /// The node numbers that are leased.
    Nodes,
    /// The identifiers of APIs: two spellings may mean one address.
    Apis,
    /// The hierarchy of the platform's resources.
    ResourceTree,
}

impl NamedLock<'_> {
    /// Returns the number of the advisory lock, a digest of kind and name.
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

/// Waits for these turns and holds them until the transaction ends.
///
/// # Errors
/// [`StoreError::Unavailable`](super::StoreError) when another transaction holds one for longer than the lock timeout.
pub fn acquire(tx: &mut Database, locks: &[NamedLock<'_>]) -> Result<()> {
    if locks.iter().any(|lock| matches!(lock, NamedLock::Apis)) {
        tx.read_rows();
    }
    let mut numbers: Vec<i64> = locks.iter().map(|lock| lock.number()).collect();
    // Sorted, so that two transactions that need the same turns never wait for each other.
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
        let locks = [
            NamedLock::Host("a"),
            NamedLock::Host("b"),
            NamedLock::Waiting("a"),
            NamedLock::SetUp,
            NamedLock::Nodes,
            NamedLock::Apis,
            NamedLock::ResourceTree,
        ];
        let numbers: std::collections::BTreeSet<i64> = locks.iter().map(|lock| lock.number()).collect();
        assert_eq!(numbers.len(), locks.len());
    }
}
