//! Counters in the database: one limit for all nodes that judge attempts at the same moment.
//!
//! Where other nodes write too, an attempt is counted in the database before it is judged, by a statement that
//! decides whether the limit allows it, and taken back when it succeeded. If each node gathered its counts in
//! memory for a second, each could judge as many attempts as the limit allows for all of them.

use super::memory_counters::Entry;
use super::open_attempt::OpenAttempt;
use super::{Throttle, Throttled};
use crate::clock::UnixTime;
use crate::domain::failure_count::FailureCount;
use crate::domain::id::Id;
use crate::outcome::Error;
use crate::store::failure_counts::{self, Raised};
use crate::store::{Database, Result as StoreResult, Store, StoreError};

/// How often an attempt is repeated when two nodes insert the same counter at once.
const TRIES: usize = 4;

/// An attempt that is counted in the database.
pub(super) struct Counted {
    store: Store,
    /// The counts including this attempt; the one of the account from this network first.
    counts: Vec<FailureCount>,
}

impl Throttle {
    /// Counts an attempt that is not judged afterwards: in the database, where other nodes count too.
    ///
    /// # Errors
    /// [`Throttled`] when the limit is reached.
    pub(super) async fn count_over_all_nodes(
        &self,
        store: &Store,
        now: UnixTime,
        entry: Entry,
    ) -> Result<(), Error<Throttled>> {
        if !self.limits.is_enabled {
            return Ok(());
        }
        self.shared.open(now, [entry], None).map_err(Error::Refused)?;
        // A dropped attempt stays counted.
        OpenAttempt::of(self, now, vec![entry]).count_in_database(store).await.map(drop)
    }
}

impl OpenAttempt {
    /// Counts this attempt in the database, where other nodes count too: beyond the limit it is not judged.
    ///
    /// # Errors
    /// [`Throttled`] when other nodes have reached a limit meanwhile; then nothing is counted.
    pub async fn count_in_database(mut self, store: &Store) -> Result<Self, Error<Throttled>> {
        if !store.is_shared() || self.entries.is_empty() {
            return Ok(self);
        }
        let now = self.now;
        for _ in 0..TRIES {
            let entries = self.entries.clone();
            match store.write(move |tx| raise(tx, now, &entries)).await {
                Ok(Ok(stored)) => {
                    let closes = |(entry, count): &(&Entry, &FailureCount)| count.failures >= entry.most;
                    let mut judged = self.entries.iter().zip(&stored).take(2).filter(|(entry, _)| entry.is_judged);
                    // The limit over all networks goes before the one of this network.
                    let closed = judged.rfind(closes).map(|(entry, _)| *entry);
                    self.closed_account = closed.and_then(|entry| self.closed_by(entry));
                    self.remove_from_memory();
                    self.counted = Some(Counted { store: store.clone(), counts: stored });
                    return Ok(self);
                }
                Ok(Err(throttled)) => {
                    self.remove_from_memory();
                    return Err(Error::Refused(throttled));
                }
                // Another node inserted the same counter; it is tried again.
                Err(StoreError::Conflict) => {}
                Err(error) => {
                    self.remove_from_memory();
                    return Err(Error::Failed(error));
                }
            }
        }
        self.remove_from_memory();
        Err(Error::Failed(StoreError::Conflict))
    }
}

fn one(now: UnixTime, entry: &Entry) -> FailureCount {
    let (counter, expires_at) = (entry.key.text(), now.plus(entry.window));
    FailureCount { id: Id::next(now), counter, window_started_at: now, failures: 1, expires_at }
}

/// Returns the positions of the entries in the order of their names, so that nodes cannot deadlock.
fn in_order(entries: &[Entry]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by_key(|place| entries[*place].key.text());
    order
}

/// Counts an attempt in all of these counters, or in none.
fn raise(tx: &mut Database, now: UnixTime, entries: &[Entry]) -> StoreResult<Result<Vec<FailureCount>, Throttled>> {
    let mut stored: Vec<Option<FailureCount>> = vec![None; entries.len()];
    for place in in_order(entries) {
        let entry = &entries[place];
        let most = if entry.is_judged { entry.most } else { i64::MAX };
        match failure_counts::raise(tx, now, &one(now, entry), most)? {
            Raised::Counted(count) => stored[place] = Some(count),
            Raised::Full(full) => {
                for count in stored.iter().flatten() {
                    failure_counts::take_back(tx, count)?;
                }
                return Ok(Err(Throttled(full.expires_at.since(now).clamp(1, entry.window))));
            }
        }
    }
    Ok(Ok(stored.into_iter().flatten().collect()))
}

impl Counted {
    /// Takes the attempt back before the answer, so that the next attempt is not affected. A success deletes
    /// the failures of the account from this network.
    pub(super) async fn take_back(self, is_success: bool) {
        let Self { store, counts } = self;
        let taken = store.write(move |tx| {
            let mut in_order: Vec<(usize, &FailureCount)> = counts.iter().enumerate().collect();
            in_order.sort_by(|(_, one), (_, other)| one.counter.cmp(&other.counter));
            for (place, count) in in_order {
                match is_success && place == 0 {
                    true => failure_counts::delete(tx, &count.counter)?,
                    false => failure_counts::take_back(tx, count)?,
                }
            }
            Ok(())
        });
        if let Err(error) = taken.await {
            tracing::warn!(%error, "a try that was right could not be taken back; it counts until its window ends");
        }
    }
}
