//! A compact summary of a column's values, to count later how many of them remain.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::personal::State;

/// Minimum number of sampled values for a conclusion.
const SAMPLE_MIN: u64 = 30;

/// Minimum number of sampled values for an estimate of the number of distinct values.
const DIFFERENT_MIN: usize = 64;

/// The bit of a hash whose value may be in several places by chance.
const CHANCE: u64 = 1 << 63;

/// A hash that says whether its value may be in several places by chance.
pub(super) fn marked(hash: u64, is_by_chance: bool) -> u64 {
    match is_by_chance {
        true => hash | CHANCE,
        false => hash & !CHANCE,
    }
}

/// Counts of values, identified by keyed hashes with a temporary key. If there are too many
/// distinct values, it keeps those whose hash ends in a number of zero bits. Two columns thus keep
/// the same values.
#[derive(Clone, Debug)]
pub(super) struct Sketch {
    counts: HashMap<u64, u32>,
    /// Number of zero bits that a kept hash must have.
    level: u32,
    /// Maximum number of distinct values to keep.
    most: usize,
    /// Total number of values.
    values: u64,
}

impl Sketch {
    /// An empty summary.
    pub(super) fn new(most: usize) -> Self {
        Self {
            counts: HashMap::new(),
            level: 0,
            most,
            values: 0,
        }
    }

    /// Adds a value.
    pub(super) fn add(&mut self, hash: u64) {
        self.values += 1;
        if !is_kept(hash, self.level) {
            return;
        }
        let count = self.counts.entry(hash).or_default();
        *count = count.saturating_add(1);
        while self.counts.len() > self.most {
            self.level += 1;
            let level = self.level;
            self.counts.retain(|hash, _| is_kept(*hash, level));
        }
    }

    /// Compares its values with the places before: each value counts as often as it was in all
    /// places together. If places have different samples, the larger samples are also compared
    /// separately, because the smaller sample would hide their values.
    pub(super) fn since(&self, before: &[&Self]) -> State {
        let levels: BTreeSet<u32> = before.iter().map(|sketch| sketch.level).collect();
        let mut state = self.since_all(&[]);
        for level in levels {
            let known = before.iter().copied();
            let known: Vec<&Self> = known.filter(|sketch| sketch.level <= level).collect();
            state = self.since_all(&known);
            if matches!(state, State::Compared { .. }) && state.is_left() {
                break;
            }
        }
        state
    }

    fn since_all(&self, before: &[&Self]) -> State {
        let level = before.iter().map(|sketch| sketch.level).max();
        let level = self.level.max(level.unwrap_or_default());
        let found = |hash: &u64| total(before, hash);
        if level == 0 {
            let same = |(hash, count): (&u64, &u32)| u64::from(found(hash).min(*count));
            return State::Compared {
                unchanged: self.counts.iter().map(same).sum(),
                of: self.values,
                sampled: false,
            };
        }
        if self.values == 0 {
            return State::Compared {
                unchanged: 0,
                of: 0,
                sampled: false,
            };
        }
        let sample = self.counts.keys().filter(|hash| is_kept(**hash, level));
        let (mut unchanged, mut of) = (0, 0);
        for hash in sample {
            of += 1;
            unchanged += u64::from(found(hash) > 0);
        }
        if of < SAMPLE_MIN {
            return match self.is_mostly_new(before) {
                true => State::MostlyNew,
                false => State::Unread,
            };
        }
        State::Compared {
            unchanged,
            of,
            sampled: true,
        }
    }

    /// `state`, or a worse one if its values come from other places. A value that its own place had
    /// counts as in `state`; another value counts as often as it was in all places together.
    pub(super) fn or_moved(&self, state: State, own: &[&Self], known: &Known) -> State {
        if state.is_left() {
            return state;
        }
        let own_level = own.iter().map(|sketch| sketch.level).max();
        let least = self.level.max(own_level.unwrap_or_default());
        let levels: BTreeSet<u32> = known.0.keys().map(|level| *level.max(&least)).collect();
        let mut worst = state;
        for level in levels {
            for moved in self.moved(level, own, known) {
                if moved.is_left() {
                    return moved;
                }
                if unchanged(worst).is_some_and(|less| unchanged(moved) > Some(less)) {
                    worst = moved;
                }
            }
        }
        worst
    }

