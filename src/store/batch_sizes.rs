//! Counts how many writes share one commit, for measurements.

use std::sync::atomic::{AtomicU64, Ordering};

/// The largest size of each class except the last, which has no limit.
pub const BOUNDS: [u64; 8] = [1, 2, 4, 8, 16, 32, 64, 128];

/// The counters of batches since the start.
#[derive(Debug, Default)]
pub(super) struct BatchSizes {
    classes: [AtomicU64; BOUNDS.len() + 1],
    writes: AtomicU64,
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchCounts {
    /// The number of batches in each class of [`BOUNDS`], and of larger ones.
    pub classes: [u64; BOUNDS.len() + 1],
    /// The number of writes in all batches.
    pub writes: u64,
}

impl BatchSizes {
    pub(super) fn note(&self, writes: usize) {
        let writes = writes as u64;
        let class = BOUNDS.partition_point(|bound| *bound < writes);
        self.classes[class].fetch_add(1, Ordering::Relaxed);
        self.writes.fetch_add(writes, Ordering::Relaxed);
    }

    pub(super) fn counts(&self) -> BatchCounts {
        let classes = self.classes.each_ref().map(|class| class.load(Ordering::Relaxed));
        BatchCounts { classes, writes: self.writes.load(Ordering::Relaxed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_counts_in_the_class_that_holds_its_size() {
        let sizes = BatchSizes::default();
        for writes in [1, 1, 2, 3, 4, 128, 129, 256] {
            sizes.note(writes);
        }
        let counts = sizes.counts();
        assert_eq!(counts.classes, [2, 1, 2, 0, 0, 0, 0, 1, 2]);
        assert_eq!(counts.writes, 524);
    }
}
