//! What was seen of a service that is waited for, and what that says.

use std::time::Duration;

use deploy::engine::{CONNECT_MAX, ContainerState, Probe, ServiceRun};
use tokio::time::Instant;

use crate::diagnosis::{End, Sight};

/// After how many ends in the same way a service is given up.
const ALIKE_MAX: usize = 3;
/// How long after it was started again its last end says more than that it does not listen yet.
const FRESH: Duration = Duration::from_secs(5);
/// Seconds that people are told are told in steps of as many.
const TOLD_SECONDS: u64 = 10;

/// What was seen of it.
pub(super) struct Seen {
    /// What was last seen.
    pub(super) sight: Sight,
    /// Its container, as last looked at.
    pub(super) run: Option<ServiceRun>,
    /// When it last came to run, as far as we looked.
    pub(super) runs_since: Instant,
    /// How it ended, without the numbers in its last line: counters and times differ each time.
    pub(super) ends: Vec<(End, String)>,
    /// How often it has to have ended since nobody is left to wait for: the last time after a run
    /// that began when its siblings were there.
    pub(super) hopeless_at: Option<usize>,
    /// Since when the oldest attempt has had no answer.
    pub(super) asked_at: Option<Instant>,
    /// Whether it was found ready.
    pub(super) ready: bool,
}

impl Seen {
    pub(super) fn new() -> Self {
        Self {
            sight: Sight::Started,
            run: None,
            runs_since: Instant::now(),
            ends: Vec::new(),
            hopeless_at: None,
            asked_at: None,
            ready: false,
        }
    }

    /// Whether it ended in the same way again and again.
    pub(super) fn is_stuck(&self) -> bool {
        let last = self.ends.len().checked_sub(ALIKE_MAX);
        let Some([(first, said), rest @ ..]) = last.map(|from| &self.ends[from..]) else {
            return false;
        };
        rest.iter().all(|(end, line)| {
            (end.exit_code, end.out_of_memory, line) == (first.exit_code, first.out_of_memory, said)
        })
    }

    /// Whether a run that began when its siblings were there has ended. Asked from then on.
    pub(super) fn has_tried_in_vain(&mut self) -> bool {
        let runs = matches!(&self.run, Some(run) if run.state == ContainerState::Running);
        let ends = self.ends.len();
        let more = if runs { 2 } else { 1 };
        ends >= *self.hopeless_at.get_or_insert(ends + more)
    }

    /// What people are told.
    pub(super) fn sight(&self) -> Sight {
        let waiting = self.asked_at.map(|since| since.elapsed());
        // Whoever has not accepted the connection by then is found to refuse it.
        if let Some(waiting) = waiting.filter(|waiting| *waiting > CONNECT_MAX) {
            let seconds = waiting.as_secs();
            let step = match seconds {
                0..TOLD_SECONDS => 1,
                _ => TOLD_SECONDS,
            };
            return Sight::Waiting(seconds - seconds % step);
        }
        let is_fresh = self.runs_since.elapsed() < FRESH;
        match (&self.sight, self.ends.last()) {
            (Sight::Started | Sight::Found(Probe::Refused), Some((end, _))) if is_fresh => {
                Sight::Ended(end.clone())
            }
            (sight, _) => sight.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(exit_code: i64, times: u32) -> End {
        End {
            exit_code,
            out_of_memory: false,
            times,
        }
    }

    #[test]
    fn three_ends_alike_are_enough_and_two_or_others_are_not() {
        let mut seen = Seen::new();
        for (times, code, line, stuck) in [
            (1, 1, "no table", false),
            (2, 1, "no table", false),
            (3, 2, "no table", false),
            (4, 2, "no host", false),
            (5, 2, "no host", false),
            (6, 2, "no host", true),
        ] {
            seen.ends.push((end(code, times), line.to_owned()));
            assert_eq!(seen.is_stuck(), stuck, "{times}");
        }
    }

    #[test]
    fn a_run_beside_its_siblings_is_tried_before_it_is_given_up() {
        let mut seen = Seen::new();
        seen.ends = (1..=3)
            .map(|times| (end(1, times), String::new()))
            .collect();
        assert!(!seen.has_tried_in_vain(), "its siblings have just come up");
        seen.ends.push((end(1, 4), String::new()));
        assert!(seen.has_tried_in_vain());
    }

    #[test]
    fn what_is_told_is_the_end_until_it_has_run_for_a_while() {
        let mut seen = Seen::new();
        seen.ends.push((end(1, 1), String::new()));
        seen.sight = Sight::Found(Probe::Refused);
        assert_eq!(seen.sight(), Sight::Ended(end(1, 1)));
        seen.runs_since = Instant::now() - FRESH;
        assert_eq!(seen.sight(), Sight::Found(Probe::Refused));
        seen.asked_at = Some(Instant::now() - Duration::from_secs(37));
        assert_eq!(seen.sight(), Sight::Waiting(30));
    }
}
