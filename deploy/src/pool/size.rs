//! How much something in the pool takes, as `du` counts: quick enough to be asked again and again.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::fs::{AtFlags, statat};

use super::{Place, Pool, PoolError, Staging, error::blocking, walk::Walk};

/// How long counting may take.
const SIZE_MAX: Duration = Duration::from_secs(10);
/// What an entry takes besides its blocks: an inode of XFS. Millions of empty files are not free.
const ENTRY_BYTES: u64 = 512;
/// The unit of `st_blocks`.
const BLOCK_BYTES: u64 = 512;
/// What a file's end is rounded up to.
const PAGE_BYTES: u64 = 4096;
/// More entries than this are not counted: it would take seconds.
const ENTRIES_COUNTED_MAX: u64 = 500_000;

/// What something in the pool takes; blocks that others share count too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Bytes of content; holes do not count.
    pub bytes: u64,
    /// Bytes of blocks: with what the file system keeps ready for what may be written next, for a
    /// minute or so.
    pub blocks_bytes: u64,
}

impl Pool {
    /// What a place takes. Files that are deleted and still open are not seen. Nothing where nothing
    /// is published.
    ///
    /// Fails with `Refused` above 500,000 entries or 64 folders deep, and with `TimedOut` after
    /// 10 s.
    pub async fn size(&self, place: &Place) -> Result<Size, PoolError> {
        size(self.data_path(place)).await
    }

    /// As [`Pool::size`], of a folder that a container sees; nothing where it is not in this pool.
    pub async fn size_at(&self, data: &Path) -> Result<Size, PoolError> {
        match data.starts_with(self.layout().root()) {
            true => size(data.to_owned()).await,
            false => Ok(Size::default()),
        }
    }
}

impl Staging {
    /// As [`Pool::size`], of what was put into it so far.
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
