//! Docker as the port's [`Builder`]: labels, tags and limits around BuildKit.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use async_trait::async_trait;
use bollard::query_parameters::RemoveImageOptionsBuilder;
use tokio_util::sync::CancellationToken;

use super::{
    buildkit,
    buildkit::{Fault, Offer, Order, Sent},
    cache,
    cache::{Leftovers, Works},
    dockerfile::{named_facts, refused_fetch, refused_frontend},
    failure::{Said, silent_builder},
    progress::Progress,
};
use crate::{
    builder::{
        BuildError, BuildEvent, BuildFault, BuildRequest, BuildSink, Builder, CacheRecord, DiskUse,
        Fingerprint,
    },
    docker::{
        CeilingState, Docker,
        error::{found, status},
        images::build_error,
        names::digest,
    },
    labels::{Kind, Mark},
    names::{ImageId, PreviewId, RevisionNumber, ServiceName},
    random,
    source::{Context, SourceError},
};

/// The builder's own argument that separates cache mounts of different scopes.
pub(crate) const CACHE_MOUNT_SCOPE: &str = "BUILDKIT_CACHE_MOUNT_NS";

/// Random bytes in an image's tag.
const SECRET_WORD_BYTES: usize = 8;

#[async_trait]
impl Builder for Docker {
    async fn fingerprint(&self, request: &BuildRequest) -> Result<Fingerprint, BuildError> {
        let content = dockerfile(request).await?;
        let context = context(request).await?;
        let facts: BTreeMap<&str, &str> = named_facts(&content, &request.facts).collect();
        let secrets: BTreeMap<&str, &str> = request
            .secrets
            .iter()
            .map(|(id, secret)| (id.as_str(), secret.version.as_str()))
            .collect();
        let recipe = serde_json::json!([
            context.digest(),
            request.context,
            request.dockerfile,
            digest(&content),
            request.target,
            request.args,
            facts,
            secrets,
            request.scope,
        ]);
        Ok(Fingerprint(digest(recipe.to_string().as_bytes())))
    }

    async fn build(&self, request: &BuildRequest, sink: BuildSink) -> Result<ImageId, BuildError> {
        let _changing = self.image_list().changing();
        let limit = self.config().timeouts.build;
        let built = tokio::time::timeout(limit, self.build_tagged(request, &sink));
        built
            .await
            .unwrap_or_else(|_| Err(BuildError::timed_out(limit)))
    }

    async fn ended(&self, preview: &PreviewId) {
        self.builds_under_way().ended(preview).await;
        // A build that nobody waited for may have named an image, which causes no event.
        self.image_list().changed();
    }

    async fn cache(&self) -> Result<Vec<CacheRecord>, BuildError> {
        let records = self.cache_records().await?;
        Ok(records.into_iter().map(cache::record).collect())
    }

    async fn forget_cache(&self, ids: &[String]) -> Result<(), BuildError> {
        let limit = self.config().timeouts.change;
        for id in ids {
            let removed = buildkit::remove(&self.config().socket, id);
            let removed = tokio::time::timeout(limit, removed).await;
            let removed = removed.map_err(|_| silent_builder(limit))?;
            removed.map_err(|why| BuildError::Unreachable(why.to_string()))?;
        }
        Ok(())
    }

    async fn disk_use(&self, preview: &PreviewId) -> Result<DiskUse, BuildError> {
        self.preview_disk(preview).await.map_err(build_error)
    }

    async fn disk_percent(&self) -> Option<u64> {
        self.engine_disk_percent().await
    }

    async fn blocker(&self) -> Option<String> {
        self.build_blocker().await
    }

    async fn obtain(&self, reference: &str, sink: BuildSink) -> Result<ImageId, BuildError> {
        self.obtain_image(reference, &sink).await
    }

    async fn share(
        &self,
        image: &ImageId,
        preview: &PreviewId,
        revision: RevisionNumber,
        service: &ServiceName,
    ) -> Result<bool, BuildError> {
        let _changing = self.image_list().changing();
        let name = self
            .names(preview)
            .image(revision, service, &secret_word()?);
        self.share_image(image, &name).await
    }

    async fn remove(&self, preview: &PreviewId, image: &ImageId) -> Result<(), BuildError> {
        let _changing = self.image_list().changing();
        self.remove_image(preview, image).await
    }
}

