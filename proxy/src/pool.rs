//! Connections to upstreams that wait for their next request.

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

/// A connection to an upstream that can take a request, or is under one.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) sender: SendRequest<RequestBody>,
    pub(crate) link: Arc<Link>,
}

/// Waiting connections, the youngest last.
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

    /// The youngest connection to `target` that can take a request now and has not waited longer
    /// than `idle` for it.
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

    /// Keeps a connection for the next request, if there is room and anybody left to use it.
    pub(crate) fn put(&self, target: Target, connection: Connection) {
        if connection.sender.is_closed() || self.retired.load(Ordering::SeqCst) {
            return;
        }
        let mut waiting = self.lock();
        // The flag is read again under the lock that `retire` clears under.
        if waiting.len() < self.idle_max && !self.retired.load(Ordering::SeqCst) {
            waiting.push(Idle {
                target,
                connection,
                since: Instant::now(),
            });
        }
    }

    /// Closes what waits and keeps nothing from now on: the key has left the table.
    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::SeqCst);
        self.lock().clear();
    }

    /// The key is in the table (again).
    pub(crate) fn revive(&self) {
        self.retired.store(false, Ordering::SeqCst);
    }

    /// Closes what has waited longer than `idle`.
    pub(crate) fn sweep(&self, idle: Duration) {
        self.lock()
            .retain(|c| c.since.elapsed() < idle && !c.connection.sender.is_closed());
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
