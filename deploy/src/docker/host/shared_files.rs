//! Whether the engine sees the files of this host.
//!
//! Databases store their data in Dayfly's folders, which the engine mounts into containers by path.
//! If the engine runs on another host, or if the engine or Dayfly runs in a container, they see
//! different file systems. Then all calls work, but no database ever starts.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use bollard::{
    models::{ContainerCreateBody, HostConfig, Mount, MountType},
    query_parameters::CreateContainerOptions,
};

use crate::{
    docker::{
        Docker,
        error::{classify, sentence, status},
    },
    engine::EngineError,
    random,
};

/// How to let an engine see our files; follows a colon.
pub const UNSEEN_FILES: &str = "run Dayfly on Docker's host, or mount the directory at the same \
                                path in both containers";

/// The engine's message for a missing folder (20.10).
const NOT_FOUND: &str = "bind source path does not exist";

impl Docker {
    /// Whether the engine sees the content of this folder of ours, at the same path.
    ///
    /// This requests a container from an impossible image, with a mount of a new subfolder. The
    /// engine checks the folder before the image, and creates nothing in either case.
    pub async fn sees(&self, folder: &Path) -> Result<bool, EngineError> {
        let what = format!("a container with a mount of {}", folder.display());
        let refused = |why: String| EngineError::Refused {
            what: what.clone(),
            why,
        };
        let witness = Witness::place(folder).map_err(|error| refused(error.to_string()))?;
        let body = ContainerCreateBody {
            image: Some(format!("sha256:{}", "0".repeat(64))),
            cmd: Some(vec!["none".to_owned()]),
            host_config: Some(HostConfig {
                mounts: Some(vec![Mount {
                    target: Some("/witness".to_owned()),
                    source: Some(witness.0.display().to_string()),
                    typ: Some(MountType::BIND),
                    read_only: Some(true),
                    ..Mount::default()
                }]),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        let asked = async {
            let none = None::<CreateContainerOptions>;
            Ok(self.api().create_container(none, body).await)
        };
        match self.call(&what, asked).await? {
            Err(error) if status(&error) == Some(404) => Ok(true),
            Err(error) if sentence(&error).contains(NOT_FOUND) => Ok(false),
            Err(error) => Err(classify(&what, error)),
            Ok(_) => Err(refused(
                "Docker created a container without an image".to_owned(),
            )),
        }
    }
}

/// Whether the engine refused because it does not see a folder of ours.
pub fn does_not_see(error: &EngineError) -> bool {
    matches!(error, EngineError::Refused { why, .. } if why.contains(NOT_FOUND))
}

/// A unique new folder, removed when this is dropped.
struct Witness(PathBuf);

impl Witness {
    fn place(folder: &Path) -> io::Result<Self> {
        let word = random::hex::<8>().map_err(io::Error::other)?;
        let path = folder.join(format!("witness-{word}"));
        fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir(&self.0) {
            tracing::warn!(%error, path = %self.0.display(), "cannot remove an empty folder");
        }
    }
}
