//! A reverse proxy that knows hosts, upstreams and a gate, and nothing of previews.
//!
//! It runs as a process of its own ([`run()`]), holds no key and no engine, and goes on with its last
//! table (kept on disk) while the control plane is away. It speaks with the control plane over two
//! Unix sockets in one directory: `control.sock` (ours: takes tables, tells activity, drains;
//! [`client`] is the other end) and `gate.sock` (theirs: answers whatever a route cannot; [`gate`]
//! has the words).
//!
//! The way of one request: `wire` guards the bytes, `head` checks what was parsed, `routing`
//! finds the route and counts, `forward` decides, `upstream` sends, `reply` streams back.

pub mod client;
pub mod gate;
pub mod table;

mod admission;
mod bound;
mod config;
mod connection;
mod control;
mod cookies;
mod crypto;
mod directory;
mod discard;
mod error;
mod forward;
mod gate_client;
mod head;
mod headers;
mod key;
mod lease;
mod link;
mod motion;
mod pages;
mod pool;
mod preflight;
mod privilege;
mod reply;
mod request_body;
mod routing;
mod run;
mod scan;
mod serve;
mod table_file;
mod tunnel;
mod upstream;
mod wire;

pub use config::{Limits, ProxyConfig};
pub use crypto::install_crypto;
pub use directory::{CONTROL_SOCKET, GATE_SOCKET, TABLE_FILE, hand_over, prepare_dir};
pub use error::ProxyError;
pub use privilege::raise_open_files;
pub use run::run;
pub use serve::{Running, serve};
