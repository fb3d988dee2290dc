//! Begins a backup that a person downloads.

use std::time::Duration;

use super::{
    caller::{Action, Caller},
    refused::Refused,
};
use crate::backup::{Backups, Turn};

/// How long to wait until another backup is finished.
const TURN_WAIT: Duration = Duration::from_secs(60);

/// The turn to write a backup, `with_data` or without.
///
/// # Errors
/// If data cannot be copied, or another backup takes too long.
pub async fn begin(caller: Caller, backups: &Backups, with_data: bool) -> Result<Turn, Refused> {
    caller.check(Action::Backup)?;
    if with_data {
        backups.data_are_there().await.map_err(Refused::outside)?;
    }
    let turn = backups.turn(TURN_WAIT).await;
    turn.ok_or_else(|| {
        Refused::conflict("another backup is being written; try again when it is finished")
    })
}
