//! A preview's database.

use std::process::Stdio;

use anyhow::{Context as _, ensure};
use harness::{App, Crowd, Dayfly, eventually};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_push_keeps_the_data_and_a_migration_sees_it() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &App::notes("first")).await?;
        ensure!(visitor.notes().await? == ["seeded"]);
        visitor.note("mine").await?;
        let crowd = Crowd::gather(visitor.clone(), "/notes");
        let commit = dayfly
            .push(&pull, &App::notes("second").that_migrates())
            .await?;
        dayfly.live(&pull, &commit).await?;
        ensure!(visitor.text("/").await? == "second");
        ensure!(visitor.notes().await? == ["migrated", "mine", "seeded"]);
        crowd.expect_no_failure().await.map(drop)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_with_another_seed_keeps_the_data_and_says_so_until_they_are_reset()
-> anyhow::Result<()> {
    const KEPT: &str = "data from an older seed";
    Dayfly::play(async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &App::notes("first")).await?;
        let shown = async || {
            let shown = dayfly.command(dayfly.data(), &["show", &pull.id]).await?;
            anyhow::Ok(shown.stdout)
        };
        ensure!(!shown().await?.contains(KEPT));
        let seed = "create table notes (text text not null);\n\
                    insert into notes values ('of another seed');\n";
        let other = App::notes("second").with("seed.sql", seed);
        let commit = dayfly.push(&pull, &other).await?;
        dayfly.live(&pull, &commit).await?;
        ensure!(visitor.notes().await? == ["seeded"]);
        dayfly.comment(&pull, KEPT).await?;
        ensure!(shown().await?.contains(KEPT), "{}", shown().await?);
        // It stays so when a later commit has that seed too.
        let commit = dayfly.push(&pull, &other.with("text", "third")).await?;
        dayfly.live(&pull, &commit).await?;
        let comment = dayfly.comment(&pull, KEPT).await?;
        let way_out = format!("dayfly reset-db {} main", pull.id);
        ensure!(comment.contains(&way_out), "{comment}");

        let words = ["reset-db", pull.id.as_str(), "main"];
        let reset = dayfly.command(dayfly.data(), &words).await?;
        ensure!(reset.success, "{}", reset.stderr);
        ensure!(visitor.notes().await? == ["of another seed"]);
        ensure!(!shown().await?.contains(KEPT), "{}", shown().await?);
        // Whoever finds other data than those of before is told how to have these back.
        let way_back = format!("dayfly undo {}", pull.id);
        ensure!(reset.stdout.contains(&way_back), "{}", reset.stdout);
        let comment = dayfly.comment(&pull, "recreated from its seed").await?;
        ensure!(comment.contains(&way_back), "{comment}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reopened_pull_request_starts_with_fresh_data() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (pull, visitor) = dayfly.open_live("change", &App::notes("text")).await?;
        visitor.note("of the first life").await?;
        ensure!(visitor.notes().await?.len() == 2);
        dayfly.close(&pull)?;
        dayfly.gone(&pull.id).await?;
        let left = dayfly.docker.left().await?;
        ensure!(left.is_empty(), "{left:?}");
        dayfly.forge.reopen(&pull.repo, pull.number)?;
        dayfly.live(&pull, &pull.commit).await?;
        ensure!(visitor.notes().await? == ["seeded"]);
        // Closed and opened again before anything of it was removed.
        visitor.note("of the second life").await?;
        dayfly.close(&pull)?;
        dayfly.forge.reopen(&pull.repo, pull.number)?;
        eventually("both webhooks are taken", async || {
            let all = dayfly.forge.deliveries();
            ensure!(
                all.iter().all(|delivery| delivery.status == Some(202)),
                "{all:?}"
            );
            Ok(())
        })
        .await?;
        dayfly.live(&pull, &pull.commit).await.map(drop)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_a_database_leads_to_no_other_once_that_is_gone() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let made = dayfly.database("redis:7.0", None).await?;
        let mut forward = harness::dayfly()?
            .args(["db-url", &made.id])
            .env("DAYFLY_DATA", dayfly.data())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdout = forward.stdout.take().context("no output")?;
        let url = BufReader::new(stdout).lines().next_line().await?;
        let url = url.context("no URL")?;
        let (_, address) = url.rsplit_once('@').context("no address")?;
        let address = address.split('/').next().unwrap_or_default().to_owned();
        let ask = async || {
            let mut stream = TcpStream::connect(&address).await?;
            stream.write_all(b"PING\r\n").await?;
            let mut answer = [0; 64];
            let length = stream.read(&mut answer).await?;
            anyhow::Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
        };
        let answer = ask().await?;
        ensure!(answer.starts_with("-NOAUTH"), "{answer:?}");
        dayfly.remove(&made.id).await?;
        dayfly.database("redis:7.0", None).await?;
        let answer = ask().await.unwrap_or_default();
        ensure!(answer.is_empty(), "{answer:?}");
        forward.kill().await?;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_database_server_prints_can_be_read() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (pull, _) = dayfly.open_live("change", &App::notes("text")).await?;
        let wrong = ["--command", "select nonsense_of_mine"];
        ensure!(dayfly.query(&pull.id, "main", &wrong).await.is_err());
        let logs = async |name| {
            let words = ["logs", pull.id.as_str(), name];
            dayfly.command(dayfly.data(), &words).await
        };
        eventually("what the server said about it", async || {
            let main = logs("main").await?.printed()?;
            ensure!(main.contains("nonsense_of_mine"), "{main}");
            Ok(())
        })
        .await?;
        let unknown = logs("other").await?;
        ensure!(
            unknown.stderr.contains("known names: web, main"),
            "{}",
            unknown.stderr
        );
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_preview_has_a_database_of_its_own() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let (one, two) = (App::notes("one"), App::notes("two"));
        let ((_, one), (_, two)) =
            tokio::try_join!(dayfly.open_live("one", &one), dayfly.open_live("two", &two))?;
        one.note("in the first").await?;
        ensure!(one.notes().await? == ["in the first", "seeded"]);
        ensure!(two.notes().await? == ["seeded"]);
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seed_that_fails_is_diagnosed_and_mended_by_a_push() -> anyhow::Result<()> {
    Dayfly::play(async |dayfly| {
        let broken = App::notes("text").with("seed.sql", "insert into nowhere values (1);\n");
        let pull = dayfly.open("change", &broken).await?;
        let preview = dayfly.failed(&pull, &pull.commit).await?;
        let diagnosed = preview.diagnosed();
        ensure!(
            diagnosed.contains("DF402") && diagnosed.contains("nowhere"),
            "{diagnosed}"
        );
        let commit = dayfly.push(&pull, &App::notes("text")).await?;
        let preview = dayfly.live(&pull, &commit).await?;
        ensure!(dayfly.visitor(preview.url()?).notes().await? == ["seeded"]);
        Ok(())
    })
    .await
}
