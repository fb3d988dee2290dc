//! The inside of a container as this host sees it: where its processes listen, and its own loopback, on
//! which a server is asked without a program in between, whose start takes a tenth of a second.
//!
//! Everything inside is a stranger's. Nothing of its files is looked up, and what is opened is a TCP
//! connection: through a Unix socket a stranger could hand us open files, and closing those may take as
//! long as he likes.

use std::{
    fs::File,
    io,
    net::{Ipv4Addr, SocketAddr, TcpStream as Unconnected},
    os::fd::{AsFd, OwnedFd},
};

use rustix::{
    fs::{CWD, Mode, OFlags, openat},
    net::{AddressFamily, SocketFlags, SocketType, socket_with},
    thread::{LinkNameSpaceType, move_into_link_name_space},
};
use tokio::{
    net::{TcpSocket, TcpStream},
    sync::oneshot,
};

/// How much of a process's list of control groups is read.
const GROUPS_BYTES_MAX: usize = 16 * 1024;

/// The network of a running container.
pub(crate) struct Inside {
    network: OwnedFd,
}

impl Inside {
    /// By the container's id and its first process, as the engine tells it.
    ///
    /// # Errors
    /// Where the process is not to be seen: it has ended, it is another host's, or we may not.
    pub(crate) fn of(container: &str, process: i64) -> io::Result<Self> {
        let process = process_of(container, process)?;
        let file = OFlags::RDONLY | OFlags::CLOEXEC;
        let network = openat(&process, "ns/net", file, Mode::empty())?;
        Ok(Self { network })
    }

    /// Connects to a port of its loopback.
    ///
    /// # Errors
    /// Where nobody listens, or we may not go there.
    pub(crate) async fn connect(&self, port: u16) -> io::Result<TcpStream> {
        let network = self.network.try_clone()?;
        let (tell, told) = oneshot::channel();
        // A socket belongs to the network that its thread was in. The thread is used for nothing else.
        std::thread::Builder::new()
            .name("inside".to_owned())
            .spawn(move || tell.send(socket_in(&network)))?;
        let socket = told.await.map_err(io::Error::other)??;
        let socket = TcpSocket::from_std_stream(Unconnected::from(socket));
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        socket.connect(loopback).await
    }
}

/// Opens a file of what the kernel shows of a container's process.
///
/// # Errors
/// Where the process is not to be seen: it has ended, it is another host's, or we may not.
pub(super) fn open_shown(container: &str, process: i64, path: &str) -> io::Result<File> {
    let process = process_of(container, process)?;
    let file = OFlags::RDONLY | OFlags::CLOEXEC;
    Ok(File::from(openat(&process, path, file, Mode::empty())?))
}

/// Held open it is this process and never one that got its number later.
fn process_of(container: &str, process: i64) -> io::Result<OwnedFd> {
    let folder = OFlags::DIRECTORY | OFlags::CLOEXEC;
    let process = openat(CWD, format!("/proc/{process}"), folder, Mode::empty())?;
    if !control_groups(&process)?.contains(container) {
        let why = "the process is none of the container's";
        return Err(io::Error::new(io::ErrorKind::NotFound, why));
    }
    Ok(process)
}

fn socket_in(network: &OwnedFd) -> io::Result<OwnedFd> {
    move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))?;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(socket_with(
        AddressFamily::INET,
        SocketType::STREAM,
        flags,
        None,
    )?)
}

fn control_groups(process: impl AsFd) -> io::Result<String> {
    let file = OFlags::RDONLY | OFlags::CLOEXEC;
    let file = openat(process, "cgroup", file, Mode::empty())?;
    let mut groups = vec![0; GROUPS_BYTES_MAX];
    let length = rustix::io::read(&file, &mut groups)?;
    groups.truncate(length);
    Ok(String::from_utf8_lossy(&groups).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_of_somebody_else_is_not_entered() {
        let own = i64::from(std::process::id());
        assert!(Inside::of("no-such-container", own).is_err());
    }
}
