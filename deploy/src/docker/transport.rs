//! Connections to the engine: a separate one for each call, over its Unix socket.
//!
//! A set of connections can be closed together. That ends a build with everything it opened: its
//! session is an upgraded connection that nothing else would close.

use std::{
    io,
    path::{Path, PathBuf},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bollard::{API_DEFAULT_VERSION, BollardRequest, errors::Error};
use bytes::Bytes;
use http::{
    HeaderValue, Response, Uri,
    header::{CONNECTION, HOST, UPGRADE},
};
use http_body_util::Empty;
use hyper::{body::Incoming, upgrade::Upgraded};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::UnixStream,
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// A client of the engine whose answers must start within `head`. Its connections end when `cut` is
/// cancelled. It sends nothing before the first call.
pub(super) fn client(
    socket: &Path,
    head: Duration,
    cut: CancellationToken,
) -> Result<bollard::Docker, Error> {
    let socket = socket.to_owned();
    let transport = move |request: BollardRequest| exchange(socket.clone(), cut.clone(), request);
    bollard::Docker::connect_with_custom_transport(
        transport,
        Some("http://docker"),
        head.as_secs().max(1),
        API_DEFAULT_VERSION,
    )
}

async fn exchange(
    socket: PathBuf,
    cut: CancellationToken,
    mut request: BollardRequest,
) -> Result<Response<Incoming>, Error> {
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str());
    *request.uri_mut() = path.parse::<Uri>()?;
    request
        .headers_mut()
        .insert(HOST, HeaderValue::from_static("docker"));
    let cord = Cord::connect(&socket, cut).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(cord)).await?;
    // Ends with the answer's body, or when the caller is gone.
    tokio::spawn(async move {
        if let Err(error) = connection.with_upgrades().await {
            tracing::trace!(%error, "a connection to the engine ended early");
        }
    });
    Ok(sender.send_request(request).await?)
}

/// Why the engine does not hand over a connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum UpgradeError {
    /// It answered without an upgrade: the path is unknown or refused.
    #[error("the engine refused to open {path}: it answered {status}")]
    Refused {
        path: &'static str,
        status: http::StatusCode,
    },
    /// It does not answer.
    #[error("{0}")]
    Unreachable(String),
}

impl From<hyper::Error> for UpgradeError {
    fn from(error: hyper::Error) -> Self {
        Self::Unreachable(error.to_string())
    }
}

/// Upgrades a path of the engine's API to a raw connection, which ends when `cut` is cancelled.
pub(super) async fn upgrade(
    socket: &Path,
    cut: CancellationToken,
    path: &'static str,
    headers: http::HeaderMap,
) -> Result<Upgraded, UpgradeError> {
    let cord = Cord::connect(socket, cut)
        .await
        .map_err(|error| UpgradeError::Unreachable(error.to_string()))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(cord)).await?;
    tokio::spawn(connection.with_upgrades());
    let mut request = http::Request::new(Empty::<Bytes>::new());
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = Uri::from_static(path);
    *request.headers_mut() = headers;
    for (name, value) in [(HOST, "docker"), (CONNECTION, "Upgrade"), (UPGRADE, "h2c")] {
        request
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    let response = sender.send_request(request).await?;
    let status = response.status();
    if status != http::StatusCode::SWITCHING_PROTOCOLS {
        return Err(UpgradeError::Refused { path, status });
    }
    Ok(hyper::upgrade::on(response).await?)
}

/// A connection that reads as closed once it is cut.
struct Cord {
    stream: UnixStream,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Cord {
    async fn connect(socket: &Path, cut: CancellationToken) -> io::Result<Self> {
        let stream = UnixStream::connect(socket).await.map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("cannot connect to {}: {error}", socket.display()),
            )
        })?;
        let cut = Box::pin(cut.cancelled_owned());
        Ok(Self { stream, cut })
    }
}

impl AsyncRead for Cord {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.cut.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Cord {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
