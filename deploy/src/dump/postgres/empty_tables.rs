//! Loads many rows into an empty table without a write-ahead log, and frozen.
//!
//! With `wal_level = minimal`, a table that was truncated in the same transaction needs no log, and
//! its rows can be written as already frozen. Loading takes a fifth less time. Later readers then
//! never modify the pages, so copies of the data continue to share them.
//!
//! The server itself checks in the same transaction whether the table is empty: the script's text
//! cannot tell. A table with rows, triggers (including those of foreign keys) or partitions is
//! filled as usual.

use crate::dump::tokens::{Kind, Statement};

/// Whether rows may get their own transaction.
#[derive(Debug, Default)]
pub(super) struct EmptyTables {
    /// Whether the script may have begun a transaction.
    over: bool,
}

impl EmptyTables {
    /// Loads all following rows as usual.
    pub(super) fn give_up(&mut self) {
        self.over = true;
    }

    /// Records a statement that begins with this word.
    pub(super) fn see(&mut self, first: &str) {
        let transactions = [
            "abort",
            "begin",
            "commit",
            "end",
            "prepare",
            "release",
            "rollback",
            "savepoint",
            "start",
        ];
        self.over |= transactions.contains(&first);
    }

    /// The replacement for a plain `COPY … FROM stdin`, which freezes the rows if the table is
    /// empty. It begins a transaction that the reader must end.
    pub(super) fn filling(&self, s: &Statement<'_>) -> Option<Vec<u8>> {
        let (name, after) = table_name(s)?;
        let from = match s.is_sign(after, b'(') {
            true => s.find(after + 1, &["from"])?,
            false => after,
        };
        let plain = s.are(from, &["from", "stdin"])
            && s.is_sign(from + 2, b';')
            && s.tokens.len() == from + 3;
        if self.over || !plain {
            return None;
        }
        let (copy, end) = s.text.split_at(s.end(from + 1));
        let (copy, end) = (str::from_utf8(copy).ok()?, str::from_utf8(end).ok()?);
        let text = format!(
            "begin; select case when empty then 'truncate only {name}' else 'select' end as dayfly_empty, \
             case when empty then 'with (freeze)' else '' end as dayfly_freeze \
             from (select case when relkind = 'r' and not relhastriggers \
             then not exists (select from only {name}) else false end as empty \
             from pg_catalog.pg_class where oid = '{name}'::pg_catalog.regclass) as t \
             \\gset \\\\ :dayfly_empty; {copy} :dayfly_freeze{end}"
        );
        Some(text.into_bytes())
    }
}

/// The table of a `COPY` with its schema, as written, and the position after it. Only names that
/// mean the same inside a literal.
fn table_name<'a>(s: &Statement<'a>) -> Option<(&'a str, usize)> {
    let is_name = |at| matches!(s.kind(at), Some(Kind::Word | Kind::Quoted));
    let last = match is_name(1) && s.is_sign(2, b'.') {
        true => 3,
        false => 1,
    };
    let name = is_name(last).then(|| &s.text[s.start(1)..s.end(last)])?;
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.\"".contains(byte);
    let name = str::from_utf8(name).ok()?;
    name.as_bytes()
        .iter()
        .all(plain)
        .then_some((name, last + 1))
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

    fn many_rows() -> String {
        "x\n".repeat(64 << 10)
    }

    #[test]
    fn many_rows_get_a_transaction_of_their_own_and_lines_stay_where_they_are() {
        let rows = many_rows();
        let script = format!(
            "CREATE TABLE public.t (\n    a text\n);\nCOPY public.\"T\" (a) FROM stdin;\n{rows}\\.\n\
             SELECT 1;\nCOPY u FROM stdin;\nx\n\\.\n-- end\n"
        );
        let text = of_dump(&script);
        let lines = |text: &str| text.lines().count();
        assert_eq!(lines(&text), lines(&script));
        let line = |n: usize| text.lines().nth(n).unwrap();
        assert!(line(3).starts_with("begin; select case"), "{}", line(3));
        let copy = "\\gset \\\\ :dayfly_empty; COPY public.\"T\" (a) FROM stdin :dayfly_freeze;";
        assert!(line(3).ends_with(copy), "{}", line(3));
        // Few rows are not worth it.
        let after = format!("\n{rows}\\.\ncommit; SELECT 1;\nCOPY u FROM stdin;\nx\n\\.\n-- end\n");
        assert!(text.ends_with(&after));
    }

    #[test]
    fn rows_stay_in_a_transaction_of_the_script_and_so_does_what_is_no_dump() {
        let rows = format!("COPY t FROM stdin;\n{}\\.\n", many_rows());
        for before in [
            "BEGIN;\n",
            "START TRANSACTION;\n",
            "SELECT 1\\; SELECT 2;\n",
            "\\set AUTOCOMMIT off\n",
            &format!("SELECT '{}';\n", "x".repeat(2 << 20)),
        ] {
            let script = format!("{before}{rows}");
            assert!(of_dump(&script).ends_with(&rows), "{:.20}", before);
        }
        assert_eq!(read(&rows, &[]).0.unwrap(), rows);
        for copy in [
            "COPY t FROM stdin WITH (FORMAT csv);",
            "COPY \"it's\" FROM stdin;",
        ] {
            let script = rows.replace("COPY t FROM stdin;", copy);
            assert_eq!(of_dump(&script), script);
        }
    }
}
