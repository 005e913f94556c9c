//! Counters in memory: what this node has counted, and what it knows of the others' counts.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::Throttled;
use crate::clock::UnixTime;
use crate::domain::failure_count::FailureCount;
use crate::domain::id::Id;

/// Counters that are kept; beyond it those whose windows are over go.
const MOST: usize = 100_000;

/// The name of a counter: a keyed digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key(pub(super) [u8; 16]);

impl Key {
    /// The name as it stands in the table.
    pub(super) fn text(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

/// A counter that an attempt touches.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) key: Key,
    /// Failures that close the door.
    pub(super) most: i64,
    /// Seconds until it opens again.
    pub(super) window: i64,
    /// Whether it closes the door for this attempt, or is only raised.
    pub(super) is_judged: bool,
}

/// What changed in a counter and is not in the database yet.
#[derive(Clone, Debug)]
pub(super) struct Change {
    key: Key,
    /// What to add; what was there before goes first when it is forgotten.
    pub(super) more: FailureCount,
    pub(super) is_forgotten: bool,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    since: UnixTime,
    window: i64,
    /// What the database had when it was last asked.
    seen: i64,
    /// What is on its way there.
    flying: i64,
    /// What waits for the next second.
    pending: i64,
    /// Attempts that are being judged.
    open: i64,
    /// Whether what the database has is to be forgotten.
    is_forgotten: bool,
    /// Whether the database is asked at each attempt: then nothing of it need be remembered here.
    is_asked: bool,
}

impl Count {
    fn begin(now: UnixTime, window: i64) -> Self {
        Self { since: now, window, seen: 0, flying: 0, pending: 0, open: 0, is_forgotten: false, is_asked: false }
    }

    fn is_over(&self, now: UnixTime) -> bool {
        now.since(self.since) >= self.window
    }

    /// Nothing of it would be missed.
    fn is_idle(&self) -> bool {
        self.open == 0 && self.pending == 0 && self.flying == 0 && !self.is_forgotten
    }

    /// Begins anew when the window is over, and takes in what the database has, if it was asked.
    fn look(&mut self, now: UnixTime, asked: Option<Option<&FailureCount>>) {
        if self.is_over(now) {
            *self = Self { open: self.open, ..Self::begin(now, self.window) };
        }
        let Some(found) = asked else { return };
        self.is_asked = true;
        if self.is_forgotten {
            return;
        }
        self.since = found.map_or(self.since, |found| found.since);
        let stored = found.map_or(0, |found| found.failures);
        // What is on its way may have arrived or not.
        let arrived = if self.flying == 0 { stored } else { stored.max(self.seen + self.flying) };
        self.seen = arrived - self.flying;
    }

    fn total(&self) -> i64 {
        let known = if self.is_forgotten { 0 } else { self.seen + self.flying };
        (known + self.pending + self.open).max(0)
    }
}

/// A shelf of counters.
#[derive(Debug, Default)]
pub(super) struct Counters(Mutex<Shelf>);

#[derive(Debug, Default)]
struct Shelf {
    counts: HashMap<Key, Count>,
    changed: HashSet<Key>,
}

impl Shelf {
    /// The counter, made when it is missing; none when the memory is full of others.
    fn of(&mut self, now: UnixTime, key: Key, window: i64) -> Option<&mut Count> {
        if self.counts.len() >= MOST && !self.counts.contains_key(&key) {
            self.sweep(now);
            if self.counts.len() >= MOST {
                return None; // what is known goes on being counted
            }
        }
        Some(self.counts.entry(key).or_insert_with(|| Count::begin(now, window)))
    }

    fn sweep(&mut self, now: UnixTime) {
        self.counts.retain(|_, count| count.open > 0 || !count.is_over(now));
    }
}

impl Counters {
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens an attempt in all of these counters, or in none: the limit of one must not use another one
    /// up. `stored` is what the database has of them, where it was asked. Says which counters this attempt
    /// closes if it fails.
    ///
    /// # Errors
    /// [`Throttled`] when a limit is reached: the longest wait of those that are.
    pub(super) fn open<const N: usize>(
        &self,
        now: UnixTime,
        entries: [Entry; N],
        stored: Option<&[FailureCount]>,
    ) -> Result<[bool; N], Throttled> {
        let mut shelf = self.shelf();
        let counts = entries.map(|entry| {
            let name = entry.key.text();
            let found = stored.map(|stored| stored.iter().find(|count| count.counter == name));
            let mut count = shelf.counts.get(&entry.key).copied().unwrap_or_else(|| Count::begin(now, entry.window));
            count.look(now, found);
            count
        });
        let closed =
            entries.iter().zip(&counts).filter(|(entry, count)| entry.is_judged && count.total() >= entry.most);
        let waits = closed.map(|(entry, count)| (entry.window - now.since(count.since)).clamp(1, entry.window));
        if let Some(seconds) = waits.max() {
            return Err(Throttled(seconds));
        }
        let mut closes = [false; N];
        for ((entry, mut count), closes) in entries.into_iter().zip(counts).zip(&mut closes) {
            count.open += 1;
            *closes = count.total() >= entry.most;
            if let Some(kept) = shelf.of(now, entry.key, entry.window) {
                *kept = count;
            }
        }
        Ok(closes)
    }

