//! Reads a PostgreSQL script and rewrites it on the way.

mod files;
mod rows;

use std::{
    fmt,
    io::{self, BufRead as _, Read},
};

use super::{
    held::Held,
    lexer::{Lexer, Seen},
    paths::Mention,
    postgres::{self, Command, Rules, Ruling, sends},
    report::SharedReport,
    source::{CUT_OFF, Heading, LONG_COMMAND, Source},
};

/// Maximum bytes of a statement in the buffer. A longer one passes unchanged: the statements to
/// rewrite are short.
const STATEMENT_BYTES_MAX: usize = 1 << 20;
/// Bytes that are handed on at a time.
const PIECE_BYTES: usize = 64 * 1024;
/// Maximum files that a script may read, counted each time it names one.
const INCLUDED_MAX: usize = 10_000;
/// Maximum nesting depth of included scripts.
const DEPTH_MAX: usize = 16;

/// A script was refused; the report has the reason.
#[derive(Debug)]
pub(crate) struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the script was refused")
    }
}

impl std::error::Error for Refused {}

/// Opens a file of the seed by its path in the checkout, if it exists.
pub(crate) type Open = Box<dyn Fn(&str) -> Option<io::Result<Box<dyn Read + Send>>> + Send>;

/// The meaning of the next bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Statements,
    /// The rest of a statement that is too long for the buffer.
    Long,
    Rows,
}

/// A psql script that is rewritten while it is read.
pub(crate) struct ScriptReader {
    /// The script to read first.
    first: Option<Source>,
    /// The open files; each was included by the one before it.
    sources: Vec<Source>,
    open: Open,
    /// The folder that must contain every file.
    folder: String,
    lexer: Lexer,
    rules: Rules,
    report: SharedReport,
    mode: Mode,
    held: Held,
    /// Whether a part of a row was read.
    row_is_open: bool,
    /// Whether an added transaction ends after the rows.
    commits: bool,
    /// Number of open branches.
    branches: u32,
    /// Number of included files.
    included: usize,
    /// The names of included files, if only these are wanted.
    mentions: Option<Vec<Mention>>,
}

impl ScriptReader {
    /// The script at `path`, for `user` to run. Other files are searched below `folder`. Changes
    /// are recorded in the report.
    pub(crate) fn new(
        (path, script): (&str, Box<dyn Read + Send>),
        (folder, open): (&str, Open),
        user: &str,
        report: SharedReport,
    ) -> Self {
        Self {
            first: Some(Source::new(path.to_owned(), script)),
            sources: Vec::new(),
            open,
            folder: folder.to_owned(),
            lexer: Lexer::default(),
            rules: Rules::new(user, report.clone()),
            report,
            mode: Mode::Statements,
            held: Held::default(),
            row_is_open: false,
            commits: false,
            branches: 0,
            included: 0,
            mentions: None,
        }
    }

    /// Records the files that the script names from here on, without reading them.
    pub(super) fn collect(&mut self) {
        self.mentions = Some(Vec::new());
    }

    /// The recorded files.
    pub(super) fn collected(self) -> Vec<Mention> {
        self.mentions.unwrap_or_default()
    }

    fn fill(&mut self) -> io::Result<()> {
        if let Some(first) = self.first.take() {
            self.enter(first)?;
        }
        while self.held.out.len() < PIECE_BYTES && !self.sources.is_empty() {
            match self.mode {
                Mode::Rows => self.read_row()?,
                Mode::Statements | Mode::Long => self.read_statements()?,
            }
        }
        Ok(())
    }

    fn source(&mut self) -> io::Result<&mut Source> {
        self.sources
            .last_mut()
            .ok_or_else(|| io::Error::other(Refused))
    }

    fn enter(&mut self, mut source: Source) -> io::Result<()> {
        let opened = match source.is_rows {
            true => Ok(Heading::default()),
            false => source.open()?,
        };
        self.sources.push(source);
        match opened {
            Ok(heading) => {
                let mut report = self.report.lock();
                report.dumped = postgres::dumped(&heading).or(report.dumped.take());
            }
            Err(why) => return Err(self.refuse(why)),
        }
        self.locate();
        Ok(())
    }

