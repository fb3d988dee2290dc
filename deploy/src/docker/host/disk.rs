//! Disk use of a preview on the engine's disk.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use bollard::query_parameters::{
    InspectContainerOptionsBuilder, ListContainersOptionsBuilder, ListImagesOptionsBuilder,
    ListVolumesOptionsBuilder,
};

use crate::{
    builder::DiskUse,
    databases::Databases as _,
    docker::{Docker, names::image_of},
    engine::EngineError,
    labels,
    names::PreviewId,
};

/// Maximum number of files to count in one volume; further files are ignored.
const FILES_MAX: usize = 1_000_000;

impl Docker {
    pub(crate) async fn preview_disk(&self, preview: &PreviewId) -> Result<DiskUse, EngineError> {
        let filter = self.filter(&[(labels::PREVIEW, preview.as_str())]);
        let built = self.filter(&[(labels::KIND, labels::Kind::Image.as_str())]);
        let images = ListImagesOptionsBuilder::new().filters(&built).build();
        let containers = ListContainersOptionsBuilder::new()
            .all(true)
            .filters(&filter)
            .build();
        let volumes = ListVolumesOptionsBuilder::new().filters(&filter).build();
        let (images, containers, volumes) = tokio::try_join!(
            self.call("images", self.api().list_images(Some(images))),
            self.call("containers", self.api().list_containers(Some(containers))),
            self.call("volumes", self.api().list_volumes(Some(volumes))),
        )?;
        let instance = &self.config().instance;
        let has = |name: &String| image_of(instance, name).is_some_and(|(p, ..)| p == *preview);
        let images: BTreeMap<String, i64> = images
            .into_iter()
            .filter(|image| image.repo_tags.iter().any(has))
            .map(|image| (image.id, image.size))
            .collect();
        let mut used = DiskUse {
            images_bytes: images.into_values().map(bytes).sum(),
            ..DiskUse::default()
        };
        for id in containers.into_iter().filter_map(|container| container.id) {
            let sized = InspectContainerOptionsBuilder::new().size(true).build();
            let there = self
                .find(
                    "a container",
                    self.api().inspect_container(&id, Some(sized)),
                )
                .await?;
            let written = there.and_then(|there| there.size_rw);
            used.containers_bytes += written.map_or(0, bytes);
        }
        let folders: Vec<PathBuf> = volumes
            .volumes
            .unwrap_or_default()
            .into_iter()
            .map(|volume| PathBuf::from(volume.mountpoint))
            .collect();
        let counted = tokio::task::spawn_blocking(move || {
            folders.iter().map(|folder| folder_bytes(folder)).sum()
        });
        // Unknown if the engine is on another host or its files are not readable.
        used.data_bytes = counted.await.ok().flatten();
        let data = self.data_use(preview).await.unwrap_or_default();
        let exclusive: u64 = data.values().map(|data| data.exclusive_bytes).sum();
        used.data_bytes = used.data_bytes.map(|volumes| volumes + exclusive);
        used.shared_bytes = data.values().map(|data| data.shared_bytes).sum();
        Ok(used)
    }
}

fn bytes(size: i64) -> u64 {
    u64::try_from(size).unwrap_or(0)
}

/// Size of all files below a folder, without following links. `None` if it is not readable.
fn folder_bytes(folder: &Path) -> Option<u64> {
    let mut folders = vec![folder.to_owned()];
    let (mut bytes, mut files) = (0, 0);
    while let Some(next) = folders.pop() {
        let entries = match std::fs::read_dir(&next) {
            Ok(entries) => entries,
            // A file removed during the count does not count.
            Err(_) if next != folder => continue,
            Err(_) => return None,
        };
        for entry in entries.flatten() {
            let Ok(facts) = entry.metadata() else {
                continue;
            };
            files += 1;
            if facts.is_dir() {
                folders.push(entry.path());
            } else {
                bytes += facts.len();
            }
            if files >= FILES_MAX {
                return Some(bytes);
            }
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_as_large_as_its_files() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("below")).unwrap();
        std::fs::write(folder.path().join("below/a"), [0; 1_000]).unwrap();
        std::fs::write(folder.path().join("b"), [0; 24]).unwrap();
        std::os::unix::fs::symlink("/", folder.path().join("link")).unwrap();
        let bytes = folder_bytes(folder.path()).unwrap();
        assert_eq!(
            bytes,
            1_000 + 24 + 1,
            "the link counts as its own target's length"
        );
        assert_eq!(folder_bytes(&folder.path().join("nothing")), None);
    }
}
