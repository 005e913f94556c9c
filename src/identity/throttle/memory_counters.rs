//! Counters in memory: what this node counted, and what it knows of the counts of other nodes.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::Throttled;
use super::limits::Kind;
use crate::clock::UnixTime;
use crate::domain::failure_count::FailureCount;
use crate::domain::id::Id;

/// The maximum number of counters of one kind: a flood of one kind takes no room from another.
const MOST: usize = 50_000;
/// Counters that are evicted together when their kind has no room, which costs little per counter.
const GO_AT_ONCE: usize = MOST / 10;
/// Seconds to wait when no counter of a kind can be evicted.
const NO_ROOM: i64 = 60;

/// The name of a counter: a keyed digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key(pub(super) [u8; 16]);

impl Key {
    /// Returns the name as it is stored in the table.
    pub(super) fn text(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

/// A counter that an attempt raises.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    pub(super) key: Key,
    /// Failures at which further attempts are refused.
    pub(super) most: i64,
    /// Seconds from the first failure until the count starts again.
    pub(super) window: i64,
    /// Whether its limit applies to this attempt; otherwise it is only raised.
    pub(super) is_judged: bool,
}

/// A change of a counter that is not in the database yet.
#[derive(Clone, Debug)]
pub(super) struct Change {
    kind: Kind,
    key: Key,
    /// The count to add; the stored one is deleted first if it is to be forgotten.
    pub(super) more: FailureCount,
    pub(super) is_forgotten: bool,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    since: UnixTime,
    window: i64,
    /// The count in the database when it was last read.
    seen: i64,
    /// The count that is being written.
    flying: i64,
    /// The count that waits for the next write.
    pending: i64,
    open: i64,
    /// Whether the count in the database is to be deleted.
    is_forgotten: bool,
    /// Whether the database is read at each attempt: then an idle counter need not stay in memory.
    is_asked: bool,
}

impl Count {
    fn begin(now: UnixTime, window: i64) -> Self {
        Self { since: now, window, seen: 0, flying: 0, pending: 0, open: 0, is_forgotten: false, is_asked: false }
    }

    fn is_over(&self, now: UnixTime) -> bool {
        now.since(self.since) >= self.window
    }

    /// Whether it has no change that is not in the database, and no open attempt.
    fn is_idle(&self) -> bool {
        self.open == 0 && self.pending == 0 && self.flying == 0 && !self.is_forgotten
    }

    /// Starts a new window when the last one has ended, and takes over the count in the database if it was
    /// read.
    fn start_new_window(&mut self, now: UnixTime, asked: Option<Option<&FailureCount>>) {
        if self.is_over(now) {
            *self = Self { open: self.open, ..Self::begin(now, self.window) };
        }
        let Some(found) = asked else { return };
        self.is_asked = true;
        if self.is_forgotten {
            return;
        }
        self.since = found.map_or(self.since, |found| found.window_started_at);
        let stored = found.map_or(0, |found| found.failures);
        // The count that is being written may have arrived or not.
        let arrived = if self.flying == 0 { stored } else { stored.max(self.seen + self.flying) };
        self.seen = arrived - self.flying;
    }

    fn total(&self) -> i64 {
        let known = if self.is_forgotten { 0 } else { self.seen + self.flying };
        (known + self.pending + self.open).max(0)
    }
}

/// The counters of all kinds, behind one lock.
#[derive(Debug)]
pub(super) struct Counters {
    shards: Mutex<Shards>,
    /// Whether changes are written to the database, where all nodes count together.
    is_shared: bool,
}

#[derive(Debug, Default)]
struct Shards {
    shards: HashMap<Kind, Shard>,
    changed: BTreeSet<(Key, Kind)>,
}

/// The counters of one kind.
#[derive(Debug, Default)]
struct Shard {
    counts: HashMap<Key, Count>,
    /// When no counter could be evicted: it is tried again a second later.
    full_at: Option<UnixTime>,
}

impl Shard {
    /// Whether the counter exists, or there is room for it. Ended counters are removed first, then the oldest
    /// idle ones; never one with an open attempt or an unwritten change. Where a kind limits rows or fetches,
    /// no counter is removed before its window ends: a caller who could evict counters would have no limit.
    fn has_room(&mut self, now: UnixTime, (kind, key): (Kind, Key)) -> bool {
        if self.counts.len() < MOST || self.counts.contains_key(&key) {
            return true;
        }
        if self.full_at == Some(now) {
            return false;
        }
        self.sweep(now);
        if self.counts.len() >= MOST && !kind.limits_rows_or_fetches() {
            self.remove_oldest();
        }
        // With less room than that, the next attempts would search again.
        let has_room = self.counts.len() <= MOST - GO_AT_ONCE;
        self.full_at = (!has_room).then_some(now);
        self.counts.len() < MOST
    }

