//! Steps that begin a revision and read the blueprint of its commit.

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

/// Stores a new revision.
pub(super) async fn begin(
    context: &StepContext<'_>,
    number: RevisionNumber,
    commit: &CommitSha,
    request: u64,
) -> Result<Effect, StepError> {
    let desired = &context.state.row.desired;
    let inherited = match (desired.rolled_back_to(request), &desired.parent) {
        // Without all its data the undo would silently start from seeds.
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

/// Whether all data of an earlier revision still exists.
fn is_whole(context: &StepContext<'_>, number: RevisionNumber) -> bool {
    let observed = &context.state.observed;
    let facts = observed.revision(number);
    facts.is_some_and(|facts| observed.is_whole(facts))
}

/// The blueprint and images of the revision that a fork was taken of. Images that are gone are
/// built again from the commit.
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
        // Pulled images are pulled again; that costs nothing while the engine has them.
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

/// Fetches the commit and stores its blueprint. The snapshots it names have to exist, even where
/// this revision does not use them.
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
    // Stored in any case, so that people see which databases the commit declares.
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

/// Refuses services and databases that request more memory than the operator's limit.
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
