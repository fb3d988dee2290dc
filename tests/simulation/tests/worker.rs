//! Lives of a preview, driven by the real worker on the fake engine.

use anyhow::Context as _;
use simulation::worker::{late, life};

/// Lives that each of the tests lives.
const LIVES: u64 = 40;

/// Where memory serves as a disk, syncing costs nothing.
fn scratch() -> anyhow::Result<tempfile::TempDir> {
    let memory = std::path::Path::new("/dev/shm");
    match memory.is_dir() {
        true => tempfile::tempdir_in(memory),
        false => tempfile::tempdir(),
    }
    .context("no directory for the store")
}

async fn live(block: u64) -> anyhow::Result<()> {
    let (base, count) = match std::env::var("TEST_SEED") {
        Ok(seed) => (seed.parse().context("TEST_SEED is not a number")?, 1),
        Err(_) => (block * LIVES, LIVES),
    };
    for seed in base..base + count {
        let dir = scratch()?;
        let again = format!("again: TEST_SEED={seed} cargo nextest run -p simulation worker");
        life(seed, dir.path())
            .await
            .with_context(|| format!("seed {seed}; {again}"))?;
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_call_that_never_returns_is_shown_as_late_and_made_once() -> anyhow::Result<()> {
    let dir = scratch()?;
    let (shown, attempts) = late(dir.path()).await?;
    anyhow::ensure!(shown.contains("network"), "{shown}");
    anyhow::ensure!(attempts == 1, "{attempts} attempts");
    Ok(())
}

macro_rules! blocks {
    ($($name:ident $block:literal)*) => {
        $(
            #[tokio::test(start_paused = true)]
            async fn $name() -> anyhow::Result<()> { live($block).await }
        )*
    };
}

blocks! {
    the_real_worker_settles_1 0
    the_real_worker_settles_2 1
    the_real_worker_settles_3 2
    the_real_worker_settles_4 3
    the_real_worker_settles_5 4
    the_real_worker_settles_6 5
}
