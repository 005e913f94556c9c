//! Chance that can be had again: the same numbers for the same seed. The browser tests use this file too.

use std::env;

/// The same numbers for the same seed (an xorshift).
pub struct Dice(u64);

impl Dice {
    /// Dice for a seed; every seed gives others, zero too.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// One of the numbers from zero on, below `sides`.
    pub fn below(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("because 31 bits fit") % sides
    }
}

/// The seeds of a random driver: the usual ones, or the one that `GATEPOST_TEST_SEED` names, as a failure printed it.
/// Each is printed when it is used.
pub fn seeds(usual: std::ops::Range<u64>) -> impl Iterator<Item = u64> {
    let asked = env::var("GATEPOST_TEST_SEED").ok();
    let asked = asked.map(|seed| seed.parse().expect("because GATEPOST_TEST_SEED is a number"));
    let seeds = asked.map_or(usual, |seed: u64| seed..seed + 1);
    seeds.inspect(|seed| println!("GATEPOST_TEST_SEED={seed}"))
}
