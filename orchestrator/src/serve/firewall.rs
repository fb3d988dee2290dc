//! Keeps the rules of the host's firewall in place while a server runs.

use std::time::Duration;

use deploy::docker::{Docker, FirewallStatus};
use tokio_util::sync::CancellationToken;

/// How often the rules are looked at: somebody may have flushed them, and until they are back previews
/// reach the host.
const PAUSE: Duration = Duration::from_secs(1);

/// How long they are left alone where putting them back does not help. The host's program prints them in
/// other words than ours, or others keep theirs before ours.
const PAUSE_IN_VAIN: Duration = Duration::from_secs(30);

/// Looks at the rules until we stop, and puts them back. The start has put them there.
pub(super) async fn keep(docker: Docker, stop: CancellationToken) {
    let mut pause = PAUSE;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        // What cannot be set is told once, by whoever tries.
        pause = match docker.ensure_firewall().await {
            FirewallStatus::Missing => PAUSE_IN_VAIN,
            FirewallStatus::Set | FirewallStatus::CannotSet(_) => PAUSE,
        };
    }
}
