//! Data: databases from snapshots of several sizes, and copies of what runs under load.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};

use super::{
    forks_running,
    numbers::{median, ms},
    row::Row,
};
use harness::{Dayfly, Docker, Options, eventually_within};

const POSTGRES: &str = "postgres:15";
/// pgbench's scale for about a GiB.
const SCALE_1GB: &str = "70";
/// Databases of other sizes: pgbench's scale, or GiB of a file beside a small one.
const SMALL_SCALE: &str = "7";
const LARGE_SCALE: &str = "205";
const HUGE_GIB: usize = 19;
/// How often each size is asked for.
const ROUNDS: usize = 5;
/// How many are asked for at once.
const AT_ONCE: usize = 10;
/// Rows that are changed, one beside the other.
const NEIGHBOURS: usize = 1_000;

const FORK_1GB_GOAL_S: f64 = 1.2;
const RESTORE_GOAL: f64 = 0.1;
const SPREAD_GOAL: f64 = 1.5;
const DISK_GOAL_MB: f64 = 20.0;
const BASELINE_GOAL_PERCENT: f64 = 1.0;
const TEN_GOAL_S: f64 = 10.0;

/// How long the making of a large database may take.
const SEED_MAX: Duration = Duration::from_secs(300);

/// Room for all that is measured at once.
pub(super) fn settings() -> Options {
    Options {
        direct: true,
        limits: vec![
            "forks_max = 60".to_owned(),
            "previews_awake_max = 80".to_owned(),
        ],
        ..Options::default()
    }
}

/// Everything about data; quickly, only what runs.
pub(super) async fn measure(dayfly: &Dayfly, quick: bool) -> anyhow::Result<Vec<Row>> {
    let big = filled(dayfly, SCALE_1GB).await?;
    if quick {
        return forks_running::measure(dayfly, &big, quick).await;
    }
    dayfly.save(&big, "main", "gib").await?;
    let mut rows = Vec::new();
    rows.extend(from_snapshots(dayfly).await?);
    rows.push(beside_restore(dayfly, &big).await?);
    rows.extend(disk(dayfly).await?);
    rows.extend(ten(dayfly).await?);
    rows.extend(forks_running::measure(dayfly, &big, quick).await?);
    Ok(rows)
}

/// A database with pgbench's tables.
pub(super) async fn filled(dayfly: &Dayfly, scale: &str) -> anyhow::Result<String> {
    let made = dayfly.database(POSTGRES, None).await?;
    let container = container(dayfly, &made.id).await?;
    let words = [
        "exec", &container, "pgbench", "-q", "-i", "-s", scale, "-U", "app", "app",
    ];
    Docker::run(&words).await?;
    Ok(made.id)
}

pub(super) async fn container(dayfly: &Dayfly, id: &str) -> anyhow::Result<String> {
    let reach = dayfly.reach(id, "-").await?;
    Ok(reach["container"]
        .as_str()
        .context("no container")?
        .to_owned())
}

/// From the request to the first row of the largest table that an application reads, nothing of it in
/// memory before.
async fn first_row(dayfly: &Dayfly, snapshot: &str) -> anyhow::Result<Duration> {
    drop_caches()?;
    let began = Instant::now();
    let made = dayfly.database(POSTGRES, Some(snapshot)).await?;
    let row = dayfly
        .first_value(&made.id, "select aid from pgbench_accounts limit 1")
        .await?;
    let took = began.elapsed();
    ensure!(row == "1", "the first row is {row:?}");
    dayfly.remove(&made.id).await?;
    Ok(took)
}

fn drop_caches() -> anyhow::Result<()> {
    nix::unistd::sync();
    std::fs::write("/proc/sys/vm/drop_caches", "3").context("caches cannot be dropped without root")
}

