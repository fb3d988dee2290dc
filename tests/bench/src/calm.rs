//! Waits until Dayfly has nothing more to do.

use anyhow::ensure;

use harness::{Dayfly, eventually};

/// Returns when so many previews are live, everything else is gone, and of each only one revision
/// is left in the engine.
pub(super) async fn calm(dayfly: &Dayfly, previews: usize) -> anyhow::Result<()> {
    eventually("nothing more to do", async || {
        let known = dayfly.api.previews().await?;
        let live = known
            .iter()
            .filter(|preview| preview.phase == "live")
            .count();
        let gone = known
            .iter()
            .filter(|preview| preview.phase == "gone")
            .count();
        ensure!(live == previews && live + gone == known.len(), "{known:?}");
        let left = dayfly.docker.left().await?;
        ensure!(
            left.containers.len() == previews && left.networks.len() == previews,
            "{left:?}"
        );
        Ok(())
    })
    .await
}
