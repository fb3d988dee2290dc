//! A reverse proxy that knows hosts, upstreams and a gate, but nothing about previews.
//!
//! It runs as a separate process ([`run()`]) with no secret key and no container engine. While the
//! control plane is away, it continues with its last table, which is kept on disk. The two talk
//! over two Unix sockets in one directory. `control.sock` belongs to the proxy: it accepts tables
//! and drains and reports activity ([`client`] is the other end). `gate.sock` belongs to the
//! control plane: it answers requests that a route cannot ([`gate`] defines the protocol).
//!
//! The path of one request: `wire` guards the bytes, `head` checks the parsed head, `routing`
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
