//! Provides the images of a revision: built, reused unchanged, or pulled from a registry.

use std::{sync::Arc, time::Duration};

use deploy::{
    blueprint::{ImageSource, Service},
    builder::{BuildError, BuildEvent, BuildRequest, BuildSink, Fingerprint},
    names::{CommitSha, ImageId, RevisionNumber, ServiceName},
};

use super::{
    context::{Effect, StepContext, StepError},
    source,
};
use crate::{
    clock::wall_ms,
    diagnosis,
    inputs::{prebuilt, secrets::SecretError},
    lifecycle::RevisionFacts,
    logs::build::BuildLog,
    preview::environment,
    store::Store,
};

/// Pause before the next attempt to pull an image that is not in its registry yet.
const REGISTRY_PAUSE_FIRST: Duration = Duration::from_secs(1);
const REGISTRY_PAUSE_LONGEST: Duration = Duration::from_secs(20);

/// Builds a service's image, or pulls the image it names. Stores the id for this service and for
/// every other service of the revision with the same image source.
pub(super) async fn build(
    context: &StepContext<'_>,
    number: RevisionNumber,
    name: &ServiceName,
) -> Result<Effect, StepError> {
    let service = source::service(context, number, name)?;
    let logs = &context.ports.settings.logs;
    let log = BuildLog::create(logs, context.preview, number, name)
        .map(Arc::new)
        .map_err(|error| StepError::transient(format!("cannot write the build log: {error}")))?;
    let (image, fingerprint) = match &service.image {
        ImageSource::Reference(reference) => {
            let image = obtain(context, number, service, reference, &log).await?;
            (image, None)
        }
        ImageSource::Build { .. } => {
            let request = request(context, number, service).await?;
            let fingerprint = context.ports.builder.fingerprint(&request).await;
            let fingerprint = fingerprint.map_err(|error| {
                log.close(Some(&error));
                failed(context, &request, error)
            })?;
            let image = match unchanged(context, number, &fingerprint) {
                Some((image, since)) => {
                    log.note(&format!("unchanged since {}", since.short()));
                    image.clone()
                }
                None => run(context, &request, &log).await?,
            };
            (image, Some(fingerprint))
        }
    };
    let store = &context.ports.store;
    let revision = context.revision(number)?;
    let services = revision.made_of_the_same(name);
    let blueprint = revision.blueprint.as_ref();
    if blueprint.is_some_and(|blueprint| blueprint.asks_image_for_port(&services)) {
        let exposed = context.ports.engine.exposed_ports(&image).await?;
        store
            .take_port(context.preview, number, services.clone(), exposed)
            .await?;
    }
    store
        .set_image(context.preview, number, services, image, fingerprint)
        .await?;
    Ok(Effect::Done)
}

/// An existing image of this preview that was built from the same input, and its commit.
fn unchanged<'a>(
    context: &'a StepContext<'_>,
    number: RevisionNumber,
    fingerprint: &Fingerprint,
) -> Option<(&'a ImageId, &'a CommitSha)> {
    let observed = &context.state.observed;
    // A repeated request for the same commit asks for a fresh build.
    let request = observed.revision(number)?.request;
    let earlier = |facts: &&RevisionFacts| facts.number < number && facts.request == request;
    observed.revisions.iter().filter(earlier).find_map(|facts| {
        let mut made = facts.fingerprints.iter();
        let (service, _) = made.find(|(_, made_from)| *made_from == fingerprint)?;
        let image = facts.images.get(service)?;
        let there = observed.images.contains_key(image);
        there.then_some((image, &facts.commit))
    })
}

async fn request(
    context: &StepContext<'_>,
    number: RevisionNumber,
    service: &Service,
) -> Result<BuildRequest, StepError> {
    let ImageSource::Build {
        context: folder,
        dockerfile,
        target,
        args,
        ..
    } = &service.image
    else {
        return Err(StepError::transient("the service is not built"));
    };
    Ok(BuildRequest {
        preview: context.preview.clone(),
        revision: number,
        service: service.name.clone(),
        tree: source::fetch(context, number).await?,
        context: folder.clone(),
        dockerfile: dockerfile.clone(),
        target: target.clone(),
        args: args.clone(),
        facts: environment::common(context.ports, context.state, number),
        secrets: environment::build_secrets(context.ports, &context.state.row, service)
            .map_err(|error| no_secret(context, service, &error))?,
        scope: environment::build_scope(&context.state.row),
    })
}

