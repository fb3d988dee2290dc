//! The configuration of a proxy.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

/// The configuration of a proxy. Serialisable, so that the parent process can pass it on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxyConfig {
    /// The directory of both sockets and the table file (see [`crate::prepare_dir`]).
    pub dir: PathBuf,
    /// The public addresses to listen on. Port 0 takes any free port, which `About` reports.
    pub listen: Vec<SocketAddr>,
    /// User and group to become. Required where the process starts as root, ignored elsewhere.
    pub run_as: Option<(u32, u32)>,
    /// The scheme that visitors use (`http` or `https`), as reported to upstreams and the Gate. It
    /// is `https` behind a TLS-terminating proxy, although this proxy itself speaks HTTP.
    pub public_scheme: String,
    /// All limits.
    pub limits: Limits,
}

/// All limits of the proxy. The defaults suit the public internet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Time limit for a request head, from the connection's start or the head's first byte to its
    /// end.
    pub head_read: Duration,
    /// How long a connection may stay open between two requests.
    pub keep_alive: Duration,
    /// How long a request body, or a response that the visitor does not read, may stall while
    /// nothing else moves on the connection. A transfer that moves has no time limit.
    pub stall: Duration,
    /// Bytes of a request's or a response's head, at most (at least 8192).
    pub head_bytes_max: usize,
    /// Header lines of a request or a response, at most.
    pub head_lines_max: usize,
    /// Open connections of all visitors together.
    pub connections_max: usize,
    /// Open connections of one client address (IPv6: of one /64). Loopback is exempt: its
    /// connections come from another proxy or a local user.
    pub connections_per_client_max: usize,
    /// Time limit for connecting to an upstream.
    pub upstream_connect: Duration,
    /// Time limit for the response head, from the last byte exchanged with the upstream. While the
    /// proxy waits for the visitor, `stall` applies instead.
    pub upstream_head: Duration,
    /// How long an unused upstream connection is kept. It is below the five seconds after which
    /// common application servers close idle connections, so a request rarely meets a closing one.
    pub upstream_idle: Duration,
    /// Unused upstream connections kept per key.
    pub upstream_idle_max: usize,
    /// How long the Gate may hold a request before it answers.
    pub gate_hold: Duration,
    /// How long an upgraded connection may be silent in both directions.
    pub stream_idle: Duration,
    /// How long open requests may continue after a stop request.
    pub stop_grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_read: Duration::from_secs(10),
            keep_alive: Duration::from_secs(75),
            stall: Duration::from_secs(60),
            head_bytes_max: 64 * 1024,
            head_lines_max: 1000,
            connections_max: 4096,
            connections_per_client_max: 256,
            upstream_connect: Duration::from_secs(5),
            upstream_head: Duration::from_secs(300),
            upstream_idle: Duration::from_secs(4),
            upstream_idle_max: 64,
            gate_hold: Duration::from_secs(60),
            stream_idle: Duration::from_secs(3600),
            stop_grace: Duration::from_secs(10),
        }
    }
}
