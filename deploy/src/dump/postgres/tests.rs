//! Statements, and what they become.

use crate::dump::reader::testing::read;

fn become_of(script: &str) -> String {
    read(script, &[]).0.unwrap()
}

/// A role is made, and the rest of the line goes on.
fn made(role: &str) -> String {
    format!(
        "select 'create role \"{role}\" nologin' where not exists (select from pg_catalog.pg_roles \
         where rolname = '{role}') \\gexec \\\\ "
    )
}

fn made_database(name: &str) -> String {
    format!(
        "select 'create database \"{name}\" template template0' where not exists (select from \
         pg_catalog.pg_database where datname = '{name}') \\gexec \\\\ "
    )
}

#[test]
fn owners_and_what_belongs_to_the_other_server_are_left_out_and_told() {
    let script = "ALTER TABLE public.goods OWNER TO shop_owner;\n\
        ALTER FUNCTION f(int) OWNER TO shop_owner;\nCREATE SUBSCRIPTION s CONNECTION 'password=x' PUBLICATION p;\n\
        CREATE USER MAPPING FOR app SERVER s OPTIONS (password 'x');\nSET default_tablespace = fast;\n\
        SET SESSION AUTHORIZATION 'shop';\nGRANT CONNECT ON DATABASE shop TO ro;\n";
    let (after, report) = read(script, &[]);
    assert_eq!(after.unwrap().trim(), "");
    assert_eq!(
        report.lock().notes(),
        [
            "a change of the acting role: left out",
            "a grant on a database or tablespace: left out",
            "a subscription: left out",
            "a tablespace: left out",
            "a user mapping: left out",
            "owner shop_owner: replaced by app (2 times)",
        ]
    );
}

#[test]
fn roles_that_are_named_are_made_first_and_told_once() {
    let script = "GRANT SELECT ON goods TO readonly;\nGRANT ALL ON goods TO readonly, \"Up\";\n\
        CREATE POLICY p ON t FOR SELECT TO web USING (true);\nGRANT ALL ON SCHEMA public TO PUBLIC;\n";
    let after = become_of(script);
    let lines: Vec<_> = after.lines().collect();
    assert_eq!(
        lines[0],
        made("readonly") + "GRANT SELECT ON goods TO readonly;"
    );
    assert_eq!(
        lines[1],
        made("readonly") + &made("Up") + "GRANT ALL ON goods TO readonly, \"Up\";"
    );
    assert_eq!(
        lines[2],
        made("web") + "CREATE POLICY p ON t FOR SELECT TO web USING (true);"
    );
    assert_eq!(lines[3], "GRANT ALL ON SCHEMA public TO PUBLIC;");
}

#[test]
fn roles_are_made_without_login_password_and_power() {
    let script = "CREATE ROLE web LOGIN SUPERUSER BYPASSRLS PASSWORD 'md5secret' IN ROLE readers;\n\
        ALTER ROLE web WITH NOSUPERUSER INHERIT LOGIN PASSWORD 'SCRAM-SHA-256$secret' VALID UNTIL 'infinity';\n\
        ALTER ROLE app WITH NOSUPERUSER;\nCREATE USER app PASSWORD 'x';\n\
        GRANT readers TO web WITH ADMIN OPTION, INHERIT TRUE GRANTED BY postgres;\nGRANT readers TO app;\n";
    let (after, report) = read(script, &[]);
    let after = after.unwrap();
    let lines: Vec<_> = after.lines().collect();
    assert_eq!(
        lines[0],
        made("web")
            + &made("readers")
            + "alter role \"web\" bypassrls; grant \"readers\" to \"web\"; "
    );
    assert_eq!(lines[1], made("web") + "alter role \"web\" inherit; ");
    assert_eq!(lines[2..4], ["", ""]);
    assert_eq!(
        lines[4],
        made("readers") + &made("web") + "GRANT readers TO web ;"
    );
    assert_eq!(lines[5], "");
    assert!(!after.contains("secret"), "{after}");
    let left_out: Vec<_> = report.lock().passwords.iter().cloned().collect();
    assert_eq!(left_out, ["web"]);
}

#[test]
fn a_role_without_a_password_is_none_of_which_one_is_left_out() {
    let script = "CREATE ROLE web LOGIN;\nALTER ROLE web PASSWORD NULL;\n";
    let (_, report) = read(script, &[]);
    assert!(report.lock().passwords.is_empty());
}

