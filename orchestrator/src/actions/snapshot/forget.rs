//! Deletes a named snapshot.

use crate::{
    actions::{Action, Caller, Refused},
    worker::Ports,
};

/// Deletes the snapshot of this name.
pub async fn forget(caller: Caller, ports: &Ports, name: &str) -> Result<(), Refused> {
    caller.check(Action::ForgetSnapshot)?;
    let row = ports.store.snapshot(name).await?;
    let row = row.ok_or_else(|| {
        let shown: String = name.chars().take(80).collect();
        Refused::not_found(format!(
            "there is no snapshot {shown:?}; `dayfly snapshot ls` shows all"
        ))
    })?;
    ports.store.forget_snapshot(name).await?;
    ports.databases.forget(&row.id).await?;
    Ok(())
}
