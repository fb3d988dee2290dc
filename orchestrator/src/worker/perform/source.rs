//! Steps from a commit to what it asks for.

use std::collections::BTreeMap;

use deploy::{
    blueprint::{Blueprint, Service},
    names::{CommitSha, RevisionNumber, ServiceName},
    source::Tree,
};

use super::context::{Effect, StepContext, StepError};
use crate::{
    clock::wall_ms,
    diagnosis,
    inputs::sources::SourceError,
    lifecycle::{Parent, RevisionFacts},
    preview::named_snapshots,
    store::{Inherited, NewRevision},
};

/// Writes a new revision down.
pub(super) async fn begin(
    context: &StepContext<'_>,
    number: RevisionNumber,
    commit: &CommitSha,
    request: u64,
) -> Result<Effect, StepError> {
    let desired = &context.state.row.desired;
    let inherited = match (desired.rolled_back_to(request), &desired.parent) {
        // Data that went meanwhile would come back from their seeds, as if nothing had happened.
        (Some(before), _) if is_whole(context, before) => Inherited::Of(before),
        (Some(_), _) => Inherited::Nothing,
        (None, Some(parent)) if parent.commit == *commit => {
            inherit(context, number, parent).await?
        }
        (None, _) => Inherited::Nothing,
    };
    let new = NewRevision {
        number,
        commit: commit.clone(),
        request,
        inherited,
    };
    let store = &context.ports.store;
    store
        .begin_revision(context.preview, new, wall_ms())
        .await?;
    Ok(Effect::Done)
}

/// Whether everything is there that a revision that served before ran on.
fn is_whole(context: &StepContext<'_>, number: RevisionNumber) -> bool {
    let observed = &context.state.observed;
    let facts = observed.revision(number);
    facts.is_some_and(|facts| observed.is_whole(facts))
}

/// What the revision was made of that a fork was taken of. What is not there any more is made again
/// from the commit.
async fn inherit(
    context: &StepContext<'_>,
    number: RevisionNumber,
    of: &Parent,
) -> Result<Inherited, StepError> {
    let revisions = context.ports.store.revisions(&of.preview).await?;
    let served = revisions
        .into_iter()
        .map(|revision| revision.facts)
        .find(|facts| facts.number == of.revision);
    let Some(RevisionFacts {
        blueprint: Some(blueprint),
        images,
        migrated,
        ..
    }) = served
    else {
        return Ok(Inherited::Nothing);
    };
    let mut shared = BTreeMap::new();
    for (service, image) in images {
        let builder = &context.ports.builder;
        let ours = builder
            .share(&image, context.preview, number, &service)
            .await
            .map_err(StepError::transient)?;
        // What somebody else made is obtained again, and costs nothing where it is there.
        if ours {
            shared.insert(service, image);
        }
    }
    Ok(Inherited::This {
        blueprint: Box::new(blueprint),
        images: shared,
        migrated,
    })
}

/// Fetches the commit and writes down what it asks for. What it names has to be there, also where
/// nothing would be made of it now.
pub(super) async fn read(
    context: &StepContext<'_>,
    number: RevisionNumber,
) -> Result<Effect, StepError> {
    let tree = fetch(context, number).await?;
    let blueprint = context
        .ports
        .sources
        .blueprint(&tree)
        .await
        .map_err(|error| step_error(context, error))?;
    check_memory(context, &blueprint)?;
    let store = &context.ports.store;
    let origin = context.state.row.desired.origin;
    let unusable = named_snapshots::first_unusable(store, origin, &blueprint).await?;
    // Written down all the same, so that people see which databases it asks for.
    store
        .set_blueprint(context.preview, number, blueprint)
        .await?;
    let Some(unusable) = unusable else {
        return Ok(Effect::Done);
    };
    let nearest = unusable.nearest(store).await?;
    tracing::warn!(preview = %context.preview, revision = %number, nearest, "{unusable}");
    Err(StepError::Permanent(unusable.diagnosis()))
}

/// Refuses memory beyond what the operator gives one container.
fn check_memory(context: &StepContext<'_>, blueprint: &Blueprint) -> Result<(), StepError> {
    let mib_max = context.ports.settings.limits.service_memory_mib_max;
    let greedy = blueprint
        .services
        .iter()
        .find(|service| service.memory_bytes > mib_max.saturating_mul(1024 * 1024));
    if let Some(service) = greedy {
        let (key, bytes) = (format!("services.{}", service.name), service.memory_bytes);
        return Err(StepError::Permanent(diagnosis::too_greedy(
            &key, bytes, mib_max,
        )));
    }
    let mut databases = blueprint.databases.iter();
    let greedy = databases.find(|known| known.memory_bytes > mib_max.saturating_mul(1024 * 1024));
    if let Some(database) = greedy {
        let (key, bytes) = (
            format!("databases.{}", database.name),
            database.memory_bytes,
        );
        return Err(StepError::Permanent(diagnosis::too_greedy(
            &key, bytes, mib_max,
        )));
    }
    Ok(())
}

/// The commit's files.
pub(super) async fn fetch(
    context: &StepContext<'_>,
    number: RevisionNumber,
) -> Result<Tree, StepError> {
    let commit = &context.revision(number)?.commit;
    context
        .ports
        .sources
        .fetch(&context.state.row, commit)
        .await
        .map_err(|error| step_error(context, error))
}

pub(super) fn step_error(context: &StepContext<'_>, error: SourceError) -> StepError {
    let way = context.way();
    match error {
        SourceError::Blueprint(error) => StepError::Permanent(diagnosis::blueprint(&error, way)),
        SourceError::CheckoutGone => StepError::Permanent(diagnosis::checkout_gone()),
        SourceError::Unusable(error) => StepError::Permanent(diagnosis::source(&error, way)),
        SourceError::Unreachable(why) => StepError::transient(why),
    }
}

/// The service as the revision's blueprint describes it.
pub(super) fn service<'a>(
    context: &'a StepContext<'_>,
    number: RevisionNumber,
    name: &ServiceName,
) -> Result<&'a Service, StepError> {
    let blueprint = context.revision(number)?.blueprint.as_ref();
    blueprint
        .and_then(|blueprint| {
            blueprint
                .services
                .iter()
                .find(|service| service.name == *name)
        })
        .ok_or_else(|| StepError::transient(format!("{number} has no service {name}")))
}
