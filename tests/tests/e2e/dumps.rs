//! Dumps as the usual programs write them, and scripts as people write them.

use std::path::Path;

use anyhow::{Context as _, ensure};
use harness::{App, Dayfly};

/// Where `tests/dumps/oracle` records them.
fn recorded(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("dumps/postgres")
        .join(name)
}

/// Roles that could log in beside the application's, and passwords beside its own.
const LOGINS: &str = "select count(*) from pg_authid where rolname <> 'app' and \
                      (rolcanlogin or rolpassword is not null or rolsuper and oid > 16383)";
/// What the application's user may do.
const OWN: &str = "select rolsuper::text || rolcanlogin from pg_roles where rolname = 'app'";

/// Brings a dump and compares what became of it with what was dumped.
async fn expect_data(dayfly: &Dayfly, dump: &str, major: u32) -> anyhow::Result<()> {
    let from = recorded(dump);
    let from = from.to_str().context("a path that is no text")?;
    let name = dump.replace('.', "-");
    let words = ["snapshot", "import", &name, from, "--engine", "postgres:15"];
    let done = dayfly.command(dayfly.data(), &words).await?;
    ensure!(done.success, "{dump}: {done:?}");
    let preview = dayfly.database("postgres:15", Some(&name)).await?;
    let ask = async |what: &str| dayfly.first_value(&preview.id, what).await;
    let checksums = std::fs::read_to_string(recorded("checksums.sql"))?;
    let wanted = std::fs::read_to_string(recorded(&format!("checksum-{major}")))?;
    ensure!(ask(&checksums).await? == wanted.trim(), "{dump}");
    ensure!(ask(LOGINS).await? == "0", "{dump}");
    ensure!(ask(OWN).await? == "truetrue", "{dump}");
    dayfly.remove(&preview.id).await
}

/// One form of dump, of all versions.
async fn expect_all(form: &str) -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let [oldest, older, newest] =
            [15, 17, 18].map(|major| (format!("{form}-{major}.sql"), major));
        tokio::try_join!(
            expect_data(dayfly, &oldest.0, oldest.1),
            expect_data(dayfly, &older.0, older.1)
        )?;
        expect_data(dayfly, &newest.0, newest.1).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_dump_of_any_version_becomes_the_data() -> anyhow::Result<()> {
    expect_all("plain").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_that_drops_first_becomes_the_data() -> anyhow::Result<()> {
    expect_all("clean").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_that_makes_its_database_becomes_the_data() -> anyhow::Result<()> {
    expect_all("create").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_of_a_whole_server_becomes_the_data() -> anyhow::Result<()> {
    expect_all("dumpall").await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_becomes_the_data_unless_it_is_newer_than_the_server() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        expect_data(dayfly, "custom-15.dump", 15).await?;
        let newer = recorded("custom-18.dump");
        let newer = newer.to_str().context("a path that is no text")?;
        let words = [
            "snapshot",
            "import",
            "newer",
            newer,
            "--engine",
            "postgres:15",
        ];
        let done = dayfly.command(dayfly.data(), &words).await?;
        let told = "a newer pg_dump wrote this archive";
        ensure!(!done.success && done.stderr.contains(told), "{done:?}");
        Ok(())
    })
    .await
}

/// One note, as the application expects it.
const NOTES: &str =
    "create table notes (text text not null);\ninsert into notes values ('seeded');\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_seed_that_goes_elsewhere_or_reads_what_lies_beside_it_is_the_applications()
-> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let elsewhere = format!("create database shop;\n\\connect shop\n{NOTES}");
        let includes = "\\ir parts/tables.sql\n\\copy notes from 'notes.csv' with (format csv)\n";
        let toml = "[services.web]\nbuild = \".\"\nhealth = \"/healthz\"\n\n[databases.main]\n\
                    engine = \"postgres:15\"\nseed = \"db/seed.sql\"\n";
        let beside = App::probe("text")
            .with("dayfly.toml", toml)
            .with("db/seed.sql", includes)
            .with(
                "db/parts/tables.sql",
                "create table notes (text text not null);\n",
            )
            .with("db/notes.csv", "seeded\n");
        let opened = [
            dayfly
                .open("elsewhere", &App::notes("a").with("seed.sql", &elsewhere))
                .await?,
            dayfly.open("beside", &beside).await?,
        ];
        let mut url = String::new();
        for pull in &opened {
            let preview = dayfly.live(pull, &pull.commit).await?;
            preview.url()?.clone_into(&mut url);
            let visitor = dayfly.visitor(&url);
            ensure!(visitor.notes().await? == ["seeded"], "{}", pull.id);
        }
        let environment: serde_json::Value =
            serde_json::from_str(&dayfly.visitor(&url).text("/environment").await?)?;
        let url = environment["DATABASE_URL"].as_str().context("no address")?;
        ensure!(url.starts_with("postgresql://app:"), "{url}");
        let password = environment["PGPASSWORD"].as_str().context("no password")?;
        ensure!(url.contains(password), "the address has another password");
        for (variable, value) in [("PGHOST", "main"), ("PGUSER", "app"), ("PGDATABASE", "app")] {
            ensure!(environment[variable] == value, "{variable}: {environment}");
        }
        let shown = dayfly
            .command(dayfly.data(), &["show", &opened[0].id])
            .await?
            .stdout;
        for words in ["rows seeded: notes 1", "database shop: renamed to app here"] {
            ensure!(shown.contains(words), "{words}: {shown}");
        }
        // A file that is read is a part of the seed.
        let [_, pull] = &opened;
        let commit = dayfly
            .push(pull, &beside.with("db/notes.csv", "another\n"))
            .await?;
        dayfly.live(pull, &commit).await?;
        let preview = dayfly.reset(&pull.id).await?;
        let visitor = dayfly.visitor(preview.url()?);
        ensure!(visitor.notes().await? == ["another"]);
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seed_that_cannot_become_the_data_says_why_and_where() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let two = format!("\\connect one\n{NOTES}\\connect two\n{NOTES}");
        let cut = format!("-- PostgreSQL database dump\n{NOTES}copy notes from stdin;\nhal");
        let cases = [
            ("two", two.as_str(), "fills the databases one and two"),
            ("runs", "select 1;\n\\! id\n", "seed.sql failed at line 2"),
            ("cut", &cut, "the file is cut off"),
            (
                "extension",
                "create extension postgis;\n",
                "postgis/postgis has it",
            ),
            (
                "missing",
                "\\ir tables.sql\n",
                "there is no file tables.sql",
            ),
        ];
        let mut opened = Vec::new();
        for (branch, seed, told) in cases {
            let app = App::notes("text").with("seed.sql", seed);
            opened.push((dayfly.open(branch, &app).await?, told));
        }
        for (pull, told) in opened {
            let failed = dayfly.failed(&pull, &pull.commit).await?;
            let said = failed.diagnosed();
            ensure!(said.contains(told), "{told}: {said}");
        }
        Ok(())
    })
    .await
}

