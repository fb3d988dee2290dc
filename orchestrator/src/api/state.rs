//! The state that all handlers share.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::AtomicBool},
};

use deploy::source::Mirrors;
use tokio_util::sync::CancellationToken;

use crate::{backup::Backups, worker::Workers};

/// The state that all handlers share.
#[derive(Clone)]
pub struct ApiState {
    /// The workers and their ports to the outside.
    pub workers: Workers,
    /// The stored uploads of local checkouts.
    pub mirrors: Arc<Mirrors>,
    /// Cancelled when the server should stop; ends long answers.
    pub shutdown: CancellationToken,
    /// Whether the proxy should stop with the server.
    pub stop_proxy: Arc<AtomicBool>,
    /// Makes backups, one at a time.
    pub backups: Arc<Backups>,
    /// The addresses on which the proxy listens for visitors.
    pub listen: Vec<SocketAddr>,
}
