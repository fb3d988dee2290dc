//! Maps lines of the rewritten script to files and their lines.

use std::fmt;

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) path: String,
    /// Counted from one.
    pub(crate) number: u64,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at line {}", self.path, self.number)
    }
}

/// The origins of the lines that were read.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    /// From this line on, the lines come from that file, starting at that line.
    parts: Vec<(u64, Line)>,
}

impl Lines {
    /// From line `from` of the input on, the lines are those of a file, starting at `line`.
    pub(super) fn begin(&mut self, from: u64, line: Line) {
        self.parts.push((from, line));
    }

    /// The origin of a line.
    pub(crate) fn find(&self, number: u64) -> Option<Line> {
        let (from, line) = self.parts.iter().rev().find(|(from, _)| *from <= number)?;
        Some(Line {
            path: line.path.clone(),
            number: line.number + (number - from),
        })
    }
}