    fn remove_oldest(&mut self) {
        let idle = self.counts.iter().filter(|(_, count)| count.is_idle());
        let mut oldest: Vec<(UnixTime, Key)> = idle.map(|(key, count)| (count.since, *key)).collect();
        if oldest.len() > GO_AT_ONCE {
            oldest.select_nth_unstable(GO_AT_ONCE);
            oldest.truncate(GO_AT_ONCE);
        }
        for (_, key) in oldest {
            self.counts.remove(&key);
        }
    }

    fn sweep(&mut self, now: UnixTime) {
        self.counts.retain(|_, count| count.open > 0 || !count.is_over(now));
    }
}

impl Shards {
    fn find(&self, kind: Kind, key: Key) -> Option<&Count> {
        self.shards.get(&kind)?.counts.get(&key)
    }

    fn find_mut(&mut self, kind: Kind, key: Key) -> Option<&mut Count> {
        self.shards.get_mut(&kind)?.counts.get_mut(&key)
    }

    fn has_room(&mut self, now: UnixTime, Entry { kind, key, .. }: &Entry) -> bool {
        self.shards.entry(*kind).or_default().has_room(now, (*kind, *key))
    }

    fn put(&mut self, kind: Kind, key: Key, count: Count) {
        self.shards.entry(kind).or_default().counts.insert(key, count);
    }

    fn remove(&mut self, kind: Kind, key: Key) {
        if let Some(shard) = self.shards.get_mut(&kind) {
            shard.counts.remove(&key);
        }
    }
}

impl Counters {
    /// Makes counters that all nodes share, or counters of this node alone.
    pub(super) fn new(is_shared: bool) -> Self {
        Self { shards: Mutex::default(), is_shared }
    }

    fn shards(&self) -> MutexGuard<'_, Shards> {
        self.shards.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens an attempt in all of these counters, or in none: an attempt that one limit refuses must not use up
    /// another. `stored` are their counts in the database, if it was read. Returns for each counter whether
    /// this attempt reaches its limit if it fails.
    ///
    /// # Errors
    /// [`Throttled`] when a limit is reached: the longest wait of the reached ones. Also when there is no room
    /// for a counter: an attempt that cannot be counted is refused.
    pub(super) fn open<const N: usize>(
        &self,
        now: UnixTime,
        entries: [Entry; N],
        stored: Option<&[FailureCount]>,
    ) -> Result<[bool; N], Throttled> {
        let mut shards = self.shards();
        let counts = entries.map(|entry| {
            let name = entry.key.text();
            let found = stored.map(|stored| stored.iter().find(|count| count.counter == name));
            let known = shards.find(entry.kind, entry.key).copied();
            let mut count = known.unwrap_or_else(|| Count::begin(now, entry.window));
            count.start_new_window(now, found);
            count
        });
        let closed =
            entries.iter().zip(&counts).filter(|(entry, count)| entry.is_judged && count.total() >= entry.most);
        let waits = closed.map(|(entry, count)| (entry.window - now.since(count.since)).clamp(1, entry.window));
        if let Some(seconds) = waits.max() {
            return Err(Throttled(seconds));
        }
        if !entries.iter().all(|entry| shards.has_room(now, entry)) {
            return Err(Throttled(NO_ROOM));
        }
        let mut closes = [false; N];
        for ((entry, mut count), closes) in entries.into_iter().zip(counts).zip(&mut closes) {
            count.open += 1;
            *closes = count.total() >= entry.most;
            shards.put(entry.kind, entry.key, count);
        }
        Ok(closes)
    }

