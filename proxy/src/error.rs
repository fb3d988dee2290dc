//! Why a proxy could not start or go on.

use std::{io, net::SocketAddr, path::PathBuf};

/// Why a proxy could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// A public address could not be taken.
    #[error(
        "listen on {address}: {cause}; free the port, or name another with `listen` in the configuration or DAYFLY_LISTEN"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        cause: io::Error,
    },
    /// The control socket could not be made.
    #[error("make the control socket {path:?}: {cause}; another proxy may own this directory")]
    ControlSocket {
        /// Where.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The directory cannot be used.
    #[error("use the proxy's directory {path:?}: {cause}")]
    Directory {
        /// Which.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// What was to be handed over is not a socket that we made.
    #[error("hand over {path:?}: it is not a socket made by this user; remove it and bind again")]
    NotOurSocket {
        /// Which.
        path: PathBuf,
    },
    /// Root without a user to become.
    #[error("run as root: refused; name the user and group to become (`run_as`)")]
    NoUser,
    /// The user to become is root.
    #[error("become uid {uid} and gid {gid}: that is root; name an unprivileged user")]
    RootUser {
        /// The uid named.
        uid: u32,
        /// The gid named.
        gid: u32,
    },
    /// A step of giving up privileges failed, or did not hold.
    #[error("give up root ({step}): {cause}")]
    Privilege {
        /// Which step.
        step: &'static str,
        /// What the system said.
        cause: io::Error,
    },
    /// A limit that cannot be.
    #[error("use the limit {name}: {why}")]
    Limit {
        /// Which.
        name: &'static str,
        /// Why not.
        why: &'static str,
    },
    /// The runtime could not be made.
    #[error("start the runtime: {0}")]
    Runtime(io::Error),
}