    /// Attributes the following lines to the innermost file.
    fn locate(&mut self) {
        if let Some(source) = self.sources.last() {
            let mut report = self.report.lock();
            report.lines.begin(self.held.lines + 1, source.here());
        }
    }

    fn read_statements(&mut self) -> io::Result<()> {
        let Some(source) = self.sources.last_mut() else {
            return Ok(());
        };
        let piece = source.bytes.fill_buf()?;
        if piece.is_empty() {
            return self.end();
        }
        let (mut found, mut used) = (None, 0);
        for &byte in piece {
            used += 1;
            let seen = self.lexer.step(byte);
            if seen == Seen::Command {
                found = Some(seen);
                break;
            }
            source.line += u64::from(byte == b'\n');
            if self.held.begins.is_none() && !self.lexer.is_blank() {
                self.held.begins = Some(self.held.pending.len());
            }
            self.held.pending.push(byte);
            if seen == Seen::End || self.held.pending.len() >= STATEMENT_BYTES_MAX {
                found = Some(seen);
                break;
            }
        }
        source.bytes.consume(used);
        match found {
            Some(Seen::End) => self.statement(),
            Some(Seen::Command) => self.command(),
            Some(Seen::Inside) => {
                if !self.lexer.is_blank() {
                    self.mode = Mode::Long;
                }
                self.flush();
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Handles a complete statement.
    fn statement(&mut self) -> io::Result<()> {
        let begins = self.held.before();
        let ruling = match self.mode {
            Mode::Long => {
                self.rules.pass();
                Ruling::Keep
            }
            _ => match self.rules.judge(&self.held.pending[begins..]) {
                Ok(Ruling::ManyRows(_)) if self.has_few_rows() => Ruling::Rows,
                Ok(ruling) => ruling,
                Err(why) => return Err(self.refuse(why)),
            },
        };
        self.mode = Mode::Statements;
        match &ruling {
            Ruling::Become(text) | Ruling::ManyRows(text) => self.held.replace(begins, text),
            Ruling::Skip => self.held.replace(begins, b""),
            Ruling::Backslashes(escapes) => self.lexer.backslashes = *escapes,
            Ruling::Keep | Ruling::Rows => {}
        }
        self.flush();
        self.lexer.reset();
        self.commits = matches!(ruling, Ruling::ManyRows(_));
        match ruling {
            Ruling::Rows | Ruling::ManyRows(_) => self.rest_before_rows(),
            _ => Ok(()),
        }
    }

    /// Handles a backslash; the pending input stays.
    fn command(&mut self) -> io::Result<()> {
        let mut line = Vec::new();
        let source = self.source()?;
        if source.bytes.fill_buf()?.first() == Some(&b';') {
            // It separates statements that are sent together.
            source.bytes.consume(1);
            self.rules.pass();
            self.held.pending.extend_from_slice(b"\\;");
            return Ok(());
        }
        if !source.line(&mut line)? {
            return Err(self.refuse(LONG_COMMAND.to_owned()));
        }
        let words = line.trim_ascii_end();
        let command = match self.rules.command(words) {
            Ok(command) => command,
            Err(why) => return Err(self.refuse(why)),
        };
        self.branch(words);
        let (sends, rows) = (sends(words), command == Command::Rows);
        let left_out = sends && self.judge_sent()?;
        match command {
            Command::Keep | Command::Rows if !left_out => {
                self.held.pending.push(b'\\');
                self.held.pending.extend_from_slice(words);
            }
            // Only another session begins like this.
            Command::Become(text) => {
                self.held.pending.extend_from_slice(&text);
                self.lexer.backslashes = false;
            }
            Command::Keep | Command::Rows | Command::Skip => {}
            Command::Quit => return self.quit(),
            Command::Include { path, beside } => return self.include(&path, beside),
            Command::RowsOf { statement, path } => return self.rows_of(&statement, &path),
        }
        self.end_line(sends);
        if rows {
            self.mode = Mode::Rows;
        }
        Ok(())
    }

    /// Handles the end of a command's line.
    fn end_line(&mut self, sends: bool) {
        self.held.pending.push(b'\n');
        if let Some(source) = self.sources.last_mut() {
            source.line += 1;
        }
        if sends || self.lexer.is_blank() {
            self.mode = Mode::Statements;
            self.flush();
            self.lexer.reset();
        }
    }

    /// Judges a statement without a semicolon that a command sends. Returns whether it is left out.
    fn judge_sent(&mut self) -> io::Result<bool> {
        let Some(begins) = self.held.begins.filter(|_| self.mode == Mode::Statements) else {
            return Ok(false);
        };
        match self.rules.judge(&self.held.pending[begins..]) {
            Ok(Ruling::Become(text)) => self.held.replace(begins, &text),
            Ok(Ruling::Skip) => {
                self.held.replace(begins, b"");
                return Ok(true);
            }
            Ok(Ruling::Keep | Ruling::Rows | Ruling::ManyRows(_) | Ruling::Backslashes(_)) => {}
            Err(why) => return Err(self.refuse(why)),
        }
        Ok(false)
    }

    /// Counts the open branches (`\\if`).
    fn branch(&mut self, words: &[u8]) {
        let word = words.split(u8::is_ascii_whitespace).next();
        match word {
            Some(b"if") => self.branches += 1,
            Some(b"endif") => self.branches = self.branches.saturating_sub(1),
            _ => {}
        }
    }

    /// Skips the rest of the innermost file.
    fn quit(&mut self) -> io::Result<()> {
        if self.branches > 0 {
            let why = "\\q is in an \\if, which is only evaluated later; put the \
                       lines that it guards into the \\if instead";
            return Err(self.refuse(why.to_owned()));
        }
        self.held.pending.clear();
        self.held.begins = None;
        self.leave(false);
        Ok(())
    }

    /// Returns to the file that included this one; ends an open statement.
    fn leave(&mut self, open: bool) {
        self.lexer.reset();
        self.sources.pop();
        if self.sources.is_empty() {
            return;
        }
        let end: &[u8] = if open { b"\n;\n" } else { b"\n" };
        self.held.push(end);
        self.locate();
    }

    fn flush(&mut self) {
        let comments = self.held.before().min(self.held.pending.len());
        if let Some(source) = self.sources.last_mut() {
            source.hear(&self.held.pending[..comments]);
        }
        self.held.flush();
    }

    /// Handles the end of the innermost file.
    fn end(&mut self) -> io::Result<()> {
        if !self.lexer.is_plain() {
            return Err(self.refuse(CUT_OFF.to_owned()));
        }
        let open = self.held.begins.is_some();
        if open {
            self.statement()?;
        }
        self.flush();
        if let Some(ending) = self.source()?.lacks() {
            if open {
                return Err(self.refuse(CUT_OFF.to_owned()));
            }
            // Between two statements, a dump that was shortened on purpose looks like one that is
            // cut off.
            let what = format!("the dump's last line ({ending:?}) is missing: it may be cut off");
            self.report.lock().note(what);
        }
        self.leave(open);
        Ok(())
    }

    fn refuse(&self, why: String) -> io::Error {
        let line = self.sources.last().map(Source::here);
        self.report.lock().refused = Some((line, why));
        io::Error::other(Refused)
    }
}

impl Read for ScriptReader {
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

    /// The rewritten script, with its report; files are found below `db`.
    pub(crate) fn read(
        script: &str,
        files: &[(&str, &str)],
    ) -> (Result<String, String>, SharedReport) {
        let files: Vec<(String, String)> = files
            .iter()
            .map(|&(path, text)| (path.to_owned(), text.to_owned()))
            .collect();
        let open: Open = Box::new(move |wanted| {
            let (_, text) = files.iter().find(|(path, _)| path == wanted)?;
            Some(Ok(Box::new(io::Cursor::new(text.clone().into_bytes()))))
        });
        let report = SharedReport::default();
        let script: Box<dyn Read + Send> =
            Box::new(io::Cursor::new(script.to_owned().into_bytes()));
        let mut text = String::new();
        let read = ScriptReader::new(("db/seed.sql", script), ("db", open), "app", report.clone())
            .read_to_string(&mut text);
        let refused = report.lock().refused.clone();
        let told = match (read, refused) {
            (Ok(_), None) => Ok(text),
            (_, Some((line, why))) => Err(format!("{}: {why}", line.unwrap())),
            (Err(error), None) => Err(format!("unexplained: {error}")),
        };
        (told, report)
    }
}

#[cfg(test)]
mod tests;
