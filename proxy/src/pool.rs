//! Idle connections to upstreams, kept for reuse.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use hyper::client::conn::http1::SendRequest;
use tokio::time::Instant;

use crate::{link::Link, request_body::RequestBody};

/// The far end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Tcp(SocketAddr),
    Unix(Arc<Path>),
}

/// A connection to an upstream, idle or in use.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) sender: SendRequest<RequestBody>,
    pub(crate) link: Arc<Link>,
}

/// Idle connections, the youngest last.
#[derive(Debug)]
pub(crate) struct Pool {
    idle: Mutex<Vec<Idle>>,
    idle_max: usize,
    retired: AtomicBool,
}

#[derive(Debug)]
struct Idle {
    target: Target,
    connection: Connection,
    since: Instant,
}

impl Pool {
    pub(crate) fn new(idle_max: usize) -> Self {
        Self {
            idle: Mutex::default(),
            idle_max,
            retired: AtomicBool::new(false),
        }
    }

    /// The youngest connection to `target` that can take a request and has been idle for at most
    /// `idle`.
    pub(crate) fn take_connection(&self, target: &Target, idle: Duration) -> Option<Connection> {
        let mut waiting = self.lock();
        let usable = |c: &Idle| c.since.elapsed() < idle && !c.connection.sender.is_closed();
        while waiting.last().is_some_and(|c| !usable(c)) {
            waiting.pop();
        }
        let found = waiting
            .iter()
            .rposition(|c| c.target == *target && c.connection.sender.is_ready() && usable(c))?;
        Some(waiting.remove(found).connection)
    }

    /// Keeps a connection for reuse, if the pool has room and the key is still in the table.
    pub(crate) fn put(&self, target: Target, connection: Connection) {
        if connection.sender.is_closed() || self.retired.load(Ordering::SeqCst) {
            return;
        }
        let mut waiting = self.lock();
        // `retire` clears under this lock, so the flag is checked again while holding it.
        if waiting.len() < self.idle_max && !self.retired.load(Ordering::SeqCst) {
            waiting.push(Idle {
                target,
                connection,
                since: Instant::now(),
            });
        }
    }

    /// Closes idle connections and keeps none from here on: the key has left the table.
    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::SeqCst);
        self.lock().clear();
    }

    /// Keeps connections again: the key is in the table.
    pub(crate) fn revive(&self) {
        self.retired.store(false, Ordering::SeqCst);
    }

    /// Closes connections that have been idle for longer than `idle`.
    pub(crate) fn sweep(&self, idle: Duration) {
        self.lock()
            .retain(|c| c.since.elapsed() < idle && !c.connection.sender.is_closed());
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