    /// How many of its values are known in all places whose samples are complete at a level. Copies
    /// of a value may be more than the originals, so that the distinct values are counted too,
    /// unless they are too few for a conclusion.
    fn moved(&self, level: u32, own: &[&Self], known: &Known) -> Vec<State> {
        let (mut unchanged, mut different, mut kept, mut moved) = (0, 0, 0, 0);
        let sample = self.counts.iter();
        for (hash, count) in sample.filter(|(hash, _)| is_kept(**hash, level)) {
            let had = total(own, hash);
            let elsewhere = match had {
                0 => known.count(hash, level),
                _ => 0,
            };
            unchanged += u64::from(had.max(elsewhere).min(*count));
            different += 1;
            kept += u64::from(had > 0);
            moved += u64::from(elsewhere > 0);
        }
        let mut states = Vec::new();
        if level == 0 {
            states.push(State::Compared {
                unchanged,
                of: self.values,
                sampled: false,
            });
            // The place itself may keep some values on purpose: those are counted above.
            kept = 0;
        }
        if different >= SAMPLE_MIN {
            states.push(State::Compared {
                unchanged: kept + moved,
                of: different,
                sampled: true,
            });
        }
        states
    }

    /// Whether there were so many distinct values before that the few present ones are fewer than
    /// half: each missing value had at least one row.
    fn is_mostly_new(&self, before: &[&Self]) -> bool {
        if self.level > 0 {
            return false;
        }
        let different = self.counts.len() as u64;
        let most = before.iter().map(|sketch| {
            let gone = sketch.different_min().saturating_sub(different);
            sketch.values.saturating_sub(gone)
        });
        most.fold(0, u64::saturating_add).saturating_mul(2) < self.values
    }

    /// Lower bound of the number of distinct values. A sample only gives a rough estimate.
    fn different_min(&self) -> u64 {
        let kept = self.counts.len();
        match self.level {
            0 => kept as u64,
            _ if kept < DIFFERENT_MIN => kept as u64,
            level => (kept as u64).saturating_mul(1 << level.min(40)) / 4 * 3,
        }
    }
}

/// The values of all places before a mask, by the level of their samples. Values that may be in
/// several places by chance are left out. It has at most as many values as the places together.
pub(super) struct Known(BTreeMap<u32, HashMap<u64, u32>>);

impl Known {
    pub(super) fn new<'a>(places: impl Iterator<Item = &'a Sketch>) -> Self {
        let mut levels: BTreeMap<u32, HashMap<u64, u32>> = BTreeMap::new();
        for place in places {
            let known = levels.entry(place.level).or_default();
            let counts = place.counts.iter();
            for (hash, count) in counts.filter(|(hash, _)| **hash & CHANCE == 0) {
                let sum = known.entry(*hash).or_default();
                *sum = sum.saturating_add(*count);
            }
        }
        Self(levels)
    }

    /// How often a value was in the places whose samples are complete at a level.
    fn count(&self, hash: &u64, level: u32) -> u32 {
        let complete = self.0.range(..=level);
        let counts = complete.filter_map(|(_, known)| known.get(hash));
        counts.fold(0, |sum: u32, count| sum.saturating_add(*count))
    }
}

/// How often several places had a value.
fn total(places: &[&Sketch], hash: &u64) -> u32 {
    let counts = places.iter().filter_map(|place| place.counts.get(hash));
    counts.fold(0, |sum: u32, count| sum.saturating_add(*count))
}

/// The number of unchanged values, if all values were counted.
fn unchanged(state: State) -> Option<u64> {
    match state {
        State::Compared {
            unchanged,
            sampled: false,
            ..
        } => Some(unchanged),
        _ => None,
    }
}

