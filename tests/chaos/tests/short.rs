//! A short run of what `make chaos` does a thousand times.

use anyhow::ensure;
use chaos::{self, Options};

const CYCLES: u64 = 12;
const KILLS: u64 = 15;
const PULLS: u64 = 3;
const BACKUPS: u64 = 15;

#[tokio::test(flavor = "multi_thread")]
async fn kills_at_random_under_load_lose_nothing_fail_nobody_and_leave_no_orphan()
-> anyhow::Result<()> {
    let mut options = Options {
        kills: KILLS,
        pulls: PULLS,
        ..Options::default()
    };
    if let Ok(seed) = std::env::var("TEST_SEED") {
        options.seed = seed.parse()?;
    }
    let report = chaos::run(&options).await?;
    println!("{report}");
    ensure!(report.kills == KILLS, "{} kills", report.kills);
    report.verdict()
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_of_data_are_whole_whoever_is_killed_while_they_are_taken() -> anyhow::Result<()> {
    let mut options = Options::default();
    if let Ok(seed) = std::env::var("TEST_SEED") {
        options.seed = seed.parse()?;
    }
    println!("--seed {}", options.seed);
    let report = chaos::run_data(CYCLES, &options).await?;
    println!("{report}");
    ensure!(report.cycles == CYCLES, "{} cycles", report.cycles);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_was_written_brings_back_what_was_live_whatever_died_meanwhile()
-> anyhow::Result<()> {
    let mut options = Options::default();
    if let Ok(seed) = std::env::var("TEST_SEED") {
        options.seed = seed.parse()?;
    }
    println!("--seed {}", options.seed);
    let report = chaos::run_backups(BACKUPS, &options).await?;
    println!("{report}");
    ensure!(report.rounds == BACKUPS, "{} rounds", report.rounds);
    Ok(())
}
