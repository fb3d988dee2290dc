//! Data that cannot be had: each is told on the pull request, and nothing is lost.

use anyhow::{Context as _, ensure};
use deploy::labels;
use harness::{App, Dayfly, Docker, Options, eventually};

fn app(database: &str) -> App {
    let toml = format!(
        "[services.web]\nbuild = \".\"\nhealth = \"/healthz\"\n\n[databases.main]\n{database}"
    );
    App::notes("text").with("dayfly.toml", &toml)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_seed_is_told_and_what_serves_keeps_its_data() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &App::notes("first")).await?;
        visitor.post("/notes", "mine").await?;
        let reset = "on_push = \"reset\"\n";
        let postgres = format!("engine = \"postgres:15\"\n{reset}");
        let wrong_line = format!("{postgres}seed = \"seed.sql\"\n");
        let cases = [
            (
                app(&format!("{postgres}seed = \"missing.sql\"\n")),
                "missing.sql",
            ),
            (
                app(&wrong_line).with("seed.sql", "select 1;\nselect 2;\nselekt 3;\n"),
                "seed.sql failed at line 3",
            ),
            (
                app(&format!("{postgres}seed = \"start.rdb\"\n")).with("start.rdb", "REDIS0009"),
                "start.rdb",
            ),
            (app(&format!("{postgres}snapshot = \"nightly\"\n")), "DF413"),
            (app(&format!("engine = \"postgres:0.1\"\n{reset}")), "DF403"),
            (
                app(&format!("{wrong_line}memory = \"16M\"\n")).with(
                    "seed.sql",
                    "set work_mem = '1GB'; \
                     select array_agg(i) from generate_series(1, 20000000) i;\n",
                ),
                "DF409",
            ),
        ];
        for (case, words) in cases {
            let commit = dayfly.push(&pull, &case).await?;
            let failed = dayfly.failed(&pull, &commit).await?;
            ensure!(
                failed.diagnosed().contains(words),
                "{words}: {}",
                failed.diagnosed()
            );
            dayfly.comment(&pull, "still serves").await?;
            ensure!(visitor.notes().await? == ["mine", "seeded"], "{words}");
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seed_that_takes_long_keeps_no_server_from_stopping_and_is_run_anew() -> anyhow::Result<()>
{
    Dayfly::play(async |dayfly| {
        let slow = app("engine = \"postgres:15\"\nseed = \"seed.sql\"\n").with(
            "seed.sql",
            "create table notes (text text);\nselect pg_sleep(65);\n",
        );
        let pull = dayfly.open("change", &slow).await?;
        eventually("the seed runs", async || {
            let preview = format!("label={}={}", labels::PREVIEW, pull.id);
            let kind = format!("label={}=database", labels::KIND);
            let filter = ["ps", "--quiet", "--filter", &preview, "--filter", &kind];
            let all = Docker::run(&filter).await?;
            let container = all.lines().next().context("no container")?;
            let ask = "select count(*) from pg_stat_activity where query like '%pg_sleep(65)%' \
                       and pid <> pg_backend_pid()";
            let query = ["exec", container, "psql", "-U", "app", "-qAtc", ask];
            let running = Docker::run(&query).await?;
            ensure!(running.trim() == "1", "{running}");
            Ok(())
        })
        .await?;
        // Less than the seed would take.
        dayfly.terminate().await?;
        dayfly.restart().await?;
        dayfly.live(&pull, &pull.commit).await.map(drop)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn data_of_another_engine_or_version_start_again_and_say_so() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (pull, _) = dayfly.open_live("change", &App::notes("first")).await?;
        let other = app("engine = \"mariadb:10.11\"\n").with("seed.sql", "");
        let commit = dayfly.push(&pull, &other).await?;
        dayfly.live(&pull, &commit).await?;
        let ask = ["--skip-column-names", "--batch", "--execute", "select 1"];
        ensure!(dayfly.query(&pull.id, "main", &ask).await? == "1");
        // A snapshot of another engine is refused by name.
        let made = dayfly.database("redis:7.0", None).await?;
        dayfly.save(&made.id, "main", "keys").await?;
        let wrong = app("engine = \"postgres:15\"\nsnapshot = \"keys\"\n");
        let commit = dayfly.push(&pull, &wrong).await?;
        let failed = dayfly.failed(&pull, &commit).await?;
        ensure!(
            failed.diagnosed().contains("DF408"),
            "{}",
            failed.diagnosed()
        );
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_databases_with_one_name_and_outside_servers_are_refused_with_their_line()
-> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let twice = app("engine = \"postgres:15\"\n[databases.main]\nengine = \"redis:7.0\"\n");
        let pull = dayfly.open("change", &twice).await?;
        let failed = dayfly.failed(&pull, &pull.commit).await?;
        ensure!(
            failed.diagnosed().contains("dayfly.toml:7"),
            "{}",
            failed.diagnosed()
        );
        let outside = app("engine = \"postgres://somewhere.example/production\"\n");
        let commit = dayfly.push(&pull, &outside).await?;
        let failed = dayfly.failed(&pull, &commit).await?;
        ensure!(
            failed.diagnosed().contains("external"),
            "{}",
            failed.diagnosed()
        );
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_never_ends_is_stopped_and_harms_nothing() -> anyhow::Result<()> {
    let options = Options {
        limits: vec!["migrate_seconds_max = 3".to_owned()],
        ..Options::default()
    };
    Dayfly::play_with(options, async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &App::notes("first")).await?;
        let endless =
            App::notes("second").that_migrates_by("drop table notes; select pg_sleep(600)");
        let commit = dayfly.push(&pull, &endless).await?;
        let failed = dayfly.failed(&pull, &commit).await?;
        ensure!(
            failed.diagnosed().contains("DF406"),
            "{}",
            failed.diagnosed()
        );
        ensure!(visitor.notes().await? == ["seeded"]);
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_pool_is_told_and_loses_nothing() -> anyhow::Result<()> {
    let options = Options {
        limits: vec![
            "pool_mib_max = 600".to_owned(),
            "pool_free_mib_min = 200".to_owned(),
        ],
        ..Options::default()
    };
    Dayfly::play_with(options, async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &App::notes("first")).await?;
        visitor.post("/notes", "mine").await?;
        let large = "create table t as select repeat(md5(i::text), 30) as x \
                     from generate_series(1, 600000) i;\n";
        let toml = "engine = \"postgres:15\"\nseed = \"seed.sql\"\non_push = \"reset\"\n";
        let commit = dayfly
            .push(&pull, &app(toml).with("seed.sql", large))
            .await?;
        let failed = dayfly.failed(&pull, &commit).await?;
        let said = failed.diagnosed();
        ensure!(said.contains("DF411") || said.contains("DF402"), "{said}");
        ensure!(visitor.notes().await? == ["mine", "seeded"]);
        eventually("room for a fork again", async || {
            dayfly.fork(&pull.id).await.map(drop)
        })
        .await?;
        ensure!(visitor.notes().await? == ["mine", "seeded"]);
        Ok(())
    })
    .await
}
