//! The sockets of a proxy, bound while its process may still bind everything.

use std::{
    fs, io,
    net::{SocketAddr, TcpListener},
    os::unix::net::UnixListener,
    path::Path,
};

use nix::sys::{
    socket::{Backlog, listen as listen_again},
    stat::{Mode, umask},
};

use crate::{CONTROL_SOCKET, ProxyConfig, ProxyError};

/// Connections that may wait to be accepted. The system has a limit of its own below which it stays.
const BACKLOG: Backlog = Backlog::MAXCONN;

/// What was bound while the process could still bind everything.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) listeners: Vec<(TcpListener, SocketAddr)>,
    pub(crate) listen: Vec<SocketAddr>,
    pub(crate) control: UnixListener,
}

impl Bound {
    /// Binds the public addresses and the control socket, whose stale predecessor is removed.
    pub(crate) fn bind(config: &ProxyConfig, dir: &Path) -> Result<Self, ProxyError> {
        let mut listeners = Vec::with_capacity(config.listen.len());
        let mut listen = Vec::with_capacity(config.listen.len());
        for &address in &config.listen {
            let failed = |cause| ProxyError::Listen { address, cause };
            // The standard library sets SO_REUSEADDR, so a restart does not wait for old sockets.
            let listener = TcpListener::bind(address).map_err(failed)?;
            // Listening again only makes the queue longer than the standard library's.
            listen_again(&listener, BACKLOG).map_err(|e| failed(e.into()))?;
            listener.set_nonblocking(true).map_err(failed)?;
            let bound = listener.local_addr().map_err(failed)?;
            listen.push(bound);
            listeners.push((listener, bound));
        }
        let path = dir.join(CONTROL_SOCKET);
        let control =
            bind_control(&path).map_err(|cause| ProxyError::ControlSocket { path, cause })?;
        Ok(Self {
            listeners,
            listen,
            control,
        })
    }
}

/// Only the user that started us, and root, may speak to the control socket. The mode is there from
/// the first moment, and nothing is changed by name in a directory that another user owns.
fn bind_control(path: &Path) -> io::Result<UnixListener> {
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(io::Error::new(
            io::ErrorKind::AddrInUse,
            "another proxy answers on it",
        ));
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let before = umask(Mode::S_IXUSR | Mode::S_IRWXG | Mode::S_IRWXO);
    let bound = UnixListener::bind(path);
    umask(before);
    let listener = bound?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}
