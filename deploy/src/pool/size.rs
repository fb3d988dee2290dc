//! How much something in the pool takes, as `du` counts: quick enough to be asked again and again.

use std::{
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::{
    fs::{AtFlags, FileType, statat},
    io::Errno,
};

use super::{
    Draft, Place, Pool, PoolError,
    error::blocking,
    tree::{self, DEPTH_MAX, ENTRIES_MAX},
};

/// How long counting may take.
const SIZE_MAX: Duration = Duration::from_secs(10);
/// What an entry takes besides its blocks: an inode of XFS. Millions of empty files are not free.
const ENTRY_BYTES: u64 = 512;
/// The unit of `st_blocks`.
const BLOCK_BYTES: u64 = 512;

impl Pool {
    /// Bytes that a place takes; blocks that others share count too, holes do not. Files that are
    /// deleted and still open are not seen. Zero where nothing is published.
    ///
    /// Fails with `Refused` above 2,000,000 entries or 64 folders deep, and with `TimedOut` after
    /// 10 s.
    pub async fn size(&self, place: &Place) -> Result<u64, PoolError> {
        size(self.data_path(place)).await
    }

    /// As [`Pool::size`], of a folder that a container sees; zero where it is not in this pool.
    pub async fn size_at(&self, data: &Path) -> Result<u64, PoolError> {
        match data.starts_with(self.layout().root()) {
            true => size(data.to_owned()).await,
            false => Ok(0),
        }
    }
}

impl Draft {
    /// As [`Pool::size`], of what was put into it so far.
    pub async fn size(&self) -> Result<u64, PoolError> {
        let _held = self.hold();
        size(self.data_path()).await
    }
}

async fn size(path: PathBuf) -> Result<u64, PoolError> {
    blocking("measure a folder", move || {
        let root = match tree::open_path(&path) {
            Err(Errno::NOENT) => return Ok(0),
            other => other.map_err(|error| failed(&path, error))?,
        };
        let mut count = Count {
            path: &path,
            deadline: Instant::now() + SIZE_MAX,
            entries: 0,
            bytes: 0,
        };
        count.folder(&root, 0)?;
        Ok(count.bytes)
    })
    .await
}

struct Count<'a> {
    path: &'a Path,
    deadline: Instant,
    entries: u64,
    bytes: u64,
}

impl Count<'_> {
    fn folder(&mut self, folder: &OwnedFd, depth: usize) -> Result<(), PoolError> {
        for entry in tree::entries(folder).map_err(|error| failed(self.path, error))? {
            let entry = entry.map_err(|error| failed(self.path, error))?;
            self.entries += 1;
            if self.entries > ENTRIES_MAX || depth > DEPTH_MAX {
                let doing = format!("measure {}", self.path.display());
                let why = "it has too many or too deep folders; remove some";
                return Err(PoolError::refused(doing, why));
            }
            if Instant::now() > self.deadline {
                return Err(PoolError::TimedOut {
                    doing: format!("measure {}", self.path.display()),
                    limit: SIZE_MAX,
                });
            }
            let stat = match statat(folder, &entry.name, AtFlags::SYMLINK_NOFOLLOW) {
                Err(error) if tree::has_changed(error) => continue,
                other => other.map_err(|error| failed(self.path, error))?,
            };
            let blocks = u64::try_from(stat.st_blocks).unwrap_or(0);
            self.bytes += ENTRY_BYTES + blocks.saturating_mul(BLOCK_BYTES);
            if entry.kind == FileType::Directory {
                match tree::open_folder(folder, &entry.name) {
                    Ok(below) => self.folder(&below, depth + 1)?,
                    Err(error) if tree::has_changed(error) => {}
                    Err(error) => return Err(failed(self.path, error)),
                }
            }
        }
        Ok(())
    }
}

fn failed(path: &Path, error: Errno) -> PoolError {
    PoolError::of(format!("measure {}", path.display()), error)
}
