//! The directory that the proxy and the control plane share.
//!
//! It belongs to the proxy's user, so root's actions inside it must be safe against that user:
//! no function here follows a link, and ownership is only given to an object after checking it.

use std::{
    io,
    os::{fd::OwnedFd, unix::fs::DirBuilderExt},
    path::Path,
};

use nix::{
    errno::Errno,
    fcntl::{AtFlags, OFlag, open, openat},
    sys::stat::{Mode, SFlag, fchmod, fstat},
    unistd::{Gid, Uid, UnlinkatFlags, fchown, fchownat, geteuid, unlinkat},
};

use crate::ProxyError;

/// The proxy's socket: accepts tables and drains, reports activity.
pub const CONTROL_SOCKET: &str = "control.sock";
/// The control plane's socket: answers requests that a route cannot.
pub const GATE_SOCKET: &str = "gate.sock";
/// The last table, stored.
pub const TABLE_FILE: &str = "table.json";
/// The name of the table file until it is complete.
pub(crate) const TABLE_STAGED: &str = "table.json.new";

/// Creates the directory (mode 0700) and gives it, with the last table, to the user that the proxy
/// will run as. Its parent must exist and must not be writable by that user. Idempotent.
pub fn prepare_dir(dir: &Path, run_as: Option<(u32, u32)>) -> Result<(), ProxyError> {
    let failed = |cause: io::Error| ProxyError::Directory {
        path: dir.to_owned(),
        cause,
    };
    match std::fs::DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
        _ => {}
    }
    let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let opened = open(dir, flags, Mode::empty()).map_err(|e| failed(e.into()))?;
    fchmod(&opened, Mode::S_IRWXU).map_err(|e| failed(e.into()))?;
    if let Some((uid, gid)) = run_as {
        fchown(&opened, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))
            .map_err(|e| failed(e.into()))?;
        for (name, keep) in [(TABLE_FILE, true), (TABLE_STAGED, false)] {
            hand_on(&opened, name, (uid, gid), keep).map_err(|e| failed(e.into()))?;
        }
    }
    Ok(())
}

/// Gives a file that another proxy's user left in the directory to this user, if `keep` is set and
/// it is a regular file with one name; otherwise unlinks it.
fn hand_on(dir: &OwnedFd, name: &str, (uid, gid): (u32, u32), keep: bool) -> nix::Result<()> {
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let opened = match openat(dir, name, flags, Mode::empty()) {
        Err(Errno::ENOENT) => return Ok(()),
        opened => opened?,
    };
    let found = fstat(&opened)?;
    if found.st_uid == uid {
        return Ok(());
    }
    let kind = SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT;
    if !keep || kind != SFlag::S_IFREG || found.st_nlink != 1 {
        return unlinkat(dir, name, UnlinkatFlags::NoRemoveDir);
    }
    let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
    fchownat(&opened, "", uid, gid, AtFlags::AT_EMPTY_PATH)
}

/// Gives a socket that this process has just bound to the proxy's user, so that the proxy can
/// connect to it. Anything else at `path` is refused: the proxy's user can write to the directory,
/// and must not gain ownership of an object that it placed there.
pub fn hand_over(path: &Path, run_as: Option<(u32, u32)>) -> Result<(), ProxyError> {
    let Some((uid, gid)) = run_as else {
        return Ok(());
    };
    let failed = |e: nix::Error| ProxyError::Directory {
        path: path.to_owned(),
        cause: e.into(),
    };
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let opened = open(path, flags, Mode::empty()).map_err(failed)?;
    let found = fstat(&opened).map_err(failed)?;
    let kind = SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT;
    let owned = found.st_uid == geteuid().as_raw() || found.st_uid == uid;
    if kind != SFlag::S_IFSOCK || !owned {
        return Err(ProxyError::NotOurSocket {
            path: path.to_owned(),
        });
    }
    let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
    fchownat(&opened, "", uid, gid, AtFlags::AT_EMPTY_PATH).map_err(failed)
}
