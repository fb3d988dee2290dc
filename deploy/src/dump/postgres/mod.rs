//! Decides what happens to each statement of a PostgreSQL script.
//!
//! The application's user is the server's administrator and owns everything, as after `pg_restore
//! --no-owner`. Roles that a dump names are created without login and password, so that grants and
//! policies keep their meaning. The application's user itself is never altered. Databases that a
//! script creates are created and connected to; the loader decides which one the application gets.

mod clean;
mod commands;
mod databases;
mod empty_tables;
mod names;
mod privileges;
mod roles;
mod settings;

use std::collections::BTreeSet;

use super::{report::SharedReport, source::Heading, tokens::Statement};

use empty_tables::EmptyTables;

pub(super) use commands::{Command, sends};

/// The decision about a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ruling {
    /// Keep it unchanged.
    Keep,
    /// Keep it; the lines after it are rows.
    Rows,
    /// If the lines after it are many rows, replace it with this, and end the transaction that this
    /// begins after the rows.
    ManyRows(Vec<u8>),
    /// Replace it with this.
    Become(Vec<u8>),
    /// Leave it out.
    Skip,
    /// Keep it; from here on plain literals do or do not use backslash escapes.
    Backslashes(bool),
}

/// The rules, and the state of a script.
#[derive(Debug)]
pub(super) struct Rules {
    /// The user that loads, and owns all objects.
    user: Vec<u8>,
    report: SharedReport,
    /// Roles that were already reported.
    roles: BTreeSet<Vec<u8>>,
    empty_tables: EmptyTables,
}

impl Rules {
    pub(super) fn new(user: &str, report: SharedReport) -> Self {
        Self {
            user: user.as_bytes().to_vec(),
            report,
            roles: BTreeSet::new(),
            empty_tables: EmptyTables::default(),
        }
    }

    /// Records that an unchecked statement passes, which may begin a transaction.
    pub(super) fn pass(&mut self) {
        self.empty_tables.give_up();
    }

    /// Decides about a statement, which begins with its first token.
    ///
    /// # Errors
    /// The reason for refusing it, as a sentence.
    pub(super) fn judge(&mut self, text: &[u8]) -> Result<Ruling, String> {
        let word = text.iter().take_while(|byte| byte.is_ascii_alphabetic());
        let first: String = word
            .take(9)
            .map(|&byte| char::from(byte.to_ascii_lowercase()))
            .collect();
        self.empty_tables.see(&first);
        // Rows as INSERT statements are many and need no check.
        let Some(rule) = rule_of(&first) else {
            return Ok(Ruling::Keep);
        };
        rule(self, &Statement::new(text))
    }

    fn note(&self, what: String) {
        self.report.lock().note(what);
    }

    /// Leaves out a statement that a temporary database does not need.
    fn skip(&self, what: &str) -> Ruling {
        self.note(format!("{what}: left out"));
        Ruling::Skip
    }
}

/// The versions of the dumped server and of the dump program.
pub(super) fn dumped(heading: &Heading) -> Option<(String, String)> {
    let version = |label| heading.word_after(label).map(str::to_owned);
    let server = version("-- Dumped from database version ");
    server.zip(version("-- Dumped by pg_dump version "))
}

