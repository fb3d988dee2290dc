//! Whether the engine sees the files of this host.
//!
//! Databases keep their data in folders of ours, which the engine binds into containers by path. An
//! engine on another host, one that itself runs in a container, or a Dayfly that does, sees another
//! file system: everything answers, and no database ever starts.

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

/// Why an engine does not see our files, and what to do, to follow a colon.
pub const UNSEEN_FILES: &str = "it runs on another host or in a container, or Dayfly does; give both the same \
                                folder at the same path";

/// What the engine says of a folder that it does not find (20.10).
const NOT_FOUND: &str = "bind source path does not exist";

impl Docker {
    /// Whether the engine finds what is in this folder of ours, at the same path.
    ///
    /// It is asked for a container of an image that there cannot be, with a new folder in it: it looks
    /// for the folder before the image, and makes nothing in either case.
    pub async fn sees(&self, folder: &Path) -> Result<bool, EngineError> {
        let what = format!("whether it sees {}", folder.display());
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
            Ok(_) => Err(refused("it made a container without an image".to_owned())),
        }
    }
}

/// Whether the engine refused because it does not find a folder of ours.
pub fn does_not_see(error: &EngineError) -> bool {
    matches!(error, EngineError::Refused { why, .. } if why.contains(NOT_FOUND))
}

/// A folder that is nowhere else, as long as this lives.
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
            tracing::warn!(%error, path = %self.0.display(), "an empty folder stays");
        }
    }
}
