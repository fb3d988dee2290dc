//! One file of a script, while it is read.

use std::io::{self, BufRead, BufReader, Read};

use super::place::Line;

/// How much is read at a time.
const PIECE_BYTES: usize = 64 * 1024;
/// How much of a file's beginning says where it comes from.
const HEADING_BYTES: usize = 4 * 1024;

/// What begins a dump of one database, and one of all; each ends with the same words and "complete".
const HEADINGS: [&str; 2] = [
    "-- PostgreSQL database cluster dump",
    "-- PostgreSQL database dump",
];

/// A file, and how far it was read.
pub(super) struct Source {
    pub(super) bytes: BufReader<Box<dyn Read + Send>>,
    pub(super) path: String,
    /// The line that is being read, from one on.
    pub(super) line: u64,
    /// With which words it begins where it is a dump, and whether it ended with them.
    heading: Option<&'static str>,
    complete: bool,
    /// Whether its rows are all that is wanted of it.
    pub(super) is_rows: bool,
}

impl Source {
    pub(super) fn new(path: String, bytes: Box<dyn Read + Send>) -> Self {
        Self {
            bytes: BufReader::with_capacity(PIECE_BYTES, bytes),
            path,
            line: 1,
            heading: None,
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

    /// Looks at the first bytes, which are read again. Answers the versions of the server that was
    /// dumped and of the program that dumped it.
    ///
    /// # Errors
    /// Where it cannot be read, or (inside) why it is no script.
    pub(super) fn open(&mut self) -> io::Result<Result<Option<(String, String)>, String>> {
        let start = self.bytes.fill_buf()?;
        if start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") {
            let why =
                "it is UTF-16, as PowerShell's > writes; let pg_dump write it: --file=seed.sql";
            return Ok(Err(why.to_owned()));
        }
        let head = String::from_utf8_lossy(&start[..start.len().min(HEADING_BYTES)]).into_owned();
        if start.starts_with(b"\xef\xbb\xbf") {
            self.bytes.consume(3);
        }
        self.heading = HEADINGS.into_iter().find(|heading| head.contains(heading));
        let version = |label: &str| {
            let (_, rest) = head.split_once(label)?;
            rest.split_whitespace().next().map(str::to_owned)
        };
        let server = version("-- Dumped from database version ");
        Ok(Ok(server.zip(version("-- Dumped by pg_dump version "))))
    }

    /// Comments between statements passed by.
    pub(super) fn hear(&mut self, comments: &[u8]) {
        let Some(heading) = self.heading.filter(|_| !self.complete) else {
            return;
        };
        let comments = String::from_utf8_lossy(comments);
        let said = comments
            .split_once(heading)
            .map(|(_, rest)| rest.trim_start());
        self.complete = said.is_some_and(|rest| rest.starts_with("complete"));
    }

    /// Whether it has a dump's first words and not its last ones.
    pub(super) fn is_cut_off(&self) -> bool {
        self.heading.is_some() && !self.complete
    }
}
