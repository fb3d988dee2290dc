//! The builder of the simulated host.

use std::time::Duration;

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use super::{BuildScript, FakeEngine, Op, flight::Flight, objects::ServiceAt, world::World};
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
                self.world().images.insert(id.clone(), None);
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
        let at = (revision, service.clone());
        let shared = {
            let mut world = self.world();
            let mut previews = world.previews.iter();
            let there = previews
                .any(|((owner, _), objects)| *owner == self.instance && objects.has_image(image));
            if there {
                world.name_image(&self.instance, image, preview, at);
            }
            there
        };
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
    fn name_image(
        &mut self,
        instance: &Instance,
        image: &ImageId,
        preview: &PreviewId,
        at: ServiceAt,
    ) {
        let images = &mut self.of(instance, preview).images;
        images.insert(at, (image.clone(), ()));
        self.hint(instance, preview);
    }

    /// Removes a preview's names of an image; the image is gone with its last name.
    fn remove_image(&mut self, instance: &Instance, preview: &PreviewId, image: &ImageId) {
        if !self.of(instance, preview).remove_image(image) {
            return;
        }
        let mut previews = self.previews.values();
        if !previews.any(|objects| objects.has_image(image)) {
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
        world
            .images
            .entry(id.clone())
            .or_insert(Some(commit.clone()));
        let at = (request.revision, request.service.clone());
        world.name_image(&self.instance, &id, &request.preview, at);
        world.builds.entry(commit.clone()).or_default().finished += 1;
        Ok(id)
    }
}

fn image_id(parts: &[&str]) -> Result<ImageId, BuildError> {
    let digest = hex::encode(Sha256::digest(parts.join("\0")));
    // The format is always valid, and there is no other sensible result.
    ImageId::parse(&format!("sha256:{digest}"))
        .map_err(|error| BuildError::Context(error.to_string()))
}
