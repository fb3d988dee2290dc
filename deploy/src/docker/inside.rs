//! The inside of a container as this host sees it: its listening sockets and its loopback. Dayfly
//! queries a server on that loopback directly, because starting a client program takes a tenth of a
//! second.
//!
//! Everything inside is untrusted. Dayfly resolves no path in it and opens only TCP connections:
//! through a Unix socket a hostile server could pass open files, and closing those may take
//! arbitrarily long.

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

/// Maximum bytes to read of a process's list of control groups.
const GROUPS_BYTES_MAX: usize = 16 * 1024;

/// The network of a running container.
pub(crate) struct Inside {
    network: OwnedFd,
}

impl Inside {
    /// Opens it by the container's id and first process, as the engine reports them.
    ///
    /// # Errors
    /// If the process is not visible: it has exited, runs on another host, or access is denied.
    pub(crate) fn of(container: &str, process: i64) -> io::Result<Self> {
        let process = process_of(container, process)?;
        let file = OFlags::RDONLY | OFlags::CLOEXEC;
        let network = openat(&process, "ns/net", file, Mode::empty())?;
        Ok(Self { network })
    }

    /// Connects to a port of its loopback.
    ///
    /// # Errors
    /// If nothing listens, or access is denied.
    pub(crate) async fn connect(&self, port: u16) -> io::Result<TcpStream> {
        let network = self.network.try_clone()?;
        let (tell, told) = oneshot::channel();
        // A socket belongs to the network of its thread. This thread does nothing else.
        std::thread::Builder::new()
            .name("inside".to_owned())
            .spawn(move || tell.send(socket_in(&network)))?;
        let socket = told.await.map_err(io::Error::other)??;
        let socket = TcpSocket::from_std_stream(Unconnected::from(socket));
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        socket.connect(loopback).await
    }
}

/// Opens a file below `/proc` of a container's process.
///
/// # Errors
/// If the process is not visible: it has exited, runs on another host, or access is denied.
pub(super) fn open_shown(container: &str, process: i64, path: &str) -> io::Result<File> {
    let process = process_of(container, process)?;
    let file = OFlags::RDONLY | OFlags::CLOEXEC;
    Ok(File::from(openat(&process, path, file, Mode::empty())?))
}

/// While this is open, it refers to this process and never to a later one with the same id.
fn process_of(container: &str, process: i64) -> io::Result<OwnedFd> {
    let folder = OFlags::DIRECTORY | OFlags::CLOEXEC;
    let process = openat(CWD, format!("/proc/{process}"), folder, Mode::empty())?;
    if !control_groups(&process)?.contains(container) {
        let why = "the process is not in the container";
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
