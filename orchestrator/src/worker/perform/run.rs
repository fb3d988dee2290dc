//! Steps from images to a revision that serves.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use deploy::{
    blueprint::{Health, Service},
    engine::{Activity, EngineError, Probe, Room, RoomSpec, ServiceKey},
    names::{RevisionNumber, ServiceName},
};
use futures_util::{StreamExt as _, future};
use tokio::time::Instant;

use super::{Effect, Scene, Trouble, source};
use crate::{diagnosis, environment, lifecycle::Routed, worker::clock::wall_ms};

/// How long after a probe that found nothing the next one begins.
const PROBE_PAUSE_FIRST: Duration = Duration::from_millis(5);
const PROBE_PAUSE_LONGEST: Duration = Duration::from_millis(250);
/// How often the container itself is looked at while it does not answer.
const EXIT_LOOK_PAUSE: Duration = Duration::from_millis(500);
/// How many of a service's last lines go into a diagnosis.
const EVIDENCE_LINES: usize = 30;

pub(super) async fn ensure_room(
    scene: &Scene<'_>,
    room: &Room,
    members: usize,
) -> Result<Effect, Trouble> {
    let spec = RoomSpec {
        preview: scene.preview.clone(),
        room: room.clone(),
        members,
    };
    scene.ports.engine.ensure_room(&spec).await?;
    Ok(Effect::Done)
}

/// Starts a service. An image that is not there any more is forgotten, so that it is made again.
pub(super) async fn start(
    scene: &Scene<'_>,
    number: RevisionNumber,
    name: &ServiceName,
) -> Result<Effect, Trouble> {
    let service = source::service(scene, number, name)?;
    let spec = environment::service_spec(scene.ports, scene.snapshot, number, service).await?;
    match scene.ports.engine.start_service(&spec).await {
        Ok(_) => Ok(Effect::Done),
        Err(EngineError::Missing(what)) => {
            let store = &scene.ports.store;
            store
                .forget_image(scene.preview, number, name.clone())
                .await?;
            Err(Trouble::again(format!("{what} is missing")))
        }
        Err(EngineError::Refused { why, .. }) => {
            Err(Trouble::Verdict(diagnosis::start_refused(name, &why)))
        }
        Err(error) => Err(error.into()),
    }
}

/// Waits until every service is ready, or one of them has ended.
pub(super) async fn probe(scene: &Scene<'_>, number: RevisionNumber) -> Result<Effect, Trouble> {
    let facts = scene.revision(number)?;
    let addresses = scene.snapshot.observed.addresses(facts);
    let (Some(blueprint), Some(addresses)) = (&facts.blueprint, addresses) else {
        return Err(Trouble::again("not all services run"));
    };
    let waits = blueprint.services.iter().filter_map(|service| {
        let address = *addresses.get(&service.name)?;
        Some(wait_ready(scene, number, service, address))
    });
    future::try_join_all(waits).await?;
    scene
        .ports
        .store
        .set_healthy(scene.preview, number, wall_ms())
        .await?;
    Ok(Effect::Ready(addresses))
}

async fn wait_ready(
    scene: &Scene<'_>,
    number: RevisionNumber,
    service: &Service,
    address: SocketAddr,
) -> Result<(), Trouble> {
    if service.health == Health::Running {
        return Ok(());
    }
    let host = environment::service_host(scene.ports, &scene.snapshot.row, service)
        .map_or_else(|| service.name.to_string(), |host| host.to_string());
    let limit = Duration::from_secs(scene.ports.settings.limits.start_seconds_max);
    let deadline = Instant::now() + limit;
    let mut pause = PROBE_PAUSE_FIRST;
    let mut look_at = Instant::now() + EXIT_LOOK_PAUSE;
    loop {
        let found = scene
            .ports
            .engine
            .probe(address, &host, &service.health)
            .await;
        if found == Probe::Ready {
            return Ok(());
        }
        if Instant::now() >= look_at {
            if has_moved(scene, number, service, address).await? {
                return Err(Trouble::again(format!(
                    "{} is not where it was",
                    service.name
                )));
            }
            look_at = Instant::now() + EXIT_LOOK_PAUSE;
        }
        if Instant::now() >= deadline {
            let evidence = last_lines(scene, number, &service.name).await;
            let diagnosis = diagnosis::not_ready(service, &found, limit, evidence);
            return Err(Trouble::Verdict(diagnosis));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PROBE_PAUSE_LONGEST);
    }
}

