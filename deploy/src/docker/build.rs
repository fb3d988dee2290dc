//! Docker as the port's [`Builder`]: BuildKit behind the engine's own API.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use bollard::{
    models::BuildInfoAux,
    query_parameters::{
        BuildImageOptions, BuildImageOptionsBuilder, BuilderVersion, RemoveImageOptionsBuilder,
    },
};
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio_util::sync::CancellationToken;

use super::{
    Docker,
    build_progress::Progress,
    dockerfile::refused_frontend,
    error::{classify, found, status},
    images::build_error,
    names::{digest, leads_to},
    transport,
};
use crate::{
    builder::{BuildError, BuildRequest, BuildSink, Builder},
    labels::{Kind, Mark},
    names::ImageId,
    source::{SourceError, context_archive},
};

/// How many bytes of randomness tell one build's session from another's.
const SESSION_BYTES: usize = 16;

/// Why the context could not be read to its end, told by the stream to whoever waits for the
/// build.
type Broken = Arc<Mutex<Option<BuildError>>>;

#[async_trait]
impl Builder for Docker {
    async fn build(&self, request: &BuildRequest, sink: BuildSink) -> Result<ImageId, BuildError> {
        let limit = self.config().timeouts.build;
        let built = tokio::time::timeout(limit, self.build_tagged(request, &sink));
        built.await.unwrap_or_else(|_| {
            let minutes = limit.as_secs() / 60;
            let message = format!("the build took longer than {minutes} min and was stopped");
            Err(BuildError::Failed {
                step: None,
                message,
            })
        })
    }

    async fn obtain(&self, reference: &str) -> Result<ImageId, BuildError> {
        self.obtain_image(reference).await
    }

    async fn remove(&self, image: &ImageId) -> Result<(), BuildError> {
        self.remove_image(image).await
    }
}

impl Docker {
    async fn build_tagged(
        &self,
        request: &BuildRequest,
        sink: &BuildSink,
    ) -> Result<ImageId, BuildError> {
        check_dockerfile(request).await?;
        let mark = self.image_mark(request);
        let tag = self
            .names(&request.preview)
            .image(request.revision, &request.service);
        let before = self.tagged(&tag).await?;
        let image = self.run_build(request, &mark, &tag, sink).await?;
        let Some((_, labels)) = self.tagged(&tag).await?.filter(|(id, _)| *id == image) else {
            return Err(BuildError::Unreachable(format!(
                "{tag} is not the image just built"
            )));
        };
        // A builder that lets a Dockerfile have the last word on labels would hide our images.
        if Mark::read(&labels).as_ref() != Some(&mark) {
            self.drop_image(&tag).await?;
            let message = "the builder did not set the labels it was given".to_owned();
            return Err(BuildError::Failed {
                step: None,
                message,
            });
        }
        // What had the tag before has no name any more, so nothing else would ever remove it.
        if let Some((old, labels)) = before
            && old != image
            && Mark::read(&labels).is_some_and(|mark| leads_to(&mark, &tag))
        {
            self.drop_image(old.as_str()).await?;
        }
        Ok(image)
    }

    /// Everything the build opens is closed when this ends or is dropped.
    async fn run_build(
        &self,
        request: &BuildRequest,
        mark: &Mark,
        tag: &str,
        sink: &BuildSink,
    ) -> Result<ImageId, BuildError> {
        let cut = CancellationToken::new();
        let _end = cut.clone().drop_guard();
        let unreachable = |error| build_error(classify("the builder", error));
        let limit = self.config().timeouts.build;
        let api = transport::client(&self.config().socket, limit, cut).map_err(unreachable)?;
        let broken = Broken::default();
        let body = bollard::body_try_stream(context(request, &broken).await?);
        let options = options(request, mark, tag)?;
        let mut progress = Progress::new(Arc::clone(sink));
        let mut image = None;
        let mut answers = Box::pin(api.build_image(options, None, Some(body)));
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(info) => match info.aux {
                    Some(BuildInfoAux::BuildKit(status)) => progress.take(status),
                    Some(BuildInfoAux::Default(id)) => image = id.id,
                    None => {}
                },
                Err(error) => {
                    progress.finish();
                    let told = broken.lock().unwrap_or_else(PoisonError::into_inner).take();
                    return Err(told.unwrap_or_else(|| progress.failure(request, error)));
                }
            }
        }
        progress.finish();
        let image = image.ok_or_else(|| {
            BuildError::Unreachable("the build ended without an image and without a word".into())
        })?;
        ImageId::parse(&image).map_err(|error| BuildError::Unreachable(error.to_string()))
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
            kind: Kind::Image,
            name: request.service.to_string(),
            spec: digest(made_from.to_string().as_bytes()),
            port: None,
        }
    }

    /// The image that has the tag, with its labels.
    async fn tagged(
        &self,
        tag: &str,
    ) -> Result<Option<(ImageId, HashMap<String, String>)>, BuildError> {
        let image = self.look("an image", self.api().inspect_image(tag)).await;
        Ok(image.map_err(build_error)?.and_then(|image| {
            let labels = image
                .config
                .and_then(|config| config.labels)
                .unwrap_or_default();
            Some((ImageId::parse(&image.id?).ok()?, labels))
        }))
    }

    /// Removes an image of ours unless a container uses it.
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