impl Docker {
    /// Resumes tracking of builds that an earlier process started: [`Builder::ended`] also waits
    /// for them. A background task asks the builder for their ends.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn take_up_builds(&self) -> std::io::Result<()> {
        for build in self.builds_under_way().left_behind()? {
            let docker = self.clone();
            tokio::spawn(async move {
                buildkit::until_ended(&docker.config().socket, build.name()).await;
                docker.image_list().changed();
                build.over();
            });
        }
        Ok(())
    }

    async fn build_tagged(
        &self,
        request: &BuildRequest,
        sink: &BuildSink,
    ) -> Result<ImageId, BuildError> {
        let content = dockerfile(request).await?;
        if let Some(message) = refused_frontend(&content, &request.args) {
            return Err(BuildError::failed(message));
        }
        if self.config().isolate_builds
            && let Some(message) = refused_fetch(&content)
        {
            return Err(BuildError::failed(message));
        }
        let context = context(request).await?;
        // Another program may have flushed the rules while the build waited in the queue.
        if let Some(why) = self.missing_isolation().await {
            return Err(BuildError::Unreachable(why));
        }
        if let CeilingState::CannotSet(why) = self.ensure_build_ceiling() {
            sink(BuildEvent::Note {
                sentence: format!("this build runs without a ceiling: {why}"),
            });
        }
        let mark = self.image_mark(request);
        // A Dockerfile can name any image of the engine, so our tags must be unguessable.
        let tag =
            self.names(&request.preview)
                .image(request.revision, &request.service, &secret_word()?);
        let source = (&context, &content[..]);
        let image = self.run_build(request, source, (&mark, &tag), sink).await?;
        let tagged = self.tagged(&tag).await?.filter(|(id, ..)| *id == image);
        let Some((_, labels, bytes)) = tagged else {
            return Err(BuildError::Unreachable(
                "the new image lost its tag right after the build".to_owned(),
            ));
        };
        // If the Dockerfile could override our labels, our images would be lost.
        if Mark::read(&labels).as_ref() != Some(&mark) {
            self.drop_image(&tag).await?;
            return Err(BuildError::failed(
                "the builder did not set the labels it was given",
            ));
        }
        if let Err(too_large) = check_size(bytes, self.config().builds.image_mib_max) {
            self.drop_image(&tag).await?;
            return Err(too_large);
        }
        Ok(image)
    }

    /// Runs the build. All its connections close when this returns or is dropped.
    async fn run_build(
        &self,
        request: &BuildRequest,
        (context, dockerfile): (&Context, &[u8]),
        (mark, tag): (&Mark, &str),
        sink: &BuildSink,
    ) -> Result<ImageId, BuildError> {
        let cut = CancellationToken::new();
        let _end = cut.clone().drop_guard();
        let works = Works::default();
        let _leftovers = Leftovers::of(self, &works, sink);
        let mut progress = Progress::new(Arc::clone(sink), works, &request.secrets);
        let sent = Arc::new(Sent::of(context));
        let order = Order {
            tag: tag.to_owned(),
            attributes: attributes(request, mark),
        };
        let offer = Offer {
            context: context.clone(),
            sent: Arc::clone(&sent),
            secrets: request
                .secrets
                .iter()
                .map(|(id, secret)| (id.clone(), secret.value.clone()))
                .collect(),
            registries: Arc::clone(&self.config().registries),
            shared_key: self.shared_key(request),
        };
        let socket = &self.config().socket;
        let told = |message| progress.take_status(message);
        let whose = (self.builds_under_way(), &request.preview);
        let built = match buildkit::solve(socket, cut.clone(), order, offer, whose, told).await {
            Ok(answer) => {
                sink(BuildEvent::Context {
                    files: sent.files,
                    files_sent: sent.files_sent(),
                    bytes_sent: sent.bytes_sent(),
                });
                Ok(answer.image)
            }
            Err(Fault::NotOffered(why)) => Err(Said::Error(BuildError::Unreachable(format!(
                "{why}; BuildKit needs Docker Engine 20.10 or newer"
            )))),
            Err(Fault::Unreachable(why)) => Err(Said::Error(BuildError::Unreachable(why))),
            Err(Fault::Builder(status)) => Err(Said::from_status(&status)),
        };
        progress.finish();
        match built {
            Ok(image) => {
                ImageId::parse(&image).map_err(|error| BuildError::Unreachable(error.to_string()))
            }
            Err(Said::Error(error)) => Err(error),
            Err(Said::Builder { sentence, line }) => {
                let registries = &self.config().registries;
                Err(progress
                    .failure(request, context, registries, dockerfile, (&sentence, line))
                    .await)
            }
        }
    }

    /// The key of the builder's copy of a context. It is unique per owner and folder: two folders
    /// with one key would replace each other's copy on every build.
    fn shared_key(&self, request: &BuildRequest) -> String {
        let parts = serde_json::json!([
            self.config().instance.as_str(),
            request.scope,
            request.context,
            request.dockerfile,
        ]);
        digest(parts.to_string().as_bytes())
    }

    fn image_mark(&self, request: &BuildRequest) -> Mark {
        let made_from = serde_json::json!([
            request.tree.commit(),
            request.context,
            request.dockerfile,
            request.target,
            request.args,
        ]);
        Mark {
            instance: self.config().instance.clone(),
            preview: request.preview.clone(),
            revision: Some(request.revision),
            generation: None,
            kind: Kind::Image,
            name: request.service.to_string(),
            spec: digest(made_from.to_string().as_bytes()),
            port: None,
        }
    }

    /// The image with this tag, with its labels and its size in bytes.
    async fn tagged(
        &self,
        tag: &str,
    ) -> Result<Option<(ImageId, HashMap<String, String>, u64)>, BuildError> {
        let image = self.find("an image", self.api().inspect_image(tag)).await;
        Ok(image.map_err(build_error)?.and_then(|image| {
            let labels = image
                .config
                .and_then(|config| config.labels)
                .unwrap_or_default();
            let bytes = u64::try_from(image.size.unwrap_or(0)).unwrap_or(0);
            Some((ImageId::parse(&image.id?).ok()?, labels, bytes))
        }))
    }

    /// Removes our image unless a container uses it.
    async fn drop_image(&self, reference: &str) -> Result<(), BuildError> {
        let options = RemoveImageOptionsBuilder::new().noprune(true).build();
        let dropped = self
            .change("an image", async {
                match found(
                    self.api()
                        .remove_image(reference, Some(options), None)
                        .await,
                ) {
                    Err(error) if status(&error) == Some(409) => Ok(()),
                    other => other.map(|_| ()),
                }
            })
            .await;
        dropped.map_err(build_error)
    }
}

