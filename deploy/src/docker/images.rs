//! Images: finds all, pulls foreign ones, shares and removes our own.

use std::sync::Arc;

use bollard::{
    auth::DockerCredentials,
    models::{ContainerSummary, ContainerSummaryStateEnum, CreateImageInfo, ImageInspect},
    query_parameters::{
        CreateImageOptionsBuilder, ListContainersOptionsBuilder, RemoveImageOptionsBuilder,
        TagImageOptionsBuilder,
    },
};
use futures_util::TryStreamExt;
use secrecy::ExposeSecret as _;

use super::{
    Docker,
    build::registries::host,
    client::within,
    error::{found, sentence, status},
    image_facts::ImageFacts,
    names::{image_of, is_built_reference},
};
use crate::{
    builder::{BuildError, BuildEvent, BuildSink},
    engine::EngineError,
    labels::Mark,
    names::{ImageId, PreviewId},
};

/// The repository name for images of ours that stopped foreign containers still need.
const KEPT: &str = "dayfly-kept";

impl Docker {
    /// Facts about the image.
    pub(super) async fn image_facts(
        &self,
        image: &ImageId,
    ) -> Result<Arc<ImageFacts>, EngineError> {
        if let Some(facts) = self.remembered_image(image) {
            return Ok(facts);
        }
        let what = format!("image {image}");
        let there = self
            .call(&what, self.api().inspect_image(image.as_str()))
            .await?;
        let facts = Arc::new(ImageFacts::read(there.config.unwrap_or_default()));
        self.remember_image(image, Arc::clone(&facts));
        Ok(facts)
    }

    /// Ensures that a foreign image is present.
    pub(super) async fn obtain_image(
        &self,
        reference: &str,
        sink: &BuildSink,
    ) -> Result<ImageId, BuildError> {
        let no_image = |why: String| BuildError::NoImage {
            reference: reference.to_owned(),
            why,
        };
        if is_built_reference(reference) {
            return Err(no_image(
                "the name is reserved for images that Dayfly builds".to_owned(),
            ));
        }
        let reference = with_tag(reference);
        if let Some(id) = self.named_image(&reference).await? {
            return Ok(id);
        }
        self.pull(&reference, sink).await?;
        let found = self.named_image(&reference).await?;
        found.ok_or_else(|| no_image("it is missing right after the pull".to_owned()))
    }

    /// The image of that name. An id or its prefix is not a name: it would give access to images of
    /// other previews.
    async fn named_image(&self, reference: &str) -> Result<Option<ImageId>, BuildError> {
        let there = self
            .find("an image", self.api().inspect_image(reference))
            .await
            .map_err(build_error)?;
        let Some(there) = there.filter(|image| is_called(image, reference)) else {
            return Ok(None);
        };
        ImageId::parse(there.id.as_deref().unwrap_or_default())
            .map(Some)
            .map_err(|error| BuildError::Unreachable(error.to_string()))
    }

    /// Pulls the image. An error from the engine is about the registry, which may be unreachable
    /// while the engine is not.
    async fn pull(&self, reference: &str, sink: &BuildSink) -> Result<(), BuildError> {
        let what = format!("image {reference}");
        let options = CreateImageOptionsBuilder::new()
            .from_image(reference)
            .build();
        let login = self.config().registries.of_image(reference);
        let credentials = login.map(|login| DockerCredentials {
            username: Some(login.username.clone()),
            password: Some(login.password.expose_secret().to_owned()),
            serveraddress: Some(host(reference).to_owned()),
            ..DockerCredentials::default()
        });
        let pulled = within(self.config().timeouts.pull, &what, async {
            let mut progress = self.api().create_image(Some(options), None, credentials);
            loop {
                match progress.try_next().await {
                    Ok(Some(step)) => told(step, sink),
                    Ok(None) => return Ok(None),
                    Err(error) if !sentence(&error).is_empty() => {
                        return Ok(Some(sentence(&error).to_owned()));
                    }
                    Err(error) => return Err(error),
                }
            }
        });
        match pulled.await.map_err(build_error)? {
            None => Ok(()),
            Some(why) => Err(BuildError::NoImage {
                reference: reference.to_owned(),
                why: match login {
                    Some(login) => format!("{why} (pulled as {:?})", login.username),
                    None => format!("{why} (pulled without a log-in for {})", host(reference)),
                },
            }),
        }
    }

    /// Adds a name to an image of ours; `false` if the image does not exist.
    pub(super) async fn share_image(
        &self,
        image: &ImageId,
        name: &str,
    ) -> Result<bool, BuildError> {
        let what = "an image";
        let there = self
            .find(what, self.api().inspect_image(image.as_str()))
            .await
            .map_err(build_error)?;
        let config = there.and_then(|there| there.config);
        let mark = config
            .and_then(|config| config.labels)
            .and_then(|labels| Mark::read(&labels));
        if mark.is_none_or(|mark| mark.instance != self.config().instance) {
            return Ok(false);
        }
        let Some((repository, tag)) = name.rsplit_once(':') else {
            return Ok(false);
        };
        let options = TagImageOptionsBuilder::new()
            .repo(repository)
            .tag(tag)
            .build();
        self.change(what, self.api().tag_image(image.as_str(), Some(options)))
            .await
            .map_err(build_error)?;
        Ok(true)
    }

    /// Removes the preview's name from the image, and the image unless something else needs it.
    pub(super) async fn remove_image(
        &self,
        preview: &PreviewId,
        image: &ImageId,
    ) -> Result<(), BuildError> {
        let inspected = self
            .find("an image", self.api().inspect_image(image.as_str()))
            .await;
        let Some(there) = inspected.map_err(build_error)? else {
            return Ok(());
        };
        let labels = there
            .config
            .as_ref()
            .and_then(|config| config.labels.as_ref());
        let Some(mark) = labels.and_then(Mark::read) else {
            return Ok(());
        };
        if mark.instance != self.config().instance {
            return Ok(());
        }
        for tag in there.repo_tags.iter().flatten().filter(|tag| {
            image_of(&mark.instance, tag).is_some_and(|(whose, ..)| whose == *preview)
        }) {
            self.untag(image, tag).await.map_err(build_error)?;
        }
        Ok(())
    }

