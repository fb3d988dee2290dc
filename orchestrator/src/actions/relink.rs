//! Replaces a preview's link.

use serde::{Deserialize, Serialize};

use super::{
    caller::{Action, Caller},
    hours,
    refused::Refused,
};
use crate::{
    clock::wall_ms,
    lifecycle::{Origin, Wanted},
    store::PreviewRow,
    worker::{Ports, Workers},
};

/// Maximum lifetime of a link, in hours.
const HOURS_MAX: u64 = 24 * 365;

/// The request for a new link.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelinkRequest {
    /// Its lifetime in hours; without it, the link lasts as long as the preview.
    #[serde(default)]
    pub hours: Option<u64>,
}

/// Replaces the link. After that, the old link and its sessions are invalid. The comment is updated
/// later.
pub async fn relink(
    caller: Caller,
    workers: &Workers,
    row: &PreviewRow,
    request: RelinkRequest,
) -> Result<(), Refused> {
    caller.check(Action::Relink)?;
    let ports = workers.ports();
    check_has_link(ports, row)?;
    if let Some(hours) = request.hours {
        hours::check(hours, HOURS_MAX)?;
    }
    let now_ms = wall_ms();
    let expires_at_ms = request.hours.map(|hours| hours::end_ms(now_ms, hours));
    ports.store.relink(&row.id, expires_at_ms, now_ms).await?;
    workers.wake(&row.id);
    let admitted = ports.routes.admit(&row.id, &ports.store).await;
    admitted.map_err(|error| {
        Refused::outside(format!(
            "the old link is invalid, but its visitors may still have access because the proxy \
             does not answer: {error}"
        ))
    })
}

/// Fails if the preview has no link.
fn check_has_link(ports: &Ports, row: &PreviewRow) -> Result<(), Refused> {
    let id = &row.id;
    if row.desired.origin == Origin::Database {
        let why = format!("{id} is a database, which has no link");
        return Err(Refused::conflict(why));
    }
    if ports.settings.is_local() {
        let domain = &ports.settings.domain;
        let why = format!("previews under {domain} open without a link");
        return Err(Refused::conflict(why));
    }
    if matches!(row.desired.wanted, Wanted::Nothing(_)) || row.desired.clearing {
        let why = format!("{id} is ending or has ended, so it has no link");
        return Err(Refused::conflict(why));
    }
    Ok(())
}
