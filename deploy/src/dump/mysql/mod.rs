//! What becomes of each statement of a script for MySQL and MariaDB.
//!
//! The application's user loads, and owns what is loaded. The one database that a script fills is the
//! application's, whatever it is called there. What speaks of the whole server, its accounts and its
//! replication is left out; what reads or runs anything beside the database is refused.

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

/// How much of a statement that only brings rows is looked at: as far as the names in its head go.
const HEAD_BYTES: usize = 4096;

/// What becomes of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Ruling {
    /// It stays as it is.
    Keep,
    /// These statements stand in its place.
    Become(Vec<Vec<u8>>),
    /// Nothing stands in its place.
    Skip,
}

/// The rules, and what they remember of a script.
#[derive(Debug)]
struct Rules {
    server: Server,
    /// Who loads, and the database that is loaded into.
    user: Vec<u8>,
    report: SharedReport,
    /// The database that statements without a name of one mean.
    current: Vec<u8>,
    /// Whether the script itself named one.
    named: bool,
    /// The one that is filled.
    filled: Option<Vec<u8>>,
    /// What sets up a database as the script made it, by its name there.
    options: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Whether literals take backslashes from here on.
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

    /// Reads of what the first lines tell the server that was dumped, and its database.
    fn begin(&mut self, heading: &Heading) {
        let version = |label| heading.word_after(label).map(str::to_owned);
        let server = version("-- Server version");
        self.report.lock().dumped = server.zip(version(" Distrib ").or(version(" dump ")));
        if let Some(database) = heading.word_after("    Database: ") {
            self.current = database.as_bytes().to_vec();
        }
    }

    /// What becomes of a statement, which begins with its first token and has no delimiter.
    ///
    /// # Errors
    /// Why it may not be run, in a sentence.
    fn judge(&mut self, text: &[u8]) -> Result<Ruling, String> {
        let head = &text[..text.len().min(HEAD_BYTES)];
        let s = tokens::statement(head);
        let rows = s.is_any(0, &["insert", "replace"]);
        match rows || head.len() == text.len() {
            true => self.rule(&s, text),
            false => self.rule(&tokens::statement(text), text),
        }
    }

    /// What becomes of the beginning of a statement that is too long to be held; where that is
    /// nothing, nothing stands in place of the rest either.
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

/// What a statement is about that concerns the whole server, where it does.
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
