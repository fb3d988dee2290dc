//! Reads a script for the client of MySQL and MariaDB, and rewrites it on the way.
//!
//! The client runs with comments enabled. Otherwise it takes a comment inside version-specific code
//! (`/*!50003 … /* … */ … */`) for the end of both. With comments enabled it does not recognise
//! `DELIMITER` after a comment, so comments between statements are not handed on.

use std::io::{self, BufRead as _, Read};

use super::{
    Rules, Ruling, Server,
    lexer::{Lexer, Seen},
    refusals::{COMMANDS, backslash},
};
use crate::dump::{
    held::Held,
    reader::Refused,
    report::SharedReport,
    source::{CUT_OFF, LONG_COMMAND, Source},
};

/// Maximum bytes of a statement in the buffer. The beginning of a longer one decides.
const STATEMENT_BYTES_MAX: usize = 1 << 20;
/// Bytes that are handed on at a time.
const PIECE_BYTES: usize = 64 * 1024;
/// The markers of the sandbox mode of MariaDB's client. Other clients take the backslash for a
/// command.
const SANDBOX: [&[u8]; 2] = [b"/*M!999999", b"/*!999999"];
/// The command that changes the delimiter.
const DELIMITER: &[u8] = b"delimiter";

/// A script that is rewritten while it is read.
pub(crate) struct MysqlReader {
    source: Source,
    state: State,
    lexer: Lexer,
    rules: Rules,
    report: SharedReport,
    held: Held,
    /// Whether no statement has ended on the current line.
    fresh: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed,
    Statements,
    /// The rest of a statement that is too long for the buffer, to be kept or left out.
    Long {
        stays: bool,
    },
    Ended,
}

/// The reason why reading stopped.
enum Found {
    End,
    Command,
    Delimiter,
    /// The end of a line that may be a client command.
    Line,
    TooLong,
}

impl MysqlReader {
    /// The script at `path`, for `user` on a server of this kind. Changes are recorded in the
    /// report.
    pub(crate) fn new(
        (path, script): (&str, Box<dyn Read + Send>),
        server: Server,
        user: &str,
        report: SharedReport,
    ) -> Self {
        Self {
            source: Source::new(path.to_owned(), script),
            state: State::Closed,
            lexer: Lexer::default(),
            rules: Rules::new(server, user, report.clone()),
            report,
            held: Held::default(),
            fresh: true,
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        if self.state == State::Closed {
            match self.source.open()? {
                Ok(heading) => self.rules.begin(&heading),
                Err(why) => return Err(self.refuse(why)),
            }
            let here = self.source.here();
            self.report.lock().lines.begin(1, here);
            self.state = State::Statements;
        }
        while self.held.out.len() < PIECE_BYTES && self.state != State::Ended {
            self.read_piece()?;
        }
        Ok(())
    }

    fn read_piece(&mut self) -> io::Result<()> {
        let piece = self.source.bytes.fill_buf()?;
        if piece.is_empty() {
            return self.end();
        }
        let (mut found, mut used) = (None, 0);
        for &byte in piece {
            used += 1;
            let seen = self.lexer.step(byte);
            if seen == Seen::Command {
                found = Some(Found::Command);
                break;
            }
            self.source.line += u64::from(byte == b'\n');
            if self.held.begins.is_none() && !self.lexer.is_blank() {
                self.held.begins = Some(self.held.pending.len() - self.lexer.lead());
            }
            let short = self.state == State::Statements && self.fresh && self.lexer.is_plain();
            let held = &self.held.pending[self.held.before()..];
            found = match () {
                () if short && is_space(byte) && held.eq_ignore_ascii_case(DELIMITER) => {
                    Some(Found::Delimiter)
                }
                () if seen == Seen::End => Some(Found::End),
                () if short && byte == b'\n' && is_line(held) => Some(Found::Line),
                () if self.held.pending.len() >= STATEMENT_BYTES_MAX => Some(Found::TooLong),
                () => None,
            };
            self.held.pending.push(byte);
            self.fresh |= byte == b'\n';
            if found.is_some() {
                break;
            }
        }
        self.source.bytes.consume(used);
        match found {
            Some(Found::End) => self.statement(self.lexer.delimiter().len()),
            Some(Found::Line) => {
                self.statement(0)?;
                self.fresh = true;
                Ok(())
            }
            Some(Found::Command) => self.command(),
            Some(Found::Delimiter) => self.delimiter(),
            Some(Found::TooLong) => self.too_long(),
            None => Ok(()),
        }
    }

    /// A statement is complete; its last bytes are its delimiter.
    fn statement(&mut self, delimiter: usize) -> io::Result<()> {
        let end = self.held.pending.len().saturating_sub(delimiter);
        let begins = self.held.before().min(end);
        let ruling = match self.state {
            State::Long { stays: true } => Ruling::Keep,
            State::Long { stays: false } => Ruling::Skip,
            _ => match self.rules.judge(&self.held.pending[begins..end]) {
                Ok(ruling) => ruling,
                Err(why) => return Err(self.refuse(why)),
            },
        };
        self.state = State::Statements;
        self.obey(ruling, begins..end);
        self.lexer.backslashes = self.rules.backslashes;
        self.flush();
        self.lexer.reset();
        self.fresh = false;
        Ok(())
    }

    /// Applies the decision about a statement; the delimiter follows it.
    fn obey(&mut self, ruling: Ruling, place: std::ops::Range<usize>) {
        match ruling {
            Ruling::Keep => {}
            Ruling::Skip => self.held.replace(place.start, b""),
            Ruling::Become(statements) => {
                let text = statements.join(&[self.lexer.delimiter(), b" "].concat()[..]);
                let text = [&text, &self.held.pending[place.end..]].concat();
                self.held.replace(place.start, &text);
            }
        }
    }

    /// A statement, or the comments before one, are too long for the buffer.
    fn too_long(&mut self) -> io::Result<()> {
        if self.lexer.is_blank() {
            self.flush();
            return Ok(());
        }
        let (begins, end) = (self.held.before(), self.held.pending.len());
        let ruling = match self.state {
            State::Long { stays: true } => Ruling::Keep,
            State::Long { stays: false } => Ruling::Skip,
            _ => match self.rules.judge_long(&self.held.pending[begins..]) {
                Ok(ruling) => ruling,
                Err(why) => return Err(self.refuse(why)),
            },
        };
        let stays = ruling != Ruling::Skip;
        self.obey(ruling, begins..end);
        self.flush();
        self.state = State::Long { stays };
        self.held.begins = Some(0);
        Ok(())
    }

    /// Handles a backslash outside of literals and comments.
    fn command(&mut self) -> io::Result<()> {
        let begins = self.held.before();
        let after = self.source.bytes.fill_buf()?.first().copied();
        let after = after.unwrap_or(b'\n');
        match after {
            b'g' | b'G' => {
                self.source.bytes.consume(1);
                let delimiter = self.lexer.delimiter().to_vec();
                self.held.pending.extend_from_slice(&delimiter);
                self.statement(delimiter.len())
            }
            b'-' if SANDBOX.contains(&&self.held.pending[begins..]) => {
                self.held.begins = None;
                self.lexer.comment();
                Ok(())
            }
            // It stands for NULL.
            b'N' => {
                self.held.begins.get_or_insert(begins);
                self.held.pending.push(b'\\');
                Ok(())
            }
            after => Err(self.refuse(backslash(after))),
        }
    }

    /// Handles the rest of a line after `DELIMITER` and space: the new delimiter.
    fn delimiter(&mut self) -> io::Result<()> {
        let mut line = Vec::new();
        if !self.held.pending.ends_with(b"\n") {
            if !self.source.line(&mut line)? {
                return Err(self.refuse(LONG_COMMAND.to_owned()));
            }
            self.source.line += u64::from(line.ends_with(b"\n"));
        }
        let mut words = line
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty());
        let word = words.next().unwrap_or_default();
        let bare = word.trim_ascii_start();
        let bare = match bare {
            [quote @ (b'\'' | b'"' | b'`'), inner @ .., end] if quote == end => inner,
            bare => bare,
        };
        if bare.is_empty() || bare.contains(&b'\\') {
            let why = "DELIMITER needs a line of its own, and a delimiter without backslashes";
            return Err(self.refuse(why.to_owned()));
        }
        let bare = bare.to_vec();
        self.held.pending.extend_from_slice(&line);
        self.flush();
        self.lexer.reset();
        self.lexer.delimit(&bare);
        self.fresh = true;
        Ok(())
    }

