//! Steps from images to a revision that serves.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use deploy::{
    blueprint::{Health, Service},
    engine::{ContainerState, EngineError, Network, NetworkSpec, Probe, ServiceKey},
    names::{RevisionNumber, ServiceName},
};
use futures_util::{StreamExt as _, future};
use tokio::time::Instant;

use super::{
    context::{Effect, StepContext, StepError},
    source,
};
use crate::{clock::wall_ms, diagnosis, lifecycle::Routed, preview::environment};

/// How long after a probe that found nothing the next one begins.
const PROBE_PAUSE_FIRST: Duration = Duration::from_millis(5);
const PROBE_PAUSE_LONGEST: Duration = Duration::from_millis(250);
/// How often the container itself is looked at while it does not answer.
const EXIT_LOOK_PAUSE: Duration = Duration::from_millis(500);
/// How many of a service's last lines go into a diagnosis.
const EVIDENCE_LINES: usize = 30;

pub(super) async fn ensure_network(
    context: &StepContext<'_>,
    network: &Network,
    members: usize,
) -> Result<Effect, StepError> {
    let spec = NetworkSpec {
        preview: context.preview.clone(),
        network: network.clone(),
        members,
    };
    context.ports.engine.ensure_network(&spec).await?;
    Ok(Effect::Done)
}

/// Starts a service. An image that is not there any more is forgotten, so that it is made again.
pub(super) async fn start(
    context: &StepContext<'_>,
    number: RevisionNumber,
    name: &ServiceName,
) -> Result<Effect, StepError> {
    let service = source::service(context, number, name)?;
    let spec = environment::service_spec(context.ports, context.state, number, service).await?;
    match context.ports.engine.start_service(&spec).await {
        Ok(_) => Ok(Effect::Done),
        Err(EngineError::Missing(what)) => {
            let store = &context.ports.store;
            store
                .forget_image(context.preview, number, name.clone())
                .await?;
            Err(StepError::transient(format!("{what} is missing")))
        }
        Err(EngineError::Refused { why, .. }) => {
            Err(StepError::Permanent(diagnosis::start_refused(name, &why)))
        }
        Err(error) => Err(error.into()),
    }
}

/// Waits until every service is ready, or one of them has ended.
pub(super) async fn probe(
    context: &StepContext<'_>,
    number: RevisionNumber,
) -> Result<Effect, StepError> {
    let facts = context.revision(number)?;
    let addresses = context.state.observed.addresses(facts);
    let (Some(blueprint), Some(addresses)) = (&facts.blueprint, addresses) else {
        return Err(StepError::transient("not all services run"));
    };
    let waits = blueprint.services.iter().filter_map(|service| {
        let address = *addresses.get(&service.name)?;
        Some(wait_ready(context, number, service, address))
    });
    future::try_join_all(waits).await?;
    context
        .ports
        .store
        .set_healthy(context.preview, number, wall_ms())
        .await?;
    Ok(Effect::Ready(addresses))
}

async fn wait_ready(
    context: &StepContext<'_>,
    number: RevisionNumber,
    service: &Service,
    address: SocketAddr,
) -> Result<(), StepError> {
    if service.health == Health::Running {
        return Ok(());
    }
    let host = environment::service_host(context.ports, &context.state.row, service)
        .map_or_else(|| service.name.to_string(), |host| host.to_string());
    let limit = Duration::from_secs(context.ports.settings.limits.start_seconds_max);
    let deadline = Instant::now() + limit;
    let mut pause = PROBE_PAUSE_FIRST;
    let mut look_at = Instant::now() + EXIT_LOOK_PAUSE;
    loop {
        let found = context
            .ports
            .engine
            .probe(address, &host, &service.health)
            .await;
        if found == Probe::Ready {
            return Ok(());
        }
        if Instant::now() >= look_at {
            if has_moved(context, number, service, address).await? {
                return Err(StepError::transient(format!(
                    "{} is not where it was",
                    service.name
                )));
            }
            look_at = Instant::now() + EXIT_LOOK_PAUSE;
        }
        if Instant::now() >= deadline {
            let evidence = last_lines(context, number, &service.name).await;
            let diagnosis = diagnosis::not_ready(service, &found, limit, evidence);
            return Err(StepError::Permanent(diagnosis));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PROBE_PAUSE_LONGEST);
    }
}

/// Whether the container ended or got another address; then the lifecycle has to look first.
async fn has_moved(
    context: &StepContext<'_>,
    number: RevisionNumber,
    service: &Service,
    address: SocketAddr,
) -> Result<bool, StepError> {
    let seen = context.ports.engine.observe(Some(context.preview)).await?;
    let state = seen
        .services
        .iter()
        .find(|state| state.key.revision == number && state.key.service == service.name);
    Ok(!state.is_some_and(|s| s.state == ContainerState::Running && s.address == Some(address)))
}

/// Says why a service that never served has ended.
pub(super) async fn explain(
    context: &StepContext<'_>,
    number: RevisionNumber,
    name: &ServiceName,
) -> Result<Effect, StepError> {
    let key = (number, name.clone());
    let state = context
        .state
        .observed
        .services
        .get(&key)
        .map(|view| view.state.clone());
    let Some(ContainerState::Exited {
        exit_code,
        out_of_memory,
    }) = state
    else {
        return Ok(Effect::Done);
    };
    let service = source::service(context, number, name)?;
    let evidence = last_lines(context, number, name).await;
    Err(StepError::Permanent(diagnosis::exited(
        service,
        exit_code,
        out_of_memory,
        evidence,
    )))
}

/// A service's last lines; none where they cannot be read, since a diagnosis without evidence is
/// better than no diagnosis.
pub(super) async fn last_lines(
    context: &StepContext<'_>,
    number: RevisionNumber,
    name: &ServiceName,
) -> Vec<String> {
    let key = ServiceKey {
        preview: context.preview.clone(),
        revision: number,
        service: name.clone(),
    };
    let Ok(lines) = context.ports.engine.logs(&key, EVIDENCE_LINES, false).await else {
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
pub(super) async fn route(
    context: &StepContext<'_>,
    number: RevisionNumber,
) -> Result<Effect, StepError> {
    let facts = context.revision(number)?;
    let all = context.state.observed.addresses(facts);
    let (Some(blueprint), Some(all)) = (&facts.blueprint, all) else {
        return Err(StepError::transient("not all services run"));
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
        let store = &context.ports.store;
        store.set_served(context.preview, number, wall_ms()).await?;
    }
    context
        .ports
        .routes
        .route(&context.state.row, Some((routed, blueprint)))
        .await
        .map_err(StepError::transient)?;
    Ok(Effect::Done)
}

pub(super) async fn unroute(context: &StepContext<'_>) -> Result<Effect, StepError> {
    context
        .ports
        .routes
        .route(&context.state.row, None)
        .await
        .map_err(StepError::transient)?;
    Ok(Effect::Done)
}

pub(super) async fn drain(
    context: &StepContext<'_>,
    number: RevisionNumber,
) -> Result<Effect, StepError> {
    let deadline = Duration::from_secs(context.ports.settings.limits.drain_seconds_max);
    context
        .ports
        .routes
        .drain(context.preview, number, deadline)
        .await
        .map_err(StepError::transient)?;
    Ok(Effect::Done)
}
