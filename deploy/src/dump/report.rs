//! Records the changes that were made while a script was read.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::place::{Line, Lines};

/// Maximum different notes; further ones are only counted.
const KINDS_MAX: usize = 40;

/// The findings of a reader.
#[derive(Debug, Default)]
pub(crate) struct Report {
    notes: BTreeMap<String, u64>,
    /// Databases that the script connected to by name.
    pub(crate) databases: BTreeSet<String>,
    /// Roles whose passwords were left out.
    pub(crate) passwords: BTreeSet<String>,
    /// The version of the dumped server, such as `16.2`, and of the dump program.
    pub(crate) dumped: Option<(String, String)>,
    /// Why the script was refused, and where.
    pub(crate) refused: Option<(Option<Line>, String)>,
    /// The origins of lines.
    pub(crate) lines: Lines,
}

/// A report that one thread writes and another reads.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedReport(Arc<Mutex<Report>>);

impl SharedReport {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Report> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Report {
    /// Records that something was left out or changed, in words for users.
    pub(crate) fn note(&mut self, what: String) {
        *self.notes.entry(what).or_default() += 1;
    }

    /// The recorded notes, one line each, with their counts.
    pub(crate) fn notes(&self) -> Vec<String> {
        let line = |(what, &count): (&String, &u64)| match count {
            1 => what.clone(),
            count => format!("{what} ({count} times)"),
        };
        let mut lines: Vec<_> = self.notes.iter().take(KINDS_MAX).map(line).collect();
        let more = self.notes.len().saturating_sub(KINDS_MAX);
        if more > 0 {
            lines.push(format!("and {more} more changes"));
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
        assert_eq!(report.notes()[KINDS_MAX], "and 12 more changes");
    }
}
