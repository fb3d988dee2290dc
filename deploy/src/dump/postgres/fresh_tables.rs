//! Rows for tables that a dump has just made: loaded without a log, and frozen.
//!
//! A table that was emptied in the transaction that fills it needs no log while the server runs with
//! `wal_level = minimal`, and its rows can be written as if they had always been there. Loading takes a
//! fifth less time, and nobody who reads the rows later writes to their pages, so that copies of the
//! data go on sharing them.
//!
//! Emptying must not lose anything. So this is done for dumps of `pg_dump` alone, and only while every
//! statement so far is one that such a dump has and that fills no table.

use std::collections::BTreeSet;

use crate::dump::tokens::{Kind, Statement};

/// Tables that are known to be empty.
#[derive(Debug, Default)]
pub(super) struct FreshTables {
    /// As they are written.
    names: BTreeSet<Vec<u8>>,
    /// Something was seen that may have filled any table, or began a transaction of its own.
    over: bool,
}

impl FreshTables {
    /// Nothing is known from here on.
    pub(super) fn give_up(&mut self) {
        self.over = true;
        self.names.clear();
    }

    /// Names mean something else from here on.
    pub(super) fn forget(&mut self) {
        self.names.clear();
    }

    /// Takes note of a statement that begins with this word. `COPY` is for [`FreshTables::filling`].
    pub(super) fn see(&mut self, first: &str, s: &Statement<'_>) {
        let has = |word: &str| (1..s.tokens.len()).any(|at| s.is(at, word));
        let parted = (0..s.tokens.len()).any(|at| s.is_sign(at, b'\\'));
        let harmless = match first {
            "create" => !(has("trigger") || has("rule") || has("references")),
            "alter" => !(has("rename") || has("references")),
            "select" => is_setting(s),
            "set" | "comment" | "drop" | "grant" | "revoke" | "security" | "copy" => true,
            _ => false,
        };
        if parted || !harmless {
            return self.give_up();
        }
        if has("search_path") || matches!(first, "select" if s.is(3, "set_config")) {
            self.forget();
        }
        if first == "create" && !self.over {
            self.names.extend(new_table(s));
        }
    }

    /// What fills a table in place of a plain `COPY … FROM stdin`, where nothing is in it; the
    /// transaction that it begins is for the reader to end.
    pub(super) fn filling(&mut self, s: &Statement<'_>) -> Option<Vec<u8>> {
        let (name, after) = table_name(s, 1)?;
        let from = match s.is_sign(after, b'(') {
            true => s.find(after + 1, &["from"])?,
            false => after,
        };
        let plain = s.are(from, &["from", "stdin"])
            && s.is_sign(from + 2, b';')
            && s.tokens.len() == from + 3;
        if !plain || !self.names.remove(&name) {
            return None;
        }
        let stdin = s.end(from + 1);
        let (copy, end) = s.text.split_at(stdin);
        let text: [&[u8]; 5] = [
            b"begin; truncate only ",
            &name,
            b"; ",
            copy,
            b" with (freeze)",
        ];
        Some([&text.concat(), end].concat())
    }
}

/// The calls with which a dump sets what the session and its sequences have.
fn is_setting(s: &Statement<'_>) -> bool {
    s.is(1, "pg_catalog") && s.is_sign(2, b'.') && s.is_any(3, &["set_config", "setval"])
}

/// The table that a statement makes, where it has columns of its own and rows in itself.
fn new_table(s: &Statement<'_>) -> Option<Vec<u8>> {
    let table = match s.is(1, "unlogged") {
        true => 2,
        false => 1,
    };
    let (name, after) = s
        .is(table, "table")
        .then(|| table_name(s, table + 1))
        .flatten()?;
    let own_rows = s.is_sign(after, b'(') && s.find(after, &["partition", "as"]).is_none();
    own_rows.then_some(name)
}

/// A name with its schema, as it is written, and the place after it.
fn table_name(s: &Statement<'_>, at: usize) -> Option<(Vec<u8>, usize)> {
    let is_name = |at| matches!(s.kind(at), Some(Kind::Word | Kind::Quoted));
    let last = match is_name(at) && s.is_sign(at + 1, b'.') {
        true => at + 2,
        false => at,
    };
    is_name(last).then(|| (s.text[s.start(at)..s.end(last)].to_vec(), last + 1))
}

#[cfg(test)]
mod tests {
    use crate::dump::reader::testing::read;

