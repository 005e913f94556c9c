//! How many writes share one commit: counted, to be read by whoever measures.

use std::sync::atomic::{AtomicU64, Ordering};

/// The largest size of each class but the last, which has no bound.
pub const BOUNDS: [u64; 8] = [1, 2, 4, 8, 16, 32, 64, 128];

/// Batches since the start.
#[derive(Debug, Default)]
pub(super) struct BatchSizes {
    classes: [AtomicU64; BOUNDS.len() + 1],
    writes: AtomicU64,
}

/// The same at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchCounts {
    /// Batches of each class of [`BOUNDS`], and those that are larger.
    pub classes: [u64; BOUNDS.len() + 1],
    /// Writes in all of them.
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
