//! Temporary folders.

use std::{
    fs::DirBuilder,
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

/// A private folder that is removed when dropped.
#[derive(Debug)]
pub(super) struct Scratch(PathBuf);

const PREFIX: &str = ".dayfly-check-";
/// How long the random part of its name is.
const DIGITS: usize = 16;

impl Scratch {
    /// Creates one in an existing folder.
    pub(super) fn begin(parent: &Path) -> io::Result<Self> {
        let digits = deploy::random::hex::<{ DIGITS / 2 }>().map_err(io::Error::other)?;
        // Absolute, since the programs that use it run in other working directories.
        let path = std::path::absolute(parent)?.join(format!("{PREFIX}{digits}"));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Whether a folder of that name is the leftover of a crash.
    pub(super) fn is_one(name: &str) -> bool {
        let digits = name.strip_prefix(PREFIX);
        digits.is_some_and(|digits| {
            digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(cause) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(
                path = %self.0.display(),
                %cause,
                "cannot remove the temporary folder of a backup check; remove it by hand"
            );
        }
    }
}
