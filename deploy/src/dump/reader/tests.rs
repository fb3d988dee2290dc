//! Scripts, and what they become.

use proptest::prelude::*;

use super::testing::read;

fn become_of(script: &str) -> String {
    read(script, &[]).0.unwrap()
}

#[test]
fn what_needs_no_change_passes_byte_by_byte() {
    let script = "-- a comment with DROP TABLE x;\ncreate table t (a text); /* ALTER TABLE t OWNER TO x; */\n\
        insert into t values ('GRANT a TO b;', E'\\'; DROP TABLE t;', $$ DROP TABLE t; $$);\n\
        COPY t FROM stdin;\nALTER TABLE t OWNER TO shop;\nSET transaction_timeout = 0;\n\\! x\n\\.\n\
        select 1 \\gset\n\\echo :x\nselect 2";
    assert_eq!(become_of(script), script);
}

#[test]
fn every_line_keeps_its_number() {
    let script = "select 1;\nALTER TABLE t\n  OWNER TO shop;\nselect\n2; GRANT SELECT\nON t TO ro; select 3;\n";
    let after = become_of(script);
    let line = |text: &str, of: &str| text.lines().position(|line| line.contains(of));
    for word in ["select 1", "2;", "ON t TO ro", "select 3"] {
        assert_eq!(line(&after, word), line(script, word), "{after}");
    }
}

#[test]
fn an_included_file_stands_where_it_is_named_and_lines_are_its_own() {
    let (text, report) = read(
        "select 1;\n\\ir tables.sql\nselect 3;\n",
        &[("db/tables.sql", "select\n2;\n")],
    );
    let text = text.unwrap();
    let number = |of: &str| 1 + text.lines().position(|line| line.contains(of)).unwrap() as u64;
    let place = |of: &str| report.lock().lines.find(number(of)).unwrap().to_string();
    assert_eq!(place("select 1"), "db/seed.sql at line 1");
    assert_eq!(place("2;"), "db/tables.sql at line 2");
    assert_eq!(place("select 3"), "db/seed.sql at line 3");
}

#[test]
fn rows_of_a_file_are_read_as_rows_of_the_script() {
    let files = [("db/goods.csv", "1,apple\n2,pear")];
    let (text, report) = read(
        "\\copy goods (id, name) from 'goods.csv' with (format csv)\nselect 1;\n",
        &files,
    );
    let text = text.unwrap();
    assert_eq!(
        text,
        "copy goods (id, name) from stdin with (format csv)\n;\n1,apple\n2,pear\n\\.\nselect 1;\n"
    );
    assert_eq!(
        report.lock().lines.find(4).unwrap().to_string(),
        "db/goods.csv at line 2"
    );
    assert_eq!(
        report.lock().lines.find(6).unwrap().to_string(),
        "db/seed.sql at line 2"
    );
}

#[test]
fn what_an_included_file_leaves_open_ends_with_it() {
    let files = [
        ("db/a.sql", "insert into t values (1) -- one"),
        ("db/q.sql", "select 5;\n\\q\nselect 6;\n"),
    ];
    let (text, report) = read("\\ir a.sql\n\\ir q.sql;\nselect 2;\n", &files);
    let text = text.unwrap();
    assert_eq!(
        text,
        "insert into t values (1) -- one\n;\nselect 5;\nselect 2;\n"
    );
    let line = report.lock().lines.find(4).unwrap();
    assert_eq!(line.to_string(), "db/seed.sql at line 3");
    assert_eq!(become_of("select 1;\n\\q\nselect 2;\n"), "select 1;");
}

#[test]
fn what_a_command_sends_is_judged_too() {
    let text = become_of(
        "select 1 \\gset\nALTER TABLE t OWNER TO x \\g\nselect 2 \\bind 'a;' \\g\nCOPY t FROM stdin; -- rows\n1\n\\.\n",
    );
    assert_eq!(
        text,
        "select 1 \\gset\n\nselect 2 \\bind 'a;' \\g\nCOPY t FROM stdin;\n1\n\\.\n"
    );
    assert!(become_of("GRANT a TO b \\g\n").starts_with("select 'create role"));
}