    /// Ends attempts that were opened: failures stay, the others leave nothing.
    pub(super) fn close(&self, now: UnixTime, entries: &[Entry], is_failure: bool) {
        let mut shelf = self.shelf();
        for Entry { key, window, .. } in entries {
            let Some(count) = shelf.of(now, *key, *window) else { continue };
            count.open = (count.open - 1).max(0);
            count.look(now, None);
            if is_failure {
                count.pending += 1;
                shelf.changed.insert(*key);
            } else if count.is_idle() && count.seen == 0 {
                shelf.counts.remove(key);
            }
        }
    }

    /// Whether a counter has reached its limit, without counting.
    pub(super) fn find_wait(&self, now: UnixTime, entry: Entry) -> Option<i64> {
        let shelf = self.shelf();
        let count = shelf.counts.get(&entry.key).filter(|count| !count.is_over(now) && count.total() >= entry.most)?;
        Some(entry.window - now.since(count.since))
    }

    /// Forgets the failures of a counter, here and in the database.
    pub(super) fn forget(&self, now: UnixTime, entry: Entry) {
        let mut shelf = self.shelf();
        let Some(count) = shelf.counts.get_mut(&entry.key) else { return };
        let is_stored = count.seen > 0 || count.flying > 0 || count.is_forgotten;
        *count = Count { open: count.open, flying: count.flying, ..Count::begin(now, entry.window) };
        count.is_forgotten = is_stored;
        if is_stored {
            shelf.changed.insert(entry.key);
        } else if count.is_idle() {
            shelf.counts.remove(&entry.key);
        }
    }

    /// Takes up to `most` changes to write them down, by key, so that nodes never wait for each other in
    /// a circle. Each goes back by [`Counters::written`] or [`Counters::put_back`].
    pub(super) fn take(&self, now: UnixTime, most: usize) -> Vec<Change> {
        let mut shelf = self.shelf();
        let mut keys: Vec<Key> = shelf.changed.iter().copied().collect();
        keys.sort_unstable();
        keys.truncate(most);
        let mut changes = Vec::new();
        for key in keys {
            shelf.changed.remove(&key);
            let Some(count) = shelf.counts.get_mut(&key).filter(|count| !count.is_over(now)) else { continue };
            if count.pending == 0 && !count.is_forgotten {
                continue;
            }
            let more = FailureCount {
                id: Id::next(now),
                counter: key.text(),
                since: count.since,
                failures: count.pending,
                expires_at: count.since.plus(count.window),
            };
            (count.flying, count.pending) = (count.pending, 0);
            changes.push(Change { key, more, is_forgotten: count.is_forgotten });
        }
        changes
    }

    /// Changes are in the database; `stored` is what it has of each now.
    pub(super) fn written(&self, changes: &[Change], stored: &[FailureCount]) {
        let mut shelf = self.shelf();
        for (change, stored) in changes.iter().zip(stored) {
            let Some(count) = shelf.counts.get_mut(&change.key) else { continue };
            count.flying = 0;
            count.is_forgotten &= !change.is_forgotten;
            // Unless a window began here meanwhile.
            if !count.is_forgotten && stored.expires_at > count.since {
                (count.seen, count.since) = (stored.failures, stored.since);
            }
            if count.is_asked && count.is_idle() {
                shelf.counts.remove(&change.key);
            }
        }
    }

    /// Changes could not be written: they wait for the next second.
    pub(super) fn put_back(&self, changes: &[Change]) {
        let mut shelf = self.shelf();
        for change in changes {
            let Some(count) = shelf.counts.get_mut(&change.key) else { continue };
            count.flying = 0;
            count.pending += change.more.failures;
            shelf.changed.insert(change.key);
        }
    }

    /// Drops counters whose windows are over.
    pub(super) fn sweep(&self, now: UnixTime) {
        self.shelf().sweep(now);
    }
}