fn check_size(bytes: u64, mib_max: u64) -> Result<(), BuildError> {
    let bytes_max = mib_max.saturating_mul(1024 * 1024);
    if bytes <= bytes_max {
        return Ok(());
    }
    Err(BuildError::Failed {
        fault: Box::new(BuildFault::Size { bytes, bytes_max }),
        step: None,
        line: None,
        message: format!(
            "the image takes {} MiB; the limit is {mib_max} MiB",
            bytes >> 20
        ),
    })
}

async fn dockerfile(request: &BuildRequest) -> Result<bytes::Bytes, BuildError> {
    let path = request.dockerfile_path();
    let content = request.tree.read(&path).await;
    let content = content.map_err(|error| unfit(&error))?;
    content.ok_or(BuildError::NoDockerfile { path })
}

async fn context(request: &BuildRequest) -> Result<Context, BuildError> {
    let context = Context::of(&request.tree, &request.context, &request.dockerfile).await;
    context.map_err(|error| unfit(&error))
}

/// Separates errors in the source, which the author can fix, from errors of this machine.
pub(crate) fn unfit(error: &SourceError) -> BuildError {
    match error {
        SourceError::Unfit { .. } | SourceError::TooLarge(_) => {
            BuildError::Context(error.to_string())
        }
        _ => BuildError::Unreachable(error.to_string()),
    }
}

/// The frontend's attributes.
fn attributes(request: &BuildRequest, mark: &Mark) -> HashMap<String, String> {
    let scope = (
        format!("build-arg:{CACHE_MOUNT_SCOPE}"),
        cache_mount_scope(request),
    );
    let args = request.facts.iter().chain(&request.args);
    let args = args.map(|(key, value)| (format!("build-arg:{key}"), value.clone()));
    let labels = mark.to_labels().into_iter();
    let labels = labels.map(|(key, value)| (format!("label:{key}"), value));
    let target = request.target.iter().cloned();
    let target = target.map(|target| ("target".to_owned(), target));
    let own = [("filename".to_owned(), request.dockerfile.clone()), scope];
    // Later entries win, so a repository cannot override ours.
    args.chain(target).chain(labels).chain(own).collect()
}

/// The namespace of cache mounts for this request's scope.
pub(crate) fn cache_mount_scope(request: &BuildRequest) -> String {
    digest(request.scope.as_bytes())
}

/// A word that cannot be guessed.
fn secret_word() -> Result<String, BuildError> {
    random::hex::<SECRET_WORD_BYTES>().map_err(|error| BuildError::Unreachable(error.to_string()))
}
