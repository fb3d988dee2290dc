//! Runs the proxy inside a runtime.

use std::{
    io,
    net::{SocketAddr, TcpListener as StdListener},
    os::unix::net::UnixListener as StdUnixListener,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use http::HeaderValue;
use tokio::{
    net::{TcpListener, UnixListener},
    time::{MissedTickBehavior, interval, sleep},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    ProxyConfig, ProxyError,
    admission::Admission,
    bound::Bound,
    connection::{self, ACCEPT_AGAIN},
    control::{self, Control},
    directory::GATE_SOCKET,
    forward::Shared,
    gate_client::Gate,
    key::Key,
    pool::Target,
    routing::Routing,
    table_file,
};

/// How often idle connections are closed and unused keys removed.
const SWEEP_EVERY: Duration = Duration::from_secs(2);
/// The HTTP library's minimum.
const HEAD_BYTES_MIN: usize = 8192;

/// A running proxy. Dropping it stops it from accepting connections.
#[derive(Debug)]
pub struct Running {
    listen: Vec<SocketAddr>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Running {
    /// The addresses it listens on, with real ports.
    pub fn listen(&self) -> &[SocketAddr] {
        &self.listen
    }

    /// Stops accepting connections and lets open requests finish within their grace period.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Completes after a stop (here or over the control socket), once the last connection has
    /// ended.
    pub async fn stopped(&self) {
        self.stop.cancelled().await;
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Serves inside the caller's runtime, as its user and in its directory: the last step of
/// [`crate::run()`], and the entry point of an in-process proxy.
pub async fn serve(config: ProxyConfig) -> Result<Running, ProxyError> {
    let bound = Bound::bind(&config, &config.dir)?;
    start(config, bound)
}

/// Starts serving on the bound sockets.
pub(crate) fn start(config: ProxyConfig, bound: Bound) -> Result<Running, ProxyError> {
    if config.limits.head_bytes_max < HEAD_BYTES_MIN {
        return Err(ProxyError::Limit {
            name: "head_bytes_max",
            why: "it is less than 8192",
        });
    }
    let scheme = HeaderValue::from_str(&config.public_scheme).map_err(|_| ProxyError::Limit {
        name: "public_scheme",
        why: "it is not plain text",
    })?;
    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    let shared = share(config.limits, scheme, &config.dir);
    match table_file::read(&config.dir) {
        Ok(Some(table)) => shared.routing.swap(table),
        Ok(None) => {}
        // The control plane sends a whole table whenever it connects. Until then the proxy answers
        // "try again", which is better than not starting.
        Err(error) => tracing::error!(%error, "cannot use the stored table; starting without one"),
    }
    let admission = Admission::new(&shared.limits);
    for (listener, address) in bound.listeners {
        let listener = tokio_listener(listener, address)?;
        let (shared, admission) = (Arc::clone(&shared), Arc::clone(&admission));
        tasks.spawn(accept(
            listener,
            shared,
            admission,
            stop.clone(),
            tasks.clone(),
        ));
    }
    let control = Control::new(
        Arc::clone(&shared),
        config.dir,
        bound.listen.clone(),
        stop.clone(),
    );
    tasks.spawn(control::serve(
        tokio_unix(bound.control)?,
        control,
        stop.clone(),
    ));
    tasks.spawn(sweep(shared, stop.clone()));
    Ok(Running {
        listen: bound.listen,
        stop,
        tasks,
    })
}

fn share(limits: crate::Limits, scheme: HeaderValue, dir: &Path) -> Arc<Shared> {
    let gate: Arc<Path> = Arc::from(dir.join(GATE_SOCKET));
    let routing = Routing::new(Arc::clone(&gate), limits.upstream_idle_max);
    let key = Key::new(limits.upstream_idle_max);
    let gate = Gate {
        key,
        target: Target::Unix(gate),
    };
    Arc::new(Shared {
        routing,
        gate,
        limits,
        scheme,
    })
}

async fn accept(
    listener: TcpListener,
    shared: Arc<Shared>,
    admission: Arc<Admission>,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            // Only that visitor has left; the next accept works.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a visitor's connection; retrying shortly");
                sleep(ACCEPT_AGAIN).await;
                continue;
            }
        };
        let Some(admitted) = admission.admit(peer.ip()) else {
            tracing::debug!("refused a visitor's connection: too many are open");
            continue;
        };
        let (shared, stop) = (Arc::clone(&shared), stop.clone());
        tasks.spawn(async move {
            connection::serve(stream, peer, shared, stop).await;
            drop(admitted);
        });
    }
}

async fn sweep(shared: Arc<Shared>, stop: CancellationToken) {
    let mut ticks = interval(SWEEP_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _tick = ticks.tick() => shared.routing.sweep(shared.limits.upstream_idle),
            () = stop.cancelled() => return,
        }
        shared.gate.key.pool.sweep(shared.limits.upstream_idle);
    }
}

fn tokio_listener(listener: StdListener, address: SocketAddr) -> Result<TcpListener, ProxyError> {
    TcpListener::from_std(listener).map_err(|cause| ProxyError::Listen { address, cause })
}

fn tokio_unix(listener: StdUnixListener) -> Result<UnixListener, ProxyError> {
    UnixListener::from_std(listener).map_err(|cause| ProxyError::ControlSocket {
        path: PathBuf::from(crate::CONTROL_SOCKET),
        cause,
    })
}
