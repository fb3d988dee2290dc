//! The inside of a container as this host sees it: sockets of a server are opened without a program
//! in between, whose start takes a tenth of a second.
//!
//! Everything inside is made by strangers, links among them, so paths are followed within the
//! container's own root and nowhere else.

use std::{
    io,
    os::fd::{AsFd, AsRawFd as _, OwnedFd},
};

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2};
use tokio::net::UnixStream;

/// How much of a process's list of groups is read.
const GROUPS_BYTES_MAX: usize = 16 * 1024;

/// The root of a running container.
pub(super) struct Inside {
    root: OwnedFd,
}

impl Inside {
    /// By the container's id and its first process, as the engine tells it.
    ///
    /// # Errors
    /// Where the process is not to be seen: it has ended, it is another host's, or we may not.
    pub(super) fn of(container: &str, process: i64) -> io::Result<Self> {
        let folder = OFlags::DIRECTORY | OFlags::CLOEXEC;
        // Held open it is this process and never one that got its number later.
        let process = openat(CWD, format!("/proc/{process}"), folder, Mode::empty())?;
        if !groups(&process)?.contains(container) {
            let why = "the process is none of the container's";
            return Err(io::Error::new(io::ErrorKind::NotFound, why));
        }
        let root = openat(&process, "root", folder | OFlags::PATH, Mode::empty())?;
        Ok(Self { root })
    }

    /// Opens a socket by its path inside.
    ///
    /// # Errors
    /// Where there is none, or nobody listens.
    pub(super) async fn connect(&self, path: &str) -> io::Result<UnixStream> {
        let only_named = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let within = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let socket = openat2(&self.root, path, only_named, Mode::empty(), within)?;
        if FileType::from_raw_mode(fstat(&socket)?.st_mode) != FileType::Socket {
            return Err(io::Error::new(io::ErrorKind::NotFound, "no socket"));
        }
        // By the handle, as its name may be another's by now.
        UnixStream::connect(format!("/proc/self/fd/{}", socket.as_raw_fd())).await
    }
}

fn groups(process: impl AsFd) -> io::Result<String> {
    let file = OFlags::RDONLY | OFlags::CLOEXEC;
    let file = openat(process, "cgroup", file, Mode::empty())?;
    let mut groups = vec![0; GROUPS_BYTES_MAX];
    let length = rustix::io::read(&file, &mut groups)?;
    groups.truncate(length);
    Ok(String::from_utf8_lossy(&groups).into_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::{fs::symlink, net::UnixListener};

    use super::*;

    fn inside(folder: &std::path::Path) -> Inside {
        let root = openat(CWD, folder, OFlags::DIRECTORY | OFlags::PATH, Mode::empty());
        Inside {
            root: root.unwrap(),
        }
    }

    #[tokio::test]
    async fn a_socket_is_found_behind_links_that_stay_inside() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("run/server")).unwrap();
        std::fs::create_dir(folder.path().join("var")).unwrap();
        // Absolute, as images have it: it means their own root.
        symlink("/run", folder.path().join("var/run")).unwrap();
        let _listens = UnixListener::bind(folder.path().join("run/server/socket")).unwrap();
        let found = inside(folder.path())
            .connect("/var/run/server/socket")
            .await;
        assert!(found.is_ok(), "{found:?}");
    }

    #[tokio::test]
    async fn a_link_leads_to_no_socket_of_the_host() {
        let (folder, host) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let socket = host.path().join("socket");
        let _listens = UnixListener::bind(&socket).unwrap();
        symlink(&socket, folder.path().join("direct")).unwrap();
        symlink(host.path(), folder.path().join("folder")).unwrap();
        symlink("../../../../..", folder.path().join("up")).unwrap();
        std::fs::write(folder.path().join("file"), "no socket").unwrap();
        let upwards = format!("/up{}", socket.display());
        for path in ["/direct", "/folder/socket", &upwards, "/file", "/none"] {
            let found = inside(folder.path()).connect(path).await;
            assert!(found.is_err(), "{path}");
        }
    }

    #[test]
    fn a_process_of_somebody_else_is_not_entered() {
        let own = i64::from(std::process::id());
        assert!(Inside::of("no-such-container", own).is_err());
    }
}