    /// Ends attempts that were opened: failures stay counted, the others leave no trace.
    pub(super) fn close(&self, now: UnixTime, entries: &[Entry], is_failure: bool) {
        let mut shards = self.shards();
        for Entry { kind, key, .. } in entries {
            // A counter with an open attempt is not removed.
            let Some(count) = shards.find_mut(*kind, *key) else { continue };
            count.open = (count.open - 1).max(0);
            count.start_new_window(now, None);
            if is_failure && !self.is_shared {
                count.seen += 1;
            } else if is_failure {
                count.pending += 1;
                shards.changed.insert((*key, *kind));
            } else if count.is_idle() && count.seen == 0 {
                shards.remove(*kind, *key);
            }
        }
    }

    /// Whether anything of this kind is counted now.
    pub(super) fn has_any(&self, kind: Kind) -> bool {
        self.shards().shards.get(&kind).is_some_and(|shard| !shard.counts.is_empty())
    }

    /// Returns the seconds to wait if a counter has reached its limit, without counting.
    pub(super) fn find_wait(&self, now: UnixTime, entry: Entry) -> Option<i64> {
        let shards = self.shards();
        let count = shards.find(entry.kind, entry.key);
        let count = count.filter(|count| !count.is_over(now) && count.total() >= entry.most)?;
        Some(entry.window - now.since(count.since))
    }

    /// Deletes the failures of a counter, here and in the database.
    pub(super) fn forget(&self, now: UnixTime, Entry { kind, key, window, .. }: Entry) {
        let mut shards = self.shards();
        let Some(count) = shards.find_mut(kind, key) else { return };
        let is_stored = self.is_shared && (count.seen > 0 || count.flying > 0 || count.is_forgotten);
        *count = Count { open: count.open, flying: count.flying, ..Count::begin(now, window) };
        count.is_forgotten = is_stored;
        let is_idle = count.is_idle();
        if is_stored {
            shards.changed.insert((key, kind));
        } else if is_idle {
            shards.remove(kind, key);
        }
    }

    /// Takes up to `most` changes for writing, sorted by key, so that nodes cannot deadlock. Each is returned
    /// by [`Counters::written`] or [`Counters::put_back`].
    pub(super) fn take(&self, now: UnixTime, most: usize) -> Vec<Change> {
        let mut shards = self.shards();
        let mut changes = Vec::new();
        while changes.len() < most {
            let Some((key, kind)) = shards.changed.pop_first() else { break };
            let Some(count) = shards.find_mut(kind, key).filter(|count| !count.is_over(now)) else { continue };
            if count.pending == 0 && !count.is_forgotten {
                continue;
            }
            let more = FailureCount {
                id: Id::next(now),
                counter: key.text(),
                window_started_at: count.since,
                failures: count.pending,
                expires_at: count.since.plus(count.window),
            };
            (count.flying, count.pending) = (count.pending, 0);
            changes.push(Change { kind, key, more, is_forgotten: count.is_forgotten });
        }
        changes
    }

    /// Notes that changes were written; `stored` are the counts in the database now.
    pub(super) fn written(&self, changes: &[Change], stored: &[FailureCount]) {
        let mut shards = self.shards();
        for (change, stored) in changes.iter().zip(stored) {
            let Some(count) = shards.find_mut(change.kind, change.key) else { continue };
            count.flying = 0;
            count.is_forgotten &= !change.is_forgotten;
            // Unless a new window started here meanwhile.
            if !count.is_forgotten && stored.expires_at > count.since {
                (count.seen, count.since) = (stored.failures, stored.window_started_at);
            }
            if count.is_asked && count.is_idle() {
                shards.remove(change.kind, change.key);
            }
        }
    }

    /// Puts back changes that could not be written; they wait for the next write.
    pub(super) fn put_back(&self, changes: &[Change]) {
        let mut shards = self.shards();
        for change in changes {
            let Some(count) = shards.find_mut(change.kind, change.key) else { continue };
            count.flying = 0;
            count.pending += change.more.failures;
            shards.changed.insert((change.key, change.kind));
        }
    }

    /// Removes counters whose windows have ended.
    pub(super) fn sweep(&self, now: UnixTime) {
        let mut shards = self.shards();
        shards.shards.values_mut().for_each(|shard| shard.sweep(now));
    }

    /// Returns the number of counters.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.shards().shards.values().map(|shard| shard.counts.len()).sum()
    }
}
