//! Steps from a commit to what it asks for.

use std::collections::BTreeMap;

use deploy::{
    blueprint::Service,
    names::{CommitSha, RevisionNumber, ServiceName},
    source::Tree,
};

use super::{Effect, Scene, Trouble};
use crate::{
    diagnosis,
    lifecycle::{Parent, RevisionFacts},
    store::{Given, NewRevision},
    worker::{clock::wall_ms, ports::SourceError},
};

/// Writes a new revision down.
pub(super) async fn begin(
    scene: &Scene<'_>,
    number: RevisionNumber,
    commit: &CommitSha,
    request: u64,
) -> Result<Effect, Trouble> {
    let desired = &scene.snapshot.row.desired;
    let given = match (desired.recalled(request), &desired.parent) {
        // Data that went meanwhile would come back from their seeds, as if nothing had happened.
        (Some(before), _) if is_whole(scene, before) => Given::Of(before),
        (Some(_), _) => Given::Nothing,
        (None, Some(parent)) if parent.commit == *commit => inherit(scene, number, parent).await?,
        (None, _) => Given::Nothing,
    };
    let new = NewRevision {
        number,
        commit: commit.clone(),
        request,
        given,
    };
    let store = &scene.ports.store;
    store.begin_revision(scene.preview, new, wall_ms()).await?;
    Ok(Effect::Done)
}

/// Whether everything is there that a revision that served before ran on.
fn is_whole(scene: &Scene<'_>, number: RevisionNumber) -> bool {
    let observed = &scene.snapshot.observed;
    let facts = observed.revision(number);
    facts.is_some_and(|facts| observed.is_whole(facts))
}

/// What the revision was made of that a fork was taken of. What is not there any more is made again
/// from the commit.
async fn inherit(scene: &Scene<'_>, number: RevisionNumber, of: &Parent) -> Result<Given, Trouble> {
    let revisions = scene.ports.store.revisions(&of.preview).await?;
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
        return Ok(Given::Nothing);
    };
    let mut shared = BTreeMap::new();
    for (service, image) in images {
        let builder = &scene.ports.builder;
        let ours = builder
            .share(&image, scene.preview, number, &service)
            .await
            .map_err(Trouble::again)?;
        // What somebody else made is obtained again, and costs nothing where it is there.
        if ours {
            shared.insert(service, image);
        }
    }
    Ok(Given::This {
        blueprint: Box::new(blueprint),
        images: shared,
        migrated,
    })
}

/// Fetches the commit and writes down what it asks for.
pub(super) async fn read(scene: &Scene<'_>, number: RevisionNumber) -> Result<Effect, Trouble> {
    let tree = fetch(scene, number).await?;
    let blueprint = scene
        .ports
        .sources
        .blueprint(&tree)
        .await
        .map_err(trouble)?;
    let mib_max = scene.ports.settings.limits.service_memory_mib_max;
    let greedy = blueprint
        .services
        .iter()
        .find(|service| service.memory_bytes > mib_max.saturating_mul(1024 * 1024));
    if let Some(service) = greedy {
        let (key, bytes) = (format!("services.{}", service.name), service.memory_bytes);
        return Err(Trouble::Verdict(diagnosis::too_greedy(
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
        return Err(Trouble::Verdict(diagnosis::too_greedy(
            &key, bytes, mib_max,
        )));
    }
    scene
        .ports
        .store
        .set_blueprint(scene.preview, number, blueprint)
        .await?;
    Ok(Effect::Done)
}

/// The commit's files.
pub(super) async fn fetch(scene: &Scene<'_>, number: RevisionNumber) -> Result<Tree, Trouble> {
    let commit = &scene.revision(number)?.commit;
    scene
        .ports
        .sources
        .fetch(&scene.snapshot.row, commit)
        .await
        .map_err(trouble)
}

pub(super) fn trouble(error: SourceError) -> Trouble {
    match error {
        SourceError::Blueprint(error) => Trouble::Verdict(diagnosis::blueprint(&error)),
        SourceError::Refused(why) => Trouble::Verdict(diagnosis::source(&why)),
        SourceError::Unreachable(why) => Trouble::again(why),
    }
}

/// The service as the revision's blueprint describes it.
pub(super) fn service<'a>(
    scene: &'a Scene<'_>,
    number: RevisionNumber,
    name: &ServiceName,
) -> Result<&'a Service, Trouble> {
    let blueprint = scene.revision(number)?.blueprint.as_ref();
    blueprint
        .and_then(|blueprint| {
            blueprint
                .services
                .iter()
                .find(|service| service.name == *name)
        })
        .ok_or_else(|| Trouble::again(format!("{number} has no service {name}")))
}
