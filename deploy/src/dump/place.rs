//! Where a line of what was read stands: in which file, and at which line of it.

use std::fmt;

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) path: String,
    /// From one on.
    pub(crate) number: u64,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at line {}", self.path, self.number)
    }
}

/// Which lines of what was read come from where.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    /// From this line on, they are the lines of that file from there on.
    parts: Vec<(u64, Line)>,
}

impl Lines {
    /// From the line `from` of what is read on, lines are those of a file from `line` on.
    pub(super) fn begin(&mut self, from: u64, line: Line) {
        self.parts.push((from, line));
    }

    /// Where a line of what was read comes from.
    pub(crate) fn find(&self, number: u64) -> Option<Line> {
        let (from, line) = self.parts.iter().rev().find(|(from, _)| *from <= number)?;
        Some(Line {
            path: line.path.clone(),
            number: line.number + (number - from),
        })
    }
}
