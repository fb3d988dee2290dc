//! What a server leaves of itself on its host when it ends.

use std::time::Duration;

use deploy::{docker::Docker, engine::Engine as _};

/// How long a stop waits for copies that are being taken.
const COPIES_END_MAX: Duration = Duration::from_secs(10);

/// Takes back what is there for a server that runs: the ceiling of builds, pauses of copies that
/// nobody waits for any more. What was thrown away is deleted by the next one.
pub(super) async fn host(docker: &Docker) {
    docker.lift_build_ceiling();
    if let Some(pool) = &docker.config().pool {
        pool.idle(COPIES_END_MAX).await;
    }
    if let Err(error) = docker.end_pauses().await {
        tracing::warn!(%error, "what stands still goes on with the next start");
    }
    if let Some(pool) = &docker.config().pool {
        pool.leave_trash();
    }
}

/// Takes our rules out of the host's firewall, unless something still needs them.
pub(super) async fn firewall(docker: &Docker) {
    match docker.observe(None).await {
        Ok(seen) if seen.is_empty() => drop(docker.firewall().remove().await),
        Ok(_) => tracing::info!("previews still run; their firewall rules stay"),
        Err(error) => tracing::warn!(%error, "the firewall rules stay"),
    }
}

/// Unmounts the pool, unless a database still runs on it.
pub(super) async fn pool(docker: &Docker) {
    let Some(pool) = &docker.config().pool else {
        return;
    };
    pool.leave_trash();
    let runs = match docker.observe(None).await {
        Ok(seen) => !seen.databases.is_empty(),
        Err(_) => true,
    };
    if runs {
        tracing::info!("databases still run; the pool stays where it is");
    } else if let Err(error) = pool.close().await {
        tracing::warn!(%error, "the pool stays mounted");
    }
}
