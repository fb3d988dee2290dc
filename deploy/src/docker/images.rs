//! Images: found, pulled where somebody else made them, shared and removed where we made them.

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

/// The repository of images that we made and that stopped containers of others still need.
const KEPT: &str = "dayfly-kept";

impl Docker {
    /// What the image asks for.
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

    /// Makes sure that somebody else's image is there.
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
                "it is a name for images that are built here".to_owned(),
            ));
        }
        let reference = with_tag(reference);
        if let Some(id) = self.named_image(&reference).await? {
            return Ok(id);
        }
        self.pull(&reference, sink).await?;
        let found = self.named_image(&reference).await?;
        found.ok_or_else(|| no_image("it was pulled, and yet it is not there".to_owned()))
    }

    /// The image of that name. An id, or the beginning of one, is not a name: it would reach
    /// images of other previews.
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

    /// Fetches the image. Whatever the engine answers is about the registry, which may well be
    /// away while the engine is not.
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
                    Some(login) => format!("{why} (asked as {:?})", login.username),
                    None => format!("{why} (asked without a log-in for {})", host(reference)),
                },
            }),
        }
    }

    /// Gives an image of ours one more name; false where it is not there.
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

    /// Removes the preview's name, and the image with it unless somebody else has a use for it.
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
        // The name is a secret; what goes wrong is told to many.
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
        // Force takes the tag from an image that a running container holds, and would take the
        // image itself from one that only stopped containers hold. That one gets a name that is
        // none of ours first.
        let holders = self.holders(image).await?;
        if holders.ours {
            // It goes soon, and the image with it; without its name nobody would know it as ours.
            let why = format!("{what} is still used by a container of ours");
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

/// Containers that hold an image.
struct Holders {
    /// Whether one of them is ours.
    ours: bool,
    /// Whether one of them runs.
    running: bool,
}

/// The builder's word for the engine's error.
pub(super) fn build_error(error: EngineError) -> BuildError {
    match error {
        EngineError::Unreachable(why) => BuildError::Unreachable(why),
        other => BuildError::failed(other.to_string()),
    }
}

/// Tells of layers that are there, and of the digest that the name stands for.
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

/// Without a tag or a digest, the engine would fetch every tag there is.
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

/// A reference as the engine shows it: the default registry and its library go unsaid.
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
