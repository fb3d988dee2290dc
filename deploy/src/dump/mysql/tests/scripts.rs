//! Whole scripts: where statements begin and end, and what passes as it is.

use proptest::prelude::*;

use super::{Server, become_of, read};

#[test]
fn what_needs_no_change_passes_byte_by_byte() {
    let script = b"insert into t values ('GRANT a; \\'DEFINER=`x`@`y`', \"b;\", _binary '\xff\x01\\0\\\\', \
        0x27);\nDELIMITER ;;\ncreate procedure p() begin /* it's; */ select 1; -- it's\nend ;;\n\
        DELIMITER ;\nselect 5--6;\nselect 1 # it's\n;\n/*!50003 select 1 /* it's */ */;\nselect \\N";
    let text = read(Server::Mariadb, script).0.unwrap();
    assert_eq!(text, script);
}

#[test]
fn comments_between_statements_leave_their_lines() {
    let script = "-- it's;\n/* a\n; */ select 1; -- b\n# c\nselect\n2; /* d */\n";
    assert_eq!(
        become_of(Server::Mariadb, script),
        "\n\nselect 1;\n\nselect\n2;\n"
    );
    let sandbox = "/*M!999999\\- enable the sandbox mode */ \nselect 1;\n";
    assert_eq!(become_of(Server::Mysql, sandbox), "\nselect 1;\n");
}

#[test]
fn every_line_keeps_its_number() {
    let script =
        "CREATE\nUSER a;\nUSE shop\nselect 1;\nCREATE TABLE\nshop.a\n(b int); GRANT\nx;select 2;\n";
    let after = become_of(Server::Mariadb, script);
    let line = |text: &str, of: &str| text.lines().position(|line| line.contains(of));
    for word in ["select 1", "(b int)", "select 2"] {
        assert_eq!(line(&after, word), line(script, word), "{after}");
    }
}

#[test]
fn what_is_cut_off_is_refused() {
    for head in ["-- MariaDB dump 10.19", "-- MySQL dump 10.13"] {
        let dump = format!("{head}  Distrib 1\n--\nselect 1;\n");
        let told = read(Server::Mariadb, dump.as_bytes()).0.unwrap_err();
        assert!(told.contains("cut off"), "{told}");
        let whole = format!("{dump}\n-- Dump completed on 2026-01-01\n");
        assert_eq!(become_of(Server::Mariadb, &whole).trim(), "select 1;");
    }
    assert_eq!(become_of(Server::Mariadb, "select 1;\n"), "select 1;\n");
    let told = read(Server::Mariadb, b"select 'a").0.unwrap_err();
    assert!(told.contains("cut off"), "{told}");
}

#[test]
fn versions_and_the_database_are_read_from_the_heading() {
    let script = "-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)\n--\n-- Host: h    Database: \
        shop\n-- ----\n-- Server version\t8.0.35-log\n\ncreate table shop.a (b int);\n-- Dump completed\n";
    let (text, report) = read(Server::Mysql, script.as_bytes());
    let text = String::from_utf8(text.unwrap()).unwrap();
    assert_eq!(text.trim(), "create table `app`.a (b int);");
    let report = report.lock();
    let versions = ("8.0.35-log".to_owned(), "8.0.36,".to_owned());
    assert_eq!(report.dumped, Some(versions));
    // Nothing but the heading says so.
    assert!(report.databases.is_empty());
}

#[test]
fn the_mode_of_literals_is_followed() {
    let script =
        r"set sql_mode='NO_BACKSLASH_ESCAPES'; select '\'; grant a; set sql_mode=''; select '\';';";
    assert_eq!(
        become_of(Server::Mariadb, script),
        r"set sql_mode='NO_BACKSLASH_ESCAPES';select '\';set sql_mode='';select '\';';"
    );
}

#[test]
fn a_statement_that_is_too_long_to_be_held_passes() {
    let rows = "'a;\\''),(".repeat(1 << 18);
    let script = format!("USE shop;\ninsert into shop.t values ({rows}1);\nGRANT x;\nselect 1;\n");
    let after = become_of(Server::Mariadb, &script);
    let wanted = format!("\ninsert into `app`.t values ({rows}1);\n\nselect 1;\n");
    assert!(
        after == wanted,
        "{} bytes for {}",
        after.len(),
        wanted.len()
    );
}

#[test]
fn a_command_that_sends_is_a_delimiter() {
    assert_eq!(
        become_of(Server::Mariadb, "select 1\\G\ngrant a\\gselect 2;"),
        "select 1;\nselect 2;"
    );
}

/// Words that rules look for, and whatever else there may be.
fn text() -> impl Strategy<Value = String> {
    let words = [
        "GRANT a;",
        "DEFINER=`a`@`b`",
        "USE x;",
        "\\! x",
        "DELIMITER ;;",
        "/*!50003",
        "*/",
        "--",
        "#",
        "/*",
        ";",
        "\n",
        "(",
        "$$",
        "\"",
        "utf8mb4_0900_ai_ci",
    ];
    let piece = prop_oneof![
        proptest::sample::select(words.to_vec()).prop_map(str::to_owned),
        "[a-z ,é]{0,5}"
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

/// Statements that hold such text where nothing of it is a statement.
fn untouched() -> impl Strategy<Value = String> {
    let escaped = |text: &str, quote: &str| {
        let text = text.replace('\\', "\\\\");
        text.replace(quote, &format!("\\{quote}"))
    };
    prop_oneof![
        text().prop_map(move |t| format!("insert into t values ('{}');\n", escaped(&t, "'"))),
        text().prop_map(move |t| format!("select \"{}\" ;\n", escaped(&t, "\""))),
        text().prop_map(|t| format!("select 1 as `a{}`;\n", t.replace('`', "``"))),
        text().prop_map(|t| format!("select 1 -- {}\n;\n", t.replace('\n', " "))),
        text().prop_map(|t| format!("select 1 # {}\n;\n", t.replace('\n', " "))),
        text().prop_map(|t| format!("select /* {} */ 1;\n", t.replace("*/", ""))),
        text().prop_map(|t| {
            let t = t.replace(['\'', '"', '\\', '`', '$', '*', '-', '#', 'D', 'u'], "");
            format!("DELIMITER $$\ncreate procedure p() begin {t} end $$\nDELIMITER ;\n")
        }),
    ]
}

proptest! {
    #[test]
    fn what_is_no_statement_is_never_changed(pieces in proptest::collection::vec(untouched(), 1..12)) {
        let script = pieces.concat();
        let text = read(Server::Mariadb, script.as_bytes()).0.unwrap();
        prop_assert_eq!(String::from_utf8(text).unwrap(), script);
    }

    #[test]
    fn any_bytes_are_read_to_their_end_or_refused(script in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let (Err(why), _) = read(Server::Mysql, &script) {
            prop_assert!(!why.starts_with("unexplained"), "{}", why);
        }
    }
}
