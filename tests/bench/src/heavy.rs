//! A build that keeps a core busy, in a preview of its own.

use std::time::Duration;

use anyhow::ensure;

use harness::{Dayfly, Pull, eventually, runs};

use super::shop::shop;

/// What it is called in the table.
pub(super) const NAME: &str = "a build whose RUN step computes on one core all the while";
/// Longer than it is needed; closing the pull request ends it.
const MORE: Duration = Duration::from_secs(120);

/// Begins it, and waits until it computes.
pub(super) async fn begin(dayfly: &Dayfly, lasting: Duration) -> anyhow::Result<Pull> {
    let seconds = (lasting + MORE).as_secs();
    // In its command line, so that it is told from every other process.
    let mark = mark();
    let program = format!(
        "import time; {mark} = time.time() + {seconds}; \
         all(time.time() < {mark} for _ in iter(int, 1))"
    );
    let app = shop().then(&format!("RUN [\"python3\", \"-c\", \"{program}\"]"));
    let pull = dayfly.open("heavy", &app).await?;
    eventually("the heavy build computes", async || {
        ensure!(runs(&mark)?, "it does not run yet");
        Ok(())
    })
    .await?;
    Ok(pull)
}

/// Whether it still computes.
pub(super) fn goes_on() -> anyhow::Result<bool> {
    runs(&mark())
}

fn mark() -> String {
    format!("dayfly_bench_{}", std::process::id())
}
