//! A short run of what `make chaos` does a thousand times.

use anyhow::ensure;
use tests::chaos::{self, Options};

const KILLS: u64 = 15;
const PULLS: u64 = 3;

#[tokio::test(flavor = "multi_thread")]
async fn kills_at_random_under_load_lose_nothing_fail_nobody_and_leave_no_orphan()
-> anyhow::Result<()> {
    let mut options = Options {
        kills: KILLS,
        pulls: PULLS,
        ..Options::default()
    };
    if let Ok(seed) = std::env::var("DAYFLY_TEST_SEED") {
        options.seed = seed.parse()?;
    }
    let report = chaos::run(&options).await?;
    println!("{report}");
    ensure!(report.kills == KILLS, "{} kills", report.kills);
    report.verdict()
}
