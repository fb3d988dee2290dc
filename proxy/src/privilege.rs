//! Gives up root and all capabilities for good, and closes inherited files.

use std::io;

use nix::{
    sys::{
        prctl,
        resource::{Resource, getrlimit, setrlimit},
        stat::{Mode, umask},
    },
    unistd::{Gid, Uid, close, geteuid, getresgid, getresuid, setgid, setgroups, setuid},
};
use rustix::{
    io::Errno,
    thread::{
        CapabilitySet, CapabilitySets, capability_is_in_bounding_set,
        remove_capability_from_bounding_set, set_capabilities,
    },
};

use crate::ProxyError;

/// Where the kernel lists what this process has open.
const OPEN: &str = "/proc/self/fd";
/// The first descriptor that is not a standard stream.
const FIRST_OF_OURS: i32 = 3;
/// How many capabilities a set has room for.
const CAPABILITIES_MAX: u32 = 64;

/// Closes every descriptor except the standard streams: the parent process may have had files open,
/// and an attacker in this process could use them. Must run before this process opens anything.
pub(crate) fn close_inherited() -> Result<(), ProxyError> {
    let failed = |cause| ProxyError::Privilege {
        step: "close inherited files",
        cause,
    };
    let entries = std::fs::read_dir(OPEN).map_err(failed)?;
    let numbers = entries
        .map(|entry| {
            Ok(entry?
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok()))
        })
        .collect::<io::Result<Vec<Option<i32>>>>()
        .map_err(failed)?;
    for number in numbers.into_iter().flatten() {
        if number >= FIRST_OF_OURS {
            // The listing's own descriptor is already closed.
            let _closed = close(number);
        }
    }
    Ok(())
}

/// The user to change to, or `None` to keep the current one; refuses to stay root.
pub(crate) fn target(run_as: Option<(u32, u32)>) -> Result<Option<(u32, u32)>, ProxyError> {
    match run_as {
        _ if !geteuid().is_root() => Ok(None),
        None => Err(ProxyError::NoUser),
        Some((uid, gid)) if uid == 0 || gid == 0 => Err(ProxyError::RootUser { uid, gid }),
        Some(user) => Ok(Some(user)),
    }
}

/// Gives up root if the process has it, checks that it cannot be regained, and bars this process
/// and its children from gaining privileges. Must run before any thread starts: the bar applies to
/// the calling thread and the threads that it starts.
pub(crate) fn give_up(user: Option<(u32, u32)>) -> Result<(), ProxyError> {
    if let Some((uid, gid)) = user {
        let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
        empty_bounding_set()?;
        step("drop supplementary groups", setgroups(&[]))?;
        step("set the group", setgid(gid))?;
        step("set the user", setuid(uid))?;
        let users = step("read the users", getresuid())?;
        let groups = step("read the groups", getresgid())?;
        let kept = [users.real, users.effective, users.saved] != [uid; 3]
            || [groups.real, groups.effective, groups.saved] != [gid; 3];
        if kept || setuid(Uid::from_raw(0)).is_ok() {
            let source = io::Error::other("root could be regained");
            return Err(ProxyError::Privilege {
                step: "check",
                cause: source,
            });
        }
    }
    drop_capabilities()?;
    step("set no_new_privs", prctl::set_no_new_privs())?;
    umask(Mode::S_IRWXG | Mode::S_IRWXO);
    Ok(())
}

/// Drops every capability from the bounding set of this process and its children. A root without
/// CAP_SETPCAP (as in some containers) keeps the set; `no_new_privs` alone then has the same
/// effect.
fn empty_bounding_set() -> Result<(), ProxyError> {
    let failed = |errno: Errno| ProxyError::Privilege {
        step: "empty the bounding set",
        cause: errno.into(),
    };
    for number in 0..CAPABILITIES_MAX {
        let capability = CapabilitySet::from_bits_retain(1 << number);
        match capability_is_in_bounding_set(capability) {
            Ok(true) => {}
            Ok(false) => continue,
            // The kernel knows no further capabilities.
            Err(Errno::INVAL) => return Ok(()),
            Err(errno) => return Err(failed(errno)),
        }
        match remove_capability_from_bounding_set(capability) {
            Err(Errno::PERM) => {
                tracing::warn!("proxy: cannot empty the bounding set without CAP_SETPCAP");
                return Ok(());
            }
            removed => removed.map_err(failed)?,
        }
    }
    Ok(())
}

/// Empties the remaining sets; emptying the inheritable set also empties the ambient set.
fn drop_capabilities() -> Result<(), ProxyError> {
    let none = CapabilitySet::empty();
    let sets = CapabilitySets {
        effective: none,
        permitted: none,
        inheritable: none,
    };
    set_capabilities(None, sets).map_err(|errno| ProxyError::Privilege {
        step: "drop capabilities",
        cause: errno.into(),
    })
}

/// Raises the soft limit on open files to the hard limit: a proxy needs two per visitor, and
/// copying data opens many at once. On failure the limit stays as it is.
pub fn raise_open_files() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard));
    if let Err(error) = raised {
        tracing::warn!(%error, "cannot raise the limit on open files; keeping the current limit");
    }
}

fn step<T>(step: &'static str, done: nix::Result<T>) -> Result<T, ProxyError> {
    done.map_err(|e| ProxyError::Privilege {
        step,
        cause: e.into(),
    })
}
