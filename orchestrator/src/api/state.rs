//! What handlers work with.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::AtomicBool},
};

use deploy::source::Mirrors;
use tokio_util::sync::CancellationToken;

use crate::{backup::Backups, worker::Workers};

/// What handlers work with.
#[derive(Clone)]
pub struct ApiState {
    /// Workers, and all that they reach the outside through.
    pub workers: Workers,
    /// Where uploaded checkouts are kept.
    pub mirrors: Arc<Mirrors>,
    /// Cancelled when the server should stop; long answers end with it.
    pub shutdown: CancellationToken,
    /// Whether the proxy should stop with the server.
    pub stop_proxy: Arc<AtomicBool>,
    /// Makes backups, one at a time.
    pub backups: Arc<Backups>,
    /// Where visitors come in.
    pub listen: Vec<SocketAddr>,
}