fn is_kept(hash: u64, level: u32) -> bool {
    hash.trailing_zeros() >= level
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher as _, RandomState};

    use super::*;

    fn of(most: usize, hasher: &RandomState, values: impl Iterator<Item = u64>) -> Sketch {
        let mut sketch = Sketch::new(most);
        values.for_each(|value| sketch.add(hasher.hash_one(value)));
        sketch
    }

    #[test]
    fn values_are_compared_as_often_as_they_are_there_and_in_any_order() {
        let hasher = RandomState::new();
        let before = of(100, &hasher, [1, 1, 2, 3].into_iter());
        let after = of(100, &hasher, [3, 1, 9, 1, 1].into_iter());
        let same = State::Compared {
            unchanged: 3,
            of: 5,
            sampled: false,
        };
        assert_eq!(after.since(&[&before]), same);
        let elsewhere = of(100, &hasher, [1, 7].into_iter());
        let more = State::Compared {
            unchanged: 4,
            of: 5,
            sampled: false,
        };
        assert_eq!(after.since(&[&before, &elsewhere]), more);
        let nothing = State::Compared {
            unchanged: 0,
            of: 0,
            sampled: false,
        };
        assert_eq!(
            of(100, &hasher, std::iter::empty()).since(&[&before]),
            nothing
        );
    }

    fn compared(unchanged: u64, of: u64, sampled: bool) -> State {
        State::Compared {
            unchanged,
            of,
            sampled,
        }
    }

    /// A column whose values tell where they come from.
    fn telling(values: impl Iterator<Item = u64>) -> Sketch {
        let mut sketch = Sketch::new(1000);
        values.for_each(|value| sketch.add(marked(value, false)));
        sketch
    }

    #[test]
    fn values_of_another_place_are_known_unless_they_may_be_there_by_chance() {
        let (own, other) = (telling(1..=10), telling(101..=110));
        let known = Known::new([&own, &other].into_iter());
        let judged = |now: &Sketch| now.or_moved(now.since(&[&own]), &[&own], &known);
        assert_eq!(judged(&telling(101..=110)), compared(10, 10, false));
        assert_eq!(judged(&telling(201..=210)), compared(0, 10, false));
        let some = telling((101..=102).chain([1, 1, 1]).chain(201..=205));
        assert_eq!(judged(&some), compared(3, 10, false));
        let mut short = Sketch::new(1000);
        (1..=10).for_each(|value| short.add(marked(value, true)));
        let known = Known::new([&short].into_iter());
        let state = short.or_moved(short.since(&[&own]), &[&own], &known);
        assert_eq!(state, compared(0, 10, false));
        assert_eq!(short.since(&[&short]), compared(10, 10, false));
    }

    #[test]
    fn several_copies_of_each_value_of_another_place_are_known() {
        let (own, other) = (telling([1].into_iter()), telling(100..200));
        let known = Known::new([&own, &other].into_iter());
        let copies = telling((100..200).chain(100..200).chain(100..200));
        let state = copies.or_moved(copies.since(&[&own]), &[&own], &known);
        assert_eq!(state, compared(100, 100, true));
        // One value for all rows was there once before.
        let same = telling(std::iter::repeat_n(100, 300));
        let state = same.or_moved(same.since(&[&own]), &[&own], &known);
        assert_eq!(state, compared(1, 300, false));
    }

    #[test]
    fn a_sample_of_another_place_is_enough() {
        let hasher = RandomState::new();
        let hashes = |values: std::ops::Range<u64>| {
            let mut sketch = Sketch::new(1000);
            values.for_each(|value| sketch.add(marked(hasher.hash_one(value), false)));
            sketch
        };
        let (own, other) = (hashes(0..10), hashes(100..100_000));
        assert!(other.level > 0);
        let known = Known::new([&own, &other].into_iter());
        let judged = |now: &Sketch| now.or_moved(now.since(&[&own]), &[&own], &known);
        assert!(judged(&hashes(100..50_000)).is_left());
        assert!(!judged(&hashes(200_000..250_000)).is_left());
        // Nothing is concluded from a few new values.
        assert_eq!(judged(&hashes(200_000..200_010)), compared(0, 10, false));
    }

    #[test]
    fn of_too_few_sampled_values_nothing_is_concluded() {
        let hasher = RandomState::new();
        // Every value is there many times, so that few different ones may be all that there was.
        let often = of(1000, &hasher, (0..100_000).map(|value| value % 5_000));
        assert!(often.level > 0);
        let few = of(1000, &hasher, 0..20);
        assert_eq!(few.since(&[&often]), State::Unread);
        let nothing = State::Compared {
            unchanged: 0,
            of: 0,
            sampled: false,
        };
        let empty = of(1000, &hasher, std::iter::empty());
        assert_eq!(empty.since(&[&often]), nothing);
        // Of a place of which all is known, they are known too.
        let known = of(1000, &hasher, 0..15);
        let left = State::Compared {
            unchanged: 15,
            of: 20,
            sampled: false,
        };
        assert_eq!(few.since(&[&often, &known]), left);
    }

    #[test]
    fn one_value_in_place_of_many_different_ones_is_new() {
        let hasher = RandomState::new();
        let before = of(1000, &hasher, 0..100_000);
        let same = || std::iter::repeat_n(7, 100_000);
        assert_eq!(
            of(1000, &hasher, same()).since(&[&before]),
            State::MostlyNew
        );
        let fewer = of(1000, &hasher, same().take(10));
        assert_eq!(fewer.since(&[&before]), State::Unread);
    }

    #[test]
    fn of_many_values_a_sample_is_kept_that_is_the_same_in_both() {
        let hasher = RandomState::new();
        let before = of(1000, &hasher, 0..100_000);
        assert!(before.counts.len() <= 1000 && before.level > 0);
        let after = of(1000, &hasher, (0..25_000).chain(200_000..275_000));
        let State::Compared {
            unchanged,
            of: sample,
            sampled: true,
        } = after.since(&[&before])
        else {
            panic!("{:?}", after.since(&[&before]));
        };
        // A sample of at least 300 of which a quarter is there: six deviations are 15 %.
        assert!(sample >= 300, "{sample}");
        let percent = unchanged * 100 / sample;
        assert!((10..=40).contains(&percent), "{percent} % of {sample}");
    }
}
