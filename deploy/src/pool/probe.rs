//! Tests whether a file system shares blocks, with a real clone.

use std::{
    io::{self, Write as _},
    path::Path,
};

use rustix::io::Errno;

use super::PoolError;

/// A clone of less than a block proves nothing; this is more than the largest common block.
const PROBE_BYTES: usize = 64 << 10;

/// Whether cloning a real file works here.
pub(super) fn shares_blocks(directory: &Path) -> Result<bool, PoolError> {
    let doing = || format!("try a clone in {}", directory.display());
    let failed = |error: io::Error| PoolError::of(doing(), error);
    let mut source = tempfile::tempfile_in(directory).map_err(failed)?;
    match source.write_all(&[1; PROBE_BYTES]) {
        // A full pool must open, so that data can be removed. Cloning an empty file also fails on a
        // file system that cannot share blocks.
        Err(error) if error.kind() == io::ErrorKind::StorageFull => {}
        other => other.map_err(failed)?,
    }
    let target = tempfile::tempfile_in(directory).map_err(failed)?;
    match rustix::fs::ioctl_ficlone(&target, &source) {
        Ok(()) => Ok(true),
        Err(Errno::OPNOTSUPP | Errno::NOTTY | Errno::INVAL | Errno::XDEV | Errno::NOSYS) => {
            Ok(false)
        }
        Err(error) => Err(PoolError::of(doing(), error)),
    }
}
