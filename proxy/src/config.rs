//! What a proxy is started with.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

/// What a proxy is started with. Serialisable, so that the process that starts it can hand it over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxyConfig {
    /// Where both sockets and the table file are (see [`crate::prepare_dir`]).
    pub dir: PathBuf,
    /// Where visitors come in. Port 0 takes any free one; `About` tells which.
    pub listen: Vec<SocketAddr>,
    /// User and group to become. Required where the process starts as root, ignored elsewhere.
    pub run_as: Option<(u32, u32)>,
    /// The scheme visitors use (`http` or `https`), as told to upstreams and the Gate. It differs
    /// from what we speak where something in front of us ends TLS.
    pub public_scheme: String,
    /// Every limit.
    pub limits: Limits,
}

/// Every limit of the proxy. The defaults suit the internet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// From a connection's start, or the first byte of a later head, to the head's end.
    pub head_read: Duration,
    /// How long a connection may stay open between two requests.
    pub keep_alive: Duration,
    /// How long a request's body, or an answer that its visitor does not read, may stand still while
    /// nothing else of the connection moves. What moves has no limit.
    pub stall: Duration,
    /// Bytes of a request's or a response's head, at most (at least 8192).
    pub head_bytes_max: usize,
    /// Header lines of a request or a response, at most.
    pub head_lines_max: usize,
    /// Open connections of all visitors together.
    pub connections_max: usize,
    /// Open connections of one client address (IPv6: of one /64). Loopback is exempt, because what
    /// comes from there is another proxy or the host's own user.
    pub connections_per_client_max: usize,
    /// To connect to an upstream.
    pub upstream_connect: Duration,
    /// From the last byte that moved between us and an upstream to the head of its response. While it
    /// is the visitor who is waited for, `stall` holds instead.
    pub upstream_head: Duration,
    /// How long an unused upstream connection is kept. Shorter than the five seconds after which
    /// common application servers close theirs, so that a request rarely meets a dying one.
    pub upstream_idle: Duration,
    /// Unused upstream connections kept per key.
    pub upstream_idle_max: usize,
    /// How long the Gate may hold a request before it answers.
    pub gate_hold: Duration,
    /// How long an upgraded connection may be silent in both directions.
    pub stream_idle: Duration,
    /// How long open requests may go on after a stop was asked for.
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
