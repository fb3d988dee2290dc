//! Steps from a commit to what it asks for.

use deploy::{
    blueprint::Service,
    names::{CommitSha, RevisionNumber, ServiceName},
    source::Tree,
};

use super::{Effect, Scene, Trouble};
use crate::{
    diagnosis,
    worker::{clock::wall_ms, ports::SourceError},
};

/// Writes a new revision down.
pub(super) async fn begin(
    scene: &Scene<'_>,
    number: RevisionNumber,
    commit: &CommitSha,
    request: u64,
) -> Result<Effect, Trouble> {
    let store = &scene.ports.store;
    store
        .begin_revision(scene.preview, number, commit.clone(), request, wall_ms())
        .await?;
    Ok(Effect::Done)
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
        return Err(Trouble::Verdict(diagnosis::too_greedy(service, mib_max)));
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