async fn from_snapshots(dayfly: &Dayfly) -> anyhow::Result<Vec<Row>> {
    let small = filled(dayfly, SMALL_SCALE).await?;
    dayfly.save(&small, "main", "small").await?;
    let large = filled(dayfly, LARGE_SCALE).await?;
    dayfly.save(&large, "main", "large").await?;
    // Blocks that are allocated and never written cost a copy as much as others do.
    let inside = container(dayfly, &small).await?;
    for number in 0..HUGE_GIB {
        let file = format!("/var/lib/postgresql/data/fill-{number}");
        Docker::run(&[
            "exec",
            "-u",
            "postgres",
            &inside,
            "fallocate",
            "-l",
            "1GiB",
            "--",
            &file,
        ])
        .await?;
    }
    dayfly.save(&small, "main", "huge").await?;
    for id in [&small, &large] {
        dayfly.remove(id).await?;
    }
    let mut medians = Vec::new();
    for snapshot in ["gib", "small", "large", "huge"] {
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            times.push(first_row(dayfly, snapshot).await?);
        }
        medians.push(median(&times).as_secs_f64());
    }
    let slowest = medians.iter().copied().fold(0.0, f64::max);
    let fastest = medians.iter().copied().fold(f64::MAX, f64::min);
    let said = format!(
        "the fastest of 0.1, 1, 3 and 20 GB: {:.2}, {:.2}, {:.2} and {:.2} s",
        medians[1], medians[0], medians[2], medians[3]
    );
    Ok(vec![
        Row::alone("fork_1gb_s", medians[0], "s", Some(FORK_1GB_GOAL_S)),
        Row::compared("fork_size_spread", (slowest, fastest), said, SPREAD_GOAL).in_unit("s"),
    ])
}

/// What `pg_dump` makes of a database of ours, in a file of this name on the host.
pub(super) async fn dumped(
    dayfly: &Dayfly,
    inside: &str,
    name: &str,
    options: &[&str],
) -> anyhow::Result<PathBuf> {
    let dump = ["exec", inside, "pg_dump", "-U", "app", "-f", "/tmp/dump"];
    Docker::run(&[&dump, options, &["app"]].concat()).await?;
    let file = dayfly.data().join(name);
    let from = format!("{inside}:/tmp/dump");
    Docker::run(&["cp", &from, &file.display().to_string()]).await?;
    Ok(file)
}

/// The same data by `pg_restore` into a fresh server, and by `createdb -T` on the one that has them.
async fn beside_restore(dayfly: &Dayfly, big: &str) -> anyhow::Result<Row> {
    let inside = container(dayfly, big).await?;
    let file = dumped(dayfly, &inside, "dump", &["-Fc", "-Z0"]).await?;
    let template = Instant::now();
    Docker::run(&[
        "exec", &inside, "createdb", "-U", "app", "-T", "app", "copy",
    ])
    .await?;
    let template = template.elapsed();
    Docker::run(&["exec", &inside, "dropdb", "-U", "app", "copy"]).await?;
    drop_caches()?;
    let began = Instant::now();
    let restored = restore(&file).await;
    let restored_in = began.elapsed();
    restored?;
    std::fs::remove_file(&file)?;
    let mut forks = Vec::new();
    for _ in 0..ROUNDS {
        forks.push(first_row(dayfly, "gib").await?);
    }
    let said = format!(
        "pg_restore into a fresh server; createdb -T on one that has the data: {:.1} s",
        template.as_secs_f64()
    );
    Ok(Row::compared(
        "fork_1gb_vs_restore",
        (ms(median(&forks)), ms(restored_in)),
        said,
        RESTORE_GOAL,
    ))
}

async fn restore(dump: &Path) -> anyhow::Result<()> {
    let mount = format!("{}:/dump:ro", dump.display());
    let run = [
        "run",
        "--detach",
        "--rm",
        "--env",
        "POSTGRES_PASSWORD=x",
        "--volume",
        &mount,
        POSTGRES,
    ];
    let id = Docker::run(&run).await?.trim().to_owned();
    let restored = async {
        eventually_within(SEED_MAX, "a fresh server", async || {
            let ask = [
                "exec",
                &id,
                "psql",
                "-h",
                "127.0.0.1",
                "-U",
                "postgres",
                "-c",
                "select 1",
            ];
            Docker::run(&ask).await.map(drop)
        })
        .await?;
        Docker::run(&[
            "exec",
            &id,
            "pg_restore",
            "--no-owner",
            "-U",
            "postgres",
            "-d",
            "postgres",
            "/dump",
        ])
        .await?;
        let row = "select aid from pgbench_accounts limit 1";
        Docker::run(&["exec", &id, "psql", "-U", "postgres", "-c", row]).await
    }
    .await;
    Docker::run(&["rm", "--force", "--volumes", &id]).await?;
    restored.map(drop)
}

