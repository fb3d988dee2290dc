//! Faults: scripted individually, or random from a seed.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use super::Op;

/// The fault of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing happens, and the caller gets "unreachable".
    Unreachable,
    /// Nothing happens, and the caller gets a refusal.
    Refused,
    /// The call takes effect, but the caller gets "unreachable".
    LostAnswer,
    /// Nothing happens, and the call never returns.
    Hang,
    /// The call succeeds, but takes this much longer.
    Slow(Duration),
}

/// The default faults: those that a retry can overcome.
const USUAL: [Fault; 3] = [
    Fault::Unreachable,
    Fault::LostAnswer,
    Fault::Slow(Duration::from_secs(5)),
];

#[derive(Debug, Default)]
pub(super) struct Faults {
    scripted: BTreeMap<Op, VecDeque<Fault>>,
    random: Option<Random>,
}

#[derive(Debug)]
struct Random {
    state: u64,
    probability: f64,
}

impl Faults {
    pub(super) fn script(&mut self, op: Op, fault: Fault) {
        self.scripted.entry(op).or_default().push_back(fault);
    }

    pub(super) fn randomly(&mut self, seed: u64, probability: f64) {
        self.random = Some(Random {
            state: seed,
            probability,
        });
    }

    pub(super) fn stop(&mut self) {
        *self = Self::default();
    }

    /// The fault of the call that starts now.
    pub(super) fn next(&mut self, op: Op) -> Option<Fault> {
        let scripted = self.scripted.get_mut(&op).and_then(VecDeque::pop_front);
        scripted.or_else(|| self.random.as_mut().and_then(Random::draw))
    }
}

impl Random {
    fn draw(&mut self) -> Option<Fault> {
        // A double holds exactly 53 bits.
        let unit = (self.step() >> 11) as f64 / (1_u64 << 53) as f64;
        if unit >= self.probability {
            return None;
        }
        let at = self.step() % USUAL.len() as u64;
        usize::try_from(at)
            .ok()
            .and_then(|at| USUAL.get(at).copied())
    }

    /// SplitMix64: any seed is good, and a seed repeats a run.
    fn step(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_brings_the_same_faults() {
        let draw = |seed| {
            let mut faults = Faults::default();
            faults.randomly(seed, 0.3);
            (0..200).map(|_| faults.next(Op::Build)).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        let hits = draw(7).iter().flatten().count();
        assert!(
            (30..90).contains(&hits),
            "{hits} of 200 at a probability of 0.3"
        );
    }

    #[test]
    fn a_scripted_fault_comes_once_and_to_its_own_call_only() {
        let mut faults = Faults::default();
        faults.script(Op::Build, Fault::Hang);
        assert_eq!(faults.next(Op::Probe), None);
        assert_eq!(faults.next(Op::Build), Some(Fault::Hang));
        assert_eq!(faults.next(Op::Build), None);
    }
}
