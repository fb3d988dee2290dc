//! Measures the size of data in the pool like `du`, fast enough for frequent calls.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::fs::{AtFlags, statat};

use super::{Place, Pool, PoolError, Staging, error::blocking, walk::Walk};

/// Time limit for counting.
const SIZE_MAX: Duration = Duration::from_secs(10);
/// Size of an inode of XFS, which an entry uses besides its blocks. Millions of empty files are not
/// free.
const ENTRY_BYTES: u64 = 512;
/// The unit of `st_blocks`.
const BLOCK_BYTES: u64 = 512;
/// Sizes are rounded up to this.
const PAGE_BYTES: u64 = 4096;
/// Maximum entries that are counted: more would take seconds.
const ENTRIES_COUNTED_MAX: u64 = 500_000;

/// The size of data in the pool, including blocks shared with others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Bytes of content; holes do not count.
    pub bytes: u64,
    /// Bytes of blocks, including preallocated ones, which the file system keeps for about a
    /// minute.
    pub blocks_bytes: u64,
}

impl Pool {
    /// The size of a place, without deleted files that are still open. `None` if nothing is
    /// published.
    ///
    /// Fails with `Refused` above 500,000 entries or 64 folders deep, and with `TimedOut` after
    /// 10 s.
    pub async fn size(&self, place: &Place) -> Result<Size, PoolError> {
        size(self.data_path(place)).await
    }

    /// Like [`Pool::size`], for a folder that a container sees; `None` if it is not in this pool.
    pub async fn size_at(&self, data: &Path) -> Result<Size, PoolError> {
        match data.starts_with(self.layout().root()) {
            true => size(data.to_owned()).await,
            false => Ok(Size::default()),
        }
    }
}

impl Staging {
    /// Like [`Pool::size`], for the current contents.
    pub async fn size(&self) -> Result<Size, PoolError> {
        let _held = self.hold();
        size(self.data_path()).await
    }
}

async fn size(path: PathBuf) -> Result<Size, PoolError> {
    blocking("measure a folder", move || {
        let mut size = Size::default();
        let doing = format!("measure {}", path.display());
        let mut walk = Walk::new(doing, ENTRIES_COUNTED_MAX, SIZE_MAX);
        walk.through(&path, &mut |folder, entry| {
            let stat = statat(folder, &entry.name, AtFlags::SYMLINK_NOFOLLOW)?;
            let blocks = u64::try_from(stat.st_blocks).unwrap_or(0);
            let blocks = blocks.saturating_mul(BLOCK_BYTES);
            let length = u64::try_from(stat.st_size).unwrap_or(0);
            let content = length.next_multiple_of(PAGE_BYTES).min(blocks);
            size.bytes += ENTRY_BYTES + content;
            size.blocks_bytes += ENTRY_BYTES + blocks;
            Ok(())
        })?;
        Ok(size)
    })
    .await
}
