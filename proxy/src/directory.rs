//! The directory that the proxy and the control plane share.
//!
//! It belongs to the proxy's user, so whatever root does inside it must hold against that user:
//! nothing here follows a link, and ownership is given only to an object that was looked at.

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

/// The proxy's socket: takes tables, tells activity, drains.
pub const CONTROL_SOCKET: &str = "control.sock";
/// The control plane's socket: answers what a route cannot.
pub const GATE_SOCKET: &str = "gate.sock";
/// The last table.
pub const TABLE_FILE: &str = "table.json";
/// What it is called until it is whole.
pub(crate) const TABLE_STAGED: &str = "table.json.new";

/// Makes the directory (mode 0700) and gives it to the user the proxy will run as, with the last table in
/// it. Its parent must exist and must not be writable by that user. Repeating it is harmless.
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

/// Gives a file that another proxy's user left in the directory to this one, where it is to be kept and is
/// nothing but a file; else takes its name away.
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
/// connect to it. Anything but a socket of our own at `path` is refused: the directory is the
/// proxy's, and what it might have put there must not become its property.
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
