//! Numbers that look random and come from a seed.

use std::{ops::Range, time::Duration};

/// A source of choices. The same seed makes the same choices; when they come true is up to the
/// machine.
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Dice of their own for somebody else.
    pub(super) fn fork(&mut self) -> Self {
        Self(self.next())
    }

    /// A number below `limit`, which is not 0.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// True in one of `many` cases.
    pub(super) fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }

    /// So many milliseconds.
    pub(super) fn pause(&mut self, ms: Range<u64>) -> Duration {
        Duration::from_millis(ms.start + self.below(ms.end - ms.start))
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
