//! One file's clone: its blocks shared where that works, else copied; then its owner, mode and
//! times.

use std::{
    ffi::CStr,
    os::fd::{AsFd, OwnedFd},
};

use rustix::{
    fs::{
        Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid, fchmod, fchown, futimens,
        ioctl_ficlone, openat,
    },
    io::Errno,
};

use super::{PoolError, copy};

/// One file, where its clone belongs, and whether the file system shares blocks.
pub(super) struct Asked<'a> {
    pub(super) from: &'a OwnedFd,
    pub(super) stat: &'a Stat,
    pub(super) to: &'a OwnedFd,
    pub(super) name: &'a CStr,
    pub(super) share: bool,
}

/// Makes the clone and answers whether its blocks are shared.
pub(super) fn clone(
    asked: &Asked<'_>,
    may_go_on: &dyn Fn() -> Result<(), PoolError>,
    failed: &dyn Fn(Errno) -> PoolError,
) -> Result<bool, PoolError> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let to = openat(asked.to, asked.name, flags, Mode::RUSR | Mode::WUSR).map_err(failed)?;
    let shared = asked.share && share(asked.from, &to).map_err(failed)?;
    if !shared {
        copy::copy(asked.from, &to, may_go_on, failed)?;
    }
    dress(&to, asked.stat).map_err(failed)?;
    Ok(shared)
}

/// Gives owner, mode and times. Whoever could set the owner's bits inside a container must not
/// find them on a file that the host holds, so set-user-id and set-group-id are left out.
pub(super) fn dress(file: impl AsFd, stat: &Stat) -> Result<(), Errno> {
    let (owner, group) = owner(stat);
    fchown(&file, owner, group)?;
    let mode = Mode::from_raw_mode(stat.st_mode) - Mode::SUID - Mode::SGID;
    fchmod(&file, mode)?;
    futimens(&file, &times(stat))
}

/// Whose it is.
pub(super) fn owner(stat: &Stat) -> (Option<Uid>, Option<Gid>) {
    (
        Some(Uid::from_raw(stat.st_uid)),
        Some(Gid::from_raw(stat.st_gid)),
    )
}

/// When it was read and written.
pub(super) fn times(stat: &Stat) -> Timestamps {
    let time = |seconds: i64, nanos: u64| Timespec {
        tv_sec: seconds,
        tv_nsec: i64::try_from(nanos).unwrap_or(0),
    };
    Timestamps {
        last_access: time(stat.st_atime, stat.st_atime_nsec),
        last_modification: time(stat.st_mtime, stat.st_mtime_nsec),
    }
}

/// Shares all blocks; `false` for a file that cannot, such as one that is never copied on write.
fn share(from: &OwnedFd, to: &OwnedFd) -> Result<bool, Errno> {
    match ioctl_ficlone(to, from) {
        Ok(()) => Ok(true),
        Err(Errno::OPNOTSUPP | Errno::INVAL | Errno::XDEV | Errno::TXTBSY) => Ok(false),
        Err(error) => Err(error),
    }
}
