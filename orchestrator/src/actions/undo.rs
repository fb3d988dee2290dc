//! Goes back to the revision that served before.

use super::{
    caller::{Action, Caller},
    change::change,
    refused::Refused,
};
use crate::{preview::current, store::PreviewRow, worker::Workers};

/// Goes back to the revision that served before, including its data. A second call redoes it.
pub async fn undo(caller: Caller, workers: &Workers, row: &PreviewRow) -> Result<(), Refused> {
    caller.check(Action::Undo)?;
    let observed = current::observed(workers.ports(), row).await?;
    change(workers, row, move |desired| {
        desired.undo(&observed).map(drop)
    })
    .await
}
