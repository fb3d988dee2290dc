//! Cleans up the host when a server stops.

use std::time::Duration;

use deploy::{
    docker::Docker,
    engine::{Engine as _, Observation, StrayKind},
};

/// How long a stop waits for copies that are being taken.
const COPIES_END_MAX: Duration = Duration::from_secs(10);

/// Undoes the changes that only a running server needs: the limit of builds, and the pauses of
/// abandoned copies. The next server empties the trash of the pool.
pub(super) async fn host(docker: &Docker) {
    docker.lift_build_ceiling();
    if let Some(pool) = &docker.config().pool {
        pool.idle(COPIES_END_MAX).await;
    }
    if let Err(error) = docker.end_pauses().await {
        tracing::warn!(%error, "cannot unpause containers after a copy; the next start will");
    }
    if let Some(pool) = &docker.config().pool {
        pool.leave_trash();
    }
}

/// Undoes the changes of a failed start, unless containers need them.
pub(super) async fn failed_start(docker: &Docker) {
    host(docker).await;
    firewall(docker).await;
    pool(docker).await;
}

/// Removes Dayfly's rules from the host's firewall, unless containers still need them.
pub(super) async fn firewall(docker: &Docker) {
    match docker.observe(None).await {
        Ok(seen) if !has_containers(&seen) => {
            if let Err(why) = docker.firewall().remove().await {
                tracing::warn!(why, "cannot remove the firewall rules; they stay");
            }
        }
        Ok(_) => tracing::info!("previews still run; their firewall rules stay"),
        Err(error) => tracing::warn!(%error, "cannot observe the engine; firewall rules stay"),
    }
}

/// Whether containers exist that the firewall rules isolate.
pub(super) fn has_containers(seen: &Observation) -> bool {
    let strays = &mut seen.strays.iter();
    !seen.services.is_empty()
        || !seen.databases.is_empty()
        || strays.any(|stray| stray.kind == StrayKind::Container)
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
        tracing::info!("databases still run; the pool stays mounted");
    } else if let Err(error) = pool.close().await {
        tracing::warn!(%error, "cannot unmount the pool; it stays mounted");
    }
}
