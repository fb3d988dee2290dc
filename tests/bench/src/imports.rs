//! Data that somebody brings: a large dump beside the server's own client.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};

use super::{
    forks::{container, dumped, filled},
    numbers::{median, ms},
    row::Row,
};
use harness::{Dayfly, Docker};

/// pgbench's scale for a plain dump of about a GB.
const SCALE: &str = "105";
const DUMP_BYTES_MIN: u64 = 950_000_000;
/// The memory of both servers: what an import's has.
const MEMORY: &str = "2g";
/// How often both take turns.
const PAIRS: usize = 3;
/// How often the server's memory is measured.
const MEASURE_EVERY: Duration = Duration::from_millis(50);

const RATIO_GOAL: f64 = 1.15;
const MEMORY_GOAL_MIB: f64 = 64.0;

/// A plain dump by `dayfly snapshot import` and by `psql -f`, in turns, and the memory that the server
/// takes meanwhile.
pub(super) async fn measure(dayfly: &Dayfly, quick: bool) -> anyhow::Result<Vec<Row>> {
    let source = filled(dayfly, SCALE).await?;
    let inside = container(dayfly, &source).await?;
    let file = dumped(dayfly, &inside, "dump.sql", &[]).await?;
    dayfly.remove(&source).await?;
    let length = std::fs::metadata(&file)?.len();
    ensure!(length >= DUMP_BYTES_MIN, "the dump has {length} bytes only");
    let idle = resident_mib(dayfly)?;
    let (mut ours, mut theirs, mut most) = (Vec::new(), Vec::new(), 0.0_f64);
    for _ in 0..if quick { 1 } else { PAIRS } {
        theirs.push(by_client(dayfly, &file).await?);
        let (took, peak) = by_import(dayfly, &file).await?;
        ours.push(took);
        most = most.max(peak);
    }
    std::fs::remove_file(&file)?;
    let said = format!(
        "psql -f of a dump of {} MB on a server that runs",
        length / 1_000_000
    );
    let above = most - idle;
    Ok(vec![
        Row::compared(
            "seed_plain_ratio",
            (ms(median(&ours)), ms(median(&theirs))),
            said,
            RATIO_GOAL,
        ),
        Row::alone("seed_memory_mib", above, "MiB", Some(MEMORY_GOAL_MIB)),
    ])
}

/// The time that the client takes, in a database of ours that is empty.
async fn by_client(dayfly: &Dayfly, file: &Path) -> anyhow::Result<Duration> {
    let made = dayfly.database("postgres:15", None).await?;
    let inside = container(dayfly, &made.id).await?;
    let limits = ["--memory", MEMORY, "--memory-swap", MEMORY];
    Docker::run(&[&["update"], &limits[..], &[&inside]].concat()).await?;
    let to = format!("{inside}:/tmp/dump.sql");
    Docker::run(&["cp", &file.display().to_string(), &to]).await?;
    calm()?;
    let words = [
        "exec",
        &inside,
        "psql",
        "-q",
        "-o",
        "/dev/null",
        "-v",
        "ON_ERROR_STOP=1",
        "-U",
        "app",
        "-f",
        "/tmp/dump.sql",
        "app",
    ];
    let began = Instant::now();
    Docker::run(&words).await?;
    let took = began.elapsed();
    dayfly.remove(&made.id).await?;
    Ok(took)
}

/// The time of an import, and the most memory that the server had meanwhile.
async fn by_import(dayfly: &Dayfly, file: &Path) -> anyhow::Result<(Duration, f64)> {
    calm()?;
    let file = file.display().to_string();
    let words = [
        "snapshot",
        "import",
        "dump",
        &file,
        "--engine",
        "postgres:15",
    ];
    let over = AtomicBool::new(false);
    let look = async {
        let mut most = 0.0_f64;
        while !over.load(Relaxed) {
            most = most.max(resident_mib(dayfly)?);
            tokio::time::sleep(MEASURE_EVERY).await;
        }
        Ok::<_, anyhow::Error>(most)
    };
    let import = async {
        let began = Instant::now();
        let ran = dayfly.command(Path::new("/"), &words).await;
        over.store(true, Relaxed);
        Ok::<_, anyhow::Error>((ran?, began.elapsed()))
    };
    let ((ran, took), most) = futures_util::future::try_join(import, look).await?;
    ran.printed()?;
    let gone = ["snapshot", "rm", "dump"];
    dayfly.command(Path::new("/"), &gone).await?.printed()?;
    Ok((took, most))
}

/// What was written before disturbs nobody.
fn calm() -> anyhow::Result<()> {
    nix::unistd::sync();
    Ok(())
}

/// Memory of the server's process that is in use.
fn resident_mib(dayfly: &Dayfly) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", dayfly.server_pid()))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    let kib: f64 = kib
        .context("the server's memory is not to be seen")?
        .parse()?;
    Ok(kib / 1024.0)
}
