//! Decides what happens to each statement of a MySQL or MariaDB script.
//!
//! The application's user loads the script and owns all objects. The one database that a script
//! fills becomes the application's, whatever the script calls it. Statements about the whole
//! server, its accounts and its replication are left out. Statements that read or run anything
//! outside the database are refused.

mod collations;
mod databases;
mod edits;
mod lexer;
mod objects;
mod place;
mod reader;
mod refusals;
mod server;
mod settings;
mod tokens;

use std::collections::BTreeMap;

use super::{report::SharedReport, source::Heading, tokens::Statement};
use edits::Edits;
use place::Place;

pub(crate) use place::several;
pub(crate) use reader::MysqlReader;
pub(crate) use server::Server;

/// Bytes of a statement with rows that are examined: enough for the names in its head.
const HEAD_BYTES: usize = 4096;

/// The decision about a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Ruling {
    /// Keep it unchanged.
    Keep,
    /// Replace it with these statements.
    Become(Vec<Vec<u8>>),
    /// Leave it out.
    Skip,
}

/// The rules, and the state of a script.
#[derive(Debug)]
struct Rules {
    server: Server,
    /// The user that loads, which is also the name of the target database.
    user: Vec<u8>,
    report: SharedReport,
    /// The database of statements that name none.
    current: Vec<u8>,
    /// Whether the script itself selected one.
    named: bool,
    /// The database that the script fills.
    filled: Option<Vec<u8>>,
    /// Statements that set up databases as the script created them, by name there.
    options: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Whether literals use backslash escapes from here on.
    backslashes: bool,
}

impl Rules {
    fn new(server: Server, user: &str, report: SharedReport) -> Self {
        Self {
            server,
            user: user.as_bytes().to_vec(),
            report,
            current: user.as_bytes().to_vec(),
            named: false,
            filled: None,
            options: BTreeMap::new(),
            backslashes: true,
        }
    }

    /// Reads the version of the dumped server, and its database, from the first lines.
    fn begin(&mut self, heading: &Heading) {
        let version = |label| heading.word_after(label).map(str::to_owned);
        let server = version("-- Server version");
        self.report.lock().dumped = server.zip(version(" Distrib ").or(version(" dump ")));
        if let Some(database) = heading.word_after("    Database: ") {
            self.current = database.as_bytes().to_vec();
        }
    }

    /// Decides about a statement, which begins with its first token and has no delimiter.
    ///
    /// # Errors
    /// The reason for refusing it, as a sentence.
    fn judge(&mut self, text: &[u8]) -> Result<Ruling, String> {
        let head = &text[..text.len().min(HEAD_BYTES)];
        let s = tokens::statement(head);
        let rows = s.is_any(0, &["insert", "replace"]);
        match rows || head.len() == text.len() {
            true => self.rule(&s, text),
            false => self.rule(&tokens::statement(text), text),
        }
    }

    /// Decides by the beginning of a statement that is too long for the buffer. If that is left
    /// out, the rest is left out too.
    fn judge_long(&mut self, text: &[u8]) -> Result<Ruling, String> {
        let s = tokens::statement(&text[..text.len().min(HEAD_BYTES)]);
        self.rule(&s, text)
    }

    /// `s` is the statement, or its head.
    fn rule(&mut self, s: &Statement<'_>, text: &[u8]) -> Result<Ruling, String> {
        refusals::check(s)?;
        if let Some(ruling) = self.database(s) {
            return Ok(ruling);
        }
        if s.is(0, "set") && !s.is_any(1, &["password", "role", "default"]) {
            return Ok(self.set(s));
        }
        if place::is_own(&self.current) {
            return Ok(Ruling::Skip);
        }
        if let Some(what) = foreign(s) {
            self.note(format!("{what}: left out"));
            return Ok(Ruling::Skip);
        }
        let before = match place::place(s, &self.current) {
            Place::Nowhere => None,
            Place::In(database) if place::is_own(&database) => {
                self.note_own(&database);
                return Ok(Ruling::Skip);
            }
            Place::In(database) => self.fill(&database)?,
        };
        let mut edits = Edits::default();
        self.qualifiers(s, &mut edits);
        if !s.is_any(0, &["insert", "replace"]) {
            self.definer(s, &mut edits);
            self.event(s, &mut edits);
            self.collations(s, &mut edits);
        }
        Ok(match (before, edits.is_empty()) {
            (None, true) => Ruling::Keep,
            (before, _) => Ruling::Become(before.into_iter().chain([edits.apply(text)]).collect()),
        })
    }

    fn note(&self, what: String) {
        self.report.lock().note(what);
    }
}

/// A description of a statement that concerns the whole server.
fn foreign(s: &Statement<'_>) -> Option<&'static str> {
    let accounts = s.is_any(0, &["grant", "revoke"])
        || s.is_any(0, &["create", "alter", "drop", "rename"])
            && (s.is_any(1, &["user", "role"])
                || s.are(1, &["or", "replace"]) && s.is_any(3, &["user", "role"]))
        || s.is(0, "set");
    let replication = s.is_any(0, &["change", "reset", "purge", "flush"])
        || s.is_any(0, &["start", "stop"])
            && s.is_any(1, &["slave", "replica", "all", "group_replication"]);
    let storage = s.is_any(0, &["create", "alter", "drop"])
        && (s.is_any(1, &["server", "tablespace", "undo"])
            || s.is_any(1, &["logfile", "instance"]));
    match () {
        () if accounts => Some("an account or a grant of the other server"),
        () if replication => Some("a command to the whole server"),
        () if storage => Some("a tablespace or a link to another server"),
        () => None,
    }
}

#[cfg(test)]
mod tests;
