//! Data with a name: brought, masked, kept, used, removed.

use std::path::Path;

use anyhow::ensure;
use harness::{App, Dayfly};
use serde_json::Value;

const DUMP: &str = "create table customers (id int primary key, email text, city text, total int);\n\
    insert into customers values (1, 'ada@example.test', 'London', 7), (2, 'b@example.test', 'Ulm', 5);\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_is_imported_masked_scanned_and_used() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let here = dayfly.data().to_owned();
        std::fs::write(here.join("dump.sql"), DUMP)?;
        std::fs::write(
            here.join("mask.sql"),
            "update customers set email = 'user' || id || '@example.test', city = 'Town';\n",
        )?;
        let run = async |words: &str| {
            let words: Vec<&str> = words.split(' ').collect();
            dayfly.command(&here, &words).await
        };
        let done =
            run("snapshot import nightly dump.sql --engine postgres:15 --mask mask.sql").await?;
        ensure!(done.success, "{done:?}");
        for words in ["masked", "customers.email", "customers.city"] {
            ensure!(done.stdout.contains(words), "{words}: {done:?}");
        }
        ensure!(!done.stdout.contains("customers.total"), "{done:?}");
        let toml = "[services.web]\nbuild = \".\"\nhealth = \"/healthz\"\n\n[databases.main]\n\
                    engine = \"postgres:15\"\nsnapshot = \"nightly\"\n";
        let (pull, _) = dayfly
            .open_live("change", &App::probe("text").with("dayfly.toml", toml))
            .await?;
        let ask = "select email || ' ' || city from customers where id = 1";
        ensure!(dayfly.sql(&pull.id, "main", ask).await? == "user1@example.test Town");
        // An application reads any file of its server, and finds no row as it was before.
        let rows = "select position('London'::bytea in file) || '|' || \
                    (position('Town'::bytea in file) > 0) \
                    from pg_read_binary_file(pg_relation_filepath('customers')) file";
        ensure!(dayfly.sql(&pull.id, "main", rows).await? == "0|true");
        let logs = "select count(*) from pg_ls_waldir() \
                    where position('London'::bytea in pg_read_binary_file('pg_wal/' || name)) > 0";
        ensure!(dayfly.sql(&pull.id, "main", logs).await? == "0");
        let listed = run("snapshot ls --json").await?;
        let all: Value = serde_json::from_str(&listed.stdout)?;
        ensure!(
            all[0]["name"] == "nightly" || all[1]["name"] == "nightly",
            "{all}"
        );
        let removed = run("snapshot rm nightly").await?;
        ensure!(removed.success, "{removed:?}");
        ensure!(dayfly.sql(&pull.id, "main", ask).await? == "user1@example.test Town");
        let again = run("snapshot rm nightly").await?;
        ensure!(
            !again.success && again.stderr.contains("no snapshot"),
            "{again:?}"
        );
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn real_data_are_for_databases_that_nobody_can_visit() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let here: &Path = dayfly.data();
        std::fs::write(here.join("dump.sql"), DUMP)?;
        let import = [
            "snapshot",
            "import",
            "people",
            "dump.sql",
            "--engine",
            "postgres:15",
        ];
        let done = dayfly.command(here, &import).await?;
        ensure!(done.success && done.stdout.contains("real"), "{done:?}");
        let toml = "[services.web]\nbuild = \".\"\nhealth = \"/healthz\"\n\n[databases.main]\n\
                    engine = \"postgres:15\"\nsnapshot = \"people\"\n";
        let pull = dayfly
            .open("change", &App::probe("text").with("dayfly.toml", toml))
            .await?;
        let failed = dayfly.failed(&pull, &pull.commit).await?;
        ensure!(
            failed.diagnosed().contains("DF414"),
            "{}",
            failed.diagnosed()
        );
        let alone = dayfly.database("postgres:15", Some("people")).await?;
        let count = dayfly
            .sql(&alone.id, "-", "select count(*) from customers")
            .await?;
        ensure!(count == "2", "{count}");
        // The name may mean other data by now; what was made of the real ones stays what it is.
        let again = [&import[..], &["--as", "synthetic"]].concat();
        dayfly.command(here, &again).await?.printed()?;
        for path in ["forks", "captures"] {
            let path = format!("/api/v1/previews/{}/{path}", alone.id);
            let taken = dayfly.ask(&path, &serde_json::json!({})).await;
            let why = taken
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default();
            ensure!(why.contains("real people"), "{path}: {why}");
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_dump_is_refused_with_its_line_and_leaves_nothing() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let here = dayfly.data();
        std::fs::write(here.join("dump.sql"), "select 1;\nselekt 2;\n")?;
        let import = [
            "snapshot",
            "import",
            "broken",
            "dump.sql",
            "--engine",
            "postgres:15",
        ];
        let done = dayfly.command(here, &import).await?;
        ensure!(!done.success && done.stderr.contains("line 2"), "{done:?}");
        let import = [
            "snapshot", "import", "broken", "dump.sql", "--engine", "oracle:9",
        ];
        let done = dayfly.command(here, &import).await?;
        ensure!(
            !done.success && done.stderr.contains("supported are"),
            "{done:?}"
        );
        let all = dayfly.api.get("/api/v1/snapshots").await?;
        ensure!(all.as_array().is_some_and(Vec::is_empty), "{all}");
        let left = dayfly.docker.left().await?;
        ensure!(left.is_empty(), "{left:?}");
        Ok(())
    })
    .await
}
