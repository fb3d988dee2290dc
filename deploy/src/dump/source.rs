//! One file of a script that is being read.

use std::io::{self, BufRead, BufReader, Read};

use super::place::Line;

/// Bytes that are read at a time.
const PIECE_BYTES: usize = 64 * 1024;
/// Bytes at a file's beginning that identify its origin.
const HEADING_BYTES: usize = 4 * 1024;

/// Maximum bytes of a line in the buffer.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// The reason for refusing a script with a command that is too long.
pub(super) const LONG_COMMAND: &str = "a client command has more than 1 MiB on its line";

/// The reason for refusing a script that ends inside a statement.
pub(super) const CUT_OFF: &str =
    "it ends in the middle of a statement: the file is cut off; dump it again";

/// The first and last words of dumps.
const HEADINGS: [(&str, &str); 4] = [
    (
        "-- PostgreSQL database cluster dump",
        "-- PostgreSQL database cluster dump complete",
    ),
    (
        "-- PostgreSQL database dump",
        "-- PostgreSQL database dump complete",
    ),
    ("-- MySQL dump ", "-- Dump completed"),
    ("-- MariaDB dump ", "-- Dump completed"),
];

/// The first bytes of a file as text.
#[derive(Debug, Default)]
pub(super) struct Heading(String);

impl Heading {
    /// The word that follows a label.
    pub(super) fn word_after(&self, label: &str) -> Option<&str> {
        let (_, rest) = self.0.split_once(label)?;
        let line = rest.lines().next()?;
        line.split_whitespace().next()
    }
}

/// A file and the read position.
pub(super) struct Source {
    pub(super) bytes: BufReader<Box<dyn Read + Send>>,
    pub(super) path: String,
    /// The current line, counted from one.
    pub(super) line: u64,
    /// The words that must end it if it is a dump, until they are found.
    ending: Option<&'static str>,
    complete: bool,
    /// Whether only its rows are wanted.
    pub(super) is_rows: bool,
}

impl Source {
    pub(super) fn new(path: String, bytes: Box<dyn Read + Send>) -> Self {
        Self {
            bytes: BufReader::with_capacity(PIECE_BYTES, bytes),
            path,
            line: 1,
            ending: None,
            complete: false,
            is_rows: false,
        }
    }

    pub(super) fn here(&self) -> Line {
        Line {
            path: self.path.clone(),
            number: self.line,
        }
    }

    /// Examines the first bytes, which are read again later.
    ///
    /// # Errors
    /// If it is unreadable, or (inner) why it is not a script.
    pub(super) fn open(&mut self) -> io::Result<Result<Heading, String>> {
        let start = self.bytes.fill_buf()?;
        if start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") {
            let why = "it is UTF-16, like the output of PowerShell's >; let the dump program write \
                       the file: pg_dump --file=seed.sql, mysqldump --result-file=seed.sql";
            return Ok(Err(why.to_owned()));
        }
        let head = String::from_utf8_lossy(&start[..start.len().min(HEADING_BYTES)]).into_owned();
        if start.starts_with(b"\xef\xbb\xbf") {
            self.bytes.consume(3);
        }
        let begun = HEADINGS.into_iter().find(|(begin, _)| head.contains(begin));
        self.ending = begun.map(|(_, ending)| ending);
        Ok(Ok(Heading(head)))
    }

    /// Appends the rest of the line with its end, or a part of it if it is longer than 1 MiB;
    /// returns whether the line is complete.
    pub(super) fn line(&mut self, into: &mut Vec<u8>) -> io::Result<bool> {
        let mut part = self.bytes.by_ref().take(LINE_BYTES_MAX);
        let read = part.read_until(b'\n', into)?;
        Ok((read as u64) < LINE_BYTES_MAX || into.ends_with(b"\n"))
    }

    /// Examines comments between statements.
    pub(super) fn hear(&mut self, comments: &[u8]) {
        if let Some(ending) = self.ending.filter(|_| !self.complete) {
            self.complete = String::from_utf8_lossy(comments).contains(ending);
        }
    }

    /// The last words of a complete dump, if the file has a dump's first words but lacks these.
    pub(super) fn lacks(&self) -> Option<&'static str> {
        self.ending.filter(|_| !self.complete)
    }
}
