//! Maps of bounded size: when a map is full, its oldest entries are removed.

use std::collections::HashMap;
use std::hash::Hash;

use crate::clock::UnixTime;

/// Makes space for one more entry in a map of at most `most` entries. When the map is full, the oldest tenth is removed
/// at once, so that the cost per inserted entry is small.
pub fn remove_oldest_when_full<K: Clone + Eq + Hash, V>(
    kept: &mut HashMap<K, V>,
    most: usize,
    since: impl Fn(&V) -> UnixTime,
) {
    if kept.len() < most {
        return;
    }
    let excess = (kept.len() - most + most / 10 + 1).min(kept.len());
    let mut oldest: Vec<(UnixTime, K)> = kept.iter().map(|(key, value)| (since(value), key.clone())).collect();
    if excess < oldest.len() {
        oldest.select_nth_unstable_by_key(excess, |(at, _)| *at);
        oldest.truncate(excess);
    }
    for (_, key) in &oldest {
        kept.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_tenth_goes_when_there_is_no_room() {
        let at = |second: i64| UnixTime::from_seconds(1_800_000_000 + second);
        let mut kept = HashMap::new();
        for second in 0..1_000 {
            remove_oldest_when_full(&mut kept, 100, |at| *at);
            kept.insert(second, at(second));
            assert!(kept.len() <= 100 && kept.contains_key(&second));
        }
        assert!((0..880).all(|second| !kept.contains_key(&second)) && (920..1_000).all(|s| kept.contains_key(&s)));
        let mut few = HashMap::from([(1, at(1))]);
        remove_oldest_when_full(&mut few, 1, |at| *at);
        assert!(few.is_empty());
    }
}
