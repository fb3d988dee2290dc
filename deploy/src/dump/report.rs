//! What was changed while a script was read.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::place::{Line, Lines};

/// How many different things are told; of the rest, how many there are.
const KINDS_MAX: usize = 40;

/// What a reader found, for whoever started it.
#[derive(Debug, Default)]
pub(crate) struct Report {
    notes: BTreeMap<String, u64>,
    /// Databases that the script went to by name.
    pub(crate) databases: BTreeSet<String>,
    /// Roles whose passwords were left out.
    pub(crate) passwords: BTreeSet<String>,
    /// The version of the server that was dumped, such as `16.2`, and of the program that dumped it.
    pub(crate) dumped: Option<(String, String)>,
    /// Why the script was given up, and where.
    pub(crate) refused: Option<(Option<Line>, String)>,
    /// Where lines come from.
    pub(crate) lines: Lines,
}

/// A report that is written in one thread and read in another.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedReport(Arc<Mutex<Report>>);

impl SharedReport {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Report> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Report {
    /// Something was left out or made otherwise, in words for people.
    pub(crate) fn note(&mut self, what: String) {
        *self.notes.entry(what).or_default() += 1;
    }

    /// What was left out or made otherwise, a line each, with how often.
    pub(crate) fn notes(&self) -> Vec<String> {
        let line = |(what, &count): (&String, &u64)| match count {
            1 => what.clone(),
            count => format!("{what} ({count} times)"),
        };
        let mut lines: Vec<_> = self.notes.iter().take(KINDS_MAX).map(line).collect();
        let more = self.notes.len().saturating_sub(KINDS_MAX);
        if more > 0 {
            lines.push(format!("and {more} more of the kind"));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_changed_often_is_told_once() {
        let mut report = Report::default();
        report.note("the owner shop".to_owned());
        report.note("the owner shop".to_owned());
        report.note("a tablespace".to_owned());
        assert_eq!(report.notes(), ["a tablespace", "the owner shop (2 times)"]);
        (0..50).for_each(|n| report.note(format!("the owner {n}")));
        assert_eq!(report.notes().len(), KINDS_MAX + 1);
        assert_eq!(report.notes()[KINDS_MAX], "and 12 more of the kind");
    }
}
