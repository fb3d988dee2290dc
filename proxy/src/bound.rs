//! Binds the proxy's sockets while the process still has the privilege to do so.

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

/// Length of the accept queue. The kernel caps it at its own limit.
const BACKLOG: Backlog = Backlog::MAXCONN;

/// The sockets bound before the process gives up its privileges.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) listeners: Vec<(TcpListener, SocketAddr)>,
    pub(crate) listen: Vec<SocketAddr>,
    pub(crate) control: UnixListener,
}

impl Bound {
    /// Binds the public addresses and the control socket, and removes a stale control socket.
    pub(crate) fn bind(config: &ProxyConfig, dir: &Path) -> Result<Self, ProxyError> {
        let mut listeners = Vec::with_capacity(config.listen.len());
        let mut listen = Vec::with_capacity(config.listen.len());
        for &address in &config.listen {
            let failed = |cause| ProxyError::Listen { address, cause };
            // The standard library sets SO_REUSEADDR, so a restart does not wait for old sockets.
            let listener = TcpListener::bind(address).map_err(failed)?;
            // Calling listen again only enlarges the queue that the standard library set.
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

/// Only root and the user that started the proxy may connect to the control socket. The mode is set
/// before the bind: the directory belongs to another user, so nothing in it is changed by name
/// later.
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
