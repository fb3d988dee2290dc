//! Walks through everything below a folder, within limits.

use std::{
    os::fd::OwnedFd,
    path::Path,
    time::{Duration, Instant},
};

use rustix::{fs::FileType, io::Errno};

use super::{
    PoolError,
    tree::{self, DEPTH_MAX, Entry},
};

/// A walk and its limits.
pub(super) struct Walk {
    doing: String,
    entries_max: u64,
    entries: u64,
    limit: Duration,
    deadline: Instant,
}

impl Walk {
    /// A walk for the operation `doing`, with these limits on entries and time.
    pub(super) fn new(doing: String, entries_max: u64, limit: Duration) -> Self {
        Self {
            doing,
            entries_max,
            entries: 0,
            limit,
            deadline: Instant::now() + limit,
        }
    }

    /// Visits everything below a folder, each folder before its contents. An entry that vanishes or
    /// changes its type meanwhile is skipped, even if the visitor notices it.
    ///
    /// Fails with `Refused` above the limits on entries or depth, and with `TimedOut`.
    pub(super) fn through(
        &mut self,
        path: &Path,
        visit: &mut impl FnMut(&OwnedFd, &Entry) -> Result<(), Errno>,
    ) -> Result<Walked, PoolError> {
        match tree::open_path(path) {
            Err(Errno::NOENT) => Ok(Walked::Missing),
            Err(error) => Err(self.failed(error)),
            Ok(root) => self.folder(&root, 0, visit).map(|()| Walked::Whole),
        }
    }

    fn folder(
        &mut self,
        folder: &OwnedFd,
        depth: usize,
        visit: &mut impl FnMut(&OwnedFd, &Entry) -> Result<(), Errno>,
    ) -> Result<(), PoolError> {
        for entry in tree::entries(folder).map_err(|error| self.failed(error))? {
            let entry = entry.map_err(|error| self.failed(error))?;
            self.step(depth)?;
            let below = visit(folder, &entry).and_then(|()| match entry.kind {
                FileType::Directory => tree::open_folder(folder, &entry.name).map(Some),
                _ => Ok(None),
            });
            match below {
                Ok(Some(below)) => self.folder(&below, depth + 1, visit)?,
                Ok(None) => {}
                Err(error) if tree::has_changed(error) => {}
                Err(error) => return Err(self.failed(error)),
            }
        }
        Ok(())
    }

    fn step(&mut self, depth: usize) -> Result<(), PoolError> {
        self.entries += 1;
        if self.entries > self.entries_max || depth > DEPTH_MAX {
            let most = self.entries_max;
            let why = format!(
                "it has more than {most} files, or is more than {DEPTH_MAX} folders deep; remove some"
            );
            return Err(PoolError::refused(&self.doing, why));
        }
        if Instant::now() > self.deadline {
            return Err(PoolError::TimedOut {
                doing: self.doing.clone(),
                limit: self.limit,
            });
        }
        Ok(())
    }

    fn failed(&self, error: Errno) -> PoolError {
        PoolError::of(self.doing.clone(), error)
    }
}

/// The result of a walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Walked {
    /// The walk visited everything.
    Whole,
    /// The folder does not exist.
    Missing,
}