    const HEADING: &str = "-- PostgreSQL database dump\n-- Dumped from database version 15.1\n\
                           -- Dumped by pg_dump version 15.1\n";
    const ENDING: &str = "-- PostgreSQL database dump complete\n";

    fn of_dump(script: &str) -> String {
        let (text, _) = read(&format!("{HEADING}{script}{ENDING}"), &[]);
        let text = text.unwrap();
        let text = text.strip_prefix(HEADING).unwrap();
        text.strip_suffix(ENDING).unwrap().to_owned()
    }

    #[test]
    fn rows_of_a_table_that_a_dump_made_are_frozen_and_lines_stay_where_they_are() {
        let script = "SELECT pg_catalog.set_config('search_path', '', false);\n\
            CREATE TABLE public.t (\n    a text\n);\nCREATE UNLOGGED TABLE public.\"U\" (a text);\n\
            COMMENT ON TABLE public.t IS 'x';\nALTER TABLE ONLY public.t ATTACH PARTITION public.\"U\";\n\
            COPY public.t (a) FROM stdin;\nBEGIN; COPY public.t FROM stdin;\n\\.\n\
            SELECT pg_catalog.setval('public.s', 1, true);\nCOPY public.\"U\" FROM stdin;\n\\.\n-- end\n";
        let copied = [
            (
                "COPY public.t (a) FROM stdin;",
                "begin; truncate only public.t; COPY public.t (a) FROM stdin with (freeze);",
            ),
            (
                "\nSELECT pg_catalog.setval",
                "\ncommit; SELECT pg_catalog.setval",
            ),
            (
                "COPY public.\"U\" FROM stdin;",
                "begin; truncate only public.\"U\"; COPY public.\"U\" FROM stdin with (freeze);",
            ),
            ("-- end", "commit; -- end"),
        ];
        let wanted = copied.iter().fold(script.to_owned(), |text, (from, to)| {
            text.replacen(from, to, 1)
        });
        assert_eq!(of_dump(script), wanted);
    }

    #[test]
    fn what_may_have_filled_a_table_or_meant_another_leaves_rows_as_they_are() {
        let made = "CREATE TABLE t (a text);\n";
        let rows = "COPY t FROM stdin;\n\\.\n";
        for between in [
            "INSERT INTO t VALUES (1);\n",
            "DO $$ begin end $$;\n",
            "SELECT f();\n",
            "BEGIN;\n",
            "WITH x AS (SELECT 1) SELECT * FROM x;\n",
            "CREATE TRIGGER x BEFORE INSERT ON u FOR EACH ROW EXECUTE FUNCTION f();\n",
            "CREATE RULE r AS ON INSERT TO u DO ALSO SELECT 1;\n",
            "ALTER TABLE u ADD FOREIGN KEY (t) REFERENCES t;\n",
            "CREATE TABLE u (t text REFERENCES t (a));\n",
            "ALTER TABLE u RENAME TO t;\n",
            "SET search_path = other, pg_catalog;\n",
            "SELECT pg_catalog.set_config('search_path', 'other', false);\n",
            "CREATE TABLE u (a text)\\; INSERT INTO t VALUES (1);\n",
            "\\set AUTOCOMMIT off\n",
        ] {
            let script = format!("{made}{between}{rows}");
            assert!(of_dump(&script).ends_with(rows), "{between}");
        }
        for table in [
            "CREATE TABLE t (a text) PARTITION BY LIST (a);\n",
            "CREATE TABLE t (a) AS SELECT 1;\n",
            "CREATE TABLE IF NOT EXISTS t (a text);\n",
            "CREATE TEMP TABLE t (a text);\n",
            "CREATE FOREIGN TABLE t (a text) SERVER s;\n",
        ] {
            let script = format!("{table}{rows}");
            assert_eq!(of_dump(&script), script);
        }
        let other = format!("{made}COPY t FROM stdin WITH (FORMAT csv);\n\\.\n");
        assert_eq!(of_dump(&other), other);
        let by_hand = format!("{made}{rows}");
        assert_eq!(read(&by_hand, &[]).0.unwrap(), by_hand);
    }

    #[test]
    fn a_statement_too_long_to_be_read_may_have_filled_a_table() {
        let long = format!("SELECT '{}';\n", "x".repeat(2 << 20));
        let script = format!("CREATE TABLE t (a text);\n{long}COPY t FROM stdin;\n\\.\n");
        assert!(of_dump(&script).ends_with("\nCOPY t FROM stdin;\n\\.\n"));
    }
}
