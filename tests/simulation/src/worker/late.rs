//! A step that is past its deadline.

use std::path::Path;

use anyhow::Context as _;
use deploy::fake::{Fault, Op};

use super::life::{Life, SETTLE_TICKS, StopByTicking as _};

/// A call to the engine that never returns: the reason for the delay once the step is late, and how
/// often the worker made the call. The clock must be paused.
///
/// # Errors
/// If the step is not shown as late within ten minutes, or the worker does not stop.
pub async fn late(dir: &Path) -> anyhow::Result<(String, usize)> {
    let (release, held) = std::sync::mpsc::channel::<()>();
    let keeper = tokio::task::spawn_blocking(move || held.recv().is_ok());
    let life = Life::new(0, dir).await?;
    life.engine.stop_faults();
    life.outside.calm();
    life.engine.fail_next(Op::EnsureNetwork, Fault::Hang);
    let mut shown = None;
    for _ in 0..SETTLE_TICKS {
        life.tick().await?;
        let state = life.workers.ports().board.get(&life.preview);
        shown = state.and_then(|state| state.summary.waiting_for.clone());
        if shown.as_ref().is_some_and(|shown| shown.contains("longer")) {
            break;
        }
    }
    let calls = life.engine.calls();
    let calls = calls.iter().filter(|call| call.op == Op::EnsureNetwork);
    let first = calls
        .clone()
        .next()
        .context("no call was made")?
        .what
        .clone();
    let attempts = calls.filter(|call| call.what == first).count();
    life.workers.stop_by_ticking(&life.store).await?;
    drop(release);
    keeper.await?;
    Ok((shown.context("nothing is shown")?, attempts))
}
