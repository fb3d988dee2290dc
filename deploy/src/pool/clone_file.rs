//! Clones one file: shares its blocks if possible, else copies them; then sets owner, mode and
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

/// The mode of a new file before it gets its final mode.
const MADE_WITH: Mode = Mode::RUSR.union(Mode::WUSR);

/// One file, the target of its clone, and whether the file system shares blocks.
pub(super) struct Asked<'a> {
    pub(super) from: &'a OwnedFd,
    pub(super) stat: &'a Stat,
    pub(super) to: &'a OwnedFd,
    pub(super) name: &'a CStr,
    pub(super) share: bool,
}

/// Creates the clone and returns whether its blocks are shared.
pub(super) fn clone(
    asked: &Asked<'_>,
    may_go_on: &dyn Fn() -> Result<(), PoolError>,
    failed: &dyn Fn(Errno) -> PoolError,
) -> Result<bool, PoolError> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let to = openat(asked.to, asked.name, flags, MADE_WITH).map_err(failed)?;
    // An empty file has nothing to share. If a process writes its first bytes meanwhile, the clone
    // may be of the moment before.
    let is_empty = asked.stat.st_size == 0;
    let shared = asked.share && (is_empty || share(asked.from, &to).map_err(failed)?);
    if !shared {
        copy::copy(asked.from, &to, may_go_on, failed)?;
    }
    let (owner, group) = owner(asked.stat);
    fchown(&to, owner, group).map_err(failed)?;
    // Each change goes to the file system's log, and most files already have this mode.
    let mode = mode(asked.stat);
    if mode != MADE_WITH {
        fchmod(&to, mode).map_err(failed)?;
    }
    futimens(&to, &times(asked.stat)).map_err(failed)?;
    Ok(shared)
}

/// Sets owner, mode and times.
pub(super) fn dress(file: impl AsFd, stat: &Stat) -> Result<(), Errno> {
    let (owner, group) = owner(stat);
    fchown(&file, owner, group)?;
    fchmod(&file, mode(stat))?;
    futimens(&file, &times(stat))
}

/// The permissions of the clone. A container could set set-user-id and set-group-id on its files.
/// Those bits are dropped, since such a file on the host would be dangerous.
fn mode(stat: &Stat) -> Mode {
    Mode::from_raw_mode(stat.st_mode) - Mode::SUID - Mode::SGID
}

/// The owner and group.
pub(super) fn owner(stat: &Stat) -> (Option<Uid>, Option<Gid>) {
    (
        Some(Uid::from_raw(stat.st_uid)),
        Some(Gid::from_raw(stat.st_gid)),
    )
}

/// The access and modification times.
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

/// Shares all blocks; `false` for a file that does not support it, such as one without
/// copy-on-write.
fn share(from: &OwnedFd, to: &OwnedFd) -> Result<bool, Errno> {
    match ioctl_ficlone(to, from) {
        Ok(()) => Ok(true),
        Err(Errno::OPNOTSUPP | Errno::INVAL | Errno::XDEV | Errno::TXTBSY) => Ok(false),
        Err(error) => Err(error),
    }
}