/// Bytes of the pool that are in use.
fn pool_used(dayfly: &Dayfly) -> anyhow::Result<u64> {
    let facts = nix::sys::statvfs::statvfs(&dayfly.data().join("pool"))?;
    Ok((facts.blocks() - facts.blocks_free()) * facts.fragment_size())
}

/// What a copy costs once all of it was read and some of it written, and after its removal.
async fn disk(dayfly: &Dayfly) -> anyhow::Result<Vec<Row>> {
    nix::unistd::sync();
    let before = pool_used(dayfly)?;
    let made = dayfly.database(POSTGRES, Some("gib")).await?;
    let read = "select sum(a.abalance), (select sum(bbalance) from pgbench_branches), \
                (select sum(tbalance) from pgbench_tellers), (select count(*) from pgbench_history) \
                from pgbench_accounts a";
    dayfly.sql(&made.id, "-", read).await?;
    let write = format!("update pgbench_accounts set abalance = 1 where aid <= {NEIGHBOURS}");
    dayfly.sql(&made.id, "-", &write).await?;
    dayfly.sql(&made.id, "-", "checkpoint").await?;
    nix::unistd::sync();
    let cost = pool_used(dayfly)?.saturating_sub(before);
    dayfly.remove(&made.id).await?;
    let mut after = 0;
    let back = eventually_within(SEED_MAX, "the room of a removed copy", async || {
        after = pool_used(dayfly)?;
        let over = after.saturating_sub(before) as f64 / before as f64 * 100.0;
        ensure!(
            over <= BASELINE_GOAL_PERCENT,
            "{over:.2} % more than before"
        );
        Ok(())
    })
    .await;
    drop(back);
    let over = after.saturating_sub(before) as f64 / before as f64 * 100.0;
    let mb = cost as f64 / 1e6;
    Ok(vec![
        Row::alone("fork_disk_mb", mb, "MB", Some(DISK_GOAL_MB)),
        Row::alone(
            "fork_disk_left_percent",
            over,
            "%",
            Some(BASELINE_GOAL_PERCENT),
        ),
    ])
}

/// Ten at once, each with a row of its own that no other sees.
async fn ten(dayfly: &Dayfly) -> anyhow::Result<Vec<Row>> {
    drop_caches()?;
    let began = Instant::now();
    let asked = (0..AT_ONCE).map(|_| dayfly.database(POSTGRES, Some("gib")));
    let made = futures_util::future::try_join_all(asked).await?;
    let took = began.elapsed();
    for (number, preview) in made.iter().enumerate() {
        let write = format!("update pgbench_branches set filler = '{number}' where bid = 1");
        dayfly.sql(&preview.id, "-", &write).await?;
    }
    let digest = "select md5(string_agg(bid || ':' || bbalance || ':' || case when bid = 1 then '' \
                  else coalesce(filler, '') end, ',' order by bid)) from pgbench_branches";
    let mut digests = std::collections::BTreeSet::new();
    for (number, preview) in made.iter().enumerate() {
        let own = "select trim(filler) from pgbench_branches where bid = 1";
        let own = dayfly.sql(&preview.id, "-", own).await?;
        ensure!(
            own == number.to_string(),
            "a copy sees {own:?} instead of {number}"
        );
        digests.insert(dayfly.sql(&preview.id, "-", digest).await?);
    }
    ensure!(
        digests.len() == 1,
        "ten copies of one snapshot differ: {digests:?}"
    );
    for preview in &made {
        dayfly.remove(&preview.id).await?;
    }
    Ok(vec![Row::alone(
        "fork_ten_s",
        took.as_secs_f64(),
        "s",
        Some(TEN_GOAL_S),
    )])
}
