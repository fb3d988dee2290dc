//! Steps from a commit to images.

use std::sync::Arc;

use deploy::{
    blueprint::{ImageSource, Service},
    builder::{BuildError, BuildRequest},
    names::{CommitSha, RevisionNumber, ServiceName},
    source::Tree,
};

use super::{Effect, Scene, Trouble};
use crate::{
    buildlog::BuildLog,
    diagnosis, environment,
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

/// Builds a service's image, or gets the one it names, and writes its id down.
pub(super) async fn build(
    scene: &Scene<'_>,
    number: RevisionNumber,
    name: &ServiceName,
) -> Result<Effect, Trouble> {
    let service = service(scene, number, name)?;
    let built = match &service.image {
        ImageSource::Reference(reference) => scene.ports.builder.obtain(reference).await,
        ImageSource::Build {
            context,
            dockerfile,
            target,
            args,
        } => {
            let mut all = environment::common(scene.ports, scene.snapshot, number);
            all.extend(args.clone());
            let request = BuildRequest {
                preview: scene.preview.clone(),
                revision: number,
                service: name.clone(),
                tree: fetch(scene, number).await?,
                context: context.clone(),
                dockerfile: dockerfile.clone(),
                target: target.clone(),
                args: all,
            };
            let _place = scene.ports.builds.acquire().await.map_err(Trouble::again)?;
            let logs = &scene.ports.settings.logs;
            let log = BuildLog::create(logs, scene.preview, number, name)
                .map(Arc::new)
                .map_err(|error| Trouble::again(format!("cannot write the build log: {error}")))?;
            let result = scene.ports.builder.build(&request, log.sink()).await;
            log.close(result.as_ref().err());
            result
        }
    };
    match built {
        Ok(image) => {
            let store = &scene.ports.store;
            store
                .set_image(scene.preview, number, name.clone(), Some(image))
                .await?;
            Ok(Effect::Done)
        }
        Err(BuildError::Unreachable(why)) => Err(Trouble::again(why)),
        Err(error) => {
            let tail = BuildLog::tail(&scene.ports.settings.logs, scene.preview, number, name);
            Err(Trouble::Verdict(diagnosis::build(name, &error, tail)))
        }
    }
}
