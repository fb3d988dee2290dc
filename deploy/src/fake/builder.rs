//! The builder of the simulated host.

use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use super::{
    BuildScript, FakeEngine, Op,
    flight::Flight,
    world::{Image, Owner, World},
};
use crate::{
    builder::{
        BuildError, BuildEvent, BuildFault, BuildRequest, BuildSink, Builder, CacheRecord, DiskUse,
        Fingerprint,
    },
    names::{ImageId, Instance, PreviewId, RevisionNumber, ServiceName},
};

/// A build's steps, as a builder would name them.
const STEPS: [&str; 2] = ["[1/2] FROM base", "[2/2] COPY . /srv"];

#[async_trait]
impl Builder for FakeEngine {
    async fn fingerprint(&self, request: &BuildRequest) -> Result<Fingerprint, BuildError> {
        // The simulated host knows nothing about a commit's files.
        let recipe = [
            request.tree.commit().as_str(),
            &request.context,
            &request.dockerfile,
            request.target.as_deref().unwrap_or_default(),
            &format!("{:?}", request.args),
        ];
        Ok(Fingerprint(hex::encode(Sha256::digest(recipe.join("\0")))))
    }

    async fn build(&self, request: &BuildRequest, sink: BuildSink) -> Result<ImageId, BuildError> {
        let commit = request.tree.commit().clone();
        let what = format!(
            "image {}/{}/{}",
            request.preview, request.revision, request.service
        );
        let mut flight = Flight::begin(self, Op::Build, what);
        self.world().builds.entry(commit.clone()).or_default().begun += 1;
        flight.depart().await?;
        let parts = u32::try_from(STEPS.len()).unwrap_or(1);
        for step in STEPS.map(str::to_owned) {
            sink(BuildEvent::Started { step: step.clone() });
            sink(BuildEvent::Log {
                line: format!("{step} of {}", commit.short()),
            });
            flight.travel(parts).await?;
            sink(BuildEvent::Done {
                step,
                cached: false,
                took: Duration::from_millis(1),
            });
        }
        let script = self.world().apps.of_build(&commit).build.clone();
        let built = match script {
            BuildScript::Ok => self.finish_build(request),
            BuildScript::Fails { step, message } => Err(BuildError::Failed {
                fault: Box::new(BuildFault::Command { exit_code: 1 }),
                step: Some(step),
                line: None,
                message,
            }),
            BuildScript::NoDockerfile => Err(BuildError::NoDockerfile {
                path: request.dockerfile.clone(),
            }),
        };
        flight.land(built)
    }

    // A simulated build ends when it is dropped.
    async fn ended(&self, _: &PreviewId) {}

    async fn cache(&self) -> Result<Vec<CacheRecord>, BuildError> {
        Ok(Vec::new())
    }

    async fn forget_cache(&self, _: &[String]) -> Result<(), BuildError> {
        Ok(())
    }

    async fn disk_use(&self, _: &PreviewId) -> Result<DiskUse, BuildError> {
        Ok(DiskUse::default())
    }

    async fn disk_percent(&self) -> Option<u64> {
        None
    }

    async fn blocker(&self) -> Option<String> {
        None
    }

    async fn obtain(&self, reference: &str, _: BuildSink) -> Result<ImageId, BuildError> {
        let mut flight = Flight::begin(self, Op::Obtain, reference.to_owned());
        flight.depart().await?;
        flight.travel(1).await?;
        let unknown = self.world().unknown_references.contains(reference);
        let obtained = if unknown {
            Err(BuildError::NoImage {
                reference: reference.to_owned(),
                why: "no such image (simulated)".to_owned(),
            })
        } else {
            image_id(&[reference]).inspect(|id| {
                let image = Image {
                    owners: BTreeSet::new(),
                    commit: None,
                };
                self.world().images.insert(id.clone(), image);
            })
        };
        flight.land(obtained)
    }

    async fn share(
        &self,
        image: &ImageId,
        preview: &PreviewId,
        revision: RevisionNumber,
        service: &ServiceName,
    ) -> Result<bool, BuildError> {
        let what = format!("image {preview}/{revision}/{service}");
        let mut flight = Flight::begin(self, Op::ShareImage, what);
        flight.depart().await?;
        flight.travel(1).await?;
        let owner = (
            self.instance.clone(),
            preview.clone(),
            revision,
            service.clone(),
        );
        let shared = self.world().share_image(image, owner);
        flight.land(Ok(shared))
    }

    async fn remove(&self, preview: &PreviewId, image: &ImageId) -> Result<(), BuildError> {
        let mut flight =
            Flight::begin(self, Op::RemoveImage, format!("image {image} of {preview}"));
        flight.depart().await?;
        flight.travel(1).await?;
        self.world().remove_image(&self.instance, preview, image);
        flight.land(Ok(()))
    }
}

impl World {
    /// Adds an owner to an image of the same Dayfly; `false` if there is no such image.
    fn share_image(&mut self, image: &ImageId, owner: Owner) -> bool {
        let Some(there) = self.images.get_mut(image) else {
            return false;
        };
        let (instance, preview, ..) = owner.clone();
        if !there.owners.iter().any(|(whose, ..)| *whose == instance) {
            return false;
        }
        there.owners.insert(owner);
        self.hint(&instance, &preview);
        true
    }

    /// Removes a preview's ownership of an image; the image is gone with its last owner.
    fn remove_image(&mut self, instance: &Instance, preview: &PreviewId, image: &ImageId) {
        let Some(there) = self.images.get_mut(image) else {
            return;
        };
        let before = there.owners.len();
        there
            .owners
            .retain(|(owner, whose, ..)| owner != instance || whose != preview);
        if there.owners.len() == before {
            return;
        }
        if there.owners.is_empty() {
            self.images.remove(image);
        }
        self.check_remove_image(instance, preview, image);
        self.hint(instance, preview);
    }
}

impl FakeEngine {
    fn finish_build(&self, request: &BuildRequest) -> Result<ImageId, BuildError> {
        let commit = request.tree.commit();
        // Labels are part of an image, so the same source gives each revision a different image.
        let revision = request.revision.to_string();
        let id = image_id(&[
            self.instance.as_str(),
            request.preview.as_str(),
            &revision,
            request.service.as_str(),
            commit.as_str(),
            &request.context,
            &request.dockerfile,
            request.target.as_deref().unwrap_or_default(),
        ])?;
        let mut world = self.world();
        let owner = (
            self.instance.clone(),
            request.preview.clone(),
            request.revision,
            request.service.clone(),
        );
        let image = world.images.entry(id.clone()).or_insert_with(|| Image {
            owners: BTreeSet::new(),
            commit: Some(commit.clone()),
        });
        image.owners.insert(owner);
        world.builds.entry(commit.clone()).or_default().finished += 1;
        world.hint(&self.instance, &request.preview);
        Ok(id)
    }
}

fn image_id(parts: &[&str]) -> Result<ImageId, BuildError> {
    let digest = hex::encode(Sha256::digest(parts.join("\0")));
    // The format is always valid, and there is no other sensible result.
    ImageId::parse(&format!("sha256:{digest}"))
        .map_err(|error| BuildError::Context(error.to_string()))
}