#[test]
fn commands_that_print_are_passed_over_or_kept() {
    for skipped in [
        "\\dt+",
        "\\d",
        "\\l+",
        "\\conninfo",
        "\\o",
        "\\o /dev/null",
        "\\copy t to stdout",
    ] {
        assert_eq!(become_of(&format!("{skipped}\n")), "\n", "{skipped}");
    }
    for kept in ["\\t\\a", "\\echo 'it`s'", "\\set x 'a\\\\b'"] {
        assert_eq!(become_of(&format!("{kept}\n")), format!("{kept}\n"));
    }
}

#[test]
fn what_depends_on_a_branch_is_refused_where_it_must_be_known() {
    let files = [("db/a.sql", "select 1;\n")];
    let told = |script: &str| read(script, &files).0;
    assert!(
        told("\\if :x\n\\ir a.sql\n\\endif\n")
            .unwrap_err()
            .contains("in an \\if")
    );
    assert!(
        told("\\if :x\n\\q\n\\endif\n")
            .unwrap_err()
            .contains("in an \\if")
    );
    assert!(told("\\if :x\n\\endif\n\\ir a.sql\n").is_ok());
    assert!(
        told("\\echo a \\\\ CREATE ROLE r LOGIN;\n")
            .unwrap_err()
            .contains("a line of its own")
    );
}

#[test]
fn what_reaches_beyond_the_database_is_refused_with_its_line() {
    for (script, said) in [
        (
            "select 1;\n\\! id\n",
            "db/seed.sql at line 2: psql's \\! may not",
        ),
        ("\\t\\! id\n", "psql's \\! may not"),
        ("\\copy t from 'x' binary\n", "binary rows"),
        ("\\o x\n", "psql's \\o may not"),
        ("\\set x `id`\n", "may not run programs"),
        ("select 1 \\g | id\n", "may not run programs"),
        ("copy t from program 'id';\n", "runs a program"),
        ("\\copy t from program 'id'\n", "runs a program"),
        ("\\copy t to 'x'\n", "writes a file"),
        ("\\i /etc/passwd\n", "outside of the checkout"),
        ("\\ir ../../x.sql\n", "not below the seed's folder db"),
        ("\\i :x\n", "write its path"),
        ("\\i x.sql\n", "there is no file db/x.sql"),
    ] {
        let told = read(script, &[]).0.unwrap_err();
        assert!(told.contains(said), "{script}: {told}");
    }
    let (told, _) = read("\\i a.sql\n", &[("db/a.sql", "\\i a.sql\n")]);
    assert!(told.unwrap_err().contains("do they include each other"));
}

#[test]
fn what_is_cut_off_is_refused() {
    let dump = "-- PostgreSQL database dump\nselect 1;\n";
    let cut = "-- PostgreSQL database dump\nselect 1;\nselect 2";
    assert!(read(cut, &[]).0.unwrap_err().contains("cut off"));
    let whole = format!("--\n{dump}--\n-- PostgreSQL database dump complete\n--\n");
    assert_eq!(become_of(&whole), whole);
    // A dump of all databases holds dumps of each.
    let cluster = whole.replacen(
        "PostgreSQL database dump",
        "PostgreSQL database cluster dump\n-- PostgreSQL database dump",
        1,
    );
    assert_eq!(become_of(&cluster), cluster);
    let comments = "-- a\n".repeat(1 << 18) + "COPY t FROM stdin;\nit's\n\\.\n";
    assert_eq!(become_of(&comments), comments);
    assert!(
        read("COPY t FROM stdin;\n1\n", &[])
            .0
            .unwrap_err()
            .contains("cut off")
    );
    assert!(read("select 'a", &[]).0.unwrap_err().contains("cut off"));
}

#[test]
fn a_mark_of_the_encoding_is_left_out_and_utf_16_is_named() {
    assert_eq!(become_of("\u{feff}select 1;\n"), "select 1;\n");
}

#[test]
fn versions_are_read_from_the_heading() {
    let script =
        "-- Dumped from database version 16.2 (Debian 16.2-1)\n-- Dumped by pg_dump version 17.1\n";
    let dumped = read(script, &[]).1.lock().dumped.clone();
    assert_eq!(dumped, Some(("16.2".to_owned(), "17.1".to_owned())));
}

