//! Removes a preview.

use super::{
    caller::{Action, Caller},
    refused::Refused,
};
use crate::{clock::wall_ms, lifecycle::Desired, store::PreviewRow, worker::Workers};

/// Removes a preview. A second call changes nothing.
pub async fn remove(caller: Caller, workers: &Workers, row: &PreviewRow) -> Result<(), Refused> {
    caller.check(Action::Remove)?;
    let store = &workers.ports().store;
    let changed = store.change_desired(&row.id, wall_ms(), Desired::remove);
    changed.await?;
    workers.wake(&row.id);
    Ok(())
}
