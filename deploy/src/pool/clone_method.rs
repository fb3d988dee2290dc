//! How a pool comes by its clones, and how to say so.

use std::path::Path;

use super::probe::shares_blocks;

/// How a pool comes by its clones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CloneMethod {
    /// The directory's own file system shares blocks.
    Native,
    /// A file system of ours in one file, mounted on the directory.
    Loop {
        /// How large the file may become; it holds no more blocks than are used.
        size_bytes: u64,
    },
    /// Nothing shares blocks: every clone is a whole copy.
    Copies {
        /// Why nothing does.
        why: String,
        /// What the operator can do about it: a command, or a short advice.
        remedy: String,
    },
}

impl CloneMethod {
    /// What a pool in this data directory would most likely be; nothing is made or mounted to find
    /// out, so a file that cannot be mounted is not foreseen.
    pub fn foresee(data: &Path) -> Self {
        let near = data.ancestors().find(|folder| folder.is_dir());
        if near.is_some_and(|folder| shares_blocks(folder).unwrap_or(false)) {
            return Self::Native;
        }
        if !nix::unistd::geteuid().is_root() {
            return Self::Copies {
                why: "the data directory cannot share blocks and only root can mount a file that \
                      can"
                .to_owned(),
                remedy: "put the data directory on XFS or btrfs".to_owned(),
            };
        }
        let makes = ["/sbin", "/usr/sbin", "/usr/local/sbin"]
            .iter()
            .any(|folder| Path::new(folder).join("mkfs.xfs").exists());
        if makes {
            return Self::Loop { size_bytes: 0 };
        }
        Self::Copies {
            why: "the data directory cannot share blocks and mkfs.xfs is not installed".to_owned(),
            remedy: "apt-get install xfsprogs".to_owned(),
        }
    }

    /// Whether clones share their blocks with what they were cloned from.
    pub fn shares(&self) -> bool {
        !matches!(self, Self::Copies { .. })
    }

    /// What it means for whoever runs the host.
    pub fn sentence(&self) -> String {
        match self {
            Self::Native => {
                "databases are forked in place: the pool's file system shares blocks".to_owned()
            }
            Self::Loop { size_bytes: 0 } => {
                "databases are forked in place: a file that shares blocks is mounted".to_owned()
            }
            Self::Loop { size_bytes } => format!(
                "databases are forked in place: a file of at most {} MiB, mounted, shares blocks",
                size_bytes / super::config::MIB
            ),
            Self::Copies { why, .. } => {
                format!("every fork of a database is a whole copy: {why}")
            }
        }
    }

    /// What to do where clones are copies; nothing where they are not.
    pub fn remedy(&self) -> Option<&str> {
        match self {
            Self::Copies { remedy, .. } => Some(remedy),
            Self::Native | Self::Loop { .. } => None,
        }
    }
}
