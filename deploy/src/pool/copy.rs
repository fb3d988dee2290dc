//! Copies one file's content and keeps its holes.

use std::os::fd::OwnedFd;

use rustix::{
    fs::{SeekFrom, copy_file_range, fstat, ftruncate, seek},
    io::{Errno, pread, pwrite},
};

use super::PoolError;

/// Bytes that are copied between two checks of the time limit.
const PIECE_BYTES: u64 = 8 << 20;
/// The same without kernel support for copying.
const BUFFER_BYTES: usize = 256 << 10;

/// Copies the data of `from`. Calls `may_go_on` between pieces.
pub(super) fn copy(
    from: &OwnedFd,
    to: &OwnedFd,
    may_go_on: &dyn Fn() -> Result<(), PoolError>,
    failed: &dyn Fn(Errno) -> PoolError,
) -> Result<(), PoolError> {
    let size = u64::try_from(fstat(from).map_err(failed)?.st_size).unwrap_or(0);
    ftruncate(to, size).map_err(failed)?;
    let mut at = 0;
    while let Some((start, end)) = written(from, at, size).map_err(failed)? {
        at = start;
        while at < end {
            may_go_on()?;
            match piece(from, to, at, end - at).map_err(failed)? {
                // The file was truncated meanwhile; the copy keeps the expected length.
                0 => return Ok(()),
                copied => at += copied,
            }
        }
    }
    Ok(())
}

/// The next range with data, from `at` on.
fn written(from: &OwnedFd, at: u64, size: u64) -> Result<Option<(u64, u64)>, Errno> {
    if at >= size {
        return Ok(None);
    }
    let start = match seek(from, SeekFrom::Data(at)) {
        Err(Errno::NXIO) => return Ok(None),
        Err(Errno::INVAL | Errno::OPNOTSUPP) => return Ok(Some((at, size))),
        other => other?,
    };
    let end = match seek(from, SeekFrom::Hole(start)) {
        Err(Errno::NXIO) => return Ok(None),
        other => other?.min(size),
    };
    Ok((start < end).then_some((start, end)))
}

fn piece(from: &OwnedFd, to: &OwnedFd, at: u64, left: u64) -> Result<u64, Errno> {
    let (mut read, mut write) = (at, at);
    let length = usize::try_from(left.min(PIECE_BYTES)).unwrap_or(BUFFER_BYTES);
    match copy_file_range(from, Some(&mut read), to, Some(&mut write), length) {
        Err(Errno::XDEV | Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS) => {}
        other => return Ok(u64::try_from(other?).unwrap_or(0)),
    }
    let mut buffer = vec![0; length.min(BUFFER_BYTES)];
    let filled = pread(from, &mut buffer, at)?;
    let mut done = 0;
    while done < filled {
        let offset = at + u64::try_from(done).unwrap_or(0);
        done += pwrite(to, &buffer[done..filled], offset)?;
    }
    Ok(u64::try_from(filled).unwrap_or(0))
}
