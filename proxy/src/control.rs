//! The proxy's server for the control socket.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    path::PathBuf,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    net::{UnixListener, UnixStream},
    sync::{Mutex, Semaphore},
    task::spawn_blocking,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    client::{About, Drain, Drained, paths},
    connection::ACCEPT_AGAIN,
    forward::Shared,
    table::RouteTable,
    table_file::{self, TABLE_BYTES_MAX},
};

/// Open connections on the control socket.
const CONNECTIONS_MAX: usize = 64;
/// Time limit from a request's head to the end of its body.
const BODY_WITHIN: Duration = Duration::from_secs(10);
/// Time limit between two requests on one connection, and for a head.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// The longest a drain may take.
const DRAIN_MAX: Duration = Duration::from_secs(3600);

/// The state behind the control socket.
#[derive(Debug)]
pub(crate) struct Control {
    shared: Arc<Shared>,
    dir: PathBuf,
    listen: Vec<SocketAddr>,
    stop: CancellationToken,
    /// The table on disk. A put holds the lock, so that disk and memory agree on the last table.
    stored: Mutex<Option<Arc<RouteTable>>>,
}

impl Control {
    pub(crate) fn new(
        shared: Arc<Shared>,
        dir: PathBuf,
        listen: Vec<SocketAddr>,
        stop: CancellationToken,
    ) -> Arc<Self> {
        let stored = Mutex::new(shared.routing.table());
        Arc::new(Self {
            shared,
            dir,
            listen,
            stop,
            stored,
        })
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Answer>, Problem> {
        match (request.method(), request.uri().path()) {
            (&Method::GET, paths::ABOUT) => json(&self.about()),
            (&Method::GET, paths::ACTIVITY) => json(&self.shared.routing.activity()),
            (&Method::GET, paths::TABLE) => json(&self.shared.routing.table().as_deref()),
            (&Method::PUT, paths::TABLE) => self.put(read(request).await?).await,
            (&Method::POST, paths::DRAIN) => self.drain(read(request).await?).await,
            (&Method::GET, paths::WATCH) => Ok(Response::new(Answer::UntilStopped(Box::pin(
                self.stop.clone().cancelled_owned(),
            )))),
            (&Method::POST, paths::STOP) => {
                self.stop.cancel();
                json(&())
            }
            _ => Err(Problem(
                StatusCode::NOT_FOUND,
                "no such control request".to_owned(),
            )),
        }
    }

    fn about(&self) -> About {
        About {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            uid: nix::unistd::getuid().as_raw(),
            listen: self.listen.clone(),
            scheme: self.shared.scheme.to_str().unwrap_or_default().to_owned(),
        }
    }

    async fn put(&self, table: RouteTable) -> Result<Response<Answer>, Problem> {
        let mut stored = self.stored.lock().await;
        if self.shared.routing.table().as_deref() != Some(&table) {
            self.shared.routing.swap(table.clone());
        }
        if stored.as_deref() != Some(&table) {
            *stored = None;
            let (dir, table) = (self.dir.clone(), Arc::new(table));
            let writing = Arc::clone(&table);
            let written = spawn_blocking(move || table_file::write(&dir, &writing)).await;
            match written.unwrap_or_else(|e| Err(io::Error::other(e))) {
                Ok(()) => *stored = Some(table),
                // Removals that this table allows free the disk. Until then only a crash would lose
                // it.
                Err(error) if is_full(&error) => {
                    tracing::warn!(%error, "the new table is active but not stored: disk full");
                }
                Err(error) => {
                    let why =
                        format!("write the table to disk: {error}; it is active but not stored");
                    return Err(Problem(StatusCode::INTERNAL_SERVER_ERROR, why));
                }
            }
        }
        json(&())
    }

    async fn drain(&self, drain: Drain) -> Result<Response<Answer>, Problem> {
        let within = Duration::from_millis(drain.deadline_ms).min(DRAIN_MAX);
        let cut = match self.shared.routing.key(&drain.key) {
            Some(key) => key.drain(Instant::now() + within).await,
            None => 0,
        };
        json(&Drained { cut })
    }
}

/// Serves the control socket until the proxy stops and the stop request itself is answered.
pub(crate) async fn serve(listener: UnixListener, control: Arc<Control>, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match (accepted, Arc::clone(&places).try_acquire_owned()) {
            (Ok((stream, _peer)), Ok(place)) => {
                let (control, stop) = (Arc::clone(&control), stop.clone());
                tokio::spawn(async move {
                    connection(stream, control, stop).await;
                    drop(place);
                });
            }
            (Ok(_), Err(_full)) => tracing::warn!("refused a control connection: too many open"),
            (Err(error), _) => {
                tracing::warn!(%error, "cannot accept a control connection; retrying shortly");
                sleep(ACCEPT_AGAIN).await;
            }
        }
    }
    // All permits are free again once every open answer has been sent.
    let all = u32::try_from(CONNECTIONS_MAX).unwrap_or(u32::MAX);
    let _answered = timeout(control.shared.limits.stop_grace, places.acquire_many(all)).await;
}

async fn connection(stream: UnixStream, control: Arc<Control>, stop: CancellationToken) {
    let service = service_fn(|request| {
        let control = &control;
        async move {
            let answer = control.answer(request).await;
            Ok::<_, Infallible>(answer.unwrap_or_else(|Problem(status, why)| {
                let mut response = Response::new(Answer::whole(why.into()));
                *response.status_mut() = status;
                response
            }))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a control connection ended with an error");
    }
}

/// The status and message of a failed control request.
struct Problem(StatusCode, String);

async fn read<T: DeserializeOwned>(request: Request<Incoming>) -> Result<T, Problem> {
    let body = Limited::new(request.into_body(), TABLE_BYTES_MAX).collect();
    let bad = |why: String| Problem(StatusCode::BAD_REQUEST, why);
    let body = timeout(BODY_WITHIN, body)
        .await
        .map_err(|_| bad("the request body did not arrive in time".to_owned()))?
        .map_err(|e| bad(format!("read the body: {e}")))?;
    serde_json::from_slice(&body.to_bytes()).map_err(|e| bad(format!("parse the body: {e}")))
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

fn json<T: Serialize>(value: &T) -> Result<Response<Answer>, Problem> {
    let text = serde_json::to_vec(value).map_err(|e| {
        Problem(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("write JSON: {e}"),
        )
    })?;
    let mut response = Response::new(Answer::whole(text.into()));
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

/// The body of a control answer.
enum Answer {
    Whole(Bytes),
    /// Sends nothing, and ends when the proxy stops (or breaks when it crashes).
    UntilStopped(Pin<Box<dyn Future<Output = ()> + Send>>),
}

impl Answer {
    fn whole(bytes: Bytes) -> Self {
        Self::Whole(bytes)
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::UntilStopped(stopped) => stopped.as_mut().poll(cx).map(|()| None),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> http_body::SizeHint {
        match self {
            Self::Whole(bytes) => http_body::SizeHint::with_exact(bytes.len() as u64),
            Self::UntilStopped(_) => http_body::SizeHint::default(),
        }
    }
}