#[test]
fn a_statement_that_is_too_long_to_be_held_passes() {
    let script = format!(
        "insert into t values ('{}');\nALTER TABLE t OWNER TO x;\nselect 1;\n",
        "a;".repeat(1 << 20)
    );
    let after = become_of(&script);
    assert_eq!(after, script.replace("ALTER TABLE t OWNER TO x;", ""));
}

/// Words that rules look for, and whatever else there may be.
fn text() -> impl Strategy<Value = String> {
    let words = [
        "ALTER TABLE t OWNER TO x;",
        "DROP TABLE t;",
        "\\connect x",
        "\\! x",
        "GRANT a TO b;",
        "COPY t FROM stdin;",
        "SET transaction_timeout = 0;",
        "begin",
        "--",
        "/*",
        ";",
        "\n",
        "(",
        "$",
        "\"",
    ];
    let piece = prop_oneof![
        proptest::sample::select(words.to_vec()).prop_map(str::to_owned),
        "[a-z ,é]{0,5}"
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

/// Statements, comments and rows that hold such text where nothing of it is a statement.
fn untouched() -> impl Strategy<Value = String> {
    let quoted = |text: String, quote: &str| text.replace(quote, &quote.repeat(2));
    prop_oneof![
        text().prop_map(move |t| format!("insert into t values ('{}');\n", quoted(t, "'"))),
        text().prop_map(|t| {
            let t = t.replace('\\', "\\\\").replace('\'', "\\'");
            format!("select E'{t}' ;\n")
        }),
        text().prop_map(move |t| format!("select 1 as \"a{}\";\n", quoted(t, "\""))),
        text().prop_map(|t| format!("do $x$ {t} $x$;\n")),
        text().prop_map(|t| format!(
            "create function f() returns int as $$ {} $$;\n",
            t.replace('$', "")
        )),
        text().prop_map(|t| format!("-- {}\n", t.replace('\n', " "))),
        text().prop_map(|t| format!("/* {} */\n", t.replace("/*", ""))),
        text().prop_map(|t| format!("COPY t (a) FROM stdin;\n{t}\n\\.\n")),
    ]
}

proptest! {
    #[test]
    fn what_is_no_statement_is_never_changed(pieces in proptest::collection::vec(untouched(), 1..12)) {
        let script = pieces.concat();
        prop_assert_eq!(become_of(&script), script);
    }

    #[test]
    fn any_bytes_are_read_to_their_end_or_refused(script in ".{0,200}") {
        if let (Err(why), _) = read(&script, &[]) {
            prop_assert!(!why.starts_with("unexplained"), "{}", why);
        }
    }
}

#[test]
fn a_dump_without_its_last_line_is_read_and_that_is_noted() {
    let dump = "-- PostgreSQL database dump\nselect 1;\n";
    let (read, report) = read(dump, &[]);
    assert_eq!(read.unwrap(), dump);
    let notes = report.lock().notes();
    assert!(notes[0].contains("may be cut off"), "{notes:?}");
}

#[test]
fn a_row_of_any_length_passes_and_a_command_of_that_length_is_refused() {
    let long = "x".repeat(3 << 20);
    let script = format!("copy t from stdin;\n{long}\n\\.\nselect 1;\n");
    assert_eq!(read(&script, &[]).0.unwrap(), script);
    // A part of a row is no end of rows.
    let script = format!("copy t from stdin;\n{}\\.\n\\.\n", "x".repeat(1 << 20));
    assert_eq!(read(&script, &[]).0.unwrap(), script);
    let open_row = format!("copy t from stdin;\n{long}");
    let refused = read(&open_row, &[]).0.unwrap_err();
    assert!(refused.contains("in the middle of rows"), "{refused}");
    let refused = read(&format!("\\echo {long}\n"), &[]).0.unwrap_err();
    assert!(refused.contains("more than 1 MiB"), "{refused}");
    let rows = format!("{long}\n{}", "y".repeat(1 << 20));
    let (told, _) = read("\\copy t from 'rows.txt'\n", &[("db/rows.txt", &rows)]);
    assert!(told.unwrap().ends_with(&format!("{rows}\n\\.\n")));
}

#[test]
fn files_that_name_each_other_without_end_are_refused() {
    let many = "\\ir b.sql\n".repeat(10_001);
    let refused = read(&many, &[("db/b.sql", "select 1;\n")]).0.unwrap_err();
    assert!(refused.contains("more than 10000 files"), "{refused}");
}
