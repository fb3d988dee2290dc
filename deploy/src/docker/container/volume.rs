//! Volumes: the engine creates them with their container, and Dayfly removes them after it.

use bollard::query_parameters::{ListVolumesOptionsBuilder, RemoveVolumeOptions};

use crate::{
    docker::{Docker, names::leads_to},
    engine::EngineError,
    labels,
    labels::{Kind, Mark},
    names::{DatabaseKey, PreviewId},
};

impl Docker {
    /// Removes the volumes of a service; `revision` has digits only.
    pub(crate) async fn remove_volumes(
        &self,
        preview: &PreviewId,
        revision: &str,
        name: &str,
    ) -> Result<(), EngineError> {
        self.remove_volumes_with(&[
            (labels::PREVIEW, preview.as_str()),
            (labels::REVISION, revision),
            (labels::NAME, name),
        ])
        .await
    }

    /// Removes the volumes that a database's image declares besides its data.
    pub(crate) async fn remove_volumes_of_database(
        &self,
        key: &DatabaseKey,
    ) -> Result<(), EngineError> {
        self.remove_volumes_with(&[
            (labels::PREVIEW, key.preview.as_str()),
            (labels::GENERATION, &key.generation.0.to_string()),
            (labels::NAME, key.name.as_str()),
        ])
        .await
    }

    async fn remove_volumes_with(&self, of: &[(&str, &str)]) -> Result<(), EngineError> {
        let data = (labels::KIND, Kind::Data.as_str());
        let of: Vec<_> = of.iter().copied().chain([data]).collect();
        let filter = self.filter(&of);
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

    pub(crate) async fn remove_volume(&self, name: &str) -> Result<(), EngineError> {
        let what = format!("volume {name}");
        self.absent(
            &what,
            self.api().remove_volume(name, None::<RemoveVolumeOptions>),
        )
        .await
    }
}
