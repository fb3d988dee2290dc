//! Adds `if exists` to the drops of `pg_dump --clean`, like `--if-exists`.

use super::{Rules, Ruling};
use crate::dump::tokens::Statement;

/// Kinds of objects with two or more words.
const LONG_KINDS: [&[&str]; 14] = [
    &["materialized", "view"],
    &["foreign", "data", "wrapper"],
    &["foreign", "table"],
    &["event", "trigger"],
    &["access", "method"],
    &["operator", "class"],
    &["operator", "family"],
    &["procedural", "language"],
    &["index", "concurrently"],
    &["text", "search", "configuration"],
    &["text", "search", "dictionary"],
    &["text", "search", "parser"],
    &["text", "search", "template"],
    &["transform", "for"],
];

impl Rules {
    pub(super) fn drop(&mut self, s: &Statement<'_>) -> Ruling {
        match () {
            // Later statements create these only if they are missing.
            () if s.is_any(1, &["database", "tablespace", "subscription", "owned"]) => {
                return Ruling::Skip;
            }
            () if s.is_any(1, &["role", "user", "group"]) => return Ruling::Skip,
            () if s.are(1, &["transform", "for"]) => return Ruling::Keep,
            () => {}
        }
        let long = LONG_KINDS.into_iter().find(|words| s.are(1, words));
        let name = 1 + long.map_or(1, <[&str]>::len);
        match s.is(name, "if") {
            true => Ruling::Keep,
            false => Ruling::Become(s.replaced(name..name, b"if exists ")),
        }
    }

    /// Handles settings and statistics that only newer servers know, and missing large objects.
    pub(super) fn select(&mut self, s: &Statement<'_>) -> Ruling {
        let from = 1 + 2 * usize::from(s.is_sign(1, b'*') && s.is(2, "from"));
        let name = from + 2 * usize::from(s.is(from, "pg_catalog") && s.is_sign(from + 1, b'.'));
        if s.is_any(
            name,
            &["pg_restore_relation_stats", "pg_restore_attribute_stats"],
        ) {
            return self.skip("statistics for the planner, which the server gathers itself");
        }
        let unlinked = s.is(name, "lo_unlink") && s.is_sign(name + 1, b'(');
        match s.value(name + 2).filter(|_| unlinked) {
            Some(id) if s.is_sign(name + 3, b')') && id.iter().all(u8::is_ascii_digit) => {
                let there = b" from pg_catalog.pg_largeobject_metadata where oid = ";
                let select = b"select pg_catalog.lo_unlink(oid)".as_slice();
                Ruling::Become([select, there, &id, b";"].concat())
            }
            _ => Ruling::Keep,
        }
    }

    /// Handles `alter table [only] name drop constraint` and `… alter column name drop default`.
    pub(super) fn alter_table(&self, s: &Statement<'_>) -> Ruling {
        let table = 2 + usize::from(s.is(1, "foreign"));
        if s.is(table, "if") {
            return Ruling::Keep;
        }
        let name = table + usize::from(s.is(table, "only"));
        let mut end = name + 1;
        while s.is_sign(end, b'.') {
            end += 2;
        }
        if s.are(end, &["drop", "constraint"]) && !s.is(end + 2, "if") {
            let text = s.replaced(end + 2..end + 2, b"if exists ");
            let s = Statement::new(&text);
            return Ruling::Become(s.replaced(table..table, b"if exists "));
        }
        let column = end + 1 + usize::from(s.is(end + 1, "column"));
        match s.is(end, "alter") {
            true if s.is(column + 1, "drop") => {
                Ruling::Become(s.replaced(table..table, b"if exists "))
            }
            true if s.is(column + 1, "set") && s.is_sign(column + 2, b'(') => {
                column_options(s, column + 3)
            }
            _ => Ruling::Keep,
        }
    }
}

/// Minor versions since November 2026 keep an internal mark for every column, as an option that no
/// other server accepts. An older `pg_dump` writes it into the dump (`findings/`).
fn column_options(s: &Statement<'_>, first: usize) -> Ruling {
    let Some(mark) = (first..s.tokens.len()).find(|&at| s.is(at, "pg_attver")) else {
        return Ruling::Keep;
    };
    // `name = value`, with the comma after or before it.
    match (s.is_sign(mark + 3, b','), mark == first) {
        (true, _) => Ruling::Become(s.replaced(mark..mark + 4, b"")),
        (false, true) => Ruling::Skip,
        (false, false) => Ruling::Become(s.replaced(mark - 1..mark + 3, b"")),
    }
}