type Rule = fn(&mut Rules, &Statement<'_>) -> Result<Ruling, String>;

fn rule_of(first: &str) -> Option<Rule> {
    Some(match first {
        "alter" => |rules, s| Ok(alter(rules, s)),
        "create" => |rules, s| Ok(create(rules, s)),
        "drop" => |rules, s| Ok(rules.drop(s)),
        "grant" | "revoke" => |rules, s| Ok(rules.grant(s)),
        "set" => |rules, s| Ok(rules.set(s)),
        "comment" => |rules, s| Ok(comment(rules, s)),
        "security" => |rules, _| Ok(rules.skip("a security label")),
        "reassign" => |rules, _| Ok(rules.skip("a change of owners")),
        "select" => |rules, s| Ok(rules.select(s)),
        "copy" => copy,
        _ => return None,
    })
}

fn alter(rules: &mut Rules, s: &Statement<'_>) -> Ruling {
    if s.is_any(1, &["role", "user", "group"]) && !s.is(2, "mapping") {
        return rules.alter_role(s);
    }
    if let Some(ruling) = other_actions(s) {
        return ruling;
    }
    if let Some(owner) = owner(s) {
        rules.note(format!(
            "owner {}: replaced by {}",
            String::from_utf8_lossy(&owner),
            String::from_utf8_lossy(&rules.user)
        ));
        return Ruling::Skip;
    }
    match () {
        () if s.is(1, "database") => rules.alter_database(s),
        () if s.is(1, "subscription") => rules.skip("a subscription"),
        () if s.is(1, "tablespace") => rules.skip("a tablespace"),
        () if s.are(1, &["user", "mapping"]) => rules.skip("a user mapping"),
        () if s.are(1, &["default", "privileges"]) => rules.default_privileges(s),
        () if s.is(1, "table") || s.are(1, &["foreign", "table"]) => rules.alter_table(s),
        () => Ruling::Keep,
    }
}

/// A statement with several actions, without the one that changes the owner.
fn other_actions(s: &Statement<'_>) -> Option<Ruling> {
    let owner = (3..s.tokens.len()).find(|&at| s.are(at, &["owner", "to"]))?;
    match (s.is_sign(owner - 1, b','), s.is_sign(owner + 3, b',')) {
        (true, _) => Some(Ruling::Become(s.replaced(owner - 1..owner + 3, b""))),
        (false, true) => Some(Ruling::Become(s.replaced(owner..owner + 4, b""))),
        (false, false) => None,
    }
}

/// The name in a statement that ends with `owner to name`.
fn owner(s: &Statement<'_>) -> Option<Vec<u8>> {
    let end = s.tokens.len() - usize::from(s.is_sign(s.tokens.len().checked_sub(1)?, b';'));
    let name = end.checked_sub(1)?;
    let owner = name
        .checked_sub(2)
        .filter(|&at| s.are(at, &["owner", "to"]));
    owner.and_then(|_| s.name(name))
}

fn create(rules: &mut Rules, s: &Statement<'_>) -> Ruling {
    match () {
        () if s.are(1, &["user", "mapping"]) => rules.skip("a user mapping"),
        () if s.is_any(1, &["role", "user", "group"]) => rules.create_role(s),
        () if s.is(1, "database") => rules.create_database(s),
        () if s.is(1, "tablespace") => rules.skip("a tablespace"),
        () if s.is(1, "subscription") => rules.skip("a subscription"),
        () if s.is(1, "policy") => rules.policy(s),
        () if s.is(1, "schema") => rules.schema(s),
        () => Ruling::Keep,
    }
}

fn comment(rules: &mut Rules, s: &Statement<'_>) -> Ruling {
    match () {
        () if s.is(2, "database") => rules.skip("the comment of a database"),
        () if s.is_any(2, &["subscription", "tablespace"]) => Ruling::Skip,
        () if s.is(2, "role") => rules.with_roles(s, s.name(3)),
        () => Ruling::Keep,
    }
}

fn copy(rules: &mut Rules, s: &Statement<'_>) -> Result<Ruling, String> {
    let Some(at) = s.find(1, &["from", "to"]) else {
        return Ok(Ruling::Keep);
    };
    match () {
        () if s.is(at + 1, "program") => Err(
            "it runs a program (COPY … PROGRAM), which is not allowed; put the rows into a file"
                .to_owned(),
        ),
        () if s.is(at, "from") && s.is(at + 1, "stdin") => {
            let by_pg_dump = rules.report.lock().dumped.is_some();
            let filling = rules.empty_tables.filling(s).filter(|_| by_pg_dump);
            Ok(filling.map_or(Ruling::Rows, Ruling::ManyRows))
        }
        () => Ok(Ruling::Keep),
    }
}

#[cfg(test)]
mod tests;
