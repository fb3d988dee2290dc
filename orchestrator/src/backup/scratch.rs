//! Folders that are there for a while.

use std::{
    fs::DirBuilder,
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

/// A folder of ours alone that goes when dropped.
#[derive(Debug)]
pub(super) struct Scratch(PathBuf);

const PREFIX: &str = ".dayfly-check-";
/// How long the random part of its name is.
const DIGITS: usize = 16;

impl Scratch {
    /// Makes one in a folder that is there.
    pub(super) fn begin(parent: &Path) -> io::Result<Self> {
        let digits = deploy::random::hex::<{ DIGITS / 2 }>().map_err(io::Error::other)?;
        // Programs that work in it are started elsewhere.
        let path = std::path::absolute(parent)?.join(format!("{PREFIX}{digits}"));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Whether a folder of that name is one that a death left.
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
            tracing::warn!(path = %self.0.display(), %cause, "a folder for a check stays; remove it");
        }
    }
}