#[test]
fn databases_are_made_and_entered() {
    let script = "CREATE DATABASE shop WITH TEMPLATE = template0 LOCALE = 'de_DE.utf8';\n\
        ALTER DATABASE shop OWNER TO x;\n\\connect shop\nALTER DATABASE shop SET a.b = 'c';\n\
        \\connect -reuse-previous=on \"dbname='it''s'\"\n\\c app someone\nDROP DATABASE shop;\n\\c shop;\n\\connect \"a;\";\n";
    let (after, report) = read(script, &[]);
    let after = after.unwrap();
    let lines: Vec<_> = after.lines().collect();
    assert_eq!(lines[0], made_database("shop"));
    assert_eq!(lines[1], "");
    let connect = "\\connect -reuse-previous=on \"dbname='shop'\"";
    assert_eq!(lines[2], made_database("shop") + connect);
    assert_eq!(lines[3], "ALTER DATABASE shop SET a.b = 'c';");
    assert_eq!(lines[5], "\\connect -reuse-previous=on \"dbname='app'\"");
    assert_eq!(lines[6], "");
    assert_eq!(lines[7], lines[2]);
    assert!(lines[8].ends_with("\"dbname='a;'\""), "{}", lines[8]);
    assert!(report.lock().databases.contains("shop"));
}

#[test]
fn what_a_dump_drops_may_be_missing() {
    for (before, after) in [
        (
            "DROP TABLE public.goods;",
            "DROP TABLE if exists public.goods;",
        ),
        ("DROP TABLE IF EXISTS a;", "DROP TABLE IF EXISTS a;"),
        (
            "DROP MATERIALIZED VIEW a;",
            "DROP MATERIALIZED VIEW if exists a;",
        ),
        (
            "DROP TEXT SEARCH PARSER a;",
            "DROP TEXT SEARCH PARSER if exists a;",
        ),
        ("DROP CAST (a AS b);", "DROP CAST if exists (a AS b);"),
        (
            "DROP FUNCTION f(integer);",
            "DROP FUNCTION if exists f(integer);",
        ),
        ("DROP ROLE shop;", ""),
        (
            "ALTER TABLE ONLY public.a DROP CONSTRAINT b;",
            "ALTER TABLE if exists ONLY public.a DROP CONSTRAINT if exists b;",
        ),
        (
            "ALTER TABLE public.a ALTER COLUMN id DROP DEFAULT;",
            "ALTER TABLE if exists public.a ALTER COLUMN id DROP DEFAULT;",
        ),
        (
            "ALTER TABLE a DROP COLUMN b;",
            "ALTER TABLE a DROP COLUMN b;",
        ),
        (
            "ALTER TABLE a ADD CONSTRAINT b CHECK (c);",
            "ALTER TABLE a ADD CONSTRAINT b CHECK (c);",
        ),
        (
            "CREATE SCHEMA public;",
            "CREATE SCHEMA if not exists public;",
        ),
        (
            "SELECT pg_catalog.lo_unlink('4711');",
            "select pg_catalog.lo_unlink(oid) from pg_catalog.pg_largeobject_metadata where oid = 4711;",
        ),
        (
            "SELECT * FROM pg_catalog.pg_restore_relation_stats(\n'a');",
            "\n",
        ),
        ("\\restrict abc", ""),
    ] {
        assert_eq!(
            become_of(&format!("{before}\n")),
            format!("{after}\n"),
            "{before}"
        );
    }
}

#[test]
fn one_action_of_several_is_left_out_alone() {
    for (before, after) in [
        ("ALTER TABLE ONLY a ALTER COLUMN b SET (pg_attver=317);", ""),
        (
            "ALTER TABLE ONLY a ALTER COLUMN b SET (n_distinct=5, pg_attver=317);",
            "ALTER TABLE ONLY a ALTER COLUMN b SET (n_distinct=5);",
        ),
        (
            "ALTER TABLE a ALTER b SET (n_distinct=5);",
            "ALTER TABLE a ALTER b SET (n_distinct=5);",
        ),
        (
            "ALTER TABLE a ADD COLUMN b int, OWNER TO x;",
            "ALTER TABLE a ADD COLUMN b int;",
        ),
        (
            "ALTER TABLE a OWNER TO x, ADD b int;",
            "ALTER TABLE a  ADD b int;",
        ),
        ("ALTER ROLE CURRENT_USER SET a = 'b';", ""),
    ] {
        assert_eq!(
            become_of(&format!("{before}\n")),
            format!("{after}\n"),
            "{before}"
        );
    }
}

#[test]
fn settings_that_an_older_server_does_not_know_are_set_where_it_does() {
    assert_eq!(
        become_of("SET transaction_timeout = 0;\n"),
        "select pg_catalog.set_config(name, '0', false) from pg_catalog.pg_settings where name = \
         'transaction_timeout';\n"
    );
    for kept in [
        "SET search_path = a, b;\n",
        "SET default_tablespace = '';\n",
        "SET transaction_timeout TO DEFAULT;\n",
        "SET LOCAL transaction_timeout = 0;\n",
        "SET lock_timeout = 0;\n",
        "RESET ROLE;\n",
    ] {
        assert_eq!(become_of(kept), kept);
    }
}
