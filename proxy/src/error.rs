//! The errors of a proxy that cannot start or continue.

use std::{io, net::SocketAddr, path::PathBuf};

/// Why a proxy could not start or continue.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// Binding a public address failed.
    #[error(
        "listen on {address}: {cause}; free the port, or name another with `listen` in the configuration or DAYFLY_LISTEN"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The error of the operating system.
        cause: io::Error,
    },
    /// Creating the control socket failed.
    #[error("create the control socket {path:?}: {cause}; another proxy may use this directory")]
    ControlSocket {
        /// The path of the socket.
        path: PathBuf,
        /// The error of the operating system.
        cause: io::Error,
    },
    /// The directory cannot be used.
    #[error("use the proxy's directory {path:?}: {cause}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// The error of the operating system.
        cause: io::Error,
    },
    /// The object to hand over is not a socket of this user.
    #[error("hand over {path:?}: it is not a socket of this user; remove it and bind again")]
    NotOurSocket {
        /// The path of the object.
        path: PathBuf,
    },
    /// The process is root and no user to change to is configured.
    #[error("run as root: refused; set an unprivileged user and group (`run_as`)")]
    NoUser,
    /// The user to change to is root.
    #[error("change to uid {uid} and gid {gid}: that is root; set an unprivileged user")]
    RootUser {
        /// The configured uid.
        uid: u32,
        /// The configured gid.
        gid: u32,
    },
    /// A step of giving up root failed or had no effect.
    #[error("give up root ({step}): {cause}")]
    Privilege {
        /// The step.
        step: &'static str,
        /// The error of the operating system.
        cause: io::Error,
    },
    /// A limit has an invalid value.
    #[error("use the limit {name}: {why}")]
    Limit {
        /// The name of the limit.
        name: &'static str,
        /// Why the value is invalid.
        why: &'static str,
    },
    /// Creating the async runtime failed.
    #[error("start the runtime: {0}")]
    Runtime(io::Error),
}
