//! Steps that start, diagnose, route and drain the services of a revision.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use deploy::{
    engine::{ContainerState, EngineError, LogLine, Network, NetworkSpec, ServiceKey},
    names::{RevisionNumber, ServiceName},
};
use futures_util::{StreamExt as _, future};

use super::{
    context::{Effect, StepContext, StepError},
    source,
};
use crate::{
    clock::wall_ms,
    diagnosis::{self, End},
    lifecycle::Routed,
    preview::environment,
};

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

/// Starts a service. The store forgets an image that is gone, so that it is built or pulled again.
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

/// Diagnoses why a service exited before it served.
pub(super) async fn explain(
    context: &StepContext<'_>,
    number: RevisionNumber,
    name: &ServiceName,
) -> Result<Effect, StepError> {
    let service = source::service(context, number, name)?;
    let key = context.service_key(number, name);
    let run = context.ports.engine.service_run(&key).await?;
    let Some(run) = run else {
        return Ok(Effect::Done);
    };
    let ContainerState::Exited {
        exit_code,
        out_of_memory,
    } = run.state
    else {
        return Ok(Effect::Done);
    };
    let evidence = last_lines(context, &key, None).await;
    let end = End {
        exit_code,
        out_of_memory,
        times: run.ends + 1,
    };
    let way = context.way();
    let diagnosis = diagnosis::exited(context.preview, service, &end, &[], evidence, way);
    Err(StepError::Permanent(diagnosis))
}

/// The last lines that a service printed since `after`, the end of its earlier run; none where they
/// cannot be read, since a diagnosis without evidence is better than no diagnosis.
///
/// The end of the earlier run separates the two runs, not the start of this one: the engine records
/// the start after it releases the process, and a quick process has printed by then.
pub(super) async fn last_lines(
    context: &StepContext<'_>,
    key: &ServiceKey,
    after: Option<SystemTime>,
) -> Vec<String> {
    let engine = &context.ports.engine;
    let Ok(lines) = engine.logs(key, EVIDENCE_LINES, false).await else {
        return Vec::new();
    };
    let of_this_run = |line: &LogLine| after.is_none_or(|after| line.at > after);
    lines
        .take(EVIDENCE_LINES)
        .filter_map(|line| future::ready(line.ok().filter(of_this_run)))
        .map(|line| crate::text::plain(&String::from_utf8_lossy(&line.text)))
        .collect()
        .await
}

/// Publishes the preview's main host.
pub(super) async fn announce(context: &StepContext<'_>) -> Result<Effect, StepError> {
    let announced = context.ports.routes.announce(&context.state.row).await;
    announced.map_err(StepError::transient)?;
    Ok(Effect::Done)
}

/// Routes the preview's hosts to a revision.
pub(super) async fn route(
    context: &StepContext<'_>,
    number: RevisionNumber,
) -> Result<Effect, StepError> {
    let facts = context.revision(number)?;
    let all = context.state.observed.addresses(facts);
    let (Some(blueprint), Some(all)) = (&facts.blueprint, all) else {
        return Err(StepError::transient(
            "not all services of the revision are running",
        ));
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
    // Before the proxy switches: an undo may return to any revision that visitors may have seen.
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

/// Removes the routes of the preview's hosts, and ends all sessions.
pub(super) async fn unroute(context: &StepContext<'_>) -> Result<Effect, StepError> {
    let store = &context.ports.store;
    store.end_sessions(context.preview).await?;
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
