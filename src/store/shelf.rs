//! A cache of rows by key, limited in bytes: it keeps the rows that were read recently.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::mem::{size_of, take};
use std::sync::{Arc, PoisonError, RwLock};

/// A row that can be kept.
pub trait Weighed {
    /// Returns the bytes of its texts.
    fn weight(&self) -> usize;
}

/// The cache of rows by their key.
pub struct Shelf<K, V> {
    generations: RwLock<Generations<K, V>>,
    /// The most bytes of one generation.
    limit: usize,
}

/// Two generations: when the younger one is full, it becomes the older one, and the rows of the older one are
/// dropped unless they were read meanwhile.
struct Generations<K, V> {
    young: HashMap<K, Arc<V>>,
    old: HashMap<K, Arc<V>>,
    /// Bytes of the younger generation.
    weight: usize,
}

impl<K: Clone + Eq + Hash, V: Weighed> Shelf<K, V> {
    /// Creates an empty cache that never holds more than about twice `limit` bytes.
    pub fn new(limit: usize) -> Self {
        let generations = Generations { young: HashMap::new(), old: HashMap::new(), weight: 0 };
        Self { generations: RwLock::new(generations), limit }
    }

    /// Returns the row with this key, if it is in the cache.
    pub fn find<Q>(&self, key: &Q) -> Option<Arc<V>>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        let generations = self.generations.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = generations.young.get(key) {
            return Some(Arc::clone(found));
        }
        let found = Arc::clone(generations.old.get(key)?);
        drop(generations);
        self.keep(key.to_owned(), &found);
        Some(found)
    }

    /// Adds a row, unless it is large in relation to the limit.
    pub fn keep(&self, key: K, row: &Arc<V>) {
        // Plus about what an entry and an allocation take.
        let weight = row.weight() + size_of::<V>() + 2 * size_of::<K>() + 64;
        if weight > self.limit / 16 {
            return;
        }
        let mut generations = self.generations.write().unwrap_or_else(PoisonError::into_inner);
        if generations.weight + weight > self.limit {
            generations.old = take(&mut generations.young);
            generations.weight = 0;
        }
        if generations.young.insert(key, Arc::clone(row)).is_none() {
            generations.weight += weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Weighed for String {
        fn weight(&self) -> usize {
            self.len()
        }
    }

    #[test]
    fn what_is_asked_for_stays_and_the_rest_goes_before_the_limit_is_passed() {
        let shelf: Shelf<i64, String> = Shelf::new(10_000);
        let row = Arc::new("x".repeat(100));
        for key in 0..1_000 {
            shelf.keep(key, &row);
            assert!(shelf.find(&0).is_some(), "after {key}: it is asked for all the time");
        }
        assert!(shelf.find(&1).is_none() && shelf.find(&999).is_some());
        let kept = (0..1_000).filter(|key| shelf.find(key).is_some()).count();
        assert!(kept < 100, "{kept} rows of at least 100 bytes");
    }

    #[test]
    fn what_is_large_is_not_kept() {
        let shelf: Shelf<i64, String> = Shelf::new(10_000);
        shelf.keep(1, &Arc::new("x".repeat(1_000)));
        assert!(shelf.find(&1).is_none());
    }
}