/// Whether the container ended or got another address; then the lifecycle has to look first.
async fn has_moved(
    scene: &Scene<'_>,
    number: RevisionNumber,
    service: &Service,
    address: SocketAddr,
) -> Result<bool, Trouble> {
    let seen = scene.ports.engine.observe(Some(scene.preview)).await?;
    let state = seen
        .services
        .iter()
        .find(|state| state.key.revision == number && state.key.service == service.name);
    Ok(!state.is_some_and(|s| s.activity == Activity::Running && s.address == Some(address)))
}

/// Says why a service that never served has ended.
pub(super) async fn explain(
    scene: &Scene<'_>,
    number: RevisionNumber,
    name: &ServiceName,
) -> Result<Effect, Trouble> {
    let key = (number, name.clone());
    let activity = scene
        .snapshot
        .observed
        .services
        .get(&key)
        .map(|view| view.activity.clone());
    let Some(Activity::Exited {
        exit_code,
        out_of_memory,
    }) = activity
    else {
        return Ok(Effect::Done);
    };
    let service = source::service(scene, number, name)?;
    let evidence = last_lines(scene, number, name).await;
    Err(Trouble::Verdict(diagnosis::exited(
        service,
        exit_code,
        out_of_memory,
        evidence,
    )))
}

/// A service's last lines; none where they cannot be read, since a diagnosis without evidence is
/// better than no diagnosis.
pub(super) async fn last_lines(
    scene: &Scene<'_>,
    number: RevisionNumber,
    name: &ServiceName,
) -> Vec<String> {
    let key = ServiceKey {
        preview: scene.preview.clone(),
        revision: number,
        service: name.clone(),
    };
    let Ok(lines) = scene.ports.engine.logs(&key, EVIDENCE_LINES, false).await else {
        return Vec::new();
    };
    lines
        .take(EVIDENCE_LINES)
        .filter_map(|line| future::ready(line.ok()))
        .map(|line| crate::text::plain(&String::from_utf8_lossy(&line.text)))
        .collect()
        .await
}

/// Leads the preview's hosts to a revision.
pub(super) async fn route(scene: &Scene<'_>, number: RevisionNumber) -> Result<Effect, Trouble> {
    let facts = scene.revision(number)?;
    let all = scene.snapshot.observed.addresses(facts);
    let (Some(blueprint), Some(all)) = (&facts.blueprint, all) else {
        return Err(Trouble::again("not all services run"));
    };
    let public: BTreeMap<_, _> = blueprint
        .services
        .iter()
        .filter(|service| service.public)
        .filter_map(|service| Some((service.name.clone(), *all.get(&service.name)?)))
        .collect();
    let routed = Routed {
        revision: number,
        addresses: public,
    };
    // Before the proxy takes it: a revision that visitors may have met is one to go back to.
    if !facts.served {
        let store = &scene.ports.store;
        store.set_served(scene.preview, number, wall_ms()).await?;
    }
    scene
        .ports
        .routes
        .route(&scene.snapshot.row, Some((routed, blueprint)))
        .await
        .map_err(Trouble::again)?;
    Ok(Effect::Done)
}

pub(super) async fn unroute(scene: &Scene<'_>) -> Result<Effect, Trouble> {
    scene
        .ports
        .routes
        .route(&scene.snapshot.row, None)
        .await
        .map_err(Trouble::again)?;
    Ok(Effect::Done)
}

pub(super) async fn drain(scene: &Scene<'_>, number: RevisionNumber) -> Result<Effect, Trouble> {
    let deadline = Duration::from_secs(scene.ports.settings.limits.drain_seconds_max);
    scene
        .ports
        .routes
        .drain(scene.preview, number, deadline)
        .await
        .map_err(Trouble::again)?;
    Ok(Effect::Done)
}
