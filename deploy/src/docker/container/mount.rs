//! What is mounted into a container.

use std::path::PathBuf;

use bollard::models::{Mount, MountType, MountVolumeOptions};
use serde::Serialize;

use crate::{docker::names::Names, labels::Mark};

/// A directory of the pool, mounted into a container. Containers get no other host path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct BindMount {
    /// Its path in the container.
    pub(crate) path: String,
    /// Its path in the pool; for data, from [`Pool::data_path`](crate::pool::Pool::data_path).
    pub(crate) source: PathBuf,
    /// Whether it is read-only.
    #[serde(skip)]
    pub(crate) read_only: bool,
}

/// A volume of the engine, with our labels, at a path of the container.
pub(super) fn volume_mount(owner: &str, path: &str, mark: &Mark) -> Mount {
    Mount {
        target: Some(path.to_owned()),
        source: Some(Names::volume(owner, &mark.spec)),
        typ: Some(MountType::VOLUME),
        volume_options: Some(MountVolumeOptions {
            labels: Some(mark.to_labels()),
            ..MountVolumeOptions::default()
        }),
        ..Mount::default()
    }
}

/// The engine refuses a mount of this type if its source does not exist. So an unmounted pool is
/// never mistaken for an empty directory.
pub(super) fn bind_mount(bind: &BindMount) -> Mount {
    Mount {
        target: Some(bind.path.clone()),
        source: Some(bind.source.display().to_string()),
        typ: Some(MountType::BIND),
        read_only: Some(bind.read_only),
        ..Mount::default()
    }
}
