//! One visitor's connection, from its first byte to its last.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpStream, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    forward::{Caller, Shared, forward},
    headers::Visitor,
    motion::Motion,
    wire::{LargeHead, TunnelFlag, Wire},
};

/// Bytes that are read ahead of one head.
const READ_AHEAD_BYTES: usize = 32 * 1024;

/// Serves a visitor until either side closes. After `stop` it finishes the request in flight and
/// accepts no further one.
pub(crate) async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    shared: Arc<Shared>,
    stop: CancellationToken,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a visitor disconnected before the first request");
        return;
    }
    let limits = &shared.limits;
    let tunnel = TunnelFlag::default();
    let motion = Arc::<Motion>::default();
    let large_head = LargeHead::default();
    let wire = Wire::new(
        stream,
        tunnel.clone(),
        large_head.clone(),
        Arc::clone(&motion),
        limits,
    );
    let caller = Caller {
        visitor: Visitor::new(peer, &shared.scheme),
        tunnel,
        motion,
        heads: AtomicU64::new(0),
        large_head,
    };
    let service = service_fn(|request| {
        let (shared, caller) = (&*shared, &caller);
        async move { Ok::<_, Infallible>(forward(shared, caller, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // This timeout also runs between requests; `wire` enforces the shorter limit of a head.
        .header_read_timeout(limits.keep_alive.max(limits.head_read))
        // `wire` cuts a head that is too large earlier, and the visitor gets a page that says so.
        .max_headers(limits.head_lines_max + 1)
        .max_header_size(limits.head_bytes_max + READ_AHEAD_BYTES)
        .max_buf_size(limits.head_bytes_max + READ_AHEAD_BYTES)
        .serve_connection(TokioIo::new(wire), service);
    let mut connection = std::pin::pin!(connection.with_upgrades());
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            match timeout(limits.stop_grace, connection).await {
                Ok(ended) => ended,
                Err(_elapsed) => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a visitor's connection ended with an error");
    }
}

/// How long to wait after the system refused another connection, so that open ones can end.
pub(crate) const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
