//! The output of the demo, with the time since its start.

use std::{io::Write as _, time::Instant};

/// Writes lines to standard output. A reader that went away does not end the demo.
#[derive(Clone, Copy)]
pub(super) struct Teller {
    began: Instant,
}

impl Teller {
    pub(super) fn new() -> Self {
        Self {
            began: Instant::now(),
        }
    }

    /// A line with the time.
    pub(super) fn at(&self, line: &str) {
        self.say(&format!(
            "{:>7.1} s  {line}",
            self.began.elapsed().as_secs_f64()
        ));
    }

    /// A line without the time.
    pub(super) fn say(&self, line: &str) {
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }

    /// Several indented lines.
    pub(super) fn quote(&self, text: &str) {
        for line in text.lines() {
            self.say(&format!("           | {line}"));
        }
    }

    /// Begins a part.
    pub(super) fn part(&self, title: &str) {
        self.say("");
        self.say(title);
    }
}
