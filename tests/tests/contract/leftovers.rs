//! What a promise that was broken leaves in the engine and on the host.

use std::{collections::HashMap, path::Path};

use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptionsBuilder, ListNetworksOptionsBuilder,
    ListVolumesOptionsBuilder, RemoveContainerOptionsBuilder, RemoveImageOptionsBuilder,
    RemoveVolumeOptionsBuilder,
};
use deploy::{labels, names::Instance};

/// Asks for all that carries the instance's label.
pub(super) fn label_filter(instance: &Instance) -> HashMap<String, Vec<String>> {
    let label = format!("{}={instance}", labels::INSTANCE);
    HashMap::from([("label".to_owned(), vec![label])])
}

/// Removes all that carries the instance's label, and names it.
pub(super) async fn sweep(instance: &Instance) -> Result<Vec<String>, bollard::errors::Error> {
    let api = bollard::Docker::connect_with_unix_defaults()?;
    let filters = label_filter(instance);
    let mut left = Vec::new();
    let options = ListContainersOptionsBuilder::new()
        .all(true)
        .filters(&filters)
        .build();
    for container in api.list_containers(Some(options)).await? {
        let id = container.id.unwrap_or_default();
        left.push(format!("container {:?}", container.names));
        let force = RemoveContainerOptionsBuilder::new()
            .force(true)
            .v(true)
            .build();
        api.remove_container(&id, Some(force)).await?;
    }
    let options = ListNetworksOptionsBuilder::new().filters(&filters).build();
    for network in api.list_networks(Some(options)).await? {
        let name = network.name.unwrap_or_default();
        api.remove_network(&name).await?;
        left.push(format!("network {name}"));
    }
    let options = ListVolumesOptionsBuilder::new().filters(&filters).build();
    for volume in api
        .list_volumes(Some(options))
        .await?
        .volumes
        .unwrap_or_default()
    {
        let force = RemoveVolumeOptionsBuilder::new().force(true).build();
        api.remove_volume(&volume.name, Some(force)).await?;
        left.push(format!("volume {}", volume.name));
    }
    let options = ListImagesOptionsBuilder::new().filters(&filters).build();
    for image in api.list_images(Some(options)).await? {
        let force = RemoveImageOptionsBuilder::new().force(true).build();
        api.remove_image(&image.id, Some(force), None).await?;
        left.push(format!("image {:?}", image.repo_tags));
    }
    Ok(left)
}

/// Unmounts everything at or below a directory, also where something still uses it.
pub(super) fn unmount_below(directory: &Path) {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(4));
    for point in points.filter(|point| Path::new(point).starts_with(directory)) {
        // What cannot be unmounted is told by the removal of the directory, which fails.
        let _told = std::process::Command::new("umount")
            .args(["--lazy", "--", point])
            .status();
    }
}