    /// Hands on the pending input; of comments before the statement, only their line ends.
    fn flush(&mut self) {
        let before = self.held.before().min(self.held.pending.len());
        self.source.hear(&self.held.pending[..before]);
        let statement = self.held.pending.split_off(before);
        self.held.pending.retain(|&byte| byte == b'\n');
        self.held.pending.extend_from_slice(&statement);
        self.held.flush();
    }

    fn end(&mut self) -> io::Result<()> {
        if !self.lexer.is_plain() {
            return Err(self.refuse(CUT_OFF.to_owned()));
        }
        if self.held.begins.is_some() {
            self.statement(0)?;
        }
        self.flush();
        self.state = State::Ended;
        match self.source.lacks() {
            Some(ending) => Err(self.refuse(format!(
                "it has a dump's first lines but not its last one ({ending:?}): the file is cut \
                 off; dump it again"
            ))),
            None => Ok(()),
        }
    }

    fn refuse(&self, why: String) -> io::Error {
        self.report.lock().refused = Some((Some(self.source.here()), why));
        io::Error::other(Refused)
    }
}

fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace()
}

/// Whether a line at the start of a statement is a client command, which needs no delimiter.
fn is_line(held: &[u8]) -> bool {
    let word = held
        .split(u8::is_ascii_whitespace)
        .next()
        .unwrap_or_default();
    let is = |command: &&str| word.eq_ignore_ascii_case(command.as_bytes());
    !held.contains(&b'\n') && (is(&"use") || COMMANDS.iter().any(is))
}

impl Read for MysqlReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.held.is_taken() {
            self.fill()?;
        }
        Ok(self.held.take(buffer))
    }
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;

    /// The rewritten script, with its report.
    pub(crate) fn read(server: Server, script: &[u8]) -> (Result<Vec<u8>, String>, SharedReport) {
        let report = SharedReport::default();
        let bytes: Box<dyn Read + Send> = Box::new(io::Cursor::new(script.to_vec()));
        let mut text = Vec::new();
        let read = MysqlReader::new(("db/seed.sql", bytes), server, "app", report.clone())
            .read_to_end(&mut text);
        let refused = report.lock().refused.clone();
        let told = match (read, refused) {
            (Ok(_), None) => Ok(text),
            (_, Some((line, why))) => Err(format!("{}: {why}", line.unwrap())),
            (Err(error), None) => Err(format!("unexplained: {error}")),
        };
        (told, report)
    }
}
