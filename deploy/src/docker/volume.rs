//! Volumes: made by the engine together with their container, removed by us after it.

use bollard::query_parameters::{ListVolumesOptionsBuilder, RemoveVolumeOptions};

use super::{Docker, names::leads_to};
use crate::{
    engine::EngineError,
    labels::{self, Kind, Mark},
    names::PreviewId,
};

impl Docker {
    /// Removes the volumes of a service (its revision in digits) or a database (no revision).
    pub(super) async fn remove_volumes(
        &self,
        preview: &PreviewId,
        revision: &str,
        name: &str,
    ) -> Result<(), EngineError> {
        let filter = self.filter(&[
            (labels::PREVIEW, preview.as_str()),
            (labels::REVISION, revision),
            (labels::NAME, name),
            (labels::KIND, Kind::Data.as_str()),
        ]);
        let options = ListVolumesOptionsBuilder::new().filters(&filter).build();
        let found = self
            .call("volumes", self.api().list_volumes(Some(options)))
            .await?;
        for volume in found.volumes.unwrap_or_default() {
            if Mark::read(&volume.labels).is_some_and(|mark| leads_to(&mark, &volume.name)) {
                self.remove_volume(&volume.name).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn remove_volume(&self, name: &str) -> Result<(), EngineError> {
        let what = format!("volume {name}");
        self.absent(
            &what,
            self.api().remove_volume(name, None::<RemoveVolumeOptions>),
        )
        .await
    }
}
