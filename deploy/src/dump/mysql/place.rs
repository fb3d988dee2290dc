//! Finds the database that a statement is about.

use crate::dump::tokens::Statement;

/// The system databases of every server.
const OWN: [&[u8]; 5] = [
    b"mysql",
    b"sys",
    b"information_schema",
    b"performance_schema",
    b"ndbinfo",
];

/// Words directly before the name of a table or another object in a database.
pub(super) const BEFORE: [&str; 18] = [
    "call",
    "event",
    "exists",
    "from",
    "function",
    "ignore",
    "into",
    "join",
    "on",
    "procedure",
    "references",
    "sequence",
    "table",
    "tables",
    "trigger",
    "truncate",
    "update",
    "view",
];
/// Words that may stand between such a word and the name.
const BETWEEN: [&str; 8] = [
    "if",
    "not",
    "exists",
    "ignore",
    "into",
    "table",
    "low_priority",
    "only",
];
/// Statements that change the contents of a database.
const FILLING: [&str; 16] = [
    "alter", "analyze", "call", "create", "delete", "do", "drop", "insert", "lock", "optimize",
    "rename", "repair", "replace", "truncate", "update", "check",
];

/// The database that a statement fills.
pub(super) enum Place {
    /// None.
    Nowhere,
    /// This one.
    In(Vec<u8>),
}

pub(super) fn is_own(database: &[u8]) -> bool {
    OWN.iter().any(|own| own.eq_ignore_ascii_case(database))
}

pub(super) fn place(s: &Statement<'_>, current: &[u8]) -> Place {
    if !s.is_any(0, &FILLING) {
        return Place::Nowhere;
    }
    let named = (0..s.tokens.len()).find(|&at| {
        at > 0 && s.is_any(at - 1, &BEFORE) && s.exact(at).is_some() && !s.is_any(at, &BETWEEN)
            || at == 1 && s.is_any(0, &["insert", "replace"]) && s.is_sign(at + 1, b'.')
    });
    let named = named.filter(|&at| s.is_sign(at + 1, b'.'));
    let database = named.and_then(|at| s.exact(at));
    Place::In(database.unwrap_or_else(|| current.to_vec()))
}

/// The error for a script that fills two databases.
pub(crate) fn several(one: &str, other: &str) -> String {
    format!(
        "it fills the databases {one} and {other}, but the application gets only one: dump that \
         one alone, by naming it to mysqldump or mariadb-dump"
    )
}