    async fn untag(&self, image: &ImageId, tag: &str) -> Result<(), EngineError> {
        // The name is a secret, so error messages must not contain it.
        let what = "an image";
        let options = |force| {
            RemoveImageOptionsBuilder::new()
                .force(force)
                .noprune(true)
                .build()
        };
        let in_use = self
            .change(what, async {
                match found(
                    self.api()
                        .remove_image(tag, Some(options(false)), None)
                        .await,
                ) {
                    Ok(_) => Ok(false),
                    Err(error) if status(&error) == Some(409) => Ok(true),
                    Err(error) => Err(error),
                }
            })
            .await?;
        if !in_use {
            return Ok(());
        }
        // Force only untags an image that a running container uses. But it would delete an image
        // that only stopped containers use, so such an image first gets a name that is not ours.
        let holders = self.holders(image).await?;
        if holders.ours {
            // Our container is removed soon. Without its name, the image would be lost to us.
            let why = format!("a container of this Dayfly still uses {what}");
            return Err(EngineError::Unreachable(why));
        }
        let running = holders.running;
        if !running {
            let short = image.as_str().get(7..19).unwrap_or_default();
            let kept = TagImageOptionsBuilder::new().repo(KEPT).tag(short).build();
            self.change(what, self.api().tag_image(tag, Some(kept)))
                .await?;
        }
        self.absent(what, async {
            self.api()
                .remove_image(tag, Some(options(running)), None)
                .await
                .map(|_| ())
        })
        .await
    }

    async fn holders(&self, image: &ImageId) -> Result<Holders, EngineError> {
        let filter = std::collections::HashMap::from([("ancestor", vec![image.as_str()])]);
        let options = ListContainersOptionsBuilder::new()
            .all(true)
            .filters(&filter)
            .build();
        let all = self
            .call("containers", self.api().list_containers(Some(options)))
            .await?;
        let runs = |container: &ContainerSummary| {
            container.state == Some(ContainerSummaryStateEnum::RUNNING)
        };
        Ok(Holders {
            running: all.iter().any(runs),
            ours: all
                .into_iter()
                .any(|container| self.own(container).is_some()),
        })
    }
}

/// The containers that use an image.
struct Holders {
    /// Whether one of them is ours.
    ours: bool,
    /// Whether one of them runs.
    running: bool,
}

/// Converts the engine's error to the builder's error.
pub(super) fn build_error(error: EngineError) -> BuildError {
    match error {
        EngineError::Unreachable(why) => BuildError::Unreachable(why),
        other => BuildError::failed(other.to_string()),
    }
}

/// Reports complete layers, and the digest that the name refers to.
fn told(step: CreateImageInfo, sink: &BuildSink) {
    let status = step.status.unwrap_or_default();
    match step.id {
        Some(what) if status == "Pull complete" => sink(BuildEvent::Transfer {
            what,
            bytes: 0,
            bytes_total: 0,
            done: true,
        }),
        None if status.starts_with("Digest: ") => sink(BuildEvent::Note { sentence: status }),
        _ => {}
    }
}

/// Adds a default tag: without a tag or a digest, the engine would pull every tag.
fn with_tag(reference: &str) -> String {
    let last = reference.rsplit('/').next().unwrap_or(reference);
    if last.contains(':') || last.contains('@') {
        reference.to_owned()
    } else {
        format!("{reference}:latest")
    }
}

fn is_called(image: &ImageInspect, reference: &str) -> bool {
    let names = image
        .repo_tags
        .iter()
        .flatten()
        .chain(image.repo_digests.iter().flatten());
    let wanted = familiar(reference);
    names.into_iter().any(|name| {
        let name = familiar(name);
        // A reference may carry both a tag and a digest; the digest is what counts then.
        name == wanted
            || wanted.split_once('@').is_some_and(|(repository, digest)| {
                let repository = repository.rsplit_once(':').map_or(repository, |(r, _)| r);
                name == format!("{repository}@{digest}")
            })
    })
}

/// A reference as the engine shows it, without the default registry and its library.
fn familiar(reference: &str) -> &str {
    let reference = reference.strip_prefix("docker.io/").unwrap_or(reference);
    reference.strip_prefix("library/").unwrap_or(reference)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_without_a_tag_means_the_latest() {
        assert_eq!(with_tag("postgres"), "postgres:latest");
        assert_eq!(with_tag("localhost:5000/a"), "localhost:5000/a:latest");
        assert_eq!(with_tag("a/b:1"), "a/b:1");
        assert_eq!(with_tag("a@sha256:00"), "a@sha256:00");
    }

    #[test]
    fn an_id_is_not_a_name() {
        let image = ImageInspect {
            id: Some(format!("sha256:{}", "ab".repeat(32))),
            repo_tags: Some(vec!["postgres:15".to_owned()]),
            repo_digests: Some(vec!["postgres@sha256:0123".to_owned()]),
            ..ImageInspect::default()
        };
        assert!(is_called(&image, "postgres:15"));
        assert!(is_called(&image, "docker.io/library/postgres:15"));
        assert!(is_called(&image, "postgres:15@sha256:0123"));
        for other in [
            "abababababab:latest",
            "sha256:abab",
            "postgres:16",
            "evil/postgres:15",
        ] {
            assert!(!is_called(&image, other), "{other}");
        }
    }
}
