//! Observations of a service during the probe, and conclusions from them.

use std::time::{Duration, SystemTime};

use deploy::engine::{CONNECT_MAX, ContainerState, Probe, ServiceRun};
use tokio::time::Instant;

use crate::diagnosis::{End, Sight};

/// After how many equal exits in a row a service counts as stuck.
const ALIKE_MAX: usize = 3;
/// How long after a restart the report names the last exit, and not that nothing listens yet.
const FRESH: Duration = Duration::from_secs(5);
/// Reports round waiting times down to a multiple of this many seconds.
const TOLD_SECONDS: u64 = 10;

/// The observations of one service.
pub(super) struct Seen {
    /// The last observation.
    pub(super) sight: Sight,
    /// Its container at the last check.
    pub(super) run: Option<ServiceRun>,
    /// When the checks first saw the current run.
    pub(super) runs_since: Instant,
    /// Its exits so far.
    pub(super) ends: Vec<Ended>,
    /// The number of exits at which it is given up, set once its siblings are ready or stuck. It
    /// includes a whole run that began after that.
    pub(super) hopeless_at: Option<usize>,
    /// When the oldest attempt without an answer began.
    pub(super) asked_at: Option<Instant>,
    /// Whether it was found ready.
    pub(super) ready: bool,
}

/// One exit of the service.
pub(super) struct Ended {
    /// The exit code and its cause.
    pub(super) end: End,
    /// The time of the exit, by the engine's clock.
    pub(super) at: Option<SystemTime>,
    /// The last lines of that run only.
    pub(super) lines: Vec<String>,
}

impl Ended {
    /// The key by which exits are equal. The last line counts without digits, since counters and
    /// times differ each time.
    fn kind(&self) -> (i64, bool, String) {
        let last = self.lines.last().map(String::as_str).unwrap_or_default();
        let said = last.chars().filter(|c| !c.is_ascii_digit()).collect();
        (self.end.exit_code, self.end.out_of_memory, said)
    }
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

    /// Whether its last exits are equal.
    pub(super) fn is_stuck(&self) -> bool {
        let last = self.ends.len().checked_sub(ALIKE_MAX);
        let Some([first, rest @ ..]) = last.map(|from| &self.ends[from..]) else {
            return false;
        };
        rest.iter().all(|end| end.kind() == first.kind())
    }

    /// Whether a run has exited that began beside its siblings. Called once these are ready or
    /// stuck.
    pub(super) fn has_tried_in_vain(&mut self) -> bool {
        let runs = matches!(&self.run, Some(run) if run.state == ContainerState::Running);
        let ends = self.ends.len();
        let more = if runs { 2 } else { 1 };
        ends >= *self.hopeless_at.get_or_insert(ends + more)
    }

    /// The observation to report.
    pub(super) fn sight(&self) -> Sight {
        let waiting = self.asked_at.map(|since| since.elapsed());
        // An attempt that lasts longer than this has connected, and waits for an answer.
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
            (Sight::Started | Sight::Found(Probe::Refused), Some(last)) if is_fresh => {
                Sight::Ended(last.end.clone())
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

    fn ended(exit_code: i64, times: u32, line: &str) -> Ended {
        Ended {
            end: end(exit_code, times),
            at: None,
            lines: vec![line.to_owned()],
        }
    }

    #[test]
    fn three_ends_alike_are_enough_and_two_or_others_are_not() {
        let mut seen = Seen::new();
        for (times, code, line, stuck) in [
            (1, 1, "no table after 1 s", false),
            (2, 1, "no table after 2 s", false),
            (3, 2, "no table", false),
            (4, 2, "no host", false),
            (5, 2, "no host", false),
            (6, 2, "no host", true),
        ] {
            seen.ends.push(ended(code, times, line));
            assert_eq!(seen.is_stuck(), stuck, "{times}");
        }
    }

    #[test]
    fn a_run_beside_its_siblings_is_tried_before_it_is_given_up() {
        let mut seen = Seen::new();
        seen.ends = (1..=3).map(|times| ended(1, times, "")).collect();
        assert!(!seen.has_tried_in_vain(), "its siblings have just come up");
        seen.ends.push(ended(1, 4, ""));
        assert!(seen.has_tried_in_vain());
    }

    #[test]
    fn what_is_told_is_the_end_until_it_has_run_for_a_while() {
        let mut seen = Seen::new();
        seen.ends.push(ended(1, 1, ""));
        seen.sight = Sight::Found(Probe::Refused);
        assert_eq!(seen.sight(), Sight::Ended(end(1, 1)));
        seen.runs_since = Instant::now() - FRESH;
        assert_eq!(seen.sight(), Sight::Found(Probe::Refused));
        seen.asked_at = Some(Instant::now() - Duration::from_secs(37));
        assert_eq!(seen.sight(), Sight::Waiting(30));
    }
}
