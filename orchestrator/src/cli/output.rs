//! Writes the output of commands. No other module of `cli` writes to standard output.

use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;

use crate::{api::Phase, text};

/// Writes lines, with colours on a terminal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    colour: bool,
}

impl Output {
    pub(super) fn new() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let colour = wanted && io::stdout().is_terminal();
        Self { colour }
    }

    #[cfg(test)]
    pub(super) fn without_colours() -> Self {
        Self { colour: false }
    }

    /// Writes a line of ours. The caller has already cleaned outside text in it.
    pub(super) fn line(self, line: &str) -> io::Result<()> {
        writeln!(io::stdout().lock(), "{line}")
    }

    /// Writes a log line, which may contain colour codes.
    pub(super) fn log_line(self, line: &str) -> io::Result<()> {
        if self.colour {
            // A line must not colour the lines after it.
            let cleaned = text::coloured(line);
            let reset = if cleaned.contains('\u{1b}') {
                "\u{1b}[0m"
            } else {
                ""
            };
            self.line(&format!("{cleaned}{reset}"))
        } else {
            self.line(&text::plain(line))
        }
    }

    /// Writes a value as JSON, for programs.
    pub(super) fn json(self, value: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_string_pretty(value).map_err(io::Error::other)?;
        self.line(&text)
    }

    /// A phase in its colour.
    pub(super) fn phase(self, phase: Phase) -> String {
        self.in_colour_of(phase.word(), phase)
    }

    /// Another word in the colour of a phase.
    pub(super) fn in_colour_of(self, word: &str, phase: Phase) -> String {
        let colour = match phase {
            Phase::Live | Phase::Captured => "32",
            Phase::Failed => "31",
            Phase::Gone | Phase::Closing => "2",
            Phase::Queued | Phase::Building | Phase::Starting | Phase::Updating => "33",
        };
        self.painted(word, colour)
    }

    /// Bold text.
    pub(super) fn strong(self, text: &str) -> String {
        self.painted(text, "1")
    }

    /// Dimmed text.
    pub(super) fn faint(self, text: &str) -> String {
        self.painted(text, "2")
    }

    fn painted(self, text: &str, colour: &str) -> String {
        if self.colour {
            format!("\u{1b}[{colour}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// Prints the error of a failed command. A failure to print it is ignored.
pub(super) fn tell_error(error: &anyhow::Error) {
    let said = format!("{error:#}");
    let lines: Vec<String> = said.lines().map(text::plain).collect();
    let _ = writeln!(io::stderr().lock(), "dayfly: {}", lines.join("\n"));
}
