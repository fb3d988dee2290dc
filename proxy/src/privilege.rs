//! Becoming nobody in particular, for good.

use std::io;

use nix::{
    sys::{
        prctl,
        resource::{Resource, getrlimit, setrlimit},
        stat::{Mode, umask},
    },
    unistd::{Gid, Uid, geteuid, getresgid, getresuid, setgid, setgroups, setuid},
};

use crate::ProxyError;

/// Whether the process may keep the user it has, or must become `run_as`; refuses to stay root.
pub(crate) fn target(run_as: Option<(u32, u32)>) -> Result<Option<(u32, u32)>, ProxyError> {
    match run_as {
        _ if !geteuid().is_root() => Ok(None),
        None => Err(ProxyError::NoUser),
        Some((uid, gid)) if uid == 0 || gid == 0 => Err(ProxyError::RootUser { uid, gid }),
        Some(user) => Ok(Some(user)),
    }
}

/// Gives up root where we have it, checks that it cannot come back, and bars this process and its
/// children from ever gaining a privilege. Must run before any thread is started: the bar holds
/// for the calling thread and those it starts.
pub(crate) fn give_up(user: Option<(u32, u32)>) -> Result<(), ProxyError> {
    if let Some((uid, gid)) = user {
        let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
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
    step("set no_new_privs", prctl::set_no_new_privs())?;
    umask(Mode::S_IRWXG | Mode::S_IRWXO);
    Ok(())
}

/// Raises the soft limit of this process's open files to the hard one: a proxy needs two for each
/// visitor, and copies of data hold many at once. A limit that cannot be raised stays.
pub fn raise_open_files() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard));
    if let Err(error) = raised {
        tracing::warn!(%error, "cannot raise the limit of open files; staying with what we have");
    }
}

fn step<T>(step: &'static str, done: nix::Result<T>) -> Result<T, ProxyError> {
    done.map_err(|e| ProxyError::Privilege {
        step,
        cause: e.into(),
    })
}