async fn check_dockerfile(request: &BuildRequest) -> Result<(), BuildError> {
    let path = match request.context.as_str() {
        "" => request.dockerfile.clone(),
        context => format!("{context}/{}", request.dockerfile),
    };
    let content = request
        .tree
        .read(&path)
        .await
        .map_err(|error| unfit(&error))?;
    let content = content.ok_or(BuildError::NoDockerfile { path })?;
    match refused_frontend(&content, &request.args) {
        Some(message) => Err(BuildError::Failed {
            step: None,
            message,
        }),
        None => Ok(()),
    }
}

/// The context as it is sent. Its own error would reach us only as a broken connection.
async fn context(
    request: &BuildRequest,
    broken: &Broken,
) -> Result<
    impl futures_util::Stream<Item = std::io::Result<bytes::Bytes>> + Send + use<>,
    BuildError,
> {
    let archive = context_archive(&request.tree, &request.context, &request.dockerfile);
    let archive = archive.await.map_err(|error| unfit(&error))?;
    let broken = Arc::clone(broken);
    let archive = archive.map_err(move |error| {
        *broken.lock().unwrap_or_else(PoisonError::into_inner) = Some(unfit(&error));
        std::io::Error::other(error.to_string())
    });
    Ok(stream::once(std::future::ready(Ok(root_entry()))).chain(archive))
}

/// The builder takes a context for an archive only if its first 1,024 bytes are a whole entry;
/// one with a long name or a precise time is not. The folder that everything is in always is.
fn root_entry() -> bytes::Bytes {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Directory);
    header.as_mut_bytes()[..2].copy_from_slice(b"./");
    header.set_mode(0o755);
    header.set_size(0);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_cksum();
    bytes::Bytes::copy_from_slice(header.as_bytes())
}

/// What is wrong with the source is the author's to mend; what is wrong with this machine is not.
fn unfit(error: &SourceError) -> BuildError {
    match error {
        SourceError::Unfit { .. } | SourceError::TooLarge(_) => {
            BuildError::Context(error.to_string())
        }
        _ => BuildError::Unreachable(error.to_string()),
    }
}

fn options(
    request: &BuildRequest,
    mark: &Mark,
    tag: &str,
) -> Result<BuildImageOptions, BuildError> {
    let mut session = [0; SESSION_BYTES];
    getrandom::fill(&mut session)
        .map_err(|error| BuildError::Unreachable(format!("no random bytes: {error}")))?;
    let args: HashMap<String, String> = request
        .args
        .iter()
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let options = BuildImageOptionsBuilder::new()
        .dockerfile(&request.dockerfile)
        .t(tag)
        .buildargs(&args)
        .labels(&mark.to_labels())
        .target(request.target.as_deref().unwrap_or_default())
        .rm(true)
        .forcerm(true)
        .version(BuilderVersion::BuilderBuildKit)
        .session(&hex::encode(session));
    Ok(options.build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_entry_is_the_root_folder_in_one_block() {
        let block = root_entry();
        assert_eq!(block.len(), 512);
        let mut archive = tar::Archive::new(&block[..]);
        let entry = archive.entries().unwrap().next().unwrap().unwrap();
        assert_eq!(entry.header().entry_type(), tar::EntryType::Directory);
        assert_eq!(entry.path_bytes().as_ref(), b"./");
    }
}
