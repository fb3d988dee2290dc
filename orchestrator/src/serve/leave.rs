//! What a server leaves of itself on its host when it ends.

use std::time::Duration;

use deploy::{
    docker::Docker,
    engine::{Engine as _, Observation, StrayKind},
};

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

/// Takes back what a start has put up that failed, unless something needs it.
pub(super) async fn failed_start(docker: &Docker) {
    host(docker).await;
    firewall(docker).await;
    pool(docker).await;
}

/// Takes our rules out of the host's firewall, unless something still needs them.
pub(super) async fn firewall(docker: &Docker) {
    match docker.observe(None).await {
        Ok(seen) if !has_containers(&seen) => {
            if let Err(why) = docker.firewall().remove().await {
                tracing::warn!(why, "the firewall rules stay");
            }
        }
        Ok(_) => tracing::info!("previews still run; their firewall rules stay"),
        Err(error) => tracing::warn!(%error, "the firewall rules stay"),
    }
}

/// Whether anything is there that the rules keep apart.
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
        tracing::info!("databases still run; the pool stays where it is");
    } else if let Err(error) = pool.close().await {
        tracing::warn!(%error, "the pool stays mounted");
    }
}