/// Reports a missing secret to the author. A broken secrets file only concerns the operator.
fn no_secret(context: &StepContext<'_>, service: &Service, error: &SecretError) -> StepError {
    match error {
        SecretError::Missing { .. } => {
            StepError::Permanent(diagnosis::secret_missing(service, error, context.way()))
        }
        SecretError::File(_) => {
            tracing::error!(
                %error,
                "cannot read the secrets file; builds that need secrets will be retried"
            );
            StepError::transient("the server cannot read its secrets file; see the server's log")
        }
    }
}

/// Waits for a turn and builds.
async fn run(
    context: &StepContext<'_>,
    request: &BuildRequest,
    log: &Arc<BuildLog>,
) -> Result<ImageId, StepError> {
    let ports = context.ports;
    let _place = ports
        .builds
        .take_place(&request.scope, context.preview, &*ports.builder)
        .await;
    let limit = Duration::from_secs(ports.settings.limits.build_seconds_max);
    let build = ports.builder.build(request, sink(log, &ports.store));
    let built = match tokio::time::timeout(limit, build).await {
        Ok(built) => built,
        Err(_) => Err(BuildError::timed_out(limit)),
    };
    log.close(built.as_ref().err());
    built.map_err(|error| failed(context, request, error))
}

/// Writes the log, and stores which records the build left in the builder's cache.
fn sink(log: &Arc<BuildLog>, store: &Store) -> BuildSink {
    let (log, store) = (log.sink(), store.clone());
    Arc::new(move |event| match event {
        BuildEvent::Cached { records } => {
            let store = store.clone();
            tokio::spawn(async move {
                if let Err(error) = store.note_cache(records, wall_ms()).await {
                    tracing::warn!(
                        %error,
                        "cannot store the build's cache records; Dayfly will not prune them"
                    );
                }
            });
        }
        other => log(other),
    })
}

fn failed(context: &StepContext<'_>, request: &BuildRequest, error: BuildError) -> StepError {
    if let BuildError::Unreachable(why) = error {
        return StepError::transient(why);
    }
    let logs = &context.ports.settings.logs;
    let tail = BuildLog::tail(logs, context.preview, request.revision, &request.service);
    let limits = &context.ports.settings.limits;
    let verdict = diagnosis::build(
        context.preview,
        &request.service,
        &error,
        limits,
        tail,
        context.way(),
    );
    StepError::Permanent(verdict)
}

/// Pulls the image that a service names. Dayfly waits for an image that is named after the commit,
/// since CI may still be building it.
async fn obtain(
    context: &StepContext<'_>,
    number: RevisionNumber,
    service: &Service,
    reference: &str,
    log: &Arc<BuildLog>,
) -> Result<ImageId, StepError> {
    let commit = &context.revision(number)?.commit;
    let named = prebuilt::resolve(reference, &context.state.row, commit)
        .map_err(|why| StepError::Permanent(diagnosis::bad_reference(service, reference, &why)))?;
    let sink: BuildSink = log.sink();
    sink(BuildEvent::Note {
        sentence: format!("pulling {named}"),
    });
    let obtained = context.ports.builder.obtain(&named, sink).await;
    log.close(obtained.as_ref().err());
    match obtained {
        Ok(image) => Ok(image),
        Err(BuildError::Unreachable(why)) => Err(StepError::transient(why)),
        Err(BuildError::NoImage { why, .. }) if named != reference => {
            let limit = Duration::from_secs(context.ports.settings.limits.image_wait_seconds_max);
            let waited = waited(context, number).await?;
            if waited >= limit {
                let image = (named.as_str(), why.as_str());
                let missing = diagnosis::image_never_came(service, image, limit, context.way());
                return Err(StepError::Permanent(missing));
            }
            Err(StepError::Transient {
                reason: format!(
                    "{named} is not in the registry yet; waited {} s of {} s",
                    waited.as_secs(),
                    limit.as_secs()
                ),
                after: Some((waited / 4).clamp(REGISTRY_PAUSE_FIRST, REGISTRY_PAUSE_LONGEST)),
            })
        }
        Err(error) => {
            let limits = &context.ports.settings.limits;
            let way = context.way();
            let verdict = diagnosis::build(
                context.preview,
                &service.name,
                &error,
                limits,
                Vec::new(),
                way,
            );
            Err(StepError::Permanent(verdict))
        }
    }
}

/// How long ago the revision began.
async fn waited(context: &StepContext<'_>, number: RevisionNumber) -> Result<Duration, StepError> {
    let revisions = context.ports.store.revisions(context.preview).await?;
    let row = revisions.iter().find(|row| row.facts.number == number);
    let began = row.map_or_else(wall_ms, |row| row.began_at_ms);
    Ok(Duration::from_millis(wall_ms().saturating_sub(began)))
}
