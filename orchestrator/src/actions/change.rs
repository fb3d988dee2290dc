//! Changes the desired state of a preview that serves, or says why it cannot change now.

use super::refused::Refused;
use crate::{
    clock::wall_ms,
    lifecycle::{Desired, Unready},
    store::PreviewRow,
    worker::{Ports, Workers},
};

/// Changes the desired state of a preview and wakes its worker.
pub(super) async fn change(
    workers: &Workers,
    row: &PreviewRow,
    change: impl FnOnce(&mut Desired) -> Result<(), Unready> + Send + 'static,
) -> Result<(), Refused> {
    let ports = workers.ports();
    let changed = ports.store.change_desired(&row.id, wall_ms(), change);
    if let Some(Err(unready)) = changed.await? {
        return Err(refused(ports, row, unready));
    }
    workers.wake(&row.id);
    Ok(())
}

/// Why the preview cannot change now.
pub(super) fn refused(ports: &Ports, row: &PreviewRow, unready: Unready) -> Refused {
    let id = &row.id;
    Refused::conflict(match unready {
        Unready::Captured => {
            format!("{id} is a capture and cannot change; `dayfly fork {id}` opens a copy of it")
        }
        Unready::InPhase(phase) => format!("{id} is {phase}; wait until it is live"),
        Unready::NothingBefore => {
            let hours = ports.settings.limits.undo_hours_max;
            format!(
                "{id} has no earlier revision to go back to: a replaced revision is kept for {hours} h, \
                 or until the next push"
            )
        }
    })
}
