//! Room for data: who takes too much of it is stopped, and nobody else notices.

use anyhow::ensure;
use harness::{App, Crowd, Dayfly, Options, eventually};

/// Some 2 GB, in one statement.
const FLOOD: &str = "create table flood as select repeat(md5(i::text), 30) as x \
                     from generate_series(1, 2000000) i";

/// The same in a file that has no name any more, written by processes that soon end.
const HIDDEN_FLOOD: &str = "copy (select 1) to program 'cd /var/lib/postgresql/data && \
                            exec 3>hidden && rm hidden && for i in $(seq 500); do \
                            dd if=/dev/zero bs=1M count=4 >&3 || exit 1; done'";

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_outgrows_its_limit_is_stopped_alone_and_starts_again_from_its_seed()
-> anyhow::Result<()> {
    let options = Options {
        limits: vec!["database_mib_max = 200".to_owned()],
        ..Options::default()
    };
    Dayfly::play_with(options, async |dayfly| {
        let (_, neighbour) = dayfly.open_live("quiet", &App::notes("quiet")).await?;
        let (pull, visitor) = dayfly.open_live("greedy", &App::notes("greedy")).await?;
        let crowd = Crowd::gather(neighbour.clone(), "/notes");
        let flooded = dayfly.sql(&pull.id, "main", FLOOD).await;
        ensure!(flooded.is_err(), "2 GB were taken");
        let told = "more than the 200 MiB that limits.database_mib_max allows one database";
        eventually("the preview says why its database is gone", async || {
            let preview = dayfly.api.preview(&pull.id).await?;
            let waits = preview.waiting_for.clone().unwrap_or_default();
            ensure!(waits.contains(told), "{preview:?}");
            Ok(())
        })
        .await?;
        dayfly.comment(&pull, told).await?;
        neighbour.note("mine").await?;
        crowd.more(50).await?;
        crowd.expect_no_failure().await?;
        dayfly.reset(&pull.id).await?;
        ensure!(visitor.notes().await? == ["seeded"]);
        // What it is refused to be started on can still be removed, and the rest of the test does.
        ensure!(neighbour.notes().await? == ["mine", "seeded"]);
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seed_that_outgrows_the_limit_of_a_database_is_told() -> anyhow::Result<()> {
    let options = Options {
        limits: vec!["database_mib_max = 200".to_owned()],
        ..Options::default()
    };
    Dayfly::play_with(options, async |dayfly| {
        let toml = "[services.web]\nbuild = \".\"\nhealth = \"/healthz\"\n\n\
                    [databases.main]\nengine = \"postgres:15\"\nseed = \"seed.sql\"\n";
        let app = App::notes("text")
            .with("dayfly.toml", toml)
            .with("seed.sql", &format!("{FLOOD};\n"));
        let pull = dayfly.open("greedy", &app).await?;
        let failed = dayfly.failed(&pull, &pull.commit).await?;
        let said = failed.diagnosed();
        ensure!(said.contains("DF415"), "{said}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_fills_the_last_of_the_pool_is_stopped_and_its_neighbours_go_on() -> anyhow::Result<()>
{
    fill_the_pool_by(FLOOD).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_and_still_open_counts_for_who_holds_it_open() -> anyhow::Result<()> {
    fill_the_pool_by(HIDDEN_FLOOD).await
}

async fn fill_the_pool_by(flood: &str) -> anyhow::Result<()> {
    let options = Options {
        limits: vec![
            "pool_mib_max = 2400".to_owned(),
            "pool_free_mib_min = 1000".to_owned(),
        ],
        ..Options::default()
    };
    Dayfly::play_with(options, async |dayfly| {
        let (_, neighbour) = dayfly.open_live("quiet", &App::notes("quiet")).await?;
        let (pull, _) = dayfly.open_live("greedy", &App::notes("greedy")).await?;
        let crowd = Crowd::gather(neighbour.clone(), "/notes");
        let flooded = dayfly.sql(&pull.id, "main", flood).await;
        ensure!(flooded.is_err(), "all of it was taken");
        eventually("the preview's events say why it was stopped", async || {
            let events = format!("/api/v1/previews/{}/events", pull.id);
            let events = dayfly.api.get(&events).await?.to_string();
            ensure!(events.contains("MiB per second"), "{events}");
            Ok(())
        })
        .await?;
        neighbour.note("mine").await?;
        crowd.more(50).await?;
        crowd.expect_no_failure().await?;
        let log = dayfly.log();
        ensure!(
            !log.contains("No space left"),
            "the pool was full all the same"
        );
        ensure!(neighbour.notes().await? == ["mine", "seeded"]);
        // What runs is not started anew while there is no room, and everything is once there is.
        dayfly.remove(&pull.id).await?;
        eventually("room for others again", async || {
            let left = dayfly.api.get("/api/v1/pool").await?;
            let left = left["free_bytes"].as_u64().unwrap_or_default();
            ensure!(left > 1000 << 20, "{left}");
            Ok(())
        })
        .await?;
        let (_, late) = dayfly.open_live("late", &App::notes("late")).await?;
        ensure!(late.notes().await? == ["seeded"]);
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_previews_can_still_be_removed() -> anyhow::Result<()> {
    let options = Options {
        limits: vec!["pool_free_mib_min = 64".to_owned()],
        disk_mib: Some(2048),
        ..Options::default()
    };
    Dayfly::play_with(options, async |dayfly| {
        let (pull, _) = dayfly.open_live("change", &App::notes("text")).await?;
        let reserve = dayfly.data().join("reserve");
        ensure!(reserve.exists(), "nothing is kept for the store");
        let ballast = dayfly.data().join("ballast");
        fill(&ballast)?;
        dayfly.remove(&pull.id).await?;
        ensure!(
            !reserve.exists(),
            "the store did not need what was kept for it"
        );
        std::fs::remove_file(&ballast)?;
        dayfly.open_live("another", &App::notes("text")).await?;
        ensure!(reserve.exists(), "nothing is kept for the store any more");
        Ok(())
    })
    .await
}

/// Takes all room of the disk that a file is on.
fn fill(file: &std::path::Path) -> anyhow::Result<()> {
    use std::io::Write as _;
    let mut ballast = std::fs::File::create_new(file)?;
    for size in [1 << 20, 4096, 1] {
        let piece = vec![7; size];
        while ballast.write_all(&piece).is_ok() {}
    }
    ballast.sync_all().or_else(|error| {
        let full = error.kind() == std::io::ErrorKind::StorageFull;
        full.then_some(()).ok_or(error)
    })?;
    Ok(())
}
