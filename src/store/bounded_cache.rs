//! A cache of rows by key, limited in bytes: it keeps the rows that were read recently.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::mem::{size_of, take};
use std::sync::{Arc, PoisonError, RwLock};

/// A row that can be kept.
pub trait MemorySize {
    /// Returns the bytes of its texts.
    fn weight(&self) -> usize;
}

/// The cache of rows by their key.
pub struct BoundedCache<K, V> {
    generations: RwLock<Generations<K, V>>,
    /// The most bytes of one generation.
    limit: usize,
}

/// Two generations: when the younger one is full, it becomes the older one, and the rows of the older one are
/// dropped unless they were read meanwhile.
struct Generations<K, V> {
    newer: HashMap<K, Arc<V>>,
    older: HashMap<K, Arc<V>>,
    /// Bytes of the younger generation.
    weight: usize,
}

impl<K: Clone + Eq + Hash, V: MemorySize> BoundedCache<K, V> {
    /// Creates an empty cache that never holds more than about twice `limit` bytes.
    pub fn new(limit: usize) -> Self {
        let generations = Generations { newer: HashMap::new(), older: HashMap::new(), weight: 0 };
        Self { generations: RwLock::new(generations), limit }
    }

    /// Returns the row with this key, if it is in the cache.
    pub fn find<Q>(&self, key: &Q) -> Option<Arc<V>>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        let generations = self.generations.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = generations.newer.get(key) {
            return Some(Arc::clone(found));
        }
        let found = Arc::clone(generations.older.get(key)?);
        drop(generations);
        self.insert(key.to_owned(), &found);
        Some(found)
    }

    /// Adds a row, unless it is large in relation to the limit.
    pub fn insert(&self, key: K, row: &Arc<V>) {
        // Plus about what an entry and an allocation take.
        let weight = row.weight() + size_of::<V>() + 2 * size_of::<K>() + 64;
        if weight > self.limit / 16 {
            return;
        }
        let mut generations = self.generations.write().unwrap_or_else(PoisonError::into_inner);
        if generations.weight + weight > self.limit {
            generations.older = take(&mut generations.newer);
            generations.weight = 0;
        }
        if generations.newer.insert(key, Arc::clone(row)).is_none() {
            generations.weight += weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl MemorySize for String {
        fn weight(&self) -> usize {
            self.len()
        }
    }

    #[test]
    fn what_is_asked_for_stays_and_the_rest_goes_before_the_limit_is_passed() {
        let cache: BoundedCache<i64, String> = BoundedCache::new(10_000);
        let row = Arc::new("x".repeat(100));
        for key in 0..1_000 {
            cache.insert(key, &row);
            assert!(cache.find(&0).is_some(), "after {key}: it is asked for all the time");
        }
        assert!(cache.find(&1).is_none() && cache.find(&999).is_some());
        let kept = (0..1_000).filter(|key| cache.find(key).is_some()).count();
        assert!(kept < 100, "{kept} rows of at least 100 bytes");
    }

    #[test]
    fn what_is_large_is_not_kept() {
        let cache: BoundedCache<i64, String> = BoundedCache::new(10_000);
        cache.insert(1, &Arc::new("x".repeat(1_000)));
        assert!(cache.find(&1).is_none());
    }
}
