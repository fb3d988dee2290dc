//! How a pool makes clones, and how to describe that.

use std::path::Path;

use super::probe::shares_blocks;

/// How a pool makes clones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CloneMethod {
    /// The directory's own file system shares blocks.
    Native,
    /// A file system in one file, mounted on the directory.
    Loop {
        /// The maximum size of the file; it is sparse, so it only uses blocks that hold data.
        size_bytes: u64,
    },
    /// No blocks are shared: every clone is a full copy.
    Copies {
        /// Why no blocks are shared.
        why: String,
        /// What the operator can do about it: a command or short advice.
        remedy: String,
    },
}

impl CloneMethod {
    /// The likely method of a pool in this data directory. This creates and mounts nothing, so it
    /// does not detect that a file cannot be mounted.
    pub fn foresee(data: &Path) -> Self {
        let near = data.ancestors().find(|folder| folder.is_dir());
        if near.is_some_and(|folder| shares_blocks(folder).unwrap_or(false)) {
            return Self::Native;
        }
        if !nix::unistd::geteuid().is_root() {
            return Self::Copies {
                why: "the data directory cannot share disk space; only root can mount a pool file"
                    .to_owned(),
                remedy: "run the server as root, or put the data directory on XFS or btrfs"
                    .to_owned(),
            };
        }
        let makes = ["/sbin", "/usr/sbin", "/usr/local/sbin"]
            .iter()
            .any(|folder| Path::new(folder).join("mkfs.xfs").exists());
        if makes {
            return Self::Loop { size_bytes: 0 };
        }
        Self::Copies {
            why: "the data directory cannot share disk space, and mkfs.xfs is not installed"
                .to_owned(),
            remedy: "install mkfs.xfs, for example with `apt-get install xfsprogs`".to_owned(),
        }
    }

    /// Whether clones share blocks with their source.
    pub fn shares(&self) -> bool {
        !matches!(self, Self::Copies { .. })
    }

    /// The method as a sentence for the operator.
    pub fn sentence(&self) -> String {
        match self {
            Self::Native => {
                "copies of databases share disk space in the data directory's file system"
                    .to_owned()
            }
            Self::Loop { size_bytes: 0 } => {
                "copies of databases share disk space in a mounted pool file".to_owned()
            }
            Self::Loop { size_bytes } => format!(
                "copies of databases share disk space in a mounted pool file of at most {} MiB",
                size_bytes / super::config::MIB
            ),
            Self::Copies { why, .. } => {
                format!("each copy of a database takes the full disk space: {why}")
            }
        }
    }

    /// The advice if clones are full copies; `None` otherwise.
    pub fn remedy(&self) -> Option<&str> {
        match self {
            Self::Copies { remedy, .. } => Some(remedy),
            Self::Native | Self::Loop { .. } => None,
        }
    }
}
