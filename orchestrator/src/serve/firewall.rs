//! Keeps the rules of the host's firewall in place while a server runs.

use std::time::Duration;

use deploy::docker::{Docker, FirewallStatus};
use tokio_util::sync::CancellationToken;

/// How often the rules are checked: after someone flushes them, previews can reach the host until
/// they are back.
const PAUSE: Duration = Duration::from_secs(1);

/// Pause where restoring the rules does not help: the host's tool prints them in another form, or
/// another program keeps its rules before Dayfly's.
const PAUSE_IN_VAIN: Duration = Duration::from_secs(30);

/// Restores missing rules until the server stops. The start has set them.
pub(super) async fn keep(docker: Docker, stop: CancellationToken) {
    let mut pause = PAUSE;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        // `ensure_firewall` logs once that the rules cannot be set.
        pause = match docker.ensure_firewall().await {
            FirewallStatus::Missing => PAUSE_IN_VAIN,
            FirewallStatus::Set | FirewallStatus::CannotSet(_) => PAUSE,
        };
    }
}