/// Statements before many rows for a table, and how many rows it has in the end.
const EDITED: [(&str, &str, u32); 8] = [
    ("empty", "create table empty (a text);", ROWS),
    (
        "csv",
        "create table csv (a text);\ncopy csv from stdin with (format csv);\nfirst\n\\.",
        ROWS + 1,
    ),
    (
        "made",
        "create table made (a text);\ndrop table made;\ncreate table made as select 'first' as a;",
        ROWS + 1,
    ),
    (
        "leaf",
        "create table root (a text) partition by list (a);\ncreate table leaf (a text);\n\
              alter table root attach partition leaf for values in ('first', 'row');\n\
              copy root from stdin;\nfirst\n\\.",
        ROWS + 1,
    ),
    (
        "parted",
        "create table parted (a text) partition by list (a);\n\
                create table part partition of parted default;",
        ROWS,
    ),
    (
        "moved",
        "create schema other;\ncreate table moved (a text);\nalter table moved set schema other;\n\
               create table moved (a text);\ninsert into other.moved values ('first');\ndrop table moved;\n\
               alter table other.moved set schema public;",
        ROWS + 1,
    ),
    (
        "parent",
        "create table parent (a text, id serial primary key);\n\
                create table child (id int references parent);",
        ROWS,
    ),
    (
        "logged",
        "create table logged (a text);\ncreate function f() returns trigger language plpgsql as \
                $$ begin insert into logged values ('first'); return null; end $$;\n\
                create trigger t before truncate on logged for each statement execute function f();",
        ROWS,
    ),
];
const ROWS: u32 = 40_000;

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_an_edited_dump_are_added_to_those_that_are_there() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let rows = "row\n".repeat(usize::try_from(ROWS)?);
        let mut script = "-- PostgreSQL database dump\n-- Dumped from database version 15.1\n\
                          -- Dumped by pg_dump version 15.1\n"
            .to_owned();
        for (table, before, _) in EDITED {
            let copy = format!("{before}\nCOPY {table} (a) FROM stdin;\n{rows}\\.\n");
            script.push_str(&copy);
        }
        script.push_str("-- PostgreSQL database dump complete\n");
        let file = dayfly.data().join("edited.sql");
        std::fs::write(&file, script)?;
        let file = file.to_str().context("a path that is no text")?;
        let words = [
            "snapshot",
            "import",
            "edited",
            file,
            "--engine",
            "postgres:15",
        ];
        dayfly.command(dayfly.data(), &words).await?.printed()?;
        let preview = dayfly.database("postgres:15", Some("edited")).await?;
        for (table, _, wanted) in EDITED {
            let count = format!("select count(*)::text from {table}");
            let found = dayfly.first_value(&preview.id, &count).await?;
            ensure!(found == wanted.to_string(), "{table} has {found} rows");
        }
        // What is all visible has a map that says so.
        let frozen = "select string_agg(relname, ' ') from pg_class where relkind = 'r' and \
                      relnamespace = 'public'::regnamespace and pg_relation_size(oid, 'vm') > 0";
        ensure!(dayfly.first_value(&preview.id, frozen).await? == "empty");
        dayfly.remove(&preview.id).await
    })
    .await
}
